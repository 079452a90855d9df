"""Reading a trace: ``TIMESTAMP,ContextTokens,GeneratedTokens``, the public format of the Azure LLM traces.

A row that cannot be read is set aside with its line and the reason; it never takes another row with it,
which is why lines are cut before fields: a stray quotation mark would swallow what follows.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from controlplane.errors import ConfigurationError

HEADER = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")

#: More tokens than this in one request are a broken row.
MOST_TOKENS = 100_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One request.

    Attributes:
        line: in the file, from 1; the header is line 1.
        offset: seconds after the first request of the trace.
        context: tokens that went in.
        generated: tokens that came out.
    """

    line: int
    offset: float
    context: int
    generated: int


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that is no request, and why."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Trace:
    """The requests in order of time, and the lines that are none."""

    rows: list[Row]
    bad: list[BadRow] = field(default_factory=list)


def read_trace(path: Path, limit: int | None = None) -> Trace:
    """Read a file; a byte order mark, either kind of line end, empty lines and spaces do not matter.

    Args:
        path: of the file.
        limit: at most so many good rows, from the top; None is all.

    Raises:
        ConfigurationError: it cannot be read, is empty, or begins with another header.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}", hint="name a CSV file") from error
    lines = text.split("\n")
    header = tuple(name.strip().strip('"') for name in lines[0].split(","))
    if [name.lower() for name in header] != [name.lower() for name in HEADER]:
        found = f"begins with {lines[0].strip()[:80]!r}" if text.strip() else "is empty"
        raise ConfigurationError(f"{path} {found}", hint=f"its first line must be {','.join(HEADER)}")
    read: list[tuple[datetime, Row]] = []
    bad: list[BadRow] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        if limit is not None and len(read) >= limit:
            break
        try:
            at, context, generated = _fields(line)
        except ValueError as error:
            bad.append(BadRow(number, str(error)))
            continue
        read.append((at, Row(number, 0.0, context, generated)))
    read.sort(key=lambda each: each[0])
    rows = [Row(row.line, (at - read[0][0]).total_seconds(), row.context, row.generated) for at, row in read]
    return Trace(rows, bad)


def _fields(line: str) -> tuple[datetime, int, int]:
    fields = [part.strip().strip('"') for part in line.split(",")]
    if len(fields) != len(HEADER):
        raise ValueError(f"{len(fields)} fields instead of {len(HEADER)}")
    try:
        at = datetime.fromisoformat(fields[0])
    except ValueError:
        raise ValueError(f"TIMESTAMP: {fields[0][:40]!r} is no instant") from None
    context, generated = _tokens(HEADER[1], fields[1]), _tokens(HEADER[2], fields[2])
    if context == generated == 0:
        raise ValueError("no tokens at all")
    return (at if at.tzinfo else at.replace(tzinfo=UTC)), context, generated


def _tokens(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{name}: {text[:40]!r} is no number of tokens")
    if len(text) > 18 or int(text) > MOST_TOKENS:
        raise ValueError(f"{name}: {text[:40]} is more than {MOST_TOKENS}")
    return int(text)
