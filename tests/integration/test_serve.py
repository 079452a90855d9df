"""``controlplane serve``: several processes of the API, and one database that decides."""

import json
import signal
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.commands import Up, controlplane

SERVE = (sys.executable, "-m", "controlplane", "serve")
READY = "Ctrl-C stops it"
CONSUME = """
mutation ($input: ConsumeInput!) { consume(input: $input) { allowed reason seq replayed } }
"""


def url_of(process: Up) -> str:
    return process.wait_for("API ").split()[-1]


def spend(url: str, key: str, idempotency_key: str) -> Any:
    given = {
        "idempotencyKey": idempotency_key,
        "customerId": "acme",
        "featureId": "chat",
        "quantity": "1",
    }
    answer = httpx.post(
        url,
        json={"query": CONSUME, "variables": {"input": given}},
        headers={"authorization": f"Bearer {key}"},
        timeout=30,
    ).json()
    assert "errors" not in answer, answer
    return answer["data"]["consume"]


def set_up(folder: str) -> str:
    """A customer with 100 credits, at one for each; an administrator's key."""
    feature = {"featureId": "chat", "quantities": ["quantity"], "creditTypes": ["general"]}
    rates = {"featureId": "chat", "rates": [{"creditType": "general", "amount": "1"}]}
    grant = {"idempotencyKey": "g", "creditType": "general", "amount": "100"}
    for function, *arguments in (
        ("upsert_credit_type", {"creditType": "general"}),
        ("upsert_feature", feature),
        ("set_rates", rates),
        ("upsert_customer", "acme", {}),
        ("grant_credits", "acme", grant),
    ):
        given = ", ".join(f"'{each if isinstance(each, str) else json.dumps(each)}'" for each in arguments)
        done = controlplane("psql", "--data", folder, "-qAtc", f"SELECT api.{function}({given}, 'test')")
        assert done.returncode == 0, done.stderr
    made = controlplane("keys", "--data", folder, "create", "test", "--kind", "admin")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"CONTROLPLANE_HOST": "ü" * 80}, "CONTROLPLANE_HOST"),
        ({"CONTROLPLANE_HOST": "192.0.2.1"}, "CONTROLPLANE_HOST"),
        ({"CONTROLPLANE_STATEMENT_TIMEOUT_MS": "2147483648"}, "CONTROLPLANE_STATEMENT_TIMEOUT_MS"),
        ({"CONTROLPLANE_DATABASE_URL": "nonsense"}, "CONTROLPLANE_DATABASE_URL"),
        (
            {"CONTROLPLANE_DATABASE_URL": "", "CONTROLPLANE_DATABASE_DIRECT_URL": "postgresql://a@b/c"},
            "CONTROLPLANE_DATABASE_DIRECT_URL",
        ),
    ],
)
def test_what_cannot_be_served_is_told_before_anything_starts(env: dict[str, str], told: str) -> None:
    usual = {"CONTROLPLANE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    done = controlplane("serve", "--port", "0", env={**usual, **env})
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_two_processes_spend_one_customer_to_the_last_credit(folder: Path) -> None:
    data = str(folder / "data")
    with Up("--data", data, "--port", "0") as up:
        up.wait_for(READY)
        key = set_up(data)
        with Up("--data", data, "--port", "0", command=SERVE) as second:
            second.wait_for(READY)
            urls = [url_of(up), url_of(second)]
            with ThreadPoolExecutor(16) as callers:
                answers = list(callers.map(lambda n: spend(urls[n % 2], key, str(uuid.uuid4())), range(130)))
            assert sum(answer["allowed"] for answer in answers) == 100
            assert {answer["reason"] for answer in answers if not answer["allowed"]} == {
                "INSUFFICIENT_CREDITS"
            }
            allowed = sorted(int(answer["seq"]) for answer in answers if answer["allowed"])
            assert allowed == list(range(allowed[0], allowed[0] + 100))
            # One key through both doors is one request.
            one = str(uuid.uuid4())
            assert [spend(url, key, one)["replayed"] for url in urls] == [False, True]
            assert httpx.get(urls[1].replace("/graphql", "/readyz")).json() == {"ready": True}
            assert second.stop(signal.SIGTERM) == 0, second.output
            assert second.lines[-1] == "stopped"
        assert spend(urls[0], key, str(uuid.uuid4()))["allowed"] is False
        verified = controlplane("verify", "--data", data)
        assert verified.returncode == 0, verified.stdout
        assert up.stop() == 0


def test_without_a_database_it_says_how_to_get_one(folder: Path) -> None:
    done = controlplane("serve", "--data", str(folder / "nothing"), "--port", "0")
    assert done.returncode == 1
    assert "controlplane up" in done.stderr
    assert not (folder / "nothing").exists()
