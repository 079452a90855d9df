"""api.read_newer_versions: who has another number than is known, and everybody where that cannot be told."""

from typing import Any

import pytest

from controlplane.db.arrays import numbers_array, texts_array
from tests.sql.configuring import Configuration

IDS = ("", " ", '"', "NULL", "Z", "\\", 'a"b\\c', "a,b", "a\nb", "ab", "z", "{}", "é", "\uffff", "😀")
#: In the order of their bytes, which no dictionary has.
CUSTOMERS = tuple(sorted(name for name in IDS if name))


@pytest.fixture
def world(connection: Any) -> Configuration:
    for number, name in enumerate(CUSTOMERS):
        connection.execute(
            "INSERT INTO core.gate (customer_id, seq, last_at) VALUES (%s, %s, now())", (name, number)
        )
    return Configuration(connection)


def look(world: Configuration, customers: tuple[str, ...], seqs: tuple[int, ...] | None) -> Any:
    known = None if seqs is None else numbers_array(seqs)
    return world.one(
        "SELECT api.read_newer_versions(%s::text[], %s::bigint[])", texts_array(customers), known
    )


def known(customers: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(map(CUSTOMERS.index, customers))


def test_an_array_reads_as_it_was_written(world: Configuration) -> None:
    assert world.one("SELECT %s::text[]", texts_array(IDS)) == list(IDS)
    assert world.one("SELECT %s::bigint[]", numbers_array((0, -1, 2**63 - 1))) == [0, -1, 2**63 - 1]


def test_nothing_is_told_of_what_is_known(world: Configuration) -> None:
    found = look(world, CUSTOMERS, known(CUSTOMERS))
    assert (found["versions"], found["all"], found["incarnation"]) == ([], False, 1)
    assert look(world, CUSTOMERS[3:4], known(CUSTOMERS[3:4]))["versions"] == []


@pytest.mark.parametrize("by", [1, -1])
def test_another_number_is_told_greater_or_not(world: Configuration, by: int) -> None:
    """A standby that was promoted may lack what was seen."""
    world.connection.execute(
        "UPDATE core.gate SET seq = seq + %s, last_at = now() + interval '1 h'"
        " WHERE customer_id IN ('ab', 'é')",
        (by,),
    )
    found = look(world, CUSTOMERS, known(CUSTOMERS))
    assert not found["all"]
    assert {name: int(seq) for name, seq, _ in found["versions"]} == {
        name: CUSTOMERS.index(name) + by for name in ("ab", "é")
    }
    assert all(as_of > found["asOf"] for _, _, as_of in found["versions"])


@pytest.mark.parametrize(
    ("customers", "seqs"),
    [
        (CUSTOMERS, None),
        (CUSTOMERS[::-1], known(CUSTOMERS[::-1])),
        ((*CUSTOMERS, "😀😀"), (*known(CUSTOMERS), 1)),
        (("!", *CUSTOMERS), (1, *known(CUSTOMERS))),
    ],
    ids=["nothing known", "another order", "one is not there", "the first is not there"],
)
def test_all_are_told_where_numbers_do_not_tell(
    world: Configuration, customers: tuple[str, ...], seqs: tuple[int, ...] | None
) -> None:
    found = look(world, customers, seqs)
    assert found["all"]
    assert {name: int(seq) for name, seq, _ in found["versions"]} == dict(
        zip(CUSTOMERS, known(CUSTOMERS), strict=True)
    )


def test_nobody_is_there(world: Configuration) -> None:
    found = look(world, ("nobody",), (1,))
    assert (found["versions"], found["all"]) == ([], True)


def test_numbers_too_few_tell_the_others(world: Configuration) -> None:
    found = look(world, CUSTOMERS, known(CUSTOMERS)[:-1])
    assert [name for name, _, _ in found["versions"]] == [CUSTOMERS[-1]]
