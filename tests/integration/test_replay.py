"""``controlplane replay`` as a process: a small trace through both doors, its report against the database."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from controlplane.db.embedded import EmbeddedServer
from tests.commands import controlplane

ROWS = 300
HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"


@pytest.fixture
def trace(folder: Path) -> Path:
    """Good rows, and three that are not."""
    random = Random(7)
    rows = [
        f"2023-11-16 18:{number // 60:02}:{number % 60:02}.9799600,"
        f"{random.randint(1, 8000)},{random.randint(1, 900)}"
        for number in range(ROWS)
    ]
    rows[10:10] = ["yesterday,5,5", "2023-11-16 18:00:00.0,-5,5", "2023-11-16 18:00:00.0,many,5"]
    path = folder / "trace.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


@pytest.fixture
def data(folder: Path) -> Path:
    return folder / "data"


def replay(trace: Path, data: Path, *options: str) -> tuple[str, dict[str, Any]]:
    """What it prints, and its report."""
    report = trace.with_suffix(".json")
    done = controlplane(
        "replay", str(trace), "--data", str(data), "--customers", "4", "--report", str(report), *options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads(report.read_text())


@pytest.fixture
def charged(data: Path) -> Callable[[], Decimal]:
    """The credits that the ledger says were consumed, once the replay is over."""

    def ask() -> Decimal:
        server = EmbeddedServer(data)
        server.start()
        try:
            with psycopg.connect(server.url("controlplane")) as connection:
                [[total]] = connection.execute(
                    "SELECT sum(amount) FROM core.ledger_entry WHERE to_account = 'CONSUMED'"
                ).fetchall()
                return Decimal(total)
        finally:
            server.stop()

    return ask


@pytest.mark.parametrize("door", ["graphql", "sql"])
def test_a_tight_replay_denies_some_and_adds_up(
    trace: Path, data: Path, charged: Callable[[], Decimal], door: str
) -> None:
    printed, report = replay(trace, data, "--tight", "--door", door)
    assert [each["line"] for each in report["badRows"]] == [12, 13, 14]
    denied = sum(report["denied"].values())
    assert report["allowed"] + denied == ROWS
    assert 0.2 <= denied / ROWS <= 0.6
    assert "clean" in printed
    assert sum(Decimal(each["amount"]) for each in report["credits"]) == charged()


def test_a_trace_of_another_form_is_refused(folder: Path, data: Path) -> None:
    path = folder / "other.csv"
    path.write_text("time,tokens\n1,2\n")
    done = controlplane("replay", str(path), "--data", str(data))
    assert done.returncode != 0
    assert "TIMESTAMP" in done.stdout + done.stderr
