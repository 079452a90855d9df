"""Rows as inputs: what cells become, what a grant is known by, parents before children, and exact sums."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import pytest

from controlplane.db.importing import Verdict
from controlplane.importing.batches import MOST, alone, batches
from controlplane.importing.columns import BALANCES, CUSTOMERS, ENTITIES, Kind
from controlplane.importing.order import levels
from controlplane.importing.records import Record
from controlplane.importing.rows import BadRow, Read, Row, goes_in_circles, read_rows
from controlplane.importing.spool import Spool
from controlplane.importing.tally import Tally
from controlplane.importing.written import json_of

GRANT = {"customerId": "acme", "creditType": "general", "amount": "10"}


@dataclass
class Found(Read):
    """All that was read, too."""

    rows: list[Row] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)


def read(kind: Kind, *cells: Mapping[str, Any]) -> Found:
    found = Found()
    records = [Record(line, each) for line, each in enumerate(cells, start=2)]
    with Spool() as spool:
        for each in read_rows(records, kind, spool, found):
            if isinstance(each, Row):
                found.rows.append(each)
            else:
                found.bad.append(each)
    return found


def given(kind: Kind, /, **cells: Any) -> Any:
    """The one input that a row becomes."""
    found = read(kind, {"customerId": "acme", **cells})
    assert not found.bad, found.bad
    [row] = found.rows
    made = json.loads(row.given)
    assert made.pop("customerId") == "acme"
    return made


def codes(found: Read) -> list[tuple[int, set[tuple[str, str]]]]:
    return [(bad.line, {(fault.field, fault.code) for fault in bad.faults}) for bad in found.bad]


def test_what_cells_become() -> None:
    assert given(
        CUSTOMERS,
        **{
            "name": "Acme",
            "observe": "TRUE",
            "suspended": "f",
            "unknownEntity.policy": "create",
            "unknownEntity.type": "user",
            "unknownEntity.max": "5",
            "metadata.region": "eu",
            "metadata.a.b": "c",
            "overdraftLimit.general": "10.5",
        },
    ) == {
        "name": "Acme",
        "observe": True,
        "suspended": False,
        "unknownEntity": {"policy": "CREATE", "type": "user", "max": "5"},
        "metadata": {"region": "eu", "a.b": "c"},
        "wallets": [{"creditType": "general", "overdraftLimit": "10.5"}],
    }
    assert given(ENTITIES, entityId="ada", metadata='{"n": 1.5}') == {
        "entityId": "ada",
        "metadata": {"n": 1.5},
    }
    made = given(
        BALANCES, creditType="general", amount="1", kind="paid", features="chat; image,x", reference="r"
    )
    assert (made["kind"], made["features"], made["idempotencyKey"]) == ("PAID", ["chat", "image", "x"], "r")
    assert "reference" not in made


def test_json_lines_may_nest_and_count() -> None:
    cells = json_of(
        '{"name": null, "observe": true, "unknownEntity": {"policy": "DENY"},'
        ' "overdraftLimit": {"general": 10.50}, "metadata": {"seats": 5, "share": 0.1, "tags": ["a"]}}'
    )
    assert given(CUSTOMERS, **cells) == {
        "name": None,
        "observe": True,
        "unknownEntity": {"policy": "DENY"},
        "wallets": [{"creditType": "general", "overdraftLimit": "10.50"}],
        "metadata": {"seats": 5, "share": 0.1, "tags": ["a"]},
    }
    cells = json_of('{"entityId": 17, "parentId": null}')
    assert given(ENTITIES, **cells) == {"entityId": "17", "parentId": None}


@pytest.mark.parametrize("written", ["0.0000001", "12345678901234567890.123456789", "1e3", "1E-7", "0.10"])
def test_numbers_of_json_are_taken_as_they_are_written(written: str) -> None:
    """No float on the way: what is exact stays so, and an exponent is seen by the database."""
    cells = json_of(f'{{"creditType": "general", "amount": {written}, "reference": "r"}}')
    assert given(BALANCES, **cells)["amount"] == written


def test_what_is_wrong_with_a_row() -> None:
    found = read(
        CUSTOMERS,
        {"customerId": "a", "observe": "maybe", "metadata": "[1"},
        {"customerId": "a", "colour": "red"},
        {"name": "nobody"},
        {"customerId": ["a"]},
        {"customerId": "a\0"},
        {"customerId": "a", "name": "\ud800"},
        {"customerId": "a", "metadata": '{"x": NaN}'},
        {"customerId": "a"},
        {"customerId": "a", "name": "again"},
    )
    assert codes(found) == [
        (2, {("observe", "WRONG_TYPE"), ("metadata", "WRONG_TYPE")}),
        (3, {("colour", "UNKNOWN_COLUMN")}),
        (4, {("customerId", "REQUIRED")}),
        (5, {("customerId", "WRONG_TYPE")}),
        (6, {("customerId", "NOT_STORABLE")}),
        (7, {("name", "NOT_STORABLE")}),
        (8, {("metadata", "WRONG_TYPE")}),
        (10, {("customerId", "DUPLICATE")}),
    ]
    assert "line 9" in found.bad[-1].faults[0].message
    assert (found.count, len(found.rows)) == (9, 1)


def test_the_same_reference_or_entity_is_one_of_its_customer() -> None:
    row = {**GRANT, "reference": "r"}
    found = read(BALANCES, row, row, {**row, "customerId": "globex"}, {**row, "amount": "11"})
    assert codes(found) == [(3, {("reference", "DUPLICATE")}), (5, {("reference", "DUPLICATE")})]
    entity = {"customerId": "acme", "entityId": "ada", "type": "user"}
    found = read(ENTITIES, entity, {**entity, "customerId": "globex"}, {**entity, "name": "Ada"})
    assert codes(found) == [(4, {("entityId", "DUPLICATE")})]


def key(**cells: Any) -> str:
    return str(given(BALANCES, **{**GRANT, **cells})["idempotencyKey"])


def test_a_grant_without_a_reference_is_known_by_what_it_is() -> None:
    assert key() == key(kind="paid") == key(amount="11") == key(costBasis="1", currency="USD", priority="3")
    assert key().startswith("import:")
    others = [
        key(entityId="ada"),
        key(creditType="promo"),
        key(kind="PROMOTIONAL"),
        key(source="x"),
        key(effectiveAt="2030-01-01T00:00:00Z"),
        key(expiresAt="2030-01-01T00:00:00Z"),
    ]
    assert len({key(), *others}) == 7
    assert key(expiresAt="2030-01-01T00:00:00Z") == key(expiresAt="2030-01-01 02:00:00+02:00")
    found = read(BALANCES, GRANT, {**GRANT, "amount": "11"}, {**GRANT, "amount": "11", "reference": "r"})
    assert codes(found) == [(3, {("reference", "DUPLICATE")})]
    assert found.unreferenced == 2


def entities(**parents: str | None) -> list[Row]:
    return [
        Row(line, "acme", "{}", name, parent) for line, (name, parent) in enumerate(parents.items(), start=2)
    ]


@contextmanager
def spooled(rows: Iterable[Row]) -> Iterator[tuple[Spool, list[BadRow]]]:
    """The rows in their order, and those that go in circles."""
    with Spool() as spool:
        for row in rows:
            assert spool.add(row, row.entity or None) is None
        yield spool, [goes_in_circles(row, circle) for row, circle in spool.arrange()]


def ordered(spool: Spool) -> list[Row]:
    return [row for calls in batches(spool, dry_run=False) for batch in calls for row in batch.rows]


def test_parents_come_first_whatever_the_order() -> None:
    chance = random.Random(5)
    for number in range(50):
        names = [f"e{number}" for number in range(chance.choice([40, 200]))]
        rows = [
            Row(
                line,
                f"c{number}",
                f"{{{line}}}",
                name,
                names[chance.randrange(line)] if line and chance.random() < 0.9 else None,
            )
            for line, name in enumerate(names)
        ]
        chance.shuffle(rows)
        with spooled(rows) as (spool, bad):
            assert not bad
            found = ordered(spool)
        assert sorted(found, key=lambda row: row.line) == sorted(rows, key=lambda row: row.line)
        place = {row.entity: number for number, row in enumerate(found)}
        assert all(row.parent is None or place[row.parent] < place[row.entity] for row in rows)


def test_levels_by_hand() -> None:
    found, circles = levels([9, 0, 1, 2, 1, 6, 5, 5, 8, 7])
    assert list(found[1:]) == [1, 2, 3, 2, -2, -2, 1, -2, 2]
    assert circles == [[5, 6], [8]]


def test_circles_are_named_and_leave_the_others() -> None:
    rows = entities(below="a", a="b", b="c", c="a", alone=None, own="own", far="elsewhere")
    with spooled(rows) as (spool, bad):
        assert [row.entity for row in ordered(spool)] == ["below", "alone", "far"]
    assert {each.line: each.faults[0].message for each in bad} == {
        3: "stands below itself: a → b → c → a",
        4: "stands below itself: a → b → c → a",
        5: "stands below itself: a → b → c → a",
        7: "stands below itself: own → own",
    }
    assert {each.faults[0].code for each in bad} == {"CYCLE"}
    many = {f"n{number}": f"n{(number + 1) % 5000}" for number in range(5000)}
    with spooled(entities(**many)) as (spool, bad):
        assert (ordered(spool), len(bad)) == ([], 5000)
    assert all(len(each.faults[0].message) < 100 for each in bad)


def test_a_parent_of_another_customer_is_none_of_the_files() -> None:
    rows = [Row(2, "a", "{}", "below", "top"), Row(3, "b", "{}", "top", "below"), Row(4, "b", "{}", "below")]
    with spooled(rows) as (spool, bad):
        assert not bad
        assert [row.line for row in ordered(spool)] == [2, 4, 3]


def test_calls_are_small_and_a_dry_run_brings_what_is_above() -> None:
    rows = entities(**{"top": None, "team": "top", **{f"u{number}": "team" for number in range(2 * MOST)}})
    with spooled(reversed(rows)) as (spool, _):
        plain, dry = [
            [batch for calls in batches(spool, dry_run=dry_run) for batch in calls]
            for dry_run in (False, True)
        ]
    assert [row.entity for row in plain[0].rows[:2]] == ["top", "team"]
    assert [row for batch in plain for row in batch.rows] == [*rows[:2], *reversed(rows[2:])]
    assert all(len(batch.rows) <= MOST and not batch.above for batch in plain)
    assert [batch.rows for batch in dry] == [batch.rows for batch in plain]
    assert [[row.entity for row in batch.above] for batch in dry] == [[], ["top", "team"], ["top", "team"]]
    assert len(json.loads(dry[1].given)) == MOST + 2


def test_small_customers_share_a_call_and_none_is_in_two() -> None:
    customers = [
        [Row(0, f"c{number}", "{}") for _ in range(rows)]
        for number, rows in enumerate((1, 40, 130, 20, 2, 60, 1))
    ]
    with spooled(row for rows in zip_longest(*customers) for row in rows if row is not None) as (spool, _):
        series = [list(calls) for calls in batches(spool, dry_run=False)]
    assert [[len(batch.rows) for batch in calls] for calls in series] == [[60, 60, 10], [41], [22], [60], [1]]
    owners = [{row.customer for batch in calls for row in batch.rows} for calls in series]
    assert sorted(owner for each in owners for owner in each) == sorted(f"c{number}" for number in range(7))
    again = alone([row for rows in customers for row in rows[:2]])
    assert [[row.customer for row in batch.rows] for batch in again] == [
        [rows[0].customer] * len(rows[:2]) for rows in customers
    ]


def test_credits_and_places_come_back_as_they_went() -> None:
    rows = [
        Row(7, "ä\U0001f600", '{"a": "\\u0000"}', credits=("general", "0.10")),
        Row(9, "", "{}", "e", "p"),
    ]
    with Spool() as spool:
        assert [spool.add(row, str(row.line)) for row in rows] == [None, None]
        assert spool.add(rows[0], "9") is None
        assert (spool.add(rows[0], "7"), spool.add(rows[1], "9")) == (7, 9)
        assert [spool.add(rows[1], None) for _ in range(2)] == [None, None]
        assert list(spool.arrange()) == []
        assert [row.line for row in ordered(spool)] == [9, 9, 9, 7, 7]
        assert (spool.find(rows[0].customer, "7"), spool.find(rows[0].customer, "8")) == (rows[0], None)


def test_what_is_deferred_is_not_over() -> None:
    rows = [grant(2, "5"), grant(3, "6")]
    tally = Tally(counts_credits=True)
    for row in rows:
        tally.expect(row)
    deferred = tally.add(rows, [Verdict("DEFERRED"), Verdict("CREATED", granted=("general", Decimal(6)))])
    assert (deferred, tally.done, tally.not_sent, tally.is_tied) == (rows[:1], 1, {"general": 5}, True)


def grant(line: int, amount: str) -> Row:
    return Row(line, "acme", "{}", credits=("general", amount))


def test_totals_are_exact_and_tied() -> None:
    small, large = "0.000000001", "9" * 29
    rows = [grant(2, small), grant(3, large), grant(4, "5"), grant(5, "7")]
    tally = Tally(counts_credits=True)
    for row in rows:
        tally.expect(row)
    assert tally.is_tied  # all of it is not sent
    created = [
        Verdict("CREATED", granted=("general", Decimal(row.credits[1]))) for row in rows[:2] if row.credits
    ]
    refused = Verdict("REFUSED", [("idempotencyKey", "TOO_LONG", "is too long")])
    tally.add(rows[:3], [*created, refused])
    assert (tally.is_tied, tally.done) == (True, 3)
    assert tally.granted["general"] == Decimal(f"{large}.000000001")
    assert (tally.refused["general"], tally.not_sent["general"]) == (5, 7)
    assert tally.refusals.first[0].faults[0].field == "reference"
    tally.add(rows[3:], [Verdict("CREATED", granted=("general", Decimal("6.999999999")))])
    assert not tally.is_tied
    assert tally.difference == {"general": Decimal("0.000000001")}


def test_credits_that_are_not_on_the_ledger_are_a_difference() -> None:
    for granted in (None, ("promo", Decimal(5))):
        tally = Tally(counts_credits=True)
        tally.expect(grant(2, "5"))
        tally.add([grant(2, "5")], [Verdict("CREATED", granted=granted)])
        assert not tally.is_tied


def test_refused_rows_count_as_far_as_they_can() -> None:
    tally = Tally(counts_credits=True)
    for bad in read(BALANCES, {**GRANT, "customerId": None}, {**GRANT, "amount": "NaN", "colour": "x"}).bad:
        tally.refuse(bad)
    assert (tally.in_file, tally.refused, tally.uncounted) == ({"general": 10}, {"general": 10}, 1)
    assert tally.is_tied
