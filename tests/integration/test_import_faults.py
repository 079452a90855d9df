"""An import that is killed, stopped, cut off or raced comes to the same end by running it again."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from controlplane.db.pool import Database
from controlplane.importing import running
from controlplane.importing.columns import BALANCES
from controlplane.importing.rows import Row
from controlplane.importing.spool import Spool
from controlplane.importing.tally import Tally
from tests.commands import environment
from tests.imports import Done, imported, is_verified, state, written
from tests.sql.configuring import Configuration

CUSTOMERS, GRANTS = 8, 70
ROWS = CUSTOMERS * GRANTS
TOTAL = str(CUSTOMERS * sum(range(1, GRANTS + 1)))


@pytest.fixture
def file(connection: psycopg.Connection, tmp_path: Path) -> Path:
    """Grants of eight customers, who are there; in two calls each."""
    Configuration(connection).catalog("upsert_credit_type", creditType="general")
    for number in range(CUSTOMERS):
        Configuration(connection, f"c{number}").change("upsert_customer")
    rows = [f"c{n},general,{amount},{amount}" for n in range(CUSTOMERS) for amount in range(1, GRANTS + 1)]
    return written(tmp_path, "balances.csv", ["customerId,creditType,amount,reference", *rows])


def begun(file: Path, url: str, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "controlplane", "import", "balances", str(file), *options],
        env=environment({"CONTROLPLANE_DATABASE_URL": url}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def granted(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT count(*) FROM core.credit_grant").fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def held(url: str, customer: str) -> Iterator[psycopg.Connection]:
    """Nobody passes this customer's gate meanwhile."""
    with psycopg.connect(url) as holder:
        holder.execute("SELECT FROM core.gate WHERE customer_id = %s FOR NO KEY UPDATE", (customer,))
        yield holder


def wait_until_waiting(connection: psycopg.Connection) -> None:
    """Until an import stands at a gate."""
    deadline = time.monotonic() + 60
    while not connection.execute(
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'controlplane import'"
        " AND wait_event_type = 'Lock' AND datname = current_database()"
    ).fetchall():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ends_well(done: Done, connection: psycopg.Connection, url: str, created: int) -> None:
    """Everything is there once, and the totals are tied over all of it."""
    assert (done.status, done.counts) == (0, (created, 0, ROWS - created, 0))
    [total] = done.outcome["credits"]
    assert (total["inFile"], total["granted"], total["difference"]) == (TOTAL, TOTAL, "0")
    assert granted(connection) == ROWS
    assert is_verified(url)
    for number in range(CUSTOMERS):
        Configuration(connection, f"c{number}").history_is_whole()


def test_killed_in_the_middle(file: Path, connection: psycopg.Connection, database_url: str) -> None:
    with held(database_url, "c3"):
        process = begun(file, database_url, "--connections", "1")
        wait_until_waiting(connection)
        process.kill()
        process.communicate()
        assert granted(connection) == 3 * GRANTS
    deadline = time.monotonic() + 30
    while connection.execute(
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'controlplane import'"
    ).fetchall():
        assert time.monotonic() < deadline  # what was under way may yet be done
        time.sleep(0.05)
    there = granted(connection)
    assert 3 * GRANTS <= there < ROWS
    ends_well(imported("balances", file, database_url), connection, database_url, ROWS - there)


def test_what_is_refused_is_listed_while_it_runs(
    file: Path, connection: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    """Here and by the database: whoever kills it has the list of what was refused so far."""
    with file.open("a") as more:
        more.write("c0,nothing,1,other\nc7,general,1\n")
    refused = tmp_path / "refused.jsonl"
    with held(database_url, "c3"):
        process = begun(file, database_url, "--connections", "1", "--errors", str(refused))
        wait_until_waiting(connection)
        told = [json.loads(line) for line in refused.read_text().splitlines()]
        process.kill()
        process.communicate()
    assert [(each["line"], each["code"]) for each in told] == [
        (ROWS + 3, "WRONG_COLUMNS"),
        (ROWS + 2, "NOT_FOUND"),
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle(
    file: Path, connection: psycopg.Connection, database_url: str, number: signal.Signals
) -> None:
    """What is under way is waited for, what was done is told, and the rest is not sent."""
    with held(database_url, "c3") as holder:
        process = begun(file, database_url, "--connections", "1")
        wait_until_waiting(connection)
        process.send_signal(number)
        time.sleep(0.5)
        holder.rollback()
        stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    there = granted(connection)
    assert 3 * GRANTS < there < 4 * GRANTS
    told = [" ".join(line.split()) for line in stdout.splitlines()]
    assert f"created {there}" in told
    assert f"not sent {ROWS - there} run it again: it goes on from there" in told
    assert "0 difference" in told
    ends_well(imported("balances", file, database_url), connection, database_url, ROWS - there)


def test_cut_off_again_and_again(file: Path, connection: psycopg.Connection, database_url: str) -> None:
    """Its connections die under it: it asks again, and is told what it had done already."""
    over = threading.Event()
    cuts = 0

    def cut() -> None:
        nonlocal cuts
        with psycopg.connect(database_url, autocommit=True) as admin:
            while not over.wait(0.02) and cuts < 6:
                cuts += len(
                    admin.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE application_name = 'controlplane import' AND datname = current_database()"
                        " AND query LIKE '%import_rows%'"
                    ).fetchall()
                )

    thread = threading.Thread(target=cut)
    thread.start()
    done = imported("balances", file, database_url)
    over.set()
    thread.join()
    created, changed, unchanged, refused = done.counts
    assert (done.status, created + unchanged, changed, refused) == (0, ROWS, 0, 0)
    assert cuts
    ends_well(imported("balances", file, database_url), connection, database_url, 0)


def test_two_of_the_same_file_at_once(file: Path, connection: psycopg.Connection, database_url: str) -> None:
    results: list[Done] = []
    copies = [file, written(file.parent, "copy/balances.csv", file.read_text().splitlines())]

    def run(copy: Path) -> None:
        results.append(imported("balances", copy, database_url))

    threads = [threading.Thread(target=run, args=(copy,)) for copy in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done.status for done in results] == [0, 0]
    assert sum(done.counts[0] for done in results) == ROWS
    assert all(done.counts[0] + done.counts[2] == ROWS for done in results)
    assert all(done.outcome["credits"][0]["granted"] == TOTAL for done in results)
    before = state(connection)
    ends_well(imported("balances", file, database_url), connection, database_url, 0)
    assert state(connection) == before


def test_two_make_the_same_customers_at_once(
    connection: psycopg.Connection, tmp_path: Path, database_url: str
) -> None:
    """Each customer is made by one of them, and both know by which."""
    lines = ["customerId,name", *(f"n{number},N" for number in range(150))]
    files = [written(tmp_path, f"{name}/customers.csv", lines) for name in ("one", "two")]
    results: list[Done] = []
    threads = [
        threading.Thread(target=lambda file=file: results.append(imported("customers", file, database_url)))
        for file in files
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done.counts[0] for done in results) == sum(done.counts[2] for done in results) == 150
    [(seqs,)] = connection.execute("SELECT sum(seq) FROM core.gate").fetchall()
    assert seqs == 150


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers: it says so, and what was not sent is counted."""
    monkeypatch.setattr(running, "PATIENCE", 0.5)
    rows = [Row(line, "acme", "{}", credits=("general", "1")) for line in range(2, 5)]

    tally = Tally(counts_credits=True)

    async def run(spool: Spool) -> running.Import:
        database = Database(
            "postgresql://nobody@127.0.0.1:1/none", size=1, statement_timeout_ms=1000, behind_pooler=False
        )
        await database.open()
        try:
            importing = running.Import(database, BALANCES, tally, dry_run=False, stop=asyncio.Event())
            await importing.run(spool, 3, 2, lambda done, total: None)
            return importing
        finally:
            await database.close()

    with Spool() as spool:
        for row in rows:
            spool.add(row, None)
            tally.expect(row)
        assert list(spool.arrange()) == []
        importing = asyncio.run(run(spool))
    assert importing.failure is not None
    assert importing.failure.code == "DATABASE_UNREACHABLE"
    assert (tally.done, tally.not_sent, tally.is_tied) == (0, {"general": 3}, True)


def test_a_history_that_does_not_go_on_here_is_told_at_once(
    file: Path, connection: psycopg.Connection, database_url: str
) -> None:
    connection.execute("UPDATE core.installation SET identity = 'another/1/x'")
    began = time.monotonic()
    done = imported("balances", file, database_url)
    assert time.monotonic() - began < 20
    assert (done.status, done.counts, done.outcome["notSent"]) == (1, (0, 0, 0, 0), ROWS)
    assert "RECOVERY_NEEDED" in done.stderr
