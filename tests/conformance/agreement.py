"""Two back ends, one history: where do they first disagree? So the model judges the database and every door.

    difference = first_disagreement(ModelBackend(), SqlBackend(connection), history)
    assert difference is None, difference

What is compared, under these names, so that a door which does not show one can leave it out: all that the
vectors compare (``compare.comparable``); ``seq`` (from the end of the set-up on), ``wallets``, ``denied``
(the binding of what would not have been allowed, with its figures), ``nearest`` (that of what was
allowed), ``retryAfter``, ``field`` (of a conflict, or of a malformed call), ``reservationId`` (a ``seq``
too), ``expiresAt``, ``state`` (of a reservation), ``warnings`` with their figures; and after each
operation ``left``, ``grants``, ``owed``,
``short``, ``receivable``, ``held``, ``heldFor``, ``used``, ``alerts``,
``wouldDeny`` and ``seq`` of the state.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from tests.conformance.backend import Backend
from tests.conformance.compare import comparable, first_difference, normal
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
    return (of_reservation(answer) if "state" in answer else comparable(answer)) | {
        "seq": after(answer["seq"], started),
        "reservationId": after(answer.get("reservationId"), started),
        "expiresAt": moment(answer.get("expiresAt"), whole_seconds=True),
        "wallets": answer["wallets"],
        "warnings": answer["warnings"],
        "denied": None if answer["wouldAllow"] else binding,
        "nearest": binding if answer["wouldAllow"] else None,
        "retryAfter": answer["retryAfter"],
        "field": answer.get("field"),
    }


def of_reservation(answer: Answer) -> dict[str, Any]:
    """Of a step all slices are looked at: what was held on an overdraft, and what is drawn beyond it."""
    used = [each for each in answer["quantities"] if normal(each["amount"]) != "0"]
    seen = comparable(answer | {"quantities": used, "slices": []})
    return seen | {"slices": answer["slices"], "state": answer["state"]}


def after(seq: int | str | None, started: int) -> int | None:
    """Counted from the end of the set-up on."""
    return None if seq is None else int(seq) - started


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
        "held": state["held"],
        "heldFor": sorted(state["heldFor"], key=place),
        "used": sorted(state["used"], key=place),
        "wouldDeny": sorted(state["wouldDeny"], key=place),
        "alerts": sorted(state["alerts"], key=lambda row: (*place(row), row["threshold"])),
    }


def moment(text: str | None, whole_seconds: bool = False) -> datetime | None:
    """The same instant, whatever its offset; what a wall's clock made is told without parts of a second."""
    if text is None:
        return None
    instant = datetime.fromisoformat(text).astimezone(UTC)
    return instant.replace(microsecond=0) if whole_seconds else instant


def without(names: Collection[str], seen: dict[str, Any]) -> dict[str, Any]:
    return {
        "answers": [{k: v for k, v in answer.items() if k not in names} for answer in seen["answers"]],
        "state": {k: v for k, v in seen["state"].items() if k not in names},
    }
