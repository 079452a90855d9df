"""What every mutant is asked: rules of locks and time, the vectors, and histories judged by the model.

``first_failure`` stops at the first wrong answer, so that most mutants take a moment; the cheapest and
the most telling come first.
"""

from collections.abc import Callable, Iterator

import psycopg

from tests.conformance.agreement import first_disagreement
from tests.conformance.cases import load_cases, replay_case
from tests.conformance.model_backend import ModelBackend
from tests.conformance.sql_backend import ManySqlBackend, SqlBackend, stop_clock
from tests.model.finishing import finishing
from tests.model.generous import generous
from tests.model.reversing import charging_back, reversing
from tests.model.strategies import history, kept
from tests.mutants.rules import OPTIONS, Rules

#: What SQL leaves to the doors.
_LEFT_TO_DOORS = {"retryAfter"}


#: What is asked, by name: ``rule …``, ``vector …``, or a history, by its kind and seed.
Check = tuple[str, Callable[[], object]]


def first_failure(url: str, histories: int, only: str | None = None) -> str | None:
    """What the database at this URL does wrong first; None if nothing is seen.

    Args:
        url: as a superuser; everything in it is left behind.
        histories: so many made from seeds, besides the vectors and those that once showed something.
        only: the name of the one check to make; a history may have any seed.
    """
    with psycopg.connect(url, autocommit=True, options=OPTIONS) as connection:
        name = "rules"
        checks = _checks(url, connection, histories) if only is None else _one(url, connection, only)
        try:
            for name, check in checks:
                if difference := check():
                    return f"{name}: {difference}"
        except (psycopg.Error, AssertionError, KeyError, IndexError, TypeError, ValueError) as error:
            return f"{name}: {type(error).__name__} {error}".splitlines()[0]
    return None


def _checks(url: str, connection: psycopg.Connection, histories: int) -> Iterator[Check]:
    rules = Rules(url, connection)
    yield from _rules(rules)
    stop_clock(connection)
    yield from _vectors(connection)
    seeds = range(histories)
    names = [
        *(f"kept {name}" for name in kept()),
        *(f"{kind} {seed}" for kind in ("generous", "finishing", "history") for seed in seeds),
        *(f"reversing {seed}" for seed in range(4 * histories)),
        *(f"returning {seed}" for seed in seeds),
    ]
    for place, name in enumerate(names):
        yield name, _judged(connection, name)
        if place % 10 == 0:
            yield "verify", rules.verify


def _one(url: str, connection: psycopg.Connection, name: str) -> Iterator[Check]:
    kind = name.partition(" ")[0]
    if kind == "rule":
        rules = Rules(url, connection)
        yield "rules", rules.prepare
        yield from (check for check in _rules(rules) if check[0] == name)
        return
    stop_clock(connection)
    if kind == "vector":
        yield from (check for check in _vectors(connection) if check[0] == name)
        return
    yield name, _judged(connection, name)
    yield "verify", Rules(url, connection).verify


def _rules(rules: Rules) -> Iterator[Check]:
    yield "rules", rules.prepare
    for rule in rules.all():
        yield f"rule {rule.__name__}", rule


def _vectors(connection: psycopg.Connection) -> Iterator[Check]:
    backend = SqlBackend(connection)
    for case in load_cases():
        yield f"vector {case['case']}", lambda case=case: replay_case(backend, case)


def _judged(connection: psycopg.Connection, name: str) -> Callable[[], object]:
    """A history by its name; every other one goes by the door for many customers."""
    kind, _, of = name.partition(" ")
    makers = {
        "generous": generous,
        "finishing": finishing,
        "history": history,
        "reversing": reversing,
        "returning": charging_back,
    }
    made = kept()[of] if kind == "kept" else makers[kind](int(of))
    door = ManySqlBackend if kind != "kept" and int(of) % 2 else SqlBackend
    return lambda: first_disagreement(ModelBackend(), door(connection), made, leave_out=_LEFT_TO_DOORS)
