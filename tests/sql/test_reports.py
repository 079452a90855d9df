"""What those see who read reports: balances now and then, grants and reservations, as the API tells them."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from controlplane.types import Role
from tests.conformance.replay import replay
from tests.conformance.sql_backend import SqlBackend, stop_clock
from tests.model.reversing import reversing
from tests.servers import ROLE_PREFIX
from tests.sql.configuring import Configuration, small_world
from tests.sql.granting import consume, grant, priced, reserve, step
from tests.sql.test_closing import close, month, next_month
from tests.sql.test_erase_entity import MARKS, zeldas
from tests.sql.test_lots import transfer

READERS = (Role.FINANCE, Role.AUDITOR, Role.ANALYST)
VIEWS = "SELECT relname::text FROM pg_class WHERE relnamespace = 'report'::regnamespace AND relkind = 'v'"


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    return priced(small_world(connection))


@contextmanager
def reading(world: Configuration, role: Role = Role.FINANCE) -> Iterator[None]:
    """As that role."""
    world.connection.execute(f"SET ROLE {ROLE_PREFIX}_{role.value}")  # type: ignore[arg-type]
    try:
        yield
    finally:
        world.connection.execute("RESET ROLE")


def by_view(world: Configuration, view: str) -> list[dict[str, Any]]:
    """The rows of the customer, with the names that the API has, and amounts as decimals."""
    rows = world.rows(
        f"SELECT to_jsonb(t)::text FROM report.{view} AS t WHERE customer_id = %s", world.customer_id
    )
    return [
        {re.sub("_(.)", lambda found: found[1].upper(), name): value for name, value in row.items()}
        for row in (json.loads(text, parse_float=Decimal) for (text,) in rows)
    ]


def by_api(world: Configuration, view: str) -> list[dict[str, Any]]:
    """The same as the API tells it."""
    read = {"balances": "read_wallets", "grants": "read_grants", "reservations": "read_reservations"}[view]
    rows = world.rows(f"SELECT row FROM api.{read}(%s, '{{}}', NULL, 1000) AS row", world.customer_id)
    return [row for (row,) in rows]


def told_alike(view: str, shown: dict[str, Any], told: dict[str, Any]) -> None:
    """Everything that both have; the view alone says for when."""
    alone = {"balances": {"seq", "asOf"}, "grants": {"entityId", "asOf"}, "reservations": set()}[view]
    assert set(shown) - set(told) == alone
    for name in set(shown) - alone:
        value, other = shown[name], told[name]
        is_amount = isinstance(value, int | Decimal) and isinstance(other, str)
        assert value == (Decimal(other) if is_amount else other), name


def of_types(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Reservations as the API has them: one of each, its amounts by credit type."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        credit_type = row.pop("creditType")
        amounts = {name: row.pop(name) for name in ("held", "settled", "shortfall")}
        whole = found.setdefault(row["reservationId"], row | {name: {} for name in amounts})
        for name, amount in amounts.items():
            if amount:
                whole[name] |= {credit_type: f"{amount.normalize():f}" if amount % 1 else str(int(amount))}
    return [
        row | {name: row[name] or None for name in ("held", "settled", "shortfall")} for row in found.values()
    ]


def all_is_told(world: Configuration, role: Role = Role.FINANCE) -> None:
    """The views say of this customer what the API does, at one instant; and their sums agree."""
    customer = world.customer_id
    with world.connection.transaction():
        for view, key in (("balances", "walletId"), ("grants", "grantId"), ("reservations", "reservationId")):
            with reading(world, role):
                shown = by_view(world, view)
            rows = of_types(shown) if view == "reservations" else shown
            told = {row[key]: row for row in by_api(world, view)}
            assert {row[key] for row in rows} == set(told)
            assert len(rows) == len(told)
            for row in rows:
                told_alike(view, row, told[row[key]])
        with reading(world, role):
            unequal = world.rows(
                """
                SELECT b.wallet_id, b.available, b.scheduled, g.active, g.scheduled
                FROM report.balances AS b
                LEFT JOIN (
                  SELECT wallet_id, sum(remaining) FILTER (WHERE status = 'ACTIVE') AS active,
                         sum(remaining) FILTER (WHERE status = 'SCHEDULED') AS scheduled
                  FROM report.grants WHERE customer_id = %s GROUP BY 1
                ) AS g USING (wallet_id)
                WHERE b.customer_id = %s
                  AND (b.available, b.scheduled) <> (coalesce(g.active, 0), coalesce(g.scheduled, 0))
                """,
                *(2 * [customer]),
            )
            held = [
                world.rows(
                    f"SELECT credit_type, sum(held) FROM report.{view} WHERE customer_id = %s AND held > 0"
                    " GROUP BY 1 ORDER BY 1",
                    customer,
                )
                for view in ("balances", "reservations")
            ]
    assert unequal == []
    assert held[0] == held[1]


@pytest.mark.parametrize("role", READERS)
def test_what_time_has_brought_counts(world: Configuration, role: Role) -> None:
    """Grants begin, repay and end, holds run out, and nobody has booked it."""
    world.change("upsert_entity", entityId="bob", wallets=[{"creditType": "general", "overdraftLimit": "9"}])
    grant(world, "10", expiresAt=world.clock("2 hours"), costBasis="0.5", currency="EUR")
    grant(world, "7", effectiveAt=world.clock("1 hour"))
    grant(world, "4", entityId="bob", effectiveAt=world.clock("1 hour"))
    grant(world, "4", pendingPayment=True)
    transfer(world, "3", None, "ada")
    reserve(world, "2", ttl=600)
    kept = reserve(world, "1", "ada", ttl=60_000)
    step(world, "settle", kept, quantities=[{"name": "input", "amount": "0.25"}], final=False)
    all_is_told(world, role)
    for wait in ("20 minutes", "1 hour", "1 hour"):
        world.advance(wait)
        all_is_told(world, role)
    with reading(world, role):
        shown = dict(world.rows("SELECT wallet_id, trim_scale(available) FROM report.balances"))
        assert shown == {"customer:general": 7, "ada:general": 0, "bob:general": 4}
        assert world.rows("SELECT state, count(*) FROM report.reservations GROUP BY 1 ORDER BY 1") == [
            ("EXPIRED", 1),
            ("HELD", 1),
        ]
        assert world.one("SELECT count(*) FROM report.grants WHERE status = 'EXPIRED'") == 2
    world.one("SELECT api.book_due(100)")
    all_is_told(world, role)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens(connection: psycopg.Connection, seed: int) -> None:
    """Histories of every kind, looked at every few operations, with whatever is due."""
    stop_clock(connection)
    backend = SqlBackend(connection)
    for place, _ in enumerate(replay(backend, reversing(seed, 60))):
        if place % 12 == 0:
            all_is_told(Configuration(connection, backend._customer))
    world = Configuration(connection, backend._customer)
    all_is_told(world)
    assert all(by_view(world, view) for view in ("balances", "grants"))


@pytest.mark.parametrize("role", READERS)
def test_past_balances(world: Configuration, role: Role) -> None:
    grant(world, "10", expiresAt=world.clock("1 hour"))
    consume(world, "1")
    seq, then = world.seq, world.clock("1 hour")
    transfer(world, "3", None, "ada")
    world.advance("2 hours")
    for point in ({"seq": seq}, {"recordedAt": world.clock()}, {"effectiveAt": then}):
        told = world.one("SELECT api.balances_at('acme', %s)", Jsonb(point))
        with reading(world, role):
            shown = world.rows(
                "SELECT wallet_id, trim_scale(available)::text, trim_scale(settled)::text,"
                " seq::text, is_final FROM report.balances_at('acme', %s)",
                Jsonb(point),
            )
        assert shown == [
            (each["walletId"], each["available"], each["settled"], told["seq"], told["isFinal"])
            for each in told["wallets"]
        ]
    assert [row[4] for row in shown] == [False, False]
    with reading(world, role), pytest.raises(psycopg.DatabaseError) as refused:
        world.rows("SELECT * FROM report.balances_at('acme', '{\"seq\": 1000}')")
    assert refused.value.sqlstate == "UC101"


def test_all_wallets_of_the_past_are_shown(world: Configuration) -> None:
    """The API shows a thousand; who reads reports adds them up."""
    world.connection.execute(
        "INSERT INTO core.entity (customer_id, entity_no, entity_id, entity_type, parent_no, path,"
        " path_types, created_at) SELECT 'acme', 1000 + n, 'e' || n, 'user', 0, ARRAY[1000 + n, 0],"
        " '{user,customer}', core.clock() FROM generate_series(1, 1010) AS n"
    )
    world.connection.execute(
        "INSERT INTO core.wallet (customer_id, wallet_no, wallet_id, entity_no, credit_type, created_at)"
        " SELECT 'acme', 5000 + n, 'e' || n, 1000 + n, 'general', core.clock()"
        " FROM generate_series(1, 1010) AS n"
    )
    with reading(world):
        point = Jsonb({"seq": world.one("SELECT max(seq) FROM report.balances")})
        assert world.one("SELECT count(*) FROM report.balances_at('acme', %s)", point) == 1010


@pytest.mark.parametrize("role", [Role.APP, Role.WORKER, Role.TENANT, Role.QUERY])
def test_nobody_else_reads_them(world: Configuration, role: Role) -> None:
    for asked in (
        "SELECT FROM report.balances",
        "SELECT FROM report.grants",
        "SELECT FROM report.reservations",
        "SELECT * FROM report.balances_at('acme', '{\"seq\": 1}')",
        "SELECT core.report_clock()",
    ):
        with reading(world, role), pytest.raises(psycopg.errors.InsufficientPrivilege):
            world.rows(asked)


@pytest.mark.parametrize("role", READERS)
def test_nobody_is_found_who_was_erased(connection: psycopg.Connection, role: Role) -> None:
    """In any view, nor in past balances."""
    world = zeldas(connection)
    world.change("erase_entity", entityId="zelda")
    with reading(world, role):
        past = "SELECT row::text FROM report.balances_at('acme', '{\"seq\": 1}') AS row"
        rows = world.rows(past) + [
            row
            for (view,) in world.rows(VIEWS)
            for row in world.rows(f"SELECT t::text FROM report.{view} AS t")
        ]
        assert sum("erased:" in text for (text,) in rows) > 5
        assert not any(mark in text.lower() for (text,) in rows for mark in MARKS)


def test_a_months_books_have_what_was_booked_when_it_was_closed(world: Configuration) -> None:
    """Breakage of last month, of which nobody heard before the closing."""
    last = month(world)
    ends = world.one("SELECT (date_trunc('month', core.clock(), 'UTC') + interval '1 month - 1 hour')::text")
    lot = grant(world, "3", costBasis="1", currency="EUR", expiresAt=ends.replace(" ", "T") + ":00")
    next_month(world)
    close(world, last)
    books = (
        "SELECT money_account, trim_scale(sum(money_credit - money_debit)) FROM report.ledger_legs"
        " WHERE grant_id = %s AND {} = %s GROUP BY 1 ORDER BY 1"
    )
    with reading(world):
        assert world.rows(books.format("effective_month"), lot, last) == [
            ("BILLED", -3),
            ("BREAKAGE", 3),
            ("DEFERRED_REVENUE", 0),
        ]
        assert world.rows(books.format("month"), lot, last) == [("BILLED", -3), ("DEFERRED_REVENUE", 3)]
        assert world.rows("SELECT kind, month = effective_month FROM report.ledger ORDER BY seq") == [
            ("GRANT", True),
            ("GRANT_EXPIRED", False),
        ]
