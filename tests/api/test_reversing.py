"""Usage taken back through the door: the event shows it, balances do at once, and it needs a scope."""

from typing import Any

from tests.api.serving import Api
from tests.api.test_granting import errors
from tests.api.test_sockets import BALANCE, received, subscribe

REVERSE = """mutation ($i: ReverseConsumptionInput!) { reverseConsumption(input: $i) {
    usageEvent { usageEventId reversed credits { creditType amount } reversals {
      seq share usageEventId reason actor
      quantities { name amount } credits { creditType amount } shortfall { amount } } }
    returned { walletId account grantId fromGrantId amount repaid }
    seq replayed userErrors { field code } } }"""


def quantities(amount: str) -> list[dict[str, str]]:
    return [{"name": "input", "amount": amount}]


def reverse(api: Api, customer: str, event: str, key: str | None = None, **more: Any) -> Any:
    given = {"idempotencyKey": "r", "customerId": customer, "usageEventId": event, "reason": "slow", **more}
    return api.data(REVERSE, {"i": given}, key=key)["reverseConsumption"]


def test_a_share_and_the_rest(api: Api) -> None:
    customer = api.customer("10")
    event = api.consume(customer, quantities=quantities("4"))["usageEventId"]
    half = reverse(api, customer, event, share="0.25")
    assert half == {
        "usageEvent": {
            "usageEventId": event,
            "reversed": "0.25",
            "credits": [{"creditType": "general", "amount": "4"}],
            "reversals": [
                {
                    "seq": half["seq"],
                    "share": "0.25",
                    "usageEventId": event,
                    "reason": "slow",
                    "actor": half["usageEvent"]["reversals"][0]["actor"],
                    "quantities": [{"name": "input", "amount": "1"}],
                    "credits": [{"creditType": "general", "amount": "1"}],
                    "shortfall": [],
                }
            ],
        },
        "returned": [
            {
                "walletId": "customer:general",
                "account": "AVAILABLE",
                "grantId": "4",
                "fromGrantId": None,
                "amount": "1",
                "repaid": "0",
            }
        ],
        "seq": str(int(event) + 1),
        "replayed": False,
        "userErrors": [],
    }
    assert reverse(api, customer, event, share="0.25") == half | {"replayed": True}
    assert errors(reverse(api, customer, event, share="0.5")) == {("share", "IDEMPOTENCY_CONFLICT")}
    assert errors(reverse(api, customer, event, idempotencyKey="s", share="1")) == {
        ("share", "SHARE_EXCEEDED")
    }
    assert errors(reverse(api, customer, "99", idempotencyKey="s")) == {("usageEventId", "NOT_FOUND")}
    rest = reverse(api, customer, event, idempotencyKey="s")
    assert rest["usageEvent"]["reversals"][-1]["share"] == "0.75"
    assert rest["usageEvent"]["reversed"] == "1"
    assert [part["amount"] for part in rest["returned"]] == ["3"]
    other = api.consume(customer, quantities=quantities("1"))["usageEventId"]
    listed = "query ($c: ID, $r: Boolean) { usageEvents(customerId: $c, filter: {isReversed: $r})"
    listed += " { nodes { usageEventId } } }"
    for is_reversed, expected in ((True, event), (False, other)):
        found = api.data(listed, {"c": customer, "r": is_reversed})["usageEvents"]["nodes"]
        assert found == [{"usageEventId": expected}]


def test_what_has_expired_is_a_policy(api: Api) -> None:
    customer = api.customer("10")
    upsert = """mutation ($i: UpsertCustomerInput!) { upsertCustomer(input: $i) {
        customer { reversalOfExpired } userErrors { field } } }"""
    for given, expected in (
        ({}, "ADJUSTMENT"),
        ({"reversalOfExpired": "LAPSE"}, "LAPSE"),
        ({"name": "n"}, "LAPSE"),
    ):
        answer = api.data(upsert, {"i": {"customerId": customer, **given}})["upsertCustomer"]
        assert answer["customer"] == {"reversalOfExpired": expected}


def test_it_needs_the_scope_to_grant(api: Api) -> None:
    customer = api.customer("10")
    event = api.consume(customer)["usageEventId"]
    key = api.make_key(["READ", "CONSUME", "RECORD", "CUSTOMERS"])
    given = {"idempotencyKey": "r", "customerId": customer, "usageEventId": event, "reason": "slow"}
    assert api.error(REVERSE, {"i": given}, key=key) == {"code": "FORBIDDEN", "scope": "GRANT"}


def test_a_live_balance_shows_it_at_once(api: Api) -> None:
    customer = api.customer("10")
    event = api.consume(customer, quantities=quantities("4"))["usageEventId"]
    with api.socket() as socket:
        subscribe(socket, BALANCE, {"c": customer})

        def shown() -> str:
            event = received(socket)["payload"]["data"]["balanceChanged"]
            available: str = event["wallets"][0]["available"]
            return available

        assert shown() == "6"
        reverse(api, customer, event, share="0.5")
        assert shown() == "8"


def test_a_chargeback_books_what_was_spent(api: Api) -> None:
    customer = api.customer("10")
    event = api.consume(customer, quantities=quantities("4"))["usageEventId"]
    void = """mutation ($i: VoidGrantInput!) { voidGrant(input: $i) {
        grant { status chargedBackAt voidedAt } voided held receivable parts { grantId }
        replayed userErrors { code } } }"""
    given = {"customerId": customer, "grantId": "4", "reason": "dispute", "chargeback": True}
    made = api.data(void, {"i": given})["voidGrant"]
    assert made["grant"]["status"] == "VOIDED"
    assert made["grant"]["chargedBackAt"] == made["grant"]["voidedAt"] is not None
    assert (made["voided"], made["held"], made["receivable"]) == ("6", "0", "4")
    assert api.data(void, {"i": given})["voidGrant"] == made | {"replayed": True}
    wallets = "query ($c: ID) { wallets(customerId: $c) { nodes { available receivable } } }"
    assert api.data(wallets, {"c": customer})["wallets"]["nodes"] == [{"available": "0", "receivable": "4"}]
    reverse(api, customer, event, share="0.5")
    assert api.data(wallets, {"c": customer})["wallets"]["nodes"] == [{"available": "0", "receivable": "2"}]


def test_a_chargeback_tells_of_the_parts(api: Api) -> None:
    customer = api.customer("10")
    upsert = "mutation ($i: UpsertEntityInput!) { upsertEntity(input: $i) { userErrors { code } } }"
    api.data(upsert, {"i": {"customerId": customer, "entityId": "ada", "type": "user"}})
    move = """mutation ($i: TransferCreditsInput!) { transferCredits(input: $i) {
        parts { grantId } userErrors { code } } }"""
    ends = {"from": {"creditType": "general"}, "to": {"creditType": "general", "entityId": "ada"}}
    moved = api.data(move, {"i": {"customerId": customer, "idempotencyKey": "t", "amount": "4"} | ends})
    part = moved["transferCredits"]["parts"][0]["grantId"]
    listed = 'query ($c: ID) { grants(customerId: $c, filter: {fromGrantId: "4"}) { nodes { grantId } } }'
    assert api.data(listed, {"c": customer})["grants"]["nodes"] == [{"grantId": part}]
    void = """mutation ($i: VoidGrantInput!) { voidGrant(input: $i) {
        voided parts { grantId walletId voided held receivable } userErrors { code } } }"""
    given = {"customerId": customer, "grantId": "4", "reason": "dispute", "chargeback": True}
    assert api.data(void, {"i": given})["voidGrant"] == {
        "voided": "6",
        "parts": [
            {"grantId": part, "walletId": "ada:general", "voided": "4", "held": "0", "receivable": "0"}
        ],
        "userErrors": [],
    }
