"""Grants through the door: given, paid, changed, voided, moved; and balances that show it at once."""

import json
from typing import Any

import pytest

from tests.api.serving import Api
from tests.api.test_sockets import BALANCE, received, subscribe

GRANT = (
    "grant { grantId status amount remaining priority expiresAt fromGrantId voidedAt voidReason costBasis"
    " currency }"
)
SELECTIONS = {
    "grantCredits": f"{GRANT} repaid seq replayed",
    "updateGrant": f"{GRANT} seq",
    "voidGrant": f"{GRANT} voided held seq replayed",
    "transferCredits": "parts { fromGrantId grantId amount repaid } fromWallet { walletId available }"
    " toWallet { walletId available } seq replayed",
}


def mutate(api: Api, name: str, customer: str, key: str | None = None, **given: Any) -> Any:
    kind = name[0].upper() + name[1:] + "Input"
    query = (
        f"mutation ($i: {kind}!) {{ {name}(input: $i) {{ {SELECTIONS[name]} userErrors {{ field code }} }} }}"
    )
    return api.data(query, {"i": {"customerId": customer, **given}}, key=key)[name]


def errors(answer: Any) -> set[tuple[str, str]]:
    """All else must be empty then."""
    told = answer.pop("userErrors")
    assert not any(answer.values()), answer
    return {(error["field"], error["code"]) for error in told}


def moved(amount: str) -> dict[str, Any]:
    return {
        "idempotencyKey": "t",
        "from": {"walletId": "customer:general"},
        "to": {"creditType": "general", "entityId": "user"},
        "amount": amount,
    }


def test_a_grant_is_paid_changed_and_voided(api: Api) -> None:
    customer = api.customer("10")
    waiting = mutate(
        api,
        "grantCredits",
        customer,
        idempotencyKey="g",
        creditType="general",
        amount="5",
        pendingPayment=True,
        costBasis="0.0125",
        currency="EUR",
    )["grant"]
    assert (waiting["status"], waiting["remaining"]) == ("PENDING_PAYMENT", "0")
    assert (waiting["costBasis"], waiting["currency"]) == ("0.0125", "EUR")
    which = {"grantId": waiting["grantId"]}
    paid = mutate(api, "updateGrant", customer, **which, paymentReceived=True)
    assert (paid["grant"]["status"], paid["grant"]["remaining"]) == ("ACTIVE", "5")
    again = mutate(api, "updateGrant", customer, **which, paymentReceived=True)
    assert again == paid | {"seq": None}
    until = "2999-01-01T00:00:00+00:00"
    changed = mutate(api, "updateGrant", customer, **which, priority=3, expiresAt=until)
    assert (changed["grant"]["priority"], changed["grant"]["expiresAt"]) == (3, until)
    assert mutate(api, "updateGrant", customer, **which, expiresAt=None)["grant"]["expiresAt"] is None
    assert api.consume(customer)["slices"][0]["grantId"] == waiting["grantId"]
    voided = mutate(api, "voidGrant", customer, **which, reason="charged back")
    assert (voided["voided"], voided["held"], voided["replayed"]) == ("4", "0", False)
    assert (voided["grant"]["status"], voided["grant"]["remaining"]) == ("VOIDED", "0")
    assert voided["grant"]["voidReason"] == "charged back"
    assert mutate(api, "voidGrant", customer, **which, reason="again") == voided | {"replayed": True}
    assert errors(mutate(api, "updateGrant", customer, **which, priority=4)) == {("grantId", "VOIDED")}
    filtered = """query ($c: ID, $s: GrantStatus) {
        grants(customerId: $c, filter: {status: $s}) { nodes { grantId state } } }"""
    found = api.data(filtered, {"c": customer, "s": "VOIDED"})["grants"]["nodes"]
    assert found == [{"grantId": waiting["grantId"], "state": "VOIDED"}]


def test_credits_move_between_entities(api: Api) -> None:
    customer = api.customer("10")
    made = mutate(api, "transferCredits", customer, **moved("4"))
    assert made == {
        "parts": [{"fromGrantId": "4", "grantId": "5", "amount": "4", "repaid": "0"}],
        "fromWallet": {"walletId": "customer:general", "available": "6"},
        "toWallet": {"walletId": "user:general", "available": "4"},
        "seq": "5",
        "replayed": False,
        "userErrors": [],
    }
    assert mutate(api, "transferCredits", customer, **moved("4")) == made | {"replayed": True}
    ledger = """query ($c: ID) { ledgerEntries(customerId: $c, filter: {kind: TRANSFER}) { nodes {
        seq fromWalletId toWalletId fromAccount toAccount grantId toGrantId amount } } }"""
    assert api.data(ledger, {"c": customer})["ledgerEntries"]["nodes"] == [
        {
            "seq": "5",
            "fromWalletId": "customer:general",
            "toWalletId": "user:general",
            "fromAccount": "AVAILABLE",
            "toAccount": "AVAILABLE",
            "grantId": "4",
            "toGrantId": "5",
            "amount": "4",
        }
    ]
    one = 'query ($c: ID) { grant(customerId: $c, grantId: "5") { fromGrantId walletId kind } }'
    assert api.data(one, {"c": customer})["grant"] == {
        "fromGrantId": "4",
        "walletId": "user:general",
        "kind": "PAID",
    }
    # It has a key, but is no decision.
    recorded = "query ($c: ID) { decisions(customerId: $c) { nodes { seq } } }"
    assert api.data(recorded, {"c": customer})["decisions"]["nodes"] == []


def test_what_is_wrong_is_told_and_nothing_is_written(api: Api) -> None:
    customer = api.customer("10")
    assert errors(mutate(api, "transferCredits", customer, **moved("11"))) == {
        ("amount", "INSUFFICIENT_CREDITS")
    }
    here = moved("1") | {"to": {"creditType": "general"}}
    assert errors(mutate(api, "transferCredits", customer, **here)) == {("to", "SAME_WALLET")}
    both = moved("1") | {"from": {"walletId": "w", "creditType": "general"}}
    assert errors(mutate(api, "transferCredits", customer, **both)) == {("from.walletId", "ONE_OF")}
    for name, given in (("updateGrant", {"priority": 1}), ("voidGrant", {"reason": "x"})):
        assert errors(mutate(api, name, customer, grantId="99", **given)) == {("grantId", "NOT_FOUND")}
        assert errors(mutate(api, name, "nobody", grantId="4", **given)) == {("customerId", "NOT_FOUND")}
    assert errors(mutate(api, "updateGrant", customer, grantId="4", effectiveAt="2999-01-01T00:00:00Z")) == {
        ("effectiveAt", "HAS_BEGUN")
    }
    assert errors(
        mutate(
            api,
            "grantCredits",
            customer,
            idempotencyKey="k",
            creditType="general",
            amount="1",
            currency="EUR",
        )
    ) == {("costBasis", "REQUIRED")}
    row = api.connection.execute("SELECT seq FROM core.gate WHERE customer_id = %s", (customer,)).fetchone()
    assert row == (4,)


@pytest.mark.parametrize("name", ["updateGrant", "voidGrant", "transferCredits"])
def test_each_needs_the_scope_to_grant(api: Api, name: str) -> None:
    customer = api.customer()
    key = api.make_key(["READ", "CONSUME", "CUSTOMERS", "BUDGETS", "CATALOG", "KEYS"])
    given = moved("1") if name == "transferCredits" else {"grantId": "4"}
    more = {"reason": "x"} if name == "voidGrant" else {}
    kind = name[0].upper() + name[1:] + "Input"
    query = f"mutation ($i: {kind}!) {{ {name}(input: $i) {{ userErrors {{ code }} }} }}"
    told = api.error(query, {"i": {"customerId": customer, **given, **more}}, key=key)
    assert told == {"code": "FORBIDDEN", "scope": "GRANT"}


def test_a_live_balance_shows_each_at_once(api: Api) -> None:
    customer = api.customer("10")
    seen = []
    with api.socket() as socket:
        subscribe(socket, BALANCE, {"c": customer})

        def shown() -> dict[str, str]:
            event = received(socket)["payload"]["data"]["balanceChanged"]
            return {each["walletId"]: each["available"] for each in event["wallets"]}

        assert shown() == {"customer:general": "10"}
        mutate(api, "transferCredits", customer, **moved("4"))
        seen.append(shown())
        # Another door than this process.
        api.connection.execute(
            "SELECT api.void_grant(%s, %s, 'test')", (customer, json.dumps({"grantId": "5", "reason": "x"}))
        )
        seen.append(shown())
        mutate(api, "updateGrant", customer, grantId="4", expiresAt="2999-01-01T00:00:00Z")
        seen.append(shown())
    assert seen == [
        {"customer:general": "6", "user:general": "4"},
        {"customer:general": "6", "user:general": "0"},
        {"customer:general": "6", "user:general": "0"},
    ]
