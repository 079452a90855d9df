"""A file of any size takes the same memory: rows wait on disk, and what is refused is written down."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.errors import ConfigurationError
from controlplane.importing.batches import batches
from controlplane.importing.columns import BALANCES, CUSTOMERS, ENTITIES, Kind
from controlplane.importing.lines import read_lines
from controlplane.importing.records import Fault, read_csv
from controlplane.importing.refusals import SHOWN, Refusals
from controlplane.importing.rows import BadRow, Read, Row, goes_in_circles, read_rows
from controlplane.importing.spool import Spool
from controlplane.importing.tally import Tally


class Lines(io.RawIOBase):
    """A file that is made while it is read, so that it takes no memory itself."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines

    def readline(self, size: int | None = -1, /) -> bytes:
        line = next(self._lines, None)
        return b"" if line is None else f"{line}\n".encode()


def customers(count: int) -> Iterator[str]:
    yield "customerId,name"
    yield from (f"c{n},Number {n}" for n in range(count))


def entities(count: int) -> Iterator[str]:
    """Below one another, the last ones first; of two customers."""
    yield "customerId,entityId,type,parentId"
    yield from (f"c{n % 2},e{n},team,e{n // 20 * 2 + n % 2}" for n in reversed(range(2, count)))


def balances(count: int) -> Iterator[str]:
    """Every tenth cannot be read."""
    yield "customerId,creditType,amount,reference"
    yield from (f"c{n % 50},general,{n}.5,r{n}{'' if n % 10 else ',x'}" for n in range(count))


def peak(kind: Kind, lines: Iterator[str]) -> tuple[int, int]:
    """Bytes of Python's at most meanwhile, and rows that came out of it in calls or as refused."""
    tracemalloc.start()
    try:
        with Spool() as spool, Refusals() as refusals:
            tally, read = Tally(refusals), Read()
            for row in read_rows(read_csv(read_lines(Lines(lines)), kind.check_header), kind, spool, read):  # type: ignore[arg-type]
                tally.expect(row) if isinstance(row, Row) else tally.refuse(row)
            for row, circle in spool.arrange():
                tally.refuse(goes_in_circles(row, circle))
            sent = sum(len(batch.rows) for calls in batches(spool, dry_run=True) for batch in calls)
            assert sent + refusals.count == read.count
            return tracemalloc.get_traced_memory()[1], read.count
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("kind", "lines"), [(CUSTOMERS, customers), (ENTITIES, entities), (BALANCES, balances)]
)
def test_memory_does_not_grow_with_the_file(kind: Kind, lines: object) -> None:
    assert callable(lines)
    small, few = peak(kind, lines(500))
    large, many = peak(kind, lines(5_000))
    assert many - few == 4_500
    # An entity takes eight bytes while it is put in order; a row that was kept took 700.
    assert large - small < 4_500 * 40


def bad(line: int) -> BadRow:
    return BadRow(
        line, "acme", (Fault("amount", "NEGATIVE", "is less"), Fault("kind", "UNKNOWN_VALUE", "is"))
    )


def test_what_is_refused_is_written_at_once(tmp_path: Path) -> None:
    path = tmp_path / "refused.jsonl"
    path.write_text("of another day\n")
    with Refusals(path) as refusals:
        for line in (9, 3):
            refusals.add(bad(line))
            told = [json.loads(each) for each in path.read_text().splitlines()]
            assert [(each["line"], each["field"]) for each in told][-2:] == [(line, "amount"), (line, "kind")]
        for line in range(100, 200):
            refusals.add(bad(line))
    assert (refusals.count, refusals.uncounted) == (102, 102)
    assert [each.line for each in refusals.first] == [3, 9, *range(100, 98 + SHOWN)]
    assert len(path.read_text().splitlines()) == 204


def test_a_list_that_cannot_be_written_stops_nothing_and_is_told() -> None:
    full = Refusals(Path("/dev/full"))
    for line in range(2, 5):
        full.add(bad(line))
    assert full.count == 3
    with pytest.raises(ConfigurationError, match="cannot write /dev/full"):
        full.__exit__(None, None, None)
    with pytest.raises(ConfigurationError, match="cannot write"):
        Refusals(Path("/nowhere/refused.jsonl"))
