"""Configuration from many connections at once: each change once, each ``seq`` once, nobody deadlocks."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import pytest

from tests.sql.configuring import Configuration, small_world

WORKERS = 8


@pytest.fixture
def world(connection) -> Configuration:
    return small_world(connection)


def race(url: str, act: Callable[[Configuration, int], Any]) -> list[Any]:
    """What ``act`` returned on eight connections that began together; an error of ours is its state."""
    start = Barrier(WORKERS)

    def run(number: int) -> Any:
        with psycopg.connect(url, autocommit=True) as connection:
            mine = Configuration(connection)
            start.wait()
            try:
                return act(mine, number)
            except psycopg.DatabaseError as error:
                if error.sqlstate is None or not error.sqlstate.startswith("UC"):
                    raise
                return error.sqlstate

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(run, range(WORKERS)))


def test_one_customer_made_by_many(world, database_url) -> None:
    made = race(
        database_url,
        lambda mine, _: Configuration(mine.connection, "new").change(
            "upsert_customer", wallets=[{"creditType": "general"}]
        ),
    )
    assert [each["seq"] for each in made] == ["1"] * WORKERS
    assert world.rows("SELECT seq, last_no FROM core.gate WHERE customer_id = 'new'") == [(1, 1)]
    Configuration(world.connection, "new").history_is_whole()


def test_one_entity_made_by_many(world, database_url) -> None:
    seq = world.seq
    race(database_url, lambda mine, _: mine.change("upsert_entity", entityId="x", type="user", name="X"))
    assert world.seq == seq + 1
    assert world.one("SELECT entity_count FROM core.gate") == 4
    assert world.one("SELECT count(*) FROM core.entity WHERE entity_id = 'x'") == 1
    world.history_is_whole()


def test_moves_against_each_other_make_no_cycle(world, database_url) -> None:
    """Everybody moves the next one below himself: without the gate the eight would close a ring."""
    for n in range(WORKERS):
        world.change("upsert_entity", entityId=f"n{n}", type="node")

    def move(mine: Configuration, n: int) -> Any:
        return mine.change("upsert_entity", entityId=f"n{(n + 1) % WORKERS}", parentId=f"n{n}")

    moved = race(database_url, move)
    assert moved.count("UC101") == 1  # whoever came last would have closed it
    assert world.rows("SELECT check_name FROM api.verify() WHERE offender IS NOT NULL") == []
    world.history_is_whole()


def test_one_key_grants_once(world, database_url) -> None:
    answers = race(
        database_url,
        lambda mine, _: mine.change(
            "grant_credits", idempotencyKey="k", entityId="ada", creditType="general", amount="5"
        ),
    )
    assert sorted(each.pop("replayed") for each in answers) == [False] + [True] * (WORKERS - 1)
    assert all(each == answers[0] for each in answers)
    assert world.rows("SELECT available FROM core.wallet") == [(5,)]


def test_one_key_raises_once(world, database_url) -> None:
    world.change("set_budget", budgetId="b", limit="1", measure="CREDITS", creditType="general", window="DAY")
    once = {"idempotencyKey": "k", "budgetId": "b", "amount": "5", "until": world.clock("1 hour")}
    answers = race(database_url, lambda mine, _: mine.change("raise_budget", **once, reason="race"))
    assert sorted(each.pop("replayed") for each in answers) == [False] + [True] * (WORKERS - 1)
    assert all(each == answers[0] for each in answers)
    assert world.one("SELECT raised FROM core.budget") == 5
    assert world.rows("SELECT check_name, offender FROM api.verify() WHERE offender IS NOT NULL") == []
    world.history_is_whole()


def test_changes_of_every_kind_stand_in_one_order(world, database_url) -> None:
    budget = {"measure": "CREDITS", "creditType": "general", "window": "DAY"}
    world.change("set_budget", budgetId="b", limit="1", **budget)
    until = world.clock("1 hour")

    def act(mine: Configuration, n: int) -> None:
        for turn in range(5):
            mine.change(
                "upsert_entity", entityId=f"e{n}.{turn}", type="user", wallets=[{"creditType": "promo"}]
            )
            mine.change("grant_credits", idempotencyKey=f"{n}.{turn}", creditType="general", amount="1")
            mine.change("set_budget", budgetId="b", limit=str(n * 10 + turn + 2))
            once = {"idempotencyKey": f"r{n}.{turn}", "budgetId": "b", "amount": "1", "until": until}
            mine.change("raise_budget", **once, reason="race")
            mine.suspend("ada", suspended=(n + turn) % 2 == 0)

    race(database_url, act)
    assert world.one("SELECT raised FROM core.budget") == 5 * WORKERS
    assert world.one("SELECT available FROM core.wallet WHERE credit_type = 'general'") == 5 * WORKERS
    assert world.rows("SELECT check_name, offender FROM api.verify() WHERE offender IS NOT NULL") == []
    world.history_is_whole()


def test_what_is_due_is_booked_once(world, database_url) -> None:
    for n in range(40):
        world.change(
            "grant_credits",
            idempotencyKey=f"{n}",
            creditType="general",
            amount="1",
            expiresAt=world.clock(f"{n + 1} min"),
        )
    world.advance("1 hour")
    seq = world.seq

    def act(mine: Configuration, n: int) -> None:
        if n % 2:
            mine.one("SELECT api.book_due(7)")
        else:
            mine.change("grant_credits", idempotencyKey=f"new {n}", creditType="general", amount="1")

    race(database_url, act)
    assert world.seq == seq + 40 + WORKERS // 2
    assert world.rows("SELECT available FROM core.wallet") == [(WORKERS // 2,)]
    assert world.rows("SELECT check_name, offender FROM api.verify() WHERE offender IS NOT NULL") == []
    world.history_is_whole()


def test_each_version_of_the_catalogue_is_one_change(world, database_url) -> None:
    before = world.catalog_version

    def act(mine: Configuration, n: int) -> None:
        rates = [{"creditType": "general", "quantity": "input", "amount": f"0.00{n + 1}"}]
        mine.catalog("set_rates", featureId="chat", rates=rates)
        mine.catalog("upsert_feature", featureId=f"f{n}", creditTypes=["general"])
        mine.catalog("upsert_feature", featureId="chat", step=str(n + 2))

    race(database_url, act)
    assert world.catalog_version == before + 3 * WORKERS
    versions = world.rows(
        "SELECT catalog_version FROM core.feature WHERE catalog_version > %s"
        " UNION ALL SELECT catalog_version FROM core.rate WHERE catalog_version > %s ORDER BY 1",
        before,
        before,
    )
    assert versions == [(before + n + 1,) for n in range(3 * WORKERS)]
