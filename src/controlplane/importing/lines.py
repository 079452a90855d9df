"""The lines of a file, counted from 1: UTF-8, of either line end, none of them longer than a megabyte.

A line that is broken is told as such and takes no other with it.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from controlplane.errors import ConfigurationError

#: Bytes of a line, and of a record of several lines. An input is far smaller; what is larger is no row.
LONGEST = 1 << 20

_OTHER_MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        number: in the file, from 1.
        text: without its end; empty where ``wrong`` is said.
        wrong: code and message of what it is instead of text.
    """

    number: int
    text: str
    wrong: tuple[str, str] | None = None


def read_lines(stream: BinaryIO) -> Iterator[Line]:
    """The lines, in order; a byte order mark is no part of the first.

    Raises:
        ConfigurationError: the stream begins as UTF-16 does.
    """
    number = 0
    while raw := stream.readline(LONGEST + 1):
        number += 1
        if number == 1:
            _refuse_other_encodings(raw)
            raw = raw.removeprefix(codecs.BOM_UTF8)
        if len(raw) > LONGEST and not raw.endswith(b"\n"):
            while (more := stream.readline(LONGEST)) and not more.endswith(b"\n"):
                pass
            yield Line(number, "", ("TOO_LONG", f"has more than {LONGEST:,} bytes"))
            continue
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            yield Line(
                number, "", ("NOT_UTF8", f"is no UTF-8: byte {error.start + 1} is {raw[error.start]:#04x}")
            )
            continue
        yield Line(number, text.removesuffix("\n").removesuffix("\r"))


def _refuse_other_encodings(raw: bytes) -> None:
    for mark, name in _OTHER_MARKS.items():
        if raw.startswith(mark):
            raise ConfigurationError(f"this is {name}, and only UTF-8 is read", hint="save it as UTF-8")
