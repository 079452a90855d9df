"""Sends the operations of a history to a back end, one by one."""

from collections.abc import Iterator
from typing import Any

from tests.conformance.backend import Backend, Malformed
from tests.conformance.forms import Answer, History, Operation, State


def replay(backend: Backend, history: History) -> Iterator[tuple[Operation, list[Answer], State]]:
    """Each operation with its answers and the state after it; a malformed call answers with its field."""
    backend.set_up(history["world"])
    for operation in history["operations"]:
        yield operation, apply(backend, operation), backend.state()


def apply(backend: Backend, operation: Operation) -> list[Answer]:
    """Only decisions and what becomes of reservations have answers."""
    given: dict[str, Any] = dict(operation)
    try:
        match given.pop("op"):
            case "consume":
                return backend.consume(**given)
            case "check":
                return backend.check(**given)
            case "reserve":
                return backend.reserve(**given)
            case "settle":
                return backend.settle(**given)
            case "release":
                return backend.release(**given)
            case "extend":
                return backend.extend(**given)
            case "grant":
                backend.grant(given["grant"])
            case "updateGrant":
                backend.update_grant(given["grantId"], given["change"])
            case "voidGrant":
                backend.void_grant(given["grantId"])
            case "transferCredits":
                backend.transfer_credits(
                    given["transferId"], given["source"], given["target"], given["amount"]
                )
            case "reverse":
                backend.reverse(given["reversalId"], given["key"], given["share"], given.get("event", -1))
            case "setReversalOfExpired":
                backend.set_reversal_of_expired(given["policy"])
            case "chargeBack":
                backend.charge_back(given["grantId"])
            case "setEntity":
                backend.set_entity(given["entity"])
            case "setBudget":
                backend.set_budget(given["budget"])
            case "raiseBudget":
                backend.raise_budget(given["budgetId"], given["raiseId"], given["amount"], given["until"])
            case "pauseBudget":
                backend.pause_budget(given["budgetId"], given["paused"])
            case "archiveBudget":
                backend.archive_budget(given["budgetId"])
            case "setRates":
                backend.set_rates(given["featureId"], given["rates"])
            case "moveEntity":
                backend.move_entity(given["entityId"], given["parentId"])
            case "archiveEntity":
                backend.archive_entity(given["entityId"], given["withAllBelow"])
            case "restoreEntity":
                backend.restore_entity(given["entityId"])
            case "suspendCustomer":
                backend.suspend_customer(given["suspended"])
            case "suspendEntity":
                backend.suspend_entity(given["entityId"], given["suspended"])
            case "setPolicy":
                backend.set_policy(given.get("observe"), given.get("unknownEntity"))
            case "bookDue":
                backend.book_due()
            case "advance":
                backend.advance(given["seconds"])
            case other:
                raise NotImplementedError(other)
    except Malformed as error:
        return [{"malformed": error.field}]
    return []
