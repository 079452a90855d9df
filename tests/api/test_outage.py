"""Without its database the server stays up, says so, and goes on when the database is back."""

import json
import socket
import time
from collections.abc import Callable

import httpx
import pytest

from controlplane.types import Role
from tests.api.serving import Api, serving

VIEWER = json.dumps({"query": "{ viewer { name } }"})


def ask(url: str, key: str, **more: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json", **more}
    return httpx.post(f"{url}/graphql", content=VIEWER, headers=headers, timeout=20)


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_no_database_at_all(closed_port: int) -> None:
    with serving(f"postgresql://nobody@127.0.0.1:{closed_port}/nothing") as url:
        answer = ask(url, "cp_test_sk_" + "0" * 48)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["errors"][0]["extensions"] == {
            "code": "DATABASE_UNREACHABLE",
            "retryable": True,
            "retryAfter": 0.5,
        }
        begun = time.monotonic()
        hurried = ask(url, "cp_test_sk_" + "0" * 48, **{"Controlplane-Timeout-Ms": "200"})
        assert time.monotonic() - begun < 1.5
        assert hurried.json()["errors"][0]["extensions"]["code"] == "DEADLINE_EXCEEDED"
        assert httpx.get(f"{url}/healthz").status_code == 200
        ready = httpx.get(f"{url}/readyz", timeout=20)
        assert (ready.status_code, ready.json()["code"]) == (503, "DATABASE_UNREACHABLE")
        assert httpx.get(f"{url}/metrics").status_code == 200


@pytest.mark.parametrize(("role", "code"), [(None, "SCHEMA_MISSING"), (Role.ANALYST, "FORBIDDEN")])
def test_a_database_that_is_not_for_us(
    empty_url: str, login_url: Callable[[Role], str], role: Role | None, code: str
) -> None:
    """What the database refuses us is not what a caller is refused; and who looks is told what to do."""
    with serving(login_url(role) if role else empty_url) as url:
        answer = ask(url, "cp_test_sk_" + "0" * 48)
        assert answer.status_code == 503
        assert answer.json()["errors"][0]["extensions"] == {
            "code": "UNAVAILABLE",
            "retryable": True,
            "retryAfter": 0.5,
        }
        ready = httpx.get(f"{url}/readyz", timeout=20)
        assert (ready.status_code, ready.json()["code"]) == (503, code)
        assert "`controlplane " in ready.json()["message"]


def test_connections_that_die_are_replaced(api: Api) -> None:
    customer = api.customer()
    for _ in range(3):
        api.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'controlplane %' AND datname = current_database()"
        )
        assert api.consume(customer)["allowed"] is True


def test_another_identity_decides_nothing(api: Api) -> None:
    customer = api.customer()
    before = api.connection.execute("SELECT identity FROM core.installation").fetchone()
    assert before is not None
    api.connection.execute("UPDATE core.installation SET identity = 'another/00000001/1'")
    try:
        from tests.api.serving import CONSUME, asked

        assert api.error(CONSUME, {"input": asked(customer)}) == {
            "code": "RECOVERY_NEEDED",
            "retryable": True,
            "retryAfter": 0.5,
        }
        ready = api.client.get(f"{api.url}/readyz")
        assert (ready.status_code, ready.json()["code"]) == (503, "RECOVERY_NEEDED")
    finally:
        api.connection.execute("UPDATE core.installation SET identity = %s", before)
