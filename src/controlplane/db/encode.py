"""JSON on its way into Postgres: what ``jsonb`` cannot hold is refused here, with the place it stands at."""

import json
import math
from typing import Any

from controlplane.errors import RequestError


def encoded(value: Any) -> str:
    """The value as JSON text that ``jsonb`` takes.

    Raises:
        RequestError: ``MALFORMED``; ``detail`` has ``field``, ``code`` and, in a list of items, ``item``.
    """
    try:
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise _refusal(value, "NOT_A_NUMBER", "not a number that JSON has") from error
    # Postgres stores neither NUL nor half a surrogate pair; both show in the escapes that dumps writes.
    if "\\u0000" in text or "\\ud" in text:
        _refuse_texts(value)
    return text


def storable(text: str) -> bool:
    """Whether Postgres can store this text."""
    if "\0" in text:
        return False
    # Each character is only looked at where one can be wrong: the hub asks of thousands of ids at a time.
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def checked_text(text: str, field: str) -> str:
    """The text itself, for a parameter that is not JSON.

    Raises:
        RequestError: ``MALFORMED``; it cannot be stored.
    """
    if not storable(text):
        raise _malformed([field], "NOT_STORABLE", "holds a character that cannot be stored")
    return text


def _refuse_texts(value: Any) -> None:
    path = _find(value, [], lambda leaf: isinstance(leaf, str) and not storable(leaf))
    if path is not None:
        raise _malformed(path, "NOT_STORABLE", "holds a character that cannot be stored")


def _refusal(value: Any, code: str, says: str) -> RequestError:
    try:
        path = _find(value, [], lambda leaf: isinstance(leaf, float) and not math.isfinite(leaf))
    except RecursionError:
        return _malformed([], "TOO_DEEP", "is nested too deeply")
    return _malformed(path or [], code, f"is {says}")


def _find(value: Any, path: list[str | int], is_wrong: Any) -> list[str | int] | None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if is_wrong(key):
                return path
            if (found := _find(inner, [*path, key], is_wrong)) is not None:
                return found
        return None
    if isinstance(value, list):
        for place, inner in enumerate(value):
            if (found := _find(inner, [*path, place], is_wrong)) is not None:
                return found
        return None
    return path if is_wrong(value) else None


def _malformed(path: list[Any], code: str, says: str) -> RequestError:
    detail: dict[str, Any] = {"code": code}
    if path and isinstance(path[0], int):
        detail["item"], path = path[0], path[1:]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    detail["field"] = field
    return RequestError(f"{field or 'the input'} {says}", sqlstate="UC100", code="MALFORMED", detail=detail)
