"""Splitting an SQL file into statements, so that each is executed alone.

Several statements in one message run as one implicit transaction, hide which of them failed, and are
refused by Citus. The splitter knows what can hide a semicolon: quotes, dollar quotes, comments (which nest)
and parentheses. It does not know SQL-standard bodies (``BEGIN ATOMIC``); our functions are PL/pgSQL.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from controlplane.errors import MigrationError

# One alternative per token that may hide a semicolon; the order matters only for E'' before ''.
_TOKEN = re.compile(
    r"""
      (?P<line>--[^\n]*)
    | (?P<block>/\*)
    | (?P<escape>(?<![\w$])[eE]'(?:[^'\\]|\\.|'')*'?)
    | (?P<quote>'(?:[^']|'')*'?)
    | (?P<identifier>"(?:[^"]|"")*"?)
    | (?P<dollar>(?<![\w$])\$(?P<tag>[^\W\d]\w*)?\$)
    | (?P<atomic>\bBEGIN\s+ATOMIC\b)
    | (?P<open>[(\[])
    | (?P<close>[)\]])
    | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement without its semicolon, and the line (from 1) on which it begins."""

    text: str
    line: int


def split_statements(source: str) -> list[Statement]:
    """Split a file; comments stay with the statement they precede, empty statements are left out.

    Raises:
        MigrationError: a quote or comment is never closed, or a body is ``BEGIN ATOMIC``.
    """
    statements = []
    begin = 0
    for end in [*_ends(source), len(source)]:
        text = source[begin:end]
        skipped = len(text) - len(_without_leading_comments(text))
        if body := text[skipped:].strip():
            line = source.count("\n", 0, begin + skipped) + 1
            statements.append(Statement(body, line))
        begin = end + 1
    return statements


def _ends(source: str) -> Iterator[int]:
    """Positions of the semicolons that end a statement."""
    position = depth = 0
    while match := _TOKEN.search(source, position):
        position = match.end()
        match match.lastgroup:
            case "block":
                position = _after_comment(source, match.start())
            case "dollar" | "tag":
                position = _after_closing(source, match["dollar"], match.start(), position)
            case "quote" | "escape" | "identifier":
                _check_closed(source, match)
            case "atomic":
                raise MigrationError(f"line {_line(source, match.start())}: BEGIN ATOMIC is not supported")
            case "open":
                depth += 1
            case "close":
                depth = max(0, depth - 1)
            case "end" if depth == 0:
                yield match.start()


def _after_comment(source: str, start: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(source, start):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    raise MigrationError(f"line {_line(source, start)}: comment never closed")


def _after_closing(source: str, delimiter: str, start: int, position: int) -> int:
    end = source.find(delimiter, position)
    if end < 0:
        raise MigrationError(f"line {_line(source, start)}: {delimiter} never closed")
    return end + len(delimiter)


def _check_closed(source: str, match: re.Match[str]) -> None:
    text = match[0].lstrip("eE")
    if len(text) < 2 or text[-1] != text[0]:
        raise MigrationError(f"line {_line(source, match.start())}: {text[0]} never closed")


def _without_leading_comments(text: str) -> str:
    while True:
        text = text.lstrip()
        if text.startswith("--"):
            text = text.partition("\n")[2]
        elif text.startswith("/*"):
            text = text[_after_comment(text, 0) :]
        else:
            return text


def _line(source: str, position: int) -> int:
    return source.count("\n", 0, position) + 1
