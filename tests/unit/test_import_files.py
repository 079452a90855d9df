"""Reading files to import: what a row says, where it begins, and that a bad one takes no other with it."""

import io
from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.errors import ConfigurationError
from controlplane.importing.columns import BALANCES, CUSTOMERS, ENTITIES
from controlplane.importing.lines import LONGEST, read_lines
from controlplane.importing.records import Record, read_csv, read_json_lines

#: What the records of a file are compared as: the line with its cells, or with the code of what is wrong.
Told = list[tuple[int, Any]]


def told(records: Iterator[Record]) -> Told:
    return [(each.line, each.fault.code if each.fault else dict(each.cells)) for each in records]


def csv_of(data: bytes | str) -> Told:
    raw = data if isinstance(data, bytes) else data.encode()
    return told(read_csv(read_lines(io.BytesIO(raw)), lambda header: None))


def json_lines_of(data: bytes | str) -> Told:
    raw = data if isinstance(data, bytes) else data.encode()
    return told(read_json_lines(read_lines(io.BytesIO(raw))))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_a_mark_and_blank_lines(end: str, mark: bytes) -> None:
    text = end.join(["", " a , b", "1,2", "", "  ", ",", '"x,""y"""', "3,", ""]).encode()
    assert csv_of(mark + text) == [(3, {"a": "1", "b": "2"}), (7, "WRONG_COLUMNS"), (8, {"a": "3"})]
    rows = end.join(['{"a": 1}', "", '{"a": "\N{SNOWMAN}"}']).encode()
    assert json_lines_of(mark + rows) == [(1, {"a": 1}), (3, {"a": "\N{SNOWMAN}"})]


def test_quotes_hold_commas_quotes_and_line_ends() -> None:
    assert csv_of('a,b\n"x, ""y""","one\r\n\ntwo"\n3,4') == [
        (2, {"a": 'x, "y"', "b": "one\n\ntwo"}),
        (5, {"a": "3", "b": "4"}),
    ]


@pytest.mark.parametrize(
    "bad",
    ['"1,2', '1,"2', '1,"2"x', '"1"",2', "1,2,3", "1", "1,\r2", '1,"' + "y" * LONGEST + '"'],
)
@pytest.mark.parametrize("after", ['3,4\n"5, a",6', '3,4\n"5, a",6\n7,"8\n9"\n'])
def test_a_bad_row_takes_no_other_with_it(bad: str, after: str) -> None:
    good = csv_of(f"a,b\n0,0\n0,0\n{after}")[2:]
    found = csv_of(f"a,b\n0,0\n{bad}\n{after}")
    assert [line for line, said in found if isinstance(said, str)] == [3]
    assert [each for each in found if each[0] > 3] == [(line, said) for line, said in good]


def test_quotes_that_never_close_do_not_take_forever() -> None:
    """Each looks ahead for its end, and no further than the longest row."""
    rows = 'x,"\n' + "0,0\n" * 5
    found = csv_of("a,b\n" + rows * 3 + "1,2\n")
    assert found[-1] == (20, {"a": "1", "b": "2"})
    assert [line for line, said in found if said == "NOT_CSV"] == [14]


def test_long_lines_and_what_is_no_text() -> None:
    long = b"x" * 10_000_000
    good = {"a": "1", "b": "2"}
    found = csv_of(b"a,b\n1,2\n" + long + b"\n1,2\n\xff\xfe,2\n1,2\n" + b"y" * (LONGEST + 5))
    assert found == [
        (2, good),
        (3, "TOO_LONG"),
        (4, good),
        (5, "NOT_UTF8"),
        (6, good),
        (7, "TOO_LONG"),
    ]
    garbage = bytes(range(256)) * 40
    assert {said for _, said in json_lines_of(garbage)} <= {"NOT_UTF8", "NOT_JSON"}
    with pytest.raises(ConfigurationError, match="unknown column"):
        told(read_csv(read_lines(io.BytesIO(garbage)), CUSTOMERS.check_header))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"\n  \n", "is empty"),
        ("a,b".encode("utf-16"), "UTF-16"),
        (b"a;b\n1;2\n", "not separated by commas"),
        (b'"a,b\n1,2\n', "never closed"),
        (b"\xff,b\n", "no UTF-8"),
    ],
)
def test_what_is_no_csv_file(data: bytes, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        csv_of(data)


def test_no_rows_are_no_error() -> None:
    assert csv_of("a,b\n") == []
    assert json_lines_of("") == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{", "NOT_JSON"),
        ("[1]", "NOT_AN_OBJECT"),
        ("7", "NOT_AN_OBJECT"),
        ('{"a": NaN}', "NOT_JSON"),
        ('{"a": -Infinity}', "NOT_JSON"),
        ('{"a": 1, "a": 2}', "NOT_JSON"),
        ('{"a": 1} {"a": 2}', "NOT_JSON"),
        ('{"a":' * 5000, "NOT_JSON"),
        ("[" * 200_000, "NOT_JSON"),
        ('{"a": ' + "9" * 5000 + "}", "NOT_JSON"),
    ],
)
def test_a_bad_line_of_json_takes_no_other_with_it(line: str, code: str) -> None:
    assert json_lines_of(f'{{"a": 1}}\n{line}\n{{"a": 2}}') == [(1, {"a": 1}), (2, code), (3, {"a": 2})]


@pytest.mark.parametrize(
    ("kind", "header", "says"),
    [
        (CUSTOMERS, ["customerId", "nmae"], "unknown column 'nmae'"),
        (CUSTOMERS, ["name"], "column 'customerId' is missing"),
        (CUSTOMERS, ["customerId", "name", "name"], "column 'name' stands there twice"),
        (CUSTOMERS, ["customerId", "metadata", "metadata.a"], "'metadata' and columns of its values"),
        (CUSTOMERS, ["customerId", "metadata."], "unknown column 'metadata.'"),
        (CUSTOMERS, ["customerId", "unknownEntity"], "unknown column 'unknownEntity'"),
        (CUSTOMERS, ["customerId", ""], "unknown column ''"),
        (ENTITIES, ["customerId"], "column 'entityId' is missing"),
        (BALANCES, ["customerId"], "'creditType' is missing; column 'amount' is missing"),
    ],
)
def test_a_header_is_checked_by_name(kind: Any, header: list[str], says: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        kind.check_header(header)
    assert says in refused.value.message
    assert f"controlplane import {kind.name} --help" in (refused.value.hint or "")


def test_headers_that_are_right() -> None:
    CUSTOMERS.check_header(["name", "customerId", "metadata.a.b", "metadata.c", "overdraftLimit.general"])
    ENTITIES.check_header(["customerId", "entityId"])
    BALANCES.check_header([column.name for column in BALANCES.columns])
