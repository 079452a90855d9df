"""``api.read_ledger_entries`` says of each movement what ``report.ledger`` does, on whatever page it is."""

import random
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conformance.replay import replay
from tests.conformance.sql_backend import SqlBackend, stop_clock
from tests.model.reversing import reversing
from tests.sql.configuring import Configuration
from tests.sql.test_ledger import THIRD, consume, grant
from tests.sql.test_ledger import world as _spending
from tests.sql.test_openings import opened

world = _spending
SHOWN = ("actor", "source", "currency", "money")


def pages(world: Configuration, size: int, **filter_: Any) -> dict[tuple[str, int], list[str | None]]:
    """What each entry says, read page by page."""
    found: dict[tuple[str, int], list[str | None]] = {}
    after: Any = None
    while True:
        rows = world.rows(
            "SELECT api.read_ledger_entries(%s, %s, %s, %s)",
            world.customer_id,
            Jsonb({"withMoney": True, **filter_}),
            None if after is None else Jsonb(after),
            size,
        )
        if not rows:
            return found
        assert len(rows) <= size
        for (row,) in rows:
            found[row["seq"], row["leg"]] = [row[name] for name in SHOWN]
            after = row["key"]


def told(world: Configuration) -> dict[tuple[str, int], list[str | None]]:
    """The same by the view."""
    rows = world.rows(
        "SELECT seq::text, leg, actor, source, currency, money::text FROM report.ledger"
        " WHERE customer_id = %s",
        world.customer_id,
    )
    return {(seq, leg): shown for seq, leg, *shown in rows}


def all_are_told(world: Configuration, size: int) -> None:
    whole = told(world)
    assert whole
    assert pages(world, size) == pages(world, size, ascending=True) == whole
    burns = pages(world, size, kind="CONSUME")
    assert burns == {place: whole[place] for place in burns}


@pytest.mark.parametrize("seed", range(4))
def test_pages_of_several_months(world: Configuration, seed: int) -> None:
    """From the opening before a page, or from what stands now: some months are opened, and some are not."""
    chance = random.Random(seed)
    for _ in range(4):
        for _ in range(chance.randint(1, 3)):
            cost = chance.choice([None, THIRD, "0.0123"])
            currency = chance.choice(["EUR", "JPY", "KWD"])
            more = chance.choice([{}, {"expiresAt": world.clock("30 days")}, {"source": "invoice"}])
            grant(world, str(chance.randint(1, 9)), cost, currency, **more)
        for _ in range(chance.randint(1, 6)):
            consume(world, f"{chance.randint(1, 3_000_000) / 1_000_000:f}", overage="RECORD")
        world.advance(chance.choice(["2 days", "20 days", "40 days"]))
        if chance.random() < 0.5:
            opened(world)
    world.one("SELECT api.book_due(1000)")
    for size in (1, 3, 200):
        all_are_told(world, size)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_reserved_moved_and_taken_back(connection: psycopg.Connection, seed: int) -> None:
    """Every kind of movement there is, at one cost."""
    stop_clock(connection)
    backend = SqlBackend(connection)
    for _ in replay(backend, reversing(seed, 60)):
        pass
    connection.execute("UPDATE core.credit_grant SET cost_basis = 0.333333333, currency = 'EUR'")
    all_are_told(Configuration(connection, backend._customer), 7)


def test_who_does_not_ask_for_money_is_not_told(world: Configuration) -> None:
    grant(world, "3", THIRD)
    assert pages(world, 9, withMoney=False) == {
        place: [*shown[:3], None] for place, shown in told(world).items()
    }


def test_the_newest_page_reads_little_of_a_long_history(world: Configuration) -> None:
    """Not the whole month: it begins from what stands now."""
    grant(world, "1000", THIRD)
    for _ in range(10):
        consume(world, *(100 * ["0.5"]))
    world.connection.execute("VACUUM ANALYZE core.ledger_entry")

    def read(ascending: bool) -> int:
        """Entries that were looked at."""
        fetched = (
            "SELECT sum(idx_tup_fetch + seq_tup_read) FROM pg_stat_xact_user_tables"
            " WHERE relname LIKE 'ledger_entry%%'"
        )
        with world.connection.transaction():
            given = Jsonb({"withMoney": True, "ascending": ascending})
            world.rows("SELECT api.read_ledger_entries('acme', %s, NULL, 10)", given)
            return int(world.one(fetched))

    assert read(ascending=False) < 60
    assert read(ascending=True) < 60
