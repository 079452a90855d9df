"""Opaque ids and cursors: lists of JSON values, in base64 without padding.

A Relay id is ``["Wallet", customer, wallet]``: natural ids may hold any character, so nothing is joined with
a separator. A cursor is ``["budgets", customer or null, …]``, and then the key that the reading function gave
with its row, the incarnation first: a list says whose it is, since the keys of two may look alike.
"""

import base64
import binascii
import json
from typing import Any

from graphql import GraphQLError

from controlplane.db.encode import storable
from controlplane.db.reading import Key
from controlplane.graphql.failures import failure

#: Longer ones are not ours: natural ids have at most 128 characters.
_LONGEST = 4_096


def node_id(kind: str, *parts: str) -> str:
    """The Relay id of a thing."""
    return _encoded([kind, *parts])


def parse_node_id(text: str) -> tuple[str, ...] | None:
    """Kind and parts of a Relay id; None for what is not one of ours."""
    found = _decoded(text)
    if found is None or not found or not all(isinstance(part, str) for part in found):
        return None
    return tuple(found)


def cursor_of(name: str, customer: str | None, key: Key) -> str:
    """A cursor for the row with this key, of the list of this name and this customer, if it is one's."""
    return _encoded([name, customer, *key])


def parse_cursor(text: str | None, name: str, customer: str | None) -> Key | None:
    """The key in a cursor of this list of this customer; None for none.

    Raises:
        GraphQLError: ``INVALID_INPUT`` with the problem ``CURSOR_INVALID``; it is no cursor, or one of
            another list or customer, after which rows would be missing without a word. Whether the key's
            parts are those of the list, SQL knows.
    """
    if text is None:
        return None
    found = _decoded(text)
    if found is None or len(found) < 3 or not all(map(_is_part, found[2:])):
        raise _foreign("no cursor of this API")
    if found[0] != name:
        raise _foreign(f"not a cursor of {name}")
    if found[1] != customer:
        raise _foreign("a cursor of another customer" if customer else "a cursor of one customer")
    return found[2:]


def _foreign(what: str) -> GraphQLError:
    return failure(
        "INVALID_INPUT",
        f"after: this is {what}; begin again without a cursor",
        field="after",
        problem="CURSOR_INVALID",
    )


def _is_part(part: Any) -> bool:
    """Whether a key may hold this: a whole number, a text that Postgres can store, or an object of such."""
    match part:
        case bool():
            return False
        case int():
            return True
        case str():
            return storable(part)
        case dict():
            return all(isinstance(text, str) and storable(text) for text in (*part, *part.values()))
    return False


def _encoded(values: list[Any]) -> str:
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).rstrip(b"=").decode()


def _decoded(text: str) -> list[Any] | None:
    if len(text) > _LONGEST:
        return None
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        found = json.loads(raw)
    except (ValueError, binascii.Error, RecursionError):
        return None
    return found if isinstance(found, list) else None
