"""Opaque ids and cursors: lists of JSON values, in base64 without padding.

A Relay id is ``["Wallet", customer, wallet]``: natural ids may hold any character, so nothing is joined with
a separator. A cursor is the key that the reading function gave with its row, the incarnation first.
"""

import base64
import binascii
import json
from typing import Any

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


def cursor_of(key: list[Any]) -> str:
    """A cursor for the row with this key."""
    return _encoded(key)


def parse_cursor(text: str | None) -> list[Any] | None:
    """The key in a cursor; None for none.

    Raises:
        GraphQLError: ``INVALID_INPUT``; it is no cursor. Whether it is one of this list, SQL knows.
    """
    if text is None:
        return None
    found = _decoded(text)
    if found is None:
        raise failure("INVALID_INPUT", "after: this is no cursor of this API", field="after")
    return found


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
