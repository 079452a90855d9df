"""Single sessions for administration: migrations, doctor, snapshots. Requests use the pool instead."""

from typing import Any, TypeAlias

import psycopg
from psycopg.rows import TupleRow

from controlplane.db.urls import shown_url
from controlplane.errors import Shed

#: A session as administration uses it: synchronous, rows as tuples.
Session: TypeAlias = psycopg.Connection[TupleRow]

#: Seconds to wait for an answer to the first packet.
CONNECT_SECONDS = 10


def open_session(url: str, *, name: str = "controlplane") -> Session:
    """Connect, in autocommit.

    Args:
        url: what libpq takes.
        name: shown in ``pg_stat_activity``.

    Raises:
        Shed: nobody answers there, or he does not let us in; the password is not in the message.
        ConfigurationError: libpq cannot read the URL.
    """
    try:
        return psycopg.connect(
            url,
            autocommit=True,
            application_name=name,
            connect_timeout=CONNECT_SECONDS,
            prepare_threshold=None,
        )
    except psycopg.Error as error:
        raise Shed(
            f"cannot connect to {shown_url(url)}: {str(error).strip()}",
            code="DATABASE_UNREACHABLE",
            hint="check CONTROLPLANE_DATABASE_URL, and that the server runs and lets this user in",
        ) from error


def scalar(session: Session, query: Any, parameters: dict[str, Any] | None = None) -> Any:
    """First column of the first row; None if there is no row."""
    row = session.execute(query, parameters).fetchone()
    return None if row is None else row[0]
