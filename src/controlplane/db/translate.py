"""What psycopg raises, as the exceptions of ``controlplane.errors``, by SQLSTATE alone."""

import json
from typing import Any

import psycopg

from controlplane.errors import DatabaseError, meaning_of
from controlplane.types import Json


def translated(error: psycopg.Error) -> DatabaseError:
    """The exception to raise instead, ``from`` the given one.

    Our own states (class ``U``) carry a message for people and JSON in DETAIL; of all others the message is
    Postgres' own and is for the log, not for callers.
    """
    meaning = meaning_of(error.sqlstate)
    diagnostic = error.diag
    return meaning.exception(
        diagnostic.message_primary or str(error).strip() or "the connection was lost",
        sqlstate=error.sqlstate,
        detail=_parsed(diagnostic.message_detail),
        code=meaning.code,
        hint=diagnostic.message_hint,
    )


def _parsed(detail: str | None) -> Json:
    if detail is None:
        return None
    try:
        parsed: Any = json.loads(detail)
    except ValueError:
        return detail
    return parsed  # type: ignore[no-any-return]  # json.loads returns what Json names
