"""``controlplane close`` as its users run it; and that a serving process opens months by itself."""

import asyncio
from datetime import date

import psycopg
import pytest

from controlplane.db.pool import Database
from controlplane.http.upkeep import open_months
from tests.commands import controlplane
from tests.sql.configuring import Configuration, small_world


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    """Two customers, one with something that was due; a month later."""
    world = small_world(connection)
    Configuration(connection, "other").change("upsert_customer")
    world.change(
        "grant_credits", idempotencyKey="k", creditType="general", amount="9", expiresAt=world.clock("1 hour")
    )
    world.advance("32 days")
    return world


def month(world: Configuration, back: int = 0) -> str:
    return world.one(
        "SELECT to_char((core.clock() AT TIME ZONE 'UTC') - make_interval(months => %s), 'YYYY-MM')", back
    )


def test_a_dry_run_changes_nothing(world: Configuration, database_url: str) -> None:
    env = {"CONTROLPLANE_DATABASE_URL": database_url}
    done = controlplane("close", month(world, 1), "--dry-run", env=env)
    assert done.returncode == 0, done.stderr
    assert f"{month(world, 1)} is open: 1 ledger entries, 0 usage events" in done.stdout
    figures = {line.rsplit(maxsplit=1)[0].strip(): line.split()[-1] for line in done.stdout.splitlines()[1:]}
    assert figures == {"customers": "2", "with something due": "1", "without an opening": "2"}
    assert world.rows("SELECT * FROM core.month") == []
    done = controlplane("close", month(world), "--dry-run", env=env)
    assert (done.returncode, "NOT_OVER" in done.stdout) == (1, True)


def test_closing(world: Configuration, database_url: str) -> None:
    env = {"CONTROLPLANE_DATABASE_URL": database_url}
    done = controlplane("close", month(world, 1), "--by", "finance", env=env)
    assert (done.returncode, done.stdout) == (0, f"{month(world, 1)} is closed, by finance\n"), done.stderr
    assert "booking" not in done.stderr  # one call booked it all
    assert world.one("SELECT closed_until IS NOT NULL FROM core.installation") is True
    kinds = world.rows("SELECT kind::text FROM core.ledger_entry ORDER BY seq")
    assert kinds == [("GRANT",), ("GRANT_EXPIRED",)]
    again = controlplane("close", month(world, 1), env=env)
    assert again.returncode == 0
    assert "is closed already" in again.stdout
    assert "by finance" in again.stdout


def test_what_cannot_be_closed(world: Configuration, database_url: str, empty_url: str) -> None:
    env = {"CONTROLPLANE_DATABASE_URL": database_url}
    done = controlplane("close", month(world), env=env)
    assert (done.returncode, "is not over before" in done.stderr) == (1, True)
    for wrong in ("2026-13", "2026-1", "2026-01-01", "January"):
        done = controlplane("close", wrong, env=env)
        assert (done.returncode, "is no month, such as 2026-01" in done.stderr) == (2, True)
    done = controlplane("close", "2026-01", env={"CONTROLPLANE_DATABASE_URL": empty_url})
    assert (done.returncode, "controlplane migrate" in done.stderr) == (1, True)


def test_who_holds_a_customer_is_waited_for_and_not_for_ever(world: Configuration, database_url: str) -> None:
    env = {"CONTROLPLANE_DATABASE_URL": database_url}
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT FROM core.gate WHERE customer_id = 'acme' FOR NO KEY UPDATE")
        holder.execute("SELECT pg_current_xact_id()")
        done = controlplane("close", month(world, 1), "--wait", "1", env=env)
        assert done.returncode == 1
        assert "run it again" in done.stderr
    assert controlplane("close", month(world, 1), env=env).returncode == 0


def test_months_are_opened_by_whoever_serves(world: Configuration, database_url: str) -> None:
    world.advance("32 days")
    months = world.one("SELECT api.read_months_to_open()")
    assert [date.fromisoformat(each).day for each in months] == [1, 1]

    async def serve() -> list[int]:
        database = Database(database_url, size=2, statement_timeout_ms=20_000, behind_pooler=False)
        await database.open()
        try:
            return list(await asyncio.gather(open_months(database), open_months(database)))
        finally:
            await database.close()

    assert sum(asyncio.run(serve())) == 4
    assert world.rows("SELECT month::text, count(*) FROM core.customer_month GROUP BY 1 ORDER BY 1") == [
        (each, 2) for each in months
    ]
    assert world.one("SELECT api.read_months_to_open()") == []
