"""``controlplane verify`` as its users run it: what it prints, and how it exits."""

import json

import psycopg
import pytest

from tests.commands import controlplane
from tests.sql.configuring import Configuration, small_world


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    world = small_world(connection)
    world.change("grant_credits", idempotencyKey="k", creditType="general", amount="10")
    return world


def test_all_is_well(world: Configuration, database_url: str) -> None:
    done = controlplane("verify", env={"CONTROLPLANE_DATABASE_URL": database_url})
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) >= 13
    assert {line[0] for line in lines} == {"ok"}
    assert ["ok", "balances", "7", "checked"] in lines


def test_the_first_offenders_and_a_code(world: Configuration, database_url: str) -> None:
    world.connection.execute("UPDATE core.wallet SET available = 11")
    env = {"CONTROLPLANE_DATABASE_URL": database_url}
    done = controlplane("verify", "--json", "--customer", "acme", env=env)
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["ok"] is False
    [balances] = [check for check in report["checks"] if check["name"] == "balances"]
    assert balances["offenders"] == [
        {
            "customerId": "acme",
            "walletId": "customer:general",
            "account": "AVAILABLE",
            "stored": "11",
            "ledger": "10",
        }
    ]
    told = controlplane("verify", env=env)
    assert told.returncode == 1
    assert "fail  balances" in told.stdout
    assert '"stored": "11"' in told.stdout


def test_what_cannot_be_verified(empty_url: str, database_url: str) -> None:
    done = controlplane("verify", env={"CONTROLPLANE_DATABASE_URL": empty_url})
    assert done.returncode == 1
    assert "controlplane migrate" in done.stderr
    done = controlplane("verify", "--customer", "x", env={"CONTROLPLANE_DATABASE_URL": database_url})
    assert done.returncode == 1
    assert "no such customer: x" in done.stderr
