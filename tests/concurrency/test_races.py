"""Sixteen real connections race on one customer; afterwards ``verify`` must find nothing."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration

RACERS = 16


class Race:
    """A customer with a tree of two axes and a feature that costs one credit a unit."""

    def __init__(self, url: str, connection: psycopg.Connection) -> None:
        self.url = url
        self.world = world = Configuration(connection)
        world.catalog("upsert_credit_type", creditType="general")
        world.catalog(
            "upsert_feature",
            featureId="chat",
            quantities=["input"],
            dimensions=["model"],
            creditTypes=["general"],
        )
        world.catalog(
            "set_rates",
            featureId="chat",
            rates=[{"creditType": "general", "quantity": "input", "amount": "1"}],
        )
        world.change("upsert_customer")
        for team in ("red", "blue"):
            world.change("upsert_entity", entityId=team, type="team")
            world.change("upsert_entity", entityId=f"{team}-user", type="user", parentId=team)
            world.change("upsert_entity", entityId=f"{team}-agent", type="agent", parentId=f"{team}-user")
        world.change("upsert_entity", entityId="shared", type="agent")
        world.change("upsert_entity", entityId="product", type="product")

    def grant(self, amount: str, **more: Any) -> None:
        self.world.change(
            "grant_credits", idempotencyKey=str(uuid4()), creditType="general", amount=amount, **more
        )

    def budget(self, limit: str, **more: Any) -> None:
        shape = {"measure": "CREDITS", "creditType": "general", "window": "TOTAL"}
        self.world.change("set_budget", **(shape | {"budgetId": f"b{uuid4()}", "limit": limit} | more))

    def run(self, work: Callable[[psycopg.Connection, int], Any], racers: int = RACERS) -> list[Any]:
        """What each racer's work returns; all start together."""
        ready = threading.Barrier(racers)

        def one(number: int) -> Any:
            with psycopg.connect(self.url, autocommit=True) as connection:
                ready.wait(30)
                return work(connection, number)

        with ThreadPoolExecutor(racers) as pool:
            return list(pool.map(one, range(racers)))

    def verify(self) -> None:
        offenders = self.world.rows("SELECT * FROM api.verify() WHERE offender IS NOT NULL")
        assert offenders == []


def consume(connection: psycopg.Connection, *items: dict[str, Any], customer: str = "acme") -> list[tuple]:
    rows = connection.execute(
        "SELECT allowed, reason, replayed, seq FROM api.consume(%s, %s)", (customer, Jsonb(list(items)))
    )
    return rows.fetchall()


def ask(*entities: str, amount: str = "1", **more: Any) -> dict[str, Any]:
    """A request under a new key."""
    asked = {"idempotencyKey": str(uuid4()), "featureId": "chat", "entityIds": list(entities)}
    return asked | {"quantities": [{"name": "input", "amount": amount}]} | more


@pytest.fixture
def race(database_url: str, connection: psycopg.Connection) -> Iterator[Race]:
    made = Race(database_url, connection)
    yield made
    made.verify()


def reasons(answers: list[list[tuple]]) -> Counter[str | None]:
    return Counter(row[1] for rows in answers for row in rows)


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"entityId": "red"},
        {"entityId": "red-user"},
        {"entityId": "red-agent"},
        {"entityId": "product"},
        {"each": "agent"},
        {"entityId": "red", "each": "user"},
        {"each": "SESSION"},
        {"dimensions": {"model": "large"}},
        {"measure": "QUANTITY", "creditType": None, "featureId": "chat", "quantity": "input"},
        {"window": "DAY"},
    ],
    ids=str,
)
def test_a_cap_is_spent_exactly(race: Race, shape: dict[str, Any]) -> None:
    """Sixteen times eight want one credit each of fifty."""
    race.grant("1000")
    race.budget("50", **shape)
    item = {"dimensions": [{"key": "model", "value": "large"}], "sessionId": "s"}
    answers = race.run(
        lambda c, _: [row for _ in range(8) for row in consume(c, ask("red-agent", "product", **item))]
    )
    assert reasons(answers) == {None: 50, "BUDGET_EXCEEDED": 78}
    assert len({row[3] for rows in answers for row in rows if row[0]}) == 50


def test_credits_are_spent_exactly(race: Race) -> None:
    race.grant("20")
    race.grant("12", entityId="red")
    race.grant("9", kind="PROMOTIONAL")
    answers = race.run(lambda c, _: consume(c, *(ask("red-agent") for _ in range(4))))
    assert reasons(answers) == {None: 41, "INSUFFICIENT_CREDITS": 23}


def test_a_users_budget_below_a_teams(race: Race) -> None:
    race.grant("1000")
    race.budget("20", entityId="red-user")
    race.budget("30", entityId="red")
    answers = race.run(lambda c, n: consume(c, *(ask("red-agent" if n % 2 else "red") for _ in range(5))))
    assert sum(row[0] for rows in answers for row in rows) == 30
    [(used,)] = race.world.rows(  # nothing, when the team's other connections were all faster
        "SELECT coalesce(sum(used), 0) FROM core.counter JOIN core.budget USING (customer_id, budget_no)"
        " WHERE amount_limit = 20"
    )
    assert used <= 20


def test_an_agent_shared_by_two_teams_under_one_product_cap(race: Race) -> None:
    race.grant("1000")
    race.budget("25", entityId="product")
    race.budget("18", entityId="shared")
    answers = race.run(
        lambda c, n: consume(c, *(ask("shared", ("red", "blue")[n % 2], "product") for _ in range(3)))
    )
    assert reasons(answers) == {None: 18, "BUDGET_EXCEEDED": 30}


def test_first_requests_of_an_unknown_entity_make_it_once(race: Race) -> None:
    race.grant("1000")
    race.world.change(
        "upsert_customer", unknownEntity={"policy": "CREATE", "type": "user", "parentId": "red"}
    )
    answers = race.run(lambda c, _: consume(c, ask("newcomer")))
    assert reasons(answers) == {None: RACERS}
    assert race.world.rows("SELECT count(*) FROM core.entity WHERE entity_id = 'newcomer'") == [(1,)]


def test_duplicates_racing_are_one(race: Race) -> None:
    race.grant("1000")
    same = ask("red-agent", amount="7")
    answers = [rows[0] for rows in race.run(lambda c, _: consume(c, same))]
    assert len({row[3] for row in answers}) == 1
    assert sorted(row[2] for row in answers) == [False] + [True] * (RACERS - 1)
    [[spent]] = race.world.rows("SELECT sum(amount) FROM core.ledger_entry WHERE to_account = 'CONSUMED'")
    assert spent == 7


def test_one_key_with_two_requests_has_one_effect(race: Race) -> None:
    race.grant("1000")
    first, other = ask("red-agent", amount="7"), ask("red-agent", amount="8")
    other["idempotencyKey"] = first["idempotencyKey"]
    answers = race.run(lambda c, n: consume(c, (first, other)[n % 2]))
    assert reasons(answers) == {None: RACERS // 2, "IDEMPOTENCY_CONFLICT": RACERS // 2}
    [[spent]] = race.world.rows("SELECT sum(amount) FROM core.ledger_entry WHERE to_account = 'CONSUMED'")
    assert spent in (7, 8)


def test_a_grant_added_and_a_budget_lowered_meanwhile(race: Race) -> None:
    race.grant("30")
    race.budget("1000", budgetId="lowered")

    def work(connection: psycopg.Connection, number: int) -> list[tuple]:
        if number == 0:
            Configuration(connection).change(
                "grant_credits", idempotencyKey="late", creditType="general", amount="30"
            )
            return []
        if number == 1:
            Configuration(connection).change("set_budget", budgetId="lowered", limit="45")
            return []
        return [row for _ in range(6) for row in consume(connection, ask("blue-agent"))]

    allowed = sum(row[0] for rows in race.run(work) for row in rows)
    assert 30 <= allowed <= 60
    if allowed > 45:  # the budget came after
        assert race.world.rows("SELECT used > 45 FROM core.counter") == [(True,)]


def test_overlapping_batches_of_many_customers_never_deadlock(race: Race) -> None:
    customers = [f"customer-{number}" for number in range(12)]
    for customer in customers:
        own = Configuration(race.world.connection, customer)
        own.change("upsert_customer")
        own.change("grant_credits", idempotencyKey="g", creditType="general", amount="40")

    def work(connection: psycopg.Connection, number: int) -> int:
        mine = customers if number % 2 else customers[::-1]
        spent = 0
        for _ in range(4):
            items = [ask(customerId=customer) for customer in mine]
            rows = connection.execute(
                "SELECT allowed, deferred FROM api.consume_many(%s)", (Jsonb(items),)
            ).fetchall()
            for item, (allowed, deferred) in zip(items, rows, strict=True):
                if deferred:
                    allowed = consume(connection, item, customer=item["customerId"])[0][0]
                spent += allowed
        return spent

    assert sum(race.run(work)) == 12 * 40


def test_a_held_gate_stalls_its_own_customer_alone(race: Race, database_url: str) -> None:
    own = Configuration(race.world.connection, "free")
    own.change("upsert_customer")
    own.change("grant_credits", idempotencyKey="g", creditType="general", amount="40")
    race.grant("5")
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT FROM core.gate WHERE customer_id = 'acme' FOR NO KEY UPDATE")
        items = [ask(customerId="acme"), ask(customerId="free")]
        rows = race.world.rows("SELECT allowed, deferred FROM api.consume_many(%s)", Jsonb(items))
    assert rows == [(False, True), (True, False)]


def test_another_isolation_level_is_refused(race: Race, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.DatabaseError) as caught:
            consume(connection, ask())
        assert caught.value.sqlstate == "UC110"


def test_the_commit_is_durable_whatever_the_session_asked_for(race: Race, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("SET synchronous_commit = off")
        consume(connection, ask())
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
