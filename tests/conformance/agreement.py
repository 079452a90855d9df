"""Two back ends, one history: where do they first disagree? So the model judges the database and every door.

    difference = first_disagreement(ModelBackend(), SqlBackend(connection), history)
    assert difference is None, difference

What is compared, under these names, so that a door which does not show one can leave it out: all that the
vectors compare (``compare.comparable``); ``seq`` (from the end of the set-up on), ``wallets``, ``denied``
(the binding of what would not have been allowed, with its figures), ``nearest`` (that of what was
allowed), ``retryAfter``, ``field`` (of a conflict, or of a malformed call); and after each operation
``left``, ``grants``, ``owed``, ``short``, ``receivable``, ``used``, ``wouldDeny`` and ``seq`` of the state.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from tests.conformance.backend import Backend
from tests.conformance.compare import comparable, first_difference
from tests.conformance.forms import Answer, History, State
from tests.conformance.replay import apply


def first_disagreement(
    judge: Backend, judged: Backend, history: History, leave_out: Collection[str] = ()
) -> str | None:
    """Sends every operation to both; the judge's word is what is expected."""
    judge.set_up(history["world"])
    judged.set_up(history["world"])
    started = [judge.state()["seq"], int(judged.state()["seq"])]
    for place, operation in enumerate(history["operations"]):
        seen = []
        for backend, seq in zip((judge, judged), started, strict=True):
            answers = [whole(answer, seq) for answer in apply(backend, operation)]
            seen.append(without(leave_out, {"answers": answers, "state": standing(backend.state(), seq)}))
        if difference := first_difference(seen[0], seen[1]):
            return f"operation {place}, {operation['op']}: {difference}"
    return None


def whole(answer: Answer, started: int) -> dict[str, Any]:
    """All of an answer that back ends must agree on."""
    if "malformed" in answer:
        return {"field": answer["malformed"]}
    binding = answer["binding"]
    if binding is not None:
        binding = binding | {"resetsAt": moment(binding["resetsAt"])}
    return comparable(answer) | {
        "seq": None if answer["seq"] is None else int(answer["seq"]) - started,
        "wallets": answer["wallets"],
        "denied": None if answer["wouldAllow"] else binding,
        "nearest": binding if answer["wouldAllow"] else None,
        "retryAfter": answer["retryAfter"],
        "field": answer.get("field"),
    }


def standing(state: State, started: int) -> dict[str, Any]:
    """The state with its rows in one order."""

    def place(row: dict[str, Any]) -> tuple[str, ...]:
        return row["budgetId"], row["entityId"] or "", row["sessionId"] or ""

    return {
        "seq": int(state["seq"]) - started,
        "left": state["left"],
        "grants": state["grants"],
        "owed": state["owed"],
        "short": state["short"],
        "receivable": state["receivable"],
        "used": sorted(state["used"], key=place),
        "wouldDeny": sorted(state["wouldDeny"], key=place),
    }


def moment(text: str | None) -> datetime | None:
    """The same instant, whatever its offset."""
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def without(names: Collection[str], seen: dict[str, Any]) -> dict[str, Any]:
    return {
        "answers": [{k: v for k, v in answer.items() if k not in names} for answer in seen["answers"]],
        "state": {k: v for k, v in seen["state"].items() if k not in names},
    }
