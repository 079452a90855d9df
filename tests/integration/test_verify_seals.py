"""``controlplane verify --seals`` as its users run it: what it prints, what it keeps, and how it exits."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.commands import controlplane
from tests.sql.configuring import Configuration, small_world


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    world = small_world(connection)
    world.change("grant_credits", idempotencyKey="k", creditType="general", amount="10")
    Configuration(connection, "other").change("upsert_customer")
    return world


@pytest.fixture
def run(database_url: str) -> Any:
    def run(*options: str, code: int = 0) -> str:
        env = {"CONTROLPLANE_DATABASE_URL": database_url}
        done = controlplane("verify", "--seals", *options, env=env)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code < 2 and done.stdout else done.stderr

    return run


def tamper(world: Configuration, statement: str) -> None:
    world.connection.execute("SET session_replication_role = replica")
    assert world.connection.execute(statement).rowcount > 0  # type: ignore[arg-type]
    world.connection.execute("SET session_replication_role = origin")


def test_it_seals_and_verifies(world: Configuration, run: Any) -> None:
    lines = [line.split() for line in run().splitlines()]
    assert lines == [
        ["sealed", "now", "6", "operations"],
        ["ok", "seals", "6", "checked"],
        ["ok", "seal_chain", "2", "checked"],
        ["ok", "seal_heads", "0", "checked"],
    ]
    world.suspend(None)
    report = json.loads(run("--json", "--customer", "acme"))
    assert (report["ok"], report["sealed"]) == (True, 1)
    assert json.loads(run("--json"))["sealed"] == 0


def test_the_first_offender_is_named(world: Configuration, run: Any) -> None:
    run()
    tamper(world, "UPDATE core.ledger_entry SET amount = 11")
    tamper(world, "DELETE FROM core.change WHERE seq = 4")
    told = run(code=1).splitlines()
    assert told[1].split()[:2] == ["fail", "seals"]
    assert json.loads(told[2]) == {
        "customerId": "acme",
        "table": "change",
        "seq": 4,
        "happened": "DELETED",
    }
    report = json.loads(run("--json", "--customer", "acme", code=1))
    assert report["ok"] is False
    assert [each["table"] for each in report["checks"][0]["offenders"]] == ["change", "ledger_entry"]
    assert json.loads(run("--json", "--customer", "other"))["ok"] is True


def test_heads_are_kept_and_compared(world: Configuration, run: Any, tmp_path: Path) -> None:
    file = tmp_path / "heads.jsonl"
    assert f"heads are in {file}" in run("--heads", str(file))
    kept = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(head["customerId"], head["seq"]) for head in kept] == [("acme", "5"), ("other", "1")]
    world.suspend(None)
    assert json.loads(run("--json", "--against", str(file)))["checks"][2]["checked"] == 2
    # An owner who alters a row, throws the seals away and has them made again.
    tamper(world, "UPDATE core.change SET actor = 'nobody' WHERE customer_id = 'acme' AND seq = 2")
    tamper(world, "DELETE FROM core.seal")
    assert json.loads(run("--json"))["ok"] is True
    before = file.read_text()
    told = run("--against", str(file), "--heads", str(file), code=1)
    assert all(words in told for words in ('"seq": 5, ', "REWRITTEN", "stays as it was"))
    assert file.read_text() == before
    tamper(world, "DELETE FROM core.seal WHERE customer_id = 'other'")
    [other] = json.loads(run("--json", "--no-seal", "--customer", "other", "--against", str(file), code=1))[
        "checks"
    ][2]["offenders"]
    assert (other["customerId"], other["happened"], other["sealedUpTo"]) == ("other", "TRUNCATED", 0)


def test_a_restored_copy_is_verified_and_not_sealed(world: Configuration, run: Any) -> None:
    run()
    world.suspend(None)
    world.connection.execute("UPDATE core.installation SET identity = 'another'")
    assert "controlplane recover" in run(code=1)
    report = json.loads(run("--json", "--no-seal"))
    assert report["ok"] is True
    assert "sealed" not in report


def test_what_cannot_be_done(world: Configuration, run: Any, database_url: str, tmp_path: Path) -> None:
    assert "no such customer: x" in run("--customer", "x", code=1)
    file = tmp_path / "heads.jsonl"
    file.write_text('{"customerId": "acme", "seq": "1", "head": "00"}\nno head\n')
    assert f"{file}: line 2 is no head" in run("--against", str(file), code=1)
    file.write_text('{"customerId": "acme", "seq": "-1", "head": "00"}\n')
    assert "heads[0].seq" in run("--against", str(file), code=1)
    assert "cannot write" in run("--heads", str(tmp_path / "nowhere" / "heads.jsonl"), code=1)
    env = {"CONTROLPLANE_DATABASE_URL": database_url}
    done = controlplane("verify", "--heads", str(file), env=env)
    assert done.returncode == 2
    assert "go with --seals" in done.stderr
