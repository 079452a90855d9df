"""Records of a file: what stands in a row by the names of its columns, out of CSV or JSON lines."""

import csv
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from controlplane.errors import ConfigurationError
from controlplane.importing.lines import LONGEST, Line
from controlplane.importing.written import json_of

#: Formats by the ending of a file's name.
ENDINGS: Mapping[str, str] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}

#: Says what is wrong with the columns of a header, if anything is.
HeaderCheck = Callable[[list[str]], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row.

    Attributes:
        field: the column; empty where it is the row as a whole.
        code: for machines.
        message: for people.
    """

    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Record:
    """One row as it stands in the file.

    Attributes:
        line: on which it begins, from 1.
        cells: by column; what is absent is missing. CSV has texts, JSON lines have any JSON.
        fault: why it has no cells.
    """

    line: int
    cells: Mapping[str, Any]
    fault: Fault | None = None


def read_csv(lines: Iterator[Line], check: HeaderCheck) -> Iterator[Record]:
    """Rows of RFC 4180: quoted fields may hold commas, quotation marks in pairs, and line ends.

    A quotation mark that is never closed, or closed in the wrong place, costs the line it begins on and no
    other: reading goes on with the next line, whatever the mark would have swallowed.

    Args:
        lines: of the file; the first that is not blank is the header.
        check: raises where the header is not as it must be.

    Raises:
        ConfigurationError: there is no header, or it is no list of columns.
    """
    waiting: deque[Line] = deque()
    header: list[str] | None = None
    while (taken := _take(lines, waiting)) is not None:
        if header is None:
            header = _header(taken)
            check(header)
            continue
        if taken.wrong:
            yield Record(taken.number, {}, Fault("", *taken.wrong))
            continue
        text, more = _whole(taken, lines, waiting)
        try:
            cells = _cells(text)
        except ValueError as error:
            yield Record(taken.number, {}, Fault("", "NOT_CSV", str(error)))
            continue
        for _ in range(more):
            waiting.popleft()
        if any(cells):
            yield _record(taken.number, header, cells)
    if header is None:
        raise ConfigurationError("the file is empty", hint="its first line must name the columns")


def _take(lines: Iterator[Line], waiting: deque[Line]) -> Line | None:
    """The next line that is not blank; None at the end."""
    while True:
        line = waiting.popleft() if waiting else next(lines, None)
        if line is None or line.wrong or line.text.strip():
            return line


def _whole(first: Line, lines: Iterator[Line], waiting: deque[Line]) -> tuple[str, int]:
    """The record that begins with this line, and how many lines of ``waiting`` belong to it.

    A record is whole when its quotation marks are even in number. Where they never are, it is the line alone.
    """
    parts, length = [first.text], len(first.text)
    is_open = first.text.count('"') % 2 == 1
    for used in count():
        if not is_open:
            return "\n".join(parts), used
        if used == len(waiting):
            if (line := next(lines, None)) is None:
                break
            waiting.append(line)
        line = waiting[used]
        parts.append(line.text)
        length += len(line.text) + 1
        if line.wrong or length > LONGEST:
            break
        is_open ^= line.text.count('"') % 2 == 1
    return first.text, 0


def _cells(text: str) -> list[str]:
    try:
        [cells] = csv.reader([text], strict=True)
    except csv.Error as error:
        why = "a quotation mark is never closed" if text.count('"') % 2 else str(error)
        raise ValueError(f"is no CSV: {why}") from None
    return cells


def _header(line: Line) -> list[str]:
    try:
        if line.wrong:
            raise ValueError(line.wrong[1])
        header = [cell.strip() for cell in _cells(line.text)]
    except ValueError as error:
        raise ConfigurationError(
            f"line {line.number}, the header, {error}", hint="its first line must name the columns"
        ) from None
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        raise ConfigurationError("the columns are not separated by commas", hint="save it as CSV with commas")
    return header


def _record(number: int, header: list[str], cells: list[str]) -> Record:
    if len(cells) != len(header):
        message = f"has {len(cells)} fields, and the header names {len(header)} columns"
        return Record(number, {}, Fault("", "WRONG_COLUMNS", message))
    return Record(number, {name: cell for name, cell in zip(header, cells, strict=True) if cell})


def read_json_lines(lines: Iterator[Line]) -> Iterator[Record]:
    """One JSON object a line; blank lines do not matter."""
    for line in lines:
        if line.wrong:
            yield Record(line.number, {}, Fault("", *line.wrong))
        elif line.text.strip():
            yield _from_json(line)


def _from_json(line: Line) -> Record:
    try:
        found = json_of(line.text)
    except ValueError as error:
        return Record(line.number, {}, Fault("", "NOT_JSON", f"is no JSON: {error}"))
    if not isinstance(found, dict):
        return Record(line.number, {}, Fault("", "NOT_AN_OBJECT", "must be a JSON object"))
    return Record(line.number, found)
