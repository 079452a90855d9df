"""Grants that wait, change, are voided and move, in the model (KERNEL §3, §5, §7)."""

import pytest

from tests.conformance.backend import Malformed
from tests.conformance.forms import HoldingForm
from tests.conformance.model_backend import ModelBackend
from tests.model.examples import ask, consume, entity, grant, slices, started, wallet

OWN: HoldingForm = {"entityId": None, "creditType": "general"}
ADA: HoldingForm = {"entityId": "user-ada", "creditType": "general"}


def world(*grants: dict, overdraft: str = "0") -> ModelBackend:
    return started(
        entities=[entity("user-ada")],
        wallets=[wallet("general"), wallet("general", "user-ada", overdraft)],
        grants=[*grants],
    )


def standing(backend: ModelBackend) -> dict[str, tuple[str, str]]:
    return {name: (seen["status"], seen["remaining"]) for name, seen in backend.state()["grants"].items()}


def test_a_grant_waits_for_its_payment() -> None:
    backend = world(grant("g", "5") | {"pendingPayment": True})
    assert standing(backend) == {"g": ("PENDING_PAYMENT", "0")}
    assert consume(backend, ask("k1", "1"))[0]["reason"] == "INSUFFICIENT_CREDITS"
    backend.update_grant("g", {"paymentReceived": True})
    assert standing(backend) == {"g": ("ACTIVE", "5")}
    seq = backend.state()["seq"]
    backend.update_grant("g", {"paymentReceived": True})
    assert backend.state()["seq"] == seq


def test_priority_moves_what_is_unspent() -> None:
    backend = world(grant("g", "5"), grant("h", "5"))
    assert slices(consume(backend, ask("k1", "1"))[0]) == {"g": "1"}
    backend.update_grant("h", {"priority": 10})
    assert slices(consume(backend, ask("k2", "6"))[0]) == {"h": "5", "g": "1"}
    with pytest.raises(Malformed, match="grantId EXHAUSTED"):
        backend.update_grant("h", {"priority": 90})


def test_a_void_takes_the_rest_once() -> None:
    backend = world(grant("g", "5"), grant("later", "3", effectiveAt=60))
    consume(backend, ask("k1", "2"))
    seq = backend.state()["seq"]
    for name in ("g", "later", "g"):
        backend.void_grant(name)
    assert standing(backend) == {"g": ("VOIDED", "0"), "later": ("VOIDED", "0")}
    assert backend.state()["seq"] == seq + 2
    backend.advance(120)
    backend.book_due()
    assert backend.state()["seq"] == seq + 2


def test_lots_move_in_burn_order_and_pay_what_is_owed() -> None:
    backend = world(grant("g", "5"), grant("first", "4", priority=10), overdraft="10")
    backend.void_grant("g")
    backend.void_grant("first")
    consume(backend, ask("k1", "6", "user-ada", overage="OVERDRAFT"))
    assert backend.state()["owed"] == {"user-ada:general": "6"}
    for name, priority in (("a", 50), ("b", 10)):
        backend.grant(grant(name, "5", effectiveAt=0, priority=priority))  # type: ignore[arg-type]
    seq = backend.state()["seq"]
    backend.transfer_credits("t", OWN, ADA, "8")
    seen = standing(backend)
    assert (seen["t.0"], seen["t.1"]) == (("EXHAUSTED", "0"), ("ACTIVE", "2"))
    assert (seen["b"], seen["a"]) == (("EXHAUSTED", "0"), ("ACTIVE", "2"))
    assert backend.state()["owed"] == {}
    assert backend.state()["seq"] == seq + 2


def test_not_enough_moves_nothing_and_books_nothing() -> None:
    backend = world(grant("g", "5"), grant("ends", "5", expiresAt=60))
    backend.advance(60)
    before = backend.state()
    with pytest.raises(Malformed, match="amount INSUFFICIENT_CREDITS"):
        backend.transfer_credits("t", OWN, ADA, "6")
    assert backend.state() == before
    backend.transfer_credits("t", OWN, ADA, "5")
    assert standing(backend)["t.0"] == ("ACTIVE", "5")
