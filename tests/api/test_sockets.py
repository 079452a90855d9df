"""graphql-transport-ws over real sockets: who may, what is refused, and balances that move."""

import json
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from controlplane.db.keys import hash_of
from tests.api.serving import Api, asked

BALANCE = """
subscription ($c: ID, $w: [ID!]) {
  balanceChanged(customerId: $c, walletIds: $w) {
    customerId version { incarnation seq asOf } wallets { walletId available }
  }
}
"""


def subscribe(socket: ClientConnection, query: str, variables: Any = None, name: str = "1") -> None:
    payload = {"query": query, "variables": variables}
    socket.send(json.dumps({"id": name, "type": "subscribe", "payload": payload}))


def received(socket: ClientConnection, timeout: float = 5) -> Any:
    return json.loads(socket.recv(timeout))


def closed(socket: ClientConnection, timeout: float = 8) -> tuple[int, str]:
    """Code and reason with which the server closes; what it says before does not matter."""
    try:
        while True:
            socket.recv(timeout)
    except ConnectionClosed as error:
        return (error.rcvd.code, error.rcvd.reason) if error.rcvd else (0, "")


def test_only_the_modern_protocol(api: Api) -> None:
    url = api.url.replace("http", "ws", 1) + "/graphql"
    with connect(url, subprotocols=["graphql-ws"], compression=None) as socket:
        assert closed(socket)[0] == 4406


def test_a_page_of_another_origin_is_refused(api: Api) -> None:
    url = api.url.replace("http", "ws", 1) + "/graphql"
    page = {"subprotocols": ["graphql-transport-ws"], "origin": "https://evil.example"}
    with pytest.raises(InvalidStatus) as caught, connect(url, **page):
        pass
    assert caught.value.response.status_code == 403


@pytest.mark.parametrize(
    ("init", "says"),
    [
        ({}, "UNAUTHENTICATED"),
        ({"Authorization": "Bearer cp_test_sk_" + "0" * 48}, "UNAUTHENTICATED"),
        ({"authorization": "Bearer cp_live_sk_" + "0" * 48}, "WRONG_ENVIRONMENT"),
        ({"Authorization": 7}, "UNAUTHENTICATED"),
    ],
)
def test_without_a_good_key(api: Api, init: Any, says: str) -> None:
    with api.socket(init=None) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": init}))
        code, reason = closed(socket)
        assert code == 4403
        assert reason.startswith(says)


def test_silence_is_closed_after_five_seconds(api: Api) -> None:
    begun = time.monotonic()
    with api.socket(init=None) as socket:
        assert closed(socket)[0] == 4408
    assert 4 < time.monotonic() - begun < 8


def test_nothing_before_the_init(api: Api) -> None:
    with api.socket(init=None) as socket:
        subscribe(socket, "{ viewer { name } }")
        assert closed(socket)[0] == 4401


@pytest.mark.parametrize(
    "message",
    [
        "nonsense",
        "[]",
        "7",
        "{}",
        '{"type": 1}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ viewer { name } }"}}',
        '{"type": "subscribe", "id": "1", "payload": []}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": ""}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { name } }", "variables": []}}',
        '{"type": "complete"}',
        '{"type": "other"}',
        "[" * 50_000,
    ],
    ids=range(13),
)
def test_malformed_messages(api: Api, message: str) -> None:
    with api.socket() as socket:
        socket.send(message)
        assert closed(socket)[0] == 4400
    assert api.data("{ viewer { kind } }") == {"viewer": {"kind": "ADMIN"}}


@pytest.mark.parametrize(
    ("query", "name", "code"),
    [
        ("{", None, "GRAPHQL_PARSE_FAILED"),
        (" ", None, "GRAPHQL_PARSE_FAILED"),
        ("fragment F on Query { viewer { name } }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("{ nothing }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("query A { viewer { name } } query B { viewer { name } }", "C", "OPERATION_NAME_NEEDED"),
    ],
    ids=range(5),
)
def test_a_broken_document_ends_no_other_operation(api: Api, query: str, name: str | None, code: str) -> None:
    customer = api.customer()
    with api.socket() as socket:
        subscribe(socket, BALANCE, {"c": customer})
        received(socket)
        payload = {"query": query, "operationName": name}
        socket.send(json.dumps({"id": "2", "type": "subscribe", "payload": payload}))
        answer = received(socket)
        assert (answer["id"], answer["type"]) == ("2", "error")
        assert answer["payload"][0]["extensions"]["code"] == code
        api.consume(customer)
        assert received(socket)["id"] == "1"


def test_too_many_operations_of_a_socket(api: Api) -> None:
    customer = api.customer()
    with api.socket() as socket:
        for number in range(101):
            subscribe(socket, BALANCE, {"c": customer}, str(number))
        while (answer := received(socket))["type"] != "error":
            pass
    assert answer["id"] == "100"
    assert answer["payload"][0]["extensions"]["code"] == "TOO_MANY_OPERATIONS"


def test_who_is_gone_before_the_answer_is_no_fault(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    customer = api.customer()
    for _ in range(5):
        with api.socket() as socket:
            for number in [*range(90), 0]:  # the same id twice closes it, with answers under way
                subscribe(socket, "{ nothing }" if number % 2 else BALANCE, {"c": customer}, str(number))
            assert closed(socket)[0] == 4409
    assert api.data("{ viewer { kind } }") == {"viewer": {"kind": "ADMIN"}}
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_queries_and_mutations_go_too(api: Api) -> None:
    customer = api.customer()
    with api.socket() as socket:
        query = "mutation ($i: ConsumeInput!) { consume(input: $i) { allowed } }"
        subscribe(socket, query, {"i": asked(customer)})
        assert received(socket)["payload"] == {"data": {"consume": {"allowed": True}}}
        assert received(socket) == {"id": "1", "type": "complete"}
        subscribe(socket, "query A { viewer { name } } query B { viewer { name } }")
        (error,) = received(socket)["payload"]
        assert error["extensions"]["code"] == "OPERATION_NAME_NEEDED"


def test_balance_first_in_full_then_newer(api: Api) -> None:
    customer = api.customer("10")
    with api.socket() as socket:
        subscribe(socket, BALANCE, {"c": customer})
        first = received(socket)["payload"]["data"]["balanceChanged"]
        assert first["customerId"] == customer
        assert first["version"]["seq"] == "4"
        assert first["wallets"] == [{"walletId": "customer:general", "available": "10"}]
        api.consume(customer)
        second = received(socket)["payload"]["data"]["balanceChanged"]
        assert (second["version"]["seq"], second["wallets"][0]["available"]) == ("5", "9")
        # Another door: nothing of this process had a hand in it.
        api.connection.execute("SELECT api.consume(%s, %s)", (customer, json.dumps([asked(customer)])))
        third = received(socket)["payload"]["data"]["balanceChanged"]
        assert third["wallets"][0]["available"] == "8"


def test_only_the_wallets_asked_for(api: Api) -> None:
    with api.socket() as socket:
        subscribe(socket, BALANCE, {"c": api.customer(), "w": ["other"]})
        assert received(socket)["payload"]["data"]["balanceChanged"]["wallets"] == []


def test_time_alone_changes_a_balance(api: Api) -> None:
    customer = api.customer("10")
    for table, column in (("credit_grant", "expires_at"), ("gate", "next_due_at")):
        api.connection.execute(
            f"UPDATE core.{table} SET {column} = now() + interval '1.5 s' WHERE customer_id = %s", (customer,)
        )
    with api.socket() as socket:
        subscribe(socket, BALANCE, {"c": customer})
        first, second = (received(socket)["payload"]["data"]["balanceChanged"] for _ in range(2))
    assert first["wallets"][0]["available"] == "10"
    assert second["wallets"][0]["available"] == "0"
    assert first["version"]["seq"] == second["version"]["seq"]
    assert first["version"]["asOf"] < second["version"]["asOf"]


def test_changes_in_quick_succession_come_as_one(api: Api) -> None:
    customer = api.customer()
    with api.socket() as socket:
        subscribe(socket, BALANCE, {"c": customer})
        received(socket)
        for _ in range(30):
            api.consume(customer)
        seen = []
        while not seen or seen[-1] != "70":
            seen.append(received(socket)["payload"]["data"]["balanceChanged"]["wallets"][0]["available"])
    assert len(seen) < 30
    assert seen == sorted(seen, key=int, reverse=True)


def test_many_subscribers_of_one_customer(api: Api) -> None:
    customer = api.customer()
    with api.socket() as socket:
        for name in range(50):
            subscribe(socket, BALANCE, {"c": customer}, str(name))
        assert {received(socket)["id"] for _ in range(50)} == {str(name) for name in range(50)}
        api.consume(customer)
        events = [received(socket) for _ in range(50)]
    assert {event["id"] for event in events} == {str(name) for name in range(50)}
    versions = {json.dumps(event["payload"]["data"]["balanceChanged"]["version"]) for event in events}
    assert len(versions) == 1


def test_what_a_subscription_may_not(api: Api) -> None:
    mine, theirs = api.customer(), api.customer()
    for key, customer, code in (
        (api.make_key(customer=mine), theirs, "FORBIDDEN"),
        (api.make_key([]), theirs, "FORBIDDEN"),
        (api.key, "nobody", "CUSTOMER_NOT_FOUND"),
        (api.key, None, "BAD_USER_INPUT"),
    ):
        with api.socket(key=key) as socket:
            subscribe(socket, BALANCE, {"c": customer})
            message = received(socket)
            errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
            assert errors[0]["extensions"]["code"] == code


@pytest.mark.parametrize("nobody", ["\0", "\ud800"], ids=["nul", "half a pair"])
def test_a_customer_that_cannot_be_stored_delays_nobody(api: Api, nobody: str) -> None:
    customer = api.customer()
    with api.socket() as wrong, api.socket() as right:
        subscribe(wrong, BALANCE, {"c": nobody})
        (error,) = received(wrong)["payload"]["errors"]
        assert error["extensions"]["code"] == "MALFORMED"
        assert error["extensions"]["field"] == "customerId"
        subscribe(right, BALANCE, {"c": customer})
        assert received(right)["payload"]["data"]["balanceChanged"]["customerId"] == customer


def test_a_bound_key_need_not_say_whose(api: Api) -> None:
    customer = api.customer()
    with api.socket(key=api.make_key(customer=customer)) as socket:
        subscribe(socket, BALANCE)
        assert received(socket)["payload"]["data"]["balanceChanged"]["customerId"] == customer


def test_a_revoked_key_closes_its_sockets(api: Api) -> None:
    key = api.make_key()
    customer = api.customer()
    with api.socket(key=key) as socket:
        subscribe(socket, BALANCE, {"c": customer})
        received(socket)
        api.connection.execute(
            "UPDATE core.api_key SET revoked_at = now() WHERE secret_hash = %s", (hash_of(key),)
        )
        code, reason = closed(socket)
    assert code == 4403
    assert "revoked" in reason


def test_a_revoked_key_closes_its_sockets_within_a_second_whoever_used_it(api: Api) -> None:
    """The socket comes when the key has been known for half a second, and somebody else asks for it again."""
    key = api.make_key()
    api.data("{ viewer { kind } }", key=key)
    time.sleep(0.5)
    with api.socket(key=key) as socket:
        time.sleep(0.6)
        api.data("{ viewer { kind } }", key=key)
        begun = time.monotonic()
        api.connection.execute(
            "UPDATE core.api_key SET revoked_at = now() WHERE secret_hash = %s", (hash_of(key),)
        )
        assert closed(socket)[0] == 4403
        assert time.monotonic() - begun < 1.2


def test_a_subscription_goes_by_socket_alone(api: Api) -> None:
    answer = api.raw(json.dumps({"query": BALANCE, "variables": {"c": "c"}}))
    assert answer.status_code == 405
    assert answer.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"
