"""Reservations through the door: hold, settle, release, extend, and reading what has become of them."""

import uuid
from typing import Any

import pytest

from controlplane.graphql.identity import node_id
from tests.api.serving import Api, asked

STEP = """{
  allowed reason message replayed wouldAllow usageEventId reservationId expiresAt seq
  quantities { name amount } credits { creditType amount } slices { walletId grantId amount }
  shortfall { creditType amount } wallets { walletId available held settled owed }
}"""
RESERVE = f"mutation ($input: ReserveInput!) {{ answer: reserve(input: $input) {STEP} }}"
MANY = "mutation ($input: [ReserveInput!]!) { reserveMany(input: $input) { allowed reason reservationId } }"
SETTLE = f"mutation ($input: SettleReservationInput!) {{ answer: settleReservation(input: $input) {STEP} }}"
RELEASE = (
    f"mutation ($input: ReleaseReservationInput!) {{ answer: releaseReservation(input: $input) {STEP} }}"
)
EXTEND = f"mutation ($input: ExtendReservationInput!) {{ answer: extendReservation(input: $input) {STEP} }}"
RESERVATION = """
query ($customer: ID!, $id: ID!) {
  reservation(customerId: $customer, reservationId: $id) {
    id state featureId entityIds reservedAt expiresAt overage
    quantities { name amount } settledQuantities { name amount }
    held { creditType amount } settled { amount } shortfall { amount }
    slices { walletId grantId creditType held settled } metadata
  }
}
"""
LISTED = """
query ($customer: ID!, $state: ReservationState) {
  reservations(customerId: $customer, filter: {state: $state}, orderBy: OLDEST_FIRST) {
    nodes { reservationId state }
  }
  usageEvents(customerId: $customer) { nodes { reservationId metadata quantities { amount } } }
}
"""
NODE = "query ($id: ID!) { node(id: $id) { id ... on Reservation { reservationId state } } }"


def amount(text: str) -> list[dict[str, str]]:
    return [{"name": "input", "amount": text}]


def reserve(api: Api, customer: str, text: str, **more: Any) -> dict[str, Any]:
    return api.data(RESERVE, {"input": asked(customer, quantities=amount(text), **more)})["answer"]


def step(api: Api, mutation: str, customer: str, reservation: str, **more: Any) -> dict[str, Any]:
    return api.data(mutation, {"input": {"customerId": customer, "reservationId": reservation, **more}})[
        "answer"
    ]


def read(api: Api, customer: str, reservation: str) -> dict[str, Any]:
    return api.data(RESERVATION, {"customer": customer, "id": reservation})["reservation"]


def test_hold_and_settle(api: Api) -> None:
    """Streaming: two parts, said twice, and the rest comes back."""
    customer = api.customer("10")
    held = reserve(api, customer, "6", entityIds=["user"], metadata={"run": 7})
    assert (held["allowed"], held["usageEventId"], held["reservationId"]) == (True, None, held["seq"])
    assert held["wallets"] == [
        {"walletId": "customer:general", "available": "4", "held": "6", "settled": "10", "owed": "0"}
    ]
    assert read(api, customer, held["reservationId"])["metadata"] == {"run": 7}
    denied = reserve(api, customer, "5")
    assert (denied["reason"], denied["reservationId"]) == ("INSUFFICIENT_CREDITS", None)
    wanted = held["reservationId"]
    part = step(api, SETTLE, customer, wanted, quantities=amount("2"), final=False)
    assert part["credits"] == [{"creditType": "general", "amount": "2"}]
    assert part["usageEventId"] == part["seq"]
    again = step(api, SETTLE, customer, wanted, quantities=amount("1"), final=False)
    assert (again["allowed"], again["seq"], again["quantities"]) == (True, None, part["quantities"])
    last = step(api, SETTLE, customer, wanted, quantities=amount("5"))
    assert last["wallets"][0]["available"] == "5"
    assert last["slices"] == [{"walletId": "customer:general", "grantId": "4", "amount": "3"}]
    found = read(api, customer, wanted)
    assert found["state"] == "SETTLED"
    assert found["entityIds"] == ["user"]
    assert found["settledQuantities"] == amount("5")
    assert (found["held"], found["settled"]) == ([], [{"amount": "5"}])
    listed = api.data(LISTED, {"customer": customer})
    assert listed["reservations"]["nodes"] == [{"reservationId": wanted, "state": "SETTLED"}]
    assert [
        (each["reservationId"], each["metadata"], each["quantities"][0]["amount"])
        for each in listed["usageEvents"]["nodes"]
    ] == [(wanted, {"run": 7}, "3"), (wanted, {"run": 7}, "2")]
    assert api.data(NODE, {"id": found["id"]})["node"] == {
        "id": found["id"],
        "reservationId": wanted,
        "state": "SETTLED",
    }


def test_what_goes_beyond_the_hold(api: Api) -> None:
    """An estimate ten times too low: what there is pays, and the rest is shown as a shortfall."""
    customer = api.customer("10")
    wanted = reserve(api, customer, "2")["reservationId"]
    answer = step(api, SETTLE, customer, wanted, quantities=amount("20"))
    assert (answer["allowed"], answer["wouldAllow"], answer["reason"]) == (
        True,
        False,
        "INSUFFICIENT_CREDITS",
    )
    assert answer["shortfall"] == [{"creditType": "general", "amount": "10"}]
    assert read(api, customer, wanted)["shortfall"] == [{"amount": "10"}]


def test_a_replayed_reserve_is_the_live_reservation(api: Api) -> None:
    customer, key = api.customer("10"), str(uuid.uuid4())
    first = reserve(api, customer, "6", idempotencyKey=key, ttlSeconds=60)
    again = reserve(api, customer, "6", idempotencyKey=key, ttlSeconds=60)
    assert again == {**first, "replayed": True}
    other = reserve(api, customer, "6", idempotencyKey=key, ttlSeconds=61)
    assert other["reason"] == "IDEMPOTENCY_CONFLICT"
    assert "ttlSeconds" in other["message"]
    consumed = api.consume(customer, idempotencyKey=key, quantities=amount("6"))
    assert consumed["reason"] == "IDEMPOTENCY_CONFLICT"
    assert "operation" in consumed["message"]


def test_a_replay_shows_what_has_become_of_it(api: Api) -> None:
    customer, key = api.customer("10"), str(uuid.uuid4())
    fields = "replayed reservationId reservation { state settled { amount } expiresAt }"
    mutation = f"mutation ($input: ReserveInput!) {{ answer: reserve(input: $input) {{ {fields} }} }}"
    wanted = asked(customer, quantities=amount("6"), idempotencyKey=key, ttlSeconds=60)

    first = api.data(mutation, {"input": wanted})["answer"]
    assert first["reservation"]["state"] == "HELD"
    step(api, SETTLE, customer, first["reservationId"], quantities=amount("2"), final=False)
    step(api, EXTEND, customer, first["reservationId"], ttlSeconds=3600)
    later = api.data(mutation, {"input": wanted})["answer"]
    assert later["replayed"]
    assert later["reservation"]["settled"] == [{"amount": "2"}]
    assert later["reservation"]["expiresAt"] > first["reservation"]["expiresAt"]
    step(api, RELEASE, customer, first["reservationId"])
    assert api.data(mutation, {"input": wanted})["answer"]["reservation"]["state"] == "RELEASED"
    nothing = asked(customer, quantities=amount("60"), idempotencyKey=str(uuid.uuid4()))
    assert api.data(mutation, {"input": nothing})["answer"]["reservation"] is None


def test_release_and_what_has_ended(api: Api) -> None:
    customer = api.customer("10")
    wanted = reserve(api, customer, "6")["reservationId"]
    released = step(api, RELEASE, customer, wanted)
    assert released["wallets"][0]["available"] == "10"
    assert step(api, RELEASE, customer, wanted)["replayed"]
    for mutation, more, then in (
        (SETTLE, {"quantities": amount("1")}, "recordUsage"),
        (EXTEND, {"ttlSeconds": 60}, "reserve anew"),
    ):
        ended = step(api, mutation, customer, wanted, **more)
        assert (ended["allowed"], ended["reason"]) == (False, "RESERVATION_ENDED")
        assert "RELEASED" in ended["message"]
        assert then in ended["message"]
        assert "key" not in ended["message"]
    nobody = step(api, SETTLE, customer, "999", quantities=amount("1"))
    assert (nobody["reason"], nobody["seq"]) == ("RESERVATION_NOT_FOUND", None)
    assert read(api, customer, wanted)["state"] == "RELEASED"


def test_extend(api: Api) -> None:
    customer = api.customer("10")
    held = reserve(api, customer, "6", ttlSeconds=60)
    longer = step(api, EXTEND, customer, held["reservationId"], ttlSeconds=3600)
    assert longer["expiresAt"] > held["expiresAt"]
    shorter = step(api, EXTEND, customer, held["reservationId"], ttlSeconds=5)
    assert (shorter["allowed"], shorter["seq"]) == (True, None)
    assert shorter["expiresAt"] == longer["expiresAt"]


def test_several_and_their_faults(api: Api) -> None:
    customer = api.customer("10")
    items = [
        asked(customer, quantities=amount("4")),
        asked(customer, quantities=amount("1"), ttlSeconds=90000),
        asked(customer, quantities=amount("7")),
    ]
    whole = api.post(MANY, {"input": items})
    first, second, third = whole["data"]["reserveMany"]
    assert first["allowed"]
    assert second is None
    assert third["reason"] == "INSUFFICIENT_CREDITS"
    [error] = whole["errors"]
    assert error["path"] == ["reserveMany", 1]
    assert error["extensions"]["code"] == "MALFORMED"
    assert error["extensions"]["field"] == "ttlSeconds"


@pytest.mark.parametrize(
    ("mutation", "more", "field"),
    [
        (SETTLE, {}, "quantities"),
        (SETTLE, {"quantities": amount("1") * 2}, "quantities[0].name"),
        (SETTLE, {"quantities": []}, "quantities"),
        (EXTEND, {"ttlSeconds": 0}, "ttlSeconds"),
    ],
)
def test_a_malformed_step_names_its_field(api: Api, mutation: str, more: Any, field: str) -> None:
    customer = api.customer("10")
    wanted = reserve(api, customer, "6")["reservationId"]
    whole = api.post(mutation, {"input": {"customerId": customer, "reservationId": wanted, **more}})
    [error] = whole["errors"]
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("MALFORMED", field)
    assert read(api, customer, wanted)["state"] == "HELD"


@pytest.mark.parametrize("identifier", ["abc", "9" * 25, "-1", ""])
def test_an_id_that_is_nobodys(api: Api, identifier: str) -> None:
    """No fault of the server's: nothing has settled it, and there is no such node."""
    customer = api.customer("10")
    step(api, SETTLE, customer, reserve(api, customer, "2")["reservationId"], quantities=amount("1"))
    which = "customerId: $c, filter: {reservationId: $r}"
    listed = f"query ($c: ID, $r: ID) {{ usageEvents({which}) {{ nodes {{ seq }} }} }}"
    assert api.data(listed, {"c": customer, "r": identifier})["usageEvents"]["nodes"] == []
    for kind, more in (("UsageEvent", ()), ("Reservation", ()), ("LedgerEntry", ("1",))):
        asked_id = node_id(kind, customer, identifier, *more)
        assert api.data(NODE, {"id": asked_id}) == {"node": None}, kind
