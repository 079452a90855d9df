"""``report.ledger``: what people read of each movement, and its money to the last cent, by hand."""

import random
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from controlplane.types import Role
from tests.sql.configuring import Configuration, small_world
from tests.sql.test_openings import opened

D = Decimal
THIRD = "0.333333333"


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    world = small_world(connection)
    world.catalog(
        "set_rates", featureId="chat", rates=[{"creditType": "general", "quantity": "input", "amount": "1"}]
    )
    return world


def grant(
    world: Configuration, amount: str, cost: str | None = None, currency: str = "EUR", **more: Any
) -> str:
    priced = {} if cost is None else {"costBasis": cost, "currency": currency}
    given = {"idempotencyKey": f"g{world.seq}", "creditType": "general", "amount": amount, **priced, **more}
    return str(world.change("grant_credits", **given)["grantId"])


def consume(world: Configuration, *amounts: str, **more: Any) -> None:
    """One operation for each amount."""
    items = [
        {
            "idempotencyKey": f"c{world.seq}-{n}",
            "featureId": "chat",
            "quantities": [{"name": "input", "amount": amount}],
            **more,
        }
        for n, amount in enumerate(amounts)
    ]
    answers = world.rows("SELECT allowed FROM api.consume(%s, %s)", world.customer_id, Jsonb(items))
    assert answers == len(items) * [(True,)]


def money(world: Configuration, grant_id: str) -> list[tuple[str, Decimal]]:
    return world.rows(
        "SELECT kind, money FROM report.ledger"
        " WHERE customer_id = 'acme' AND grant_id = %s ORDER BY seq, leg",
        grant_id,
    )


def test_thirds_of_a_euro(world: Configuration) -> None:
    """Three credits for one euro: 0.33, 0.67 and 1.00 have gone, so the second costs a cent more."""
    lot = grant(world, "3", THIRD)
    consume(world, "1", "1", "1")
    assert money(world, lot) == [
        ("GRANT", D("1.00")),
        ("CONSUME", D("0.33")),
        ("CONSUME", D("0.34")),
        ("CONSUME", D("0.33")),
    ]


def test_the_last_unit_takes_the_residue(world: Configuration) -> None:
    """Seven credits at 14.2857142 cents are one euro; six are 85.71…, so the seventh takes 14.29 of 100."""
    lot = grant(world, "7", "0.142857142")
    consume(world, "6", "1")
    assert money(world, lot)[1:] == [("CONSUME", D("0.86")), ("CONSUME", D("0.14"))]
    lot = grant(world, "7", "0.142857142")
    consume(world, *(7 * ["1"]))
    cents = [D("0.14"), D("0.15"), D("0.14"), D("0.14"), D("0.14"), D("0.15"), D("0.14")]
    assert [each for _, each in money(world, lot)[1:]] == cents
    assert sum(cents) == 1


def test_less_than_a_cent_at_a_time(world: Configuration) -> None:
    """A tenth of a cent each: the fifth is the first to round up, and then every tenth."""
    lot = grant(world, "30", "0.001")
    consume(world, *(30 * ["1"]))
    went = [each for _, each in money(world, lot)[1:]]
    assert [n + 1 for n, each in enumerate(went) if each] == [5, 15, 25]
    assert (sum(went), set(went)) == (D("0.03"), {D("0.00"), D("0.01")})


@pytest.mark.parametrize(("currency", "total"), [("JPY", "100"), ("EUR", "100.00"), ("KWD", "100.000")])
def test_each_currency_has_its_smallest_unit(world: Configuration, currency: str, total: str) -> None:
    lot = grant(world, "300", THIRD, currency)
    consume(world, "100", "200")
    first, second, third = [each for _, each in money(world, lot)]
    assert str(first) == total
    assert second + third == first
    assert second.as_tuple().exponent == D(total).as_tuple().exponent


def test_what_expires_and_what_repays(world: Configuration) -> None:
    """Breakage takes the rest of a lot; what was owed is recognised when a lot repays it, and not before."""
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "5"}])
    consume(world, "2", overage="OVERDRAFT")
    consume(world, "9", overage="RECORD")
    lot = grant(world, "7", THIRD, expiresAt=world.clock("1 hour"))  # 3 + 2 are owed
    consume(world, "1")
    world.advance("2 hours")
    world.one("SELECT api.book_due(10)")
    assert money(world, lot) == [
        ("GRANT", D("2.33")),
        ("OVERDRAFT_REPAID", D("1.67")),
        ("CONSUME", D("0.33")),
        ("GRANT_EXPIRED", D("0.33")),
    ]
    unpaid = (
        "SELECT from_account, money, currency FROM report.ledger WHERE grant_id IS NULL ORDER BY seq, leg"
    )
    assert world.rows(unpaid) == [("OWED", None, None), ("OWED", None, None), ("SHORTFALL", None, None)]
    stands = """
        SELECT money_account, sum(money_credit - money_debit) FROM report.ledger_legs
        WHERE money_debit IS NOT NULL GROUP BY 1 ORDER BY 1
    """
    assert world.rows(stands) == [
        ("BILLED", D("-2.33")),
        ("BREAKAGE", D("0.33")),
        ("DEFERRED_REVENUE", D("0.00")),
        ("RECOGNISED_REVENUE", D("2.00")),
    ]


def test_what_takes_effect_later_moves_no_money(world: Configuration) -> None:
    lot = grant(world, "3", THIRD, effectiveAt=world.clock("1 hour"))
    world.advance("2 hours")
    consume(world, "3")
    assert money(world, lot) == [("GRANT", D("1.00")), ("GRANT_EFFECTIVE", D("0.00")), ("CONSUME", D("1.00"))]


def test_without_a_cost_basis_there_is_no_money(world: Configuration) -> None:
    lot = grant(world, "3")
    consume(world, "3")
    assert money(world, lot) == [("GRANT", None), ("CONSUME", None)]


@pytest.mark.parametrize("seed", range(4))
def test_lots_close_to_exactly_zero(world: Configuration, seed: int) -> None:
    """Lots of any cost, spent in any steps through several months, some opened and some not."""
    chance = random.Random(seed)
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "50"}])
    lots: dict[str, Decimal] = {}
    for _ in range(4):
        for _ in range(chance.randint(1, 3)):
            amount = D(chance.randint(1, 4_000_000)) / 1_000_000 * chance.choice([1, 100])
            cost = D(chance.randint(0, 10**9)) / 10**9 * chance.choice([1, 1, 20])
            ends = chance.choice([{}, {"expiresAt": world.clock("40 days")}])
            begins = chance.choice([{}, {"effectiveAt": world.clock("3 days")}])
            lot = grant(
                world, f"{amount:f}", f"{cost:f}", chance.choice(["EUR", "JPY", "KWD"]), **ends, **begins
            )
            lots[lot] = amount
        for _ in range(chance.randint(1, 12)):
            consume(world, f"{D(chance.randint(1, 9_000_000)) / 1_000_000:f}", overage="RECORD")
        world.advance(chance.choice(["2 days", "20 days", "40 days"]))
        if chance.random() < 0.5:
            opened(world)
    world.advance("5 days")
    consume(world, "100000", overage="RECORD")
    stands = dict(
        world.rows(
            "SELECT grant_id, sum(CASE WHEN from_account = 'ISSUED' THEN money ELSE -money END)"
            " FROM report.ledger WHERE grant_id IS NOT NULL AND kind <> 'GRANT_EFFECTIVE' GROUP BY 1"
        )
    )
    assert set(stands) == set(lots)
    assert set(stands.values()) == {0}
    legs = "SELECT sum(units_debit - units_credit), sum(money_debit - money_credit) FROM report.ledger_legs"
    assert world.rows(legs) == [(0, 0)]
    # The same by month as by customer, whatever was opened: what a filter leaves out changes nothing.
    whole = world.rows("SELECT seq, leg, money FROM report.ledger ORDER BY seq, leg")
    by_month = [
        row
        for (month,) in world.rows("SELECT DISTINCT month FROM report.ledger ORDER BY 1")
        for row in world.rows(
            "SELECT seq, leg, money FROM report.ledger"
            " WHERE customer_id = 'acme' AND month = %s ORDER BY seq, leg",
            month,
        )
    ]
    assert whole == by_month == plain_money(world)


def plain_money(world: Configuration) -> list[tuple[int, int, Decimal | None]]:
    """The rule once more, walking the ledger from its beginning."""
    digits = {"EUR": 2, "JPY": 0, "KWD": 3}
    gone: dict[int, Decimal] = {}
    found = []
    for seq, leg, number, source, target, amount, cost, currency in world.rows(
        "SELECT e.seq, e.leg, e.grant_no, e.from_account::text, e.to_account::text,"
        " e.amount, g.cost_basis, g.currency"
        " FROM core.ledger_entry AS e LEFT JOIN core.credit_grant AS g USING (customer_id, grant_no)"
        " ORDER BY e.seq, e.leg"
    ):
        if cost is None:
            found.append((seq, leg, None))
            continue
        unit = D(1).scaleb(-digits[currency])
        before = gone.get(number, D(0))
        after = before + (amount if target in ("CONSUMED", "EXPIRED", "OWED") else 0)
        gone[number] = after
        ends = [(cost * each).quantize(unit, "ROUND_HALF_UP") for each in (before, after)]
        whole = (cost * amount).quantize(unit, "ROUND_HALF_UP")
        found.append((seq, leg, whole if source == "ISSUED" else ends[1] - ends[0]))
    return found


def test_who_and_on_what_ground(world: Configuration) -> None:
    grant(world, "3", source="invoice 7", entityId="ada")
    grant(world, "3", expiresAt=world.clock("1 hour"))
    consume(world, "1", entityIds=["ada"])
    consume(world, "1")
    world.advance("2 hours")
    world.one("SELECT api.book_due(10)")
    seq = world.seq - 4
    assert world.rows(
        "SELECT seq - %s, kind, actor, source, entity_id, from_wallet_id, credit_type, grant_id"
        " FROM report.ledger ORDER BY seq",
        seq,
    ) == [
        (0, "GRANT", "test", "invoice 7", "ada", "ada:general", "general", str(seq)),
        (1, "GRANT", "test", None, None, "customer:general", "general", str(seq + 1)),
        (2, "CONSUME", "entity:ada", f"usage:{seq + 2}", "ada", "ada:general", "general", str(seq)),
        (3, "CONSUME", "customer", f"usage:{seq + 3}", None, "customer:general", "general", str(seq + 1)),
        (4, "GRANT_EXPIRED", "clock", f"grant:{seq + 1}", None, "customer:general", "general", str(seq + 1)),
    ]


def test_times(world: Configuration) -> None:
    """Recorded now; a due event took effect before, recorded usage had happened before."""
    grant(world, "3", expiresAt=world.clock("1 hour"))
    then = world.clock()
    world.advance("1 minute")
    consume(world, "1", overage="RECORD", occurredAt=then)
    world.advance("2 hours")
    world.one("SELECT api.book_due(10)")
    assert world.rows(
        "SELECT kind, effective_at < recorded_at, occurred_at < recorded_at,"
        " month = date_trunc('month', recorded_at AT TIME ZONE 'UTC')::date FROM report.ledger ORDER BY seq"
    ) == [("GRANT", False, False, True), ("CONSUME", False, True, True), ("GRANT_EXPIRED", True, False, True)]


def test_legs(world: Configuration) -> None:
    grant(world, "3", "1")
    consume(world, "1")
    assert world.rows(
        "SELECT kind, side, account, money_account, trim_scale(units_debit), trim_scale(units_credit),"
        " trim_scale(balance_after), money_debit, money_credit"
        " FROM report.ledger_legs ORDER BY seq, side DESC"
    ) == [
        ("GRANT", "DEBIT", "ISSUED", "BILLED", 3, 0, None, 3, 0),
        ("GRANT", "CREDIT", "AVAILABLE", "DEFERRED_REVENUE", 0, 3, 3, 0, 3),
        ("CONSUME", "DEBIT", "AVAILABLE", "DEFERRED_REVENUE", 1, 0, 2, 1, 0),
        ("CONSUME", "CREDIT", "CONSUMED", "RECOGNISED_REVENUE", 0, 1, None, 0, 1),
    ]


def test_the_chart_is_complete(world: Configuration) -> None:
    """Every account and kind that there is stands in it once; every account it names exists."""
    accounts = world.rows("SELECT unnest(enum_range(NULL::core.account))::text")
    assert world.rows("SELECT account FROM report.chart_of_accounts") == accounts
    kinds = world.rows("SELECT unnest(enum_range(NULL::core.entry_kind))::text ORDER BY 1")
    assert world.rows("SELECT kind FROM report.entry_kinds ORDER BY 1") == kinds
    named = world.rows("SELECT unnest(from_accounts || to_accounts) FROM report.entry_kinds")
    assert set(named) <= set(accounts)
    bounded = world.rows("SELECT lower(account) FROM report.chart_of_accounts WHERE is_bounded")
    columns = world.rows(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = 'core.wallet'::regclass"
        " AND atttypid = 'numeric'::regtype AND attname <> 'overdraft_limit' ORDER BY attnum"
    )
    assert bounded == columns


def test_every_column_is_described(world: Configuration) -> None:
    assert (
        world.rows(
            "SELECT attrelid::regclass::text, attname FROM pg_attribute AS a"
            " JOIN pg_class AS c ON c.oid = a.attrelid AND c.relnamespace = 'report'::regnamespace"
            " WHERE attnum > 0 AND col_description(attrelid, attnum) IS NULL"
        )
        == []
    )


@pytest.mark.parametrize("role", [Role.ANALYST, Role.FINANCE, Role.AUDITOR])
def test_people_read_them(world: Configuration, login_url: Any, role: Role) -> None:
    grant(world, "3", "1")
    with psycopg.connect(login_url(role)) as reader:
        for view, rows in (("ledger", 1), ("ledger_legs", 2), ("chart_of_accounts", 11)):
            assert len(reader.execute(f"SELECT * FROM report.{view}").fetchall()) == rows  # type: ignore[arg-type]
        assert reader.execute("SELECT count(*) FROM report.entry_kinds, report.currencies").fetchone() != (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("SELECT FROM core.ledger_entry")


def test_parts_of_a_lot_close_together(world: Configuration) -> None:
    """A third of a euro's three credits moves to another wallet, after a first was spent: 0.33 go along."""
    lot = grant(world, "3", THIRD)
    consume(world, "1")
    part = grant(world, "1", THIRD, entityId="ada")
    # As if that were a part of the first, by what its first entry says.
    world.connection.execute("SET session_replication_role = replica")
    world.connection.execute(
        "UPDATE core.ledger_entry SET from_account = 'AVAILABLE', grant_no = %s, from_balance_after = 1,"
        " from_wallet_no = (SELECT wallet_no FROM core.credit_grant WHERE grant_no = %s) WHERE seq = %s",
        (lot, lot, part),
    )
    world.connection.execute(
        "UPDATE core.credit_grant SET lot_offset = 2, from_grant_no = %s WHERE grant_no = %s", (lot, part)
    )
    world.connection.execute("UPDATE core.credit_grant SET remaining = 1 WHERE grant_no = %s", (lot,))
    world.connection.execute("UPDATE core.wallet SET available = 1 WHERE wallet_id = 'customer:general'")
    world.connection.execute("SET session_replication_role = origin")
    consume(world, "1", entityIds=["ada"])
    consume(world, "1")
    assert [each for _, each in money(world, lot)] == [D("1.00"), D("0.33"), D("0.33"), D("0.34")]
    assert [each for _, each in money(world, part)] == [D("0.33")]
    stands = "SELECT sum(money_credit - money_debit) FROM report.ledger_legs WHERE money_account = %s"
    assert world.one(stands, "DEFERRED_REVENUE") == 0
    assert world.one(stands, "RECOGNISED_REVENUE") == 1
