"""Reading a trace: what is forgiven, what is set aside, what is refused."""

from decimal import Decimal
from pathlib import Path

import pytest

from controlplane.client.keys import new_key
from controlplane.errors import ConfigurationError
from controlplane.replay.catalog import amount, price
from controlplane.replay.trace import read_trace
from controlplane.replay.world import Shape, spread

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"
GOOD = "2023-11-16 18:17:03.9799600,4808,10"


def written(folder: Path, *lines: str, end: str = "\n", head: bytes = b"") -> Path:
    path = folder / "trace.csv"
    path.write_bytes(head + end.join(lines).encode("utf-8", "surrogateescape"))
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("head", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_byte_order_mark(tmp_path: Path, end: str, head: bytes) -> None:
    later = "2023-11-16 18:17:05.4799600,7,0"
    trace = read_trace(written(tmp_path, HEADER, GOOD, "", later, "", end=end, head=head))
    assert not trace.bad
    assert [(row.line, row.offset, row.context, row.generated) for row in trace.rows] == [
        (2, 0.0, 4808, 10),
        (4, 1.5, 7, 0),
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("2023-11-16 18:17:03,1", "2 fields"),
        ("2023-11-16 18:17:03,1,2,3", "4 fields"),
        ("yesterday,1,2", "TIMESTAMP"),
        (",1,2", "TIMESTAMP"),
        ("2023-13-16 18:17:03,1,2", "TIMESTAMP"),
        ("2023-11-16 18:17:03,-1,2", "ContextTokens"),
        ("2023-11-16 18:17:03,1.5,2", "ContextTokens"),
        ("2023-11-16 18:17:03,1,", "GeneratedTokens"),
        ("2023-11-16 18:17:03,1,NaN", "GeneratedTokens"),
        ("2023-11-16 18:17:03,1,\u0661", "GeneratedTokens"),
        ("2023-11-16 18:17:03,1," + "9" * 5000, "GeneratedTokens"),
        ("2023-11-16 18:17:03,0,0", "no tokens"),
        ('"2023-11-16 18:17:03,1', "2 fields"),
        ("\udcff\udcfe", "1 fields"),
    ],
)
def test_a_bad_row_takes_no_other_with_it(tmp_path: Path, line: str, why: str) -> None:
    trace = read_trace(written(tmp_path, HEADER, GOOD, line, GOOD))
    assert [row.line for row in trace.rows] == [2, 4]
    [bad] = trace.bad
    assert bad.line == 3
    assert why in bad.why


@pytest.mark.parametrize(
    ("lines", "says"),
    [((), "is empty"), (("", ""), "is empty"), (("a,b,c", GOOD), "begins with"), ((GOOD,), "begins with")],
)
def test_what_is_no_trace(tmp_path: Path, lines: tuple[str, ...], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as refused:
        read_trace(written(tmp_path, *lines))
    assert HEADER in (refused.value.hint or "")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read"):
        read_trace(tmp_path / "none.csv")


def test_a_header_alone_and_a_limit(tmp_path: Path) -> None:
    assert not read_trace(written(tmp_path, HEADER)).rows
    assert len(read_trace(written(tmp_path, HEADER, GOOD, GOOD, GOOD), limit=2).rows) == 2


def test_rows_come_in_order_of_time(tmp_path: Path) -> None:
    earlier = "2023-11-16 18:17:01+00:00,1,1"
    trace = read_trace(written(tmp_path, HEADER, GOOD, earlier))
    assert [row.line for row in trace.rows] == [3, 2]
    assert trace.rows[0].offset == 0


def test_the_same_seed_asks_for_the_same(tmp_path: Path) -> None:
    rows = read_trace(written(tmp_path, HEADER, *[GOOD] * 200)).rows
    shape = Shape(customers=5)
    assert spread(rows, shape, 7) == spread(rows, shape, 7)
    assert spread(rows, shape, 7) != spread(rows, shape, 8)
    assert {request.customer for request in spread(rows, shape, 7)} == set(range(5))


def test_prices_are_exact() -> None:
    assert price("swift", 4808, 10) == Decimal("1.212")
    assert price("swift", 1, 0) == Decimal("0.00025")
    assert amount(Decimal(0)) == "0.000001"
    assert amount(Decimal("1000000000000.00000001")) == "1000000000000.000001"


def test_keys_are_uuid7_in_order_of_time() -> None:
    keys = [new_key(milliseconds) for milliseconds in (0, 1, 1_700_000_000_000, (1 << 48) - 1)]
    assert keys == sorted(keys)
    assert all(key[14] == "7" and key[19] in "89ab" for key in keys)
    assert new_key() != new_key()
