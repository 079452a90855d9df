"""Postgres is stopped under the API and started again: a clear answer meanwhile, and then it goes on."""

import json
import time
from pathlib import Path
from typing import Any

import httpx

from controlplane.db.local import DATABASE
from tests.api.serving import Api, asked, serving
from tests.commands import controlplane
from tests.faults.standing import Standing

CONSUME = "mutation ($input: ConsumeInput!) { consume(input: $input) { allowed reason replayed } }"
BALANCE = 'subscription { balanceChanged(customerId: "acme") { wallets { available } } }'
#: Seconds after which the pool has found its database again; it waits longer with every attempt.
SOON = 40


def test_answers_stop_and_go_on_with_postgres(folder: Path) -> None:
    with (
        Standing.new(folder / "data") as standing,
        serving(standing.server.url(DATABASE, user="controlplane_app")) as url,
    ):
        made = controlplane("keys", "--data", str(folder / "data"), "create", "test", "--kind", "admin")
        # Only what asks over HTTP and sockets is used of it.
        api = Api(url, None, "", made.stdout.strip())  # type: ignore[arg-type]
        request = {"input": asked("acme")}
        with api.socket() as socket:
            socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": BALANCE}}))
            assert available(socket.recv(10)) == "1000"
            standing.server.stop()
            refusal = {"code": "DATABASE_UNREACHABLE", "retryable": True, "retryAfter": 0.5}
            assert api.error(CONSUME, request) == refusal
            assert httpx.get(f"{url}/healthz").status_code == 200
            assert httpx.get(f"{url}/readyz", timeout=20).status_code == 503
            standing.server.start()
            answer = api_again(api, request)
            assert answer["data"]["consume"] == {"allowed": True, "reason": None, "replayed": False}
            assert available(socket.recv(SOON)) == "999"
        assert (standing.available, standing.faults) == (999, [])
        api.client.close()


def available(message: str | bytes) -> Any:
    """Of the only wallet, in an event."""
    event = json.loads(message)
    assert event["type"] == "next", event
    [wallet] = event["payload"]["data"]["balanceChanged"]["wallets"]
    return wallet["available"]


def api_again(api: Api, variables: Any) -> Any:
    """Ask until there is an answer, as a caller does who was told to try again."""
    deadline = time.monotonic() + SOON
    while True:
        answer = api.post(CONSUME, variables)
        if "errors" not in answer:
            return answer
        assert answer["errors"][0]["extensions"]["retryable"], answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.2)
