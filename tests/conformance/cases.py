"""The cases of ``vectors/decisions.json``: where they lie, how they are set up, what is compared."""

import json
import os
from pathlib import Path
from typing import Any

from tests.conformance.backend import Backend
from tests.conformance.compare import comparable, first_difference
from tests.conformance.forms import Item, World

Case = dict[str, Any]

#: Names the file of cases to use instead of our own copy.
ENVIRONMENT_VARIABLE = "CONTROLPLANE_TEST_VECTORS"
OWN_COPY = Path(__file__).parent / "vectors" / "decisions.json"
#: Where the cases come from, if it is there: beside the repository.
ORIGINAL = Path(__file__).parents[3] / "shared" / "vectors" / "decisions.json"


def load_cases() -> list[Case]:
    """All cases, in order."""
    path = Path(os.environ.get(ENVIRONMENT_VARIABLE) or OWN_COPY)
    cases: list[Case] = json.loads(path.read_text())
    return cases


def world_of(case: Case) -> World:
    """The case's world; a grant to expire before it is effective only waits: neither pays."""
    grants = [
        grant | {"expiresAt": None}
        if grant["expiresAt"] is not None and grant["expiresAt"] <= grant["effectiveAt"]
        else grant
        for grant in case["grants"]
    ]
    return {
        "creditTypes": case["creditTypes"],
        "entities": case["entities"],
        "features": case["features"],
        "wallets": case["wallets"],
        "grants": grants,
        "budgets": case["budgets"],
    }


def items_of(case: Case) -> list[Item]:
    """The case's items with their quantities as a list."""
    return [
        item | {"quantities": [{"name": n, "amount": a} for n, a in item["quantities"].items()]}
        for item in case["items"]
    ]


def replay_case(backend: Backend, case: Case) -> str | None:
    """Sets the case up, sends its items in one call, and says the first difference from what is expected."""
    backend.set_up(world_of(case))
    answers = [comparable(answer) for answer in backend.consume(items_of(case))]
    state = backend.state()
    after = {
        "available": state["left"],
        "owed": state["owed"],
        "used": without_sessions(state["used"]),
        "wouldDeny": without_sessions(state["wouldDeny"]),
    }
    difference = first_difference(case["expected"], {"answers": answers, "after": after})
    return f"case {case['case']}: {difference}" if difference else None


def without_sessions(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By budget and entity, in order; the cases have no sessions."""
    rows = [{key: value for key, value in row.items() if key != "sessionId"} for row in rows]
    return sorted(rows, key=lambda row: (row["budgetId"], row["entityId"] or ""))
