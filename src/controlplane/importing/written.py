"""JSON as people write it: what is no JSON, or says two things at once, is refused."""

import json
from typing import Any, NoReturn, Self


class Written(float):
    """A number with a point or an exponent that remembers how it was written: amounts are read from that."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Of this text."""
        made = super().__new__(cls, text)
        made.text = text
        return made


def json_of(text: str) -> Any:
    """What a text says; numbers that are not whole are ``Written``.

    Raises:
        ValueError: it is no JSON, has NaN or Infinity, or a name twice in one object.
    """
    try:
        return json.loads(text, parse_float=Written, parse_constant=_refuse, object_pairs_hook=_once_each)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos + 1}") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number that JSON has")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands in an object twice")
    return found
