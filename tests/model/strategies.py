"""Worlds and histories for Hypothesis; also to be had from a seed, and to be kept as cases.

``histories()`` is what a test of a back end asks for, under ``@judged``; ``replay.replay`` sends one.
``history(seed)`` makes the like from a seed, as long as wanted. ``keep`` writes one down where ``kept()``
finds it again, so that one that failed becomes a case.

The run is the same every time. ``CONTROLPLANE_TEST_EXAMPLES=5000`` looks at so many, and at others each time.
"""

import json
import os
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.conformance.forms import History, World
from tests.model.governing import made_by
from tests.model.operations import make_history
from tests.model.worlds import make_world

#: Histories that once showed something, as JSON.
KEPT = Path(__file__).parents[1] / "conformance" / "histories"

_EXAMPLES = os.environ.get("CONTROLPLANE_TEST_EXAMPLES")


def judged(examples: int) -> settings:
    """The settings of a test that looks at so many histories, or at as many as the environment says."""
    return settings(
        max_examples=int(_EXAMPLES or examples),
        derandomize=_EXAMPLES is None,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def worlds() -> st.SearchStrategy[World]:
    """Worlds of every shape."""
    return st.randoms(use_true_random=False).map(make_world)


def histories(length: int = 20) -> st.SearchStrategy[History]:
    """Worlds with up to so many operations."""
    return st.builds(make_history, st.randoms(use_true_random=False), st.integers(1, length))


def governed(length: int = 30) -> st.SearchStrategy[History]:
    """The same, where the tree, budgets and rates change in between."""
    return st.builds(made_by, st.randoms(use_true_random=False), st.integers(1, length))


def history(seed: int, length: int = 20) -> History:
    """The history of a seed."""
    return make_history(Random(seed), length)


def keep(name: str, found: History) -> Path:
    """Writes a history down as a case."""
    KEPT.mkdir(exist_ok=True)
    path = KEPT / f"{name}.json"
    path.write_text(json.dumps(found, indent=1) + "\n")
    return path


def kept() -> dict[str, History]:
    """All that were written down, by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(KEPT.glob("*.json"))}
