"""``controlplane replay`` as its users run it: through both doors, with plenty and with little."""

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from controlplane.db.postmaster import read_postmaster
from tests.commands import controlplane

ROWS = 300


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Requests like those of a code completion service, and two lines that are none."""
    chance = random.Random(3)
    lines = ["TIMESTAMP,ContextTokens,GeneratedTokens"]
    for number in range(ROWS):
        tokens = f"{int(chance.lognormvariate(7, 1))},{chance.randrange(200)}"
        lines.append(f"2023-11-16 18:{number // 60:02}:{number % 60:02}.9799600,{tokens}")
    lines[11:11] = ["2023-11-16,oops,2"]
    lines.append("2023-11-16 18:17:03")
    path = tmp_path / "trace.csv"
    path.write_text("\r\n".join(lines))
    return path


def replayed(trace: Path, url: str, *arguments: str) -> Any:
    report = trace.with_suffix(".json")
    env = {"CONTROLPLANE_DATABASE_URL": url}
    given = ("--customers", "4", "--report", str(report), *arguments)
    done = controlplane("replay", str(trace), *given, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verify" in done.stdout
    assert f"line {ROWS + 3}" in done.stdout or "--limit" in arguments
    return json.loads(report.read_text())


def one(connection: psycopg.Connection, query: str, *parameters: Any) -> Any:
    row = connection.execute(query, parameters).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("door", ["graphql", "sql"])
def test_reserved_and_settled(
    trace: Path, database_url: str, connection: psycopg.Connection, door: str
) -> None:
    """Whatever was estimated, what was used is what was charged."""
    report = replayed(trace, database_url, "--door", door, "--reserve", "100")
    generated = [
        line.rpartition(",")[2] for line in trace.read_text().splitlines() if "2023-11-16 18" in line
    ]
    beyond = sum(int(tokens) > 100 for tokens in generated[:ROWS])
    assert report["allowed"] == ROWS
    assert (report["beyondReservation"], report["fellShort"]) == (beyond, 0)
    assert report["verify"]["ok"]
    assert one(connection, "SELECT count(*) FROM core.reservation WHERE state = 'SETTLED'") == ROWS
    charged = one(connection, "SELECT sum(amount) FROM core.ledger_entry WHERE to_account = 'CONSUMED'")
    assert sum(Decimal(each["amount"]) for each in report["credits"]) == charged


@pytest.mark.parametrize("door", ["graphql", "sql"])
@pytest.mark.parametrize("tight", [False, True])
def test_the_report_is_what_the_database_says(
    trace: Path, database_url: str, connection: psycopg.Connection, door: str, tight: bool
) -> None:
    report = replayed(trace, database_url, "--door", door, *(["--tight"] if tight else []))
    assert [bad["line"] for bad in report["badRows"]] == [12, ROWS + 3]
    denied = sum(report["denied"].values())
    assert report["requests"] == report["allowed"] + denied == ROWS
    assert not report["failed"]
    assert report["verify"]["ok"]
    assert 0.2 <= report["deniedShare"] <= 0.6 if tight else denied == 0
    own = report["prefix"] + "-%"
    assert (
        one(connection, "SELECT count(*) FROM core.usage_event WHERE customer_id LIKE %s", own)
        == (report["allowed"])
    )
    for kind in ("replay-credits", "replay-promo"):
        spent = one(
            connection,
            "SELECT coalesce(sum(l.amount), 0) FROM core.ledger_entry AS l JOIN core.wallet AS w"
            " ON w.customer_id = l.customer_id AND w.wallet_no = l.from_wallet_no"
            " WHERE l.kind = 'CONSUME' AND l.customer_id LIKE %s AND w.credit_type = %s",
            own,
            kind,
        )
        for listed in (report["credits"], report["wallets"]):
            said = sum((Decimal(each["amount"]) for each in listed if each["creditType"] == kind), Decimal(0))
            assert said == spent
    left = one(connection, "SELECT count(*) FROM core.api_key WHERE name = 'replay' AND revoked_at IS NULL")
    assert left == 0


def test_it_starts_what_it_needs(trace: Path, folder: Path) -> None:
    given = ("--data", str(folder / "data"), "--limit", "50")
    done = controlplane("replay", str(trace), *given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "clean" in done.stdout
    assert controlplane("verify", "--data", str(folder / "data")).returncode == 0
    assert read_postmaster(folder / "data" / "postgres") is None


def test_a_second_time_with_the_same_seed(
    trace: Path, database_url: str, connection: psycopg.Connection
) -> None:
    first = replayed(trace, database_url, "--tight", "--door", "sql", "--limit", "100")
    catalog = one(connection, "SELECT catalog_version FROM core.installation")
    second = replayed(trace, database_url, "--tight", "--door", "sql", "--limit", "100")
    assert first["prefix"] != second["prefix"]
    assert second["verify"]["ok"]
    assert one(connection, "SELECT catalog_version FROM core.installation") == catalog


def test_at_a_multiple_of_the_traces_speed(trace: Path, database_url: str) -> None:
    report = replayed(trace, database_url, "--door", "sql", "--limit", "60", "--speed", "30")
    assert 59 / 30 <= report["seconds"] < 20


def test_what_cannot_be_replayed(trace: Path, database_url: str) -> None:
    env = {"CONTROLPLANE_DATABASE_URL": database_url}
    other = trace.with_name("other.csv")
    other.write_text("a,b\n1,2\n")
    done = controlplane("replay", str(other), env=env)
    assert done.returncode == 1
    assert "TIMESTAMP,ContextTokens,GeneratedTokens" in done.stderr
    for nowhere in (str(trace.parent / "nowhere" / "report.json"), str(trace / "report.json"), ""):
        done = controlplane("replay", str(trace), "--report", nowhere, env=env)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"'{nowhere}'" in done.stderr
    done = controlplane(
        "replay", str(trace), "--door", "sql", "--limit", "1", "--report", "/dev/full", env=env
    )
    assert done.returncode == 1
    assert "verify" in done.stdout  # the table is there all the same
    assert "error: cannot write /dev/full: No space left on device" in done.stderr
    done = controlplane("replay", str(trace), env={**env, "CONTROLPLANE_ENVIRONMENT": "live"})
    assert done.returncode == 1
    assert "--live" in done.stderr
    done = controlplane("replay", str(trace), "--url", "http://127.0.0.1:9", env=env)
    assert done.returncode == 2
    done = controlplane("replay", str(trace), "--url", "http://127.0.0.1:9", "--key", "cp_test_ak_x", env=env)
    assert done.returncode == 1
    assert "controlplane up" in done.stderr
