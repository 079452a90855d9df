"""Connection URLs: made for a socket, changed in one part, shown without their password."""

from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

from controlplane.errors import ConfigurationError


def socket_url(folder: Path, port: int, *, database: str, user: str) -> str:
    """URL of a database over a Unix socket in ``folder``."""
    query = {"host": str(folder)} | ({"port": str(port)} if port != 5432 else {})
    return f"postgresql://{quote(user)}@/{quote(database)}?{urlencode(query, safe='/', quote_via=quote)}"


def changed_url(url: str, *, without: tuple[str, ...] = (), **parts: str | int | None) -> str:
    """The same URL (or conninfo string) with some libpq parameters set, such as ``user`` or ``dbname``.

    Args:
        url: what libpq takes.
        without: names of parameters to leave out.
        parts: names and values to set; None leaves what is there.

    Raises:
        ConfigurationError: libpq cannot read it. Its words would show the URL with its password.
    """
    given = {name: value for name, value in parts.items() if value is not None}
    values = {**_parts_of(url), **given}
    kept = {name: str(value) for name, value in values.items() if name not in without and value is not None}
    user = quote(kept.pop("user", ""), safe="")
    password = quote(kept.pop("password", ""), safe="")
    login = f"{user}:{password}@" if password else f"{user}@" if user else ""
    database = quote(kept.pop("dbname", ""), safe="")
    place = ""
    host = kept.get("host", "")
    if host and "/" not in host and "," not in host and ":" not in host:
        place = kept.pop("host") + (f":{kept.pop('port')}" if kept.get("port") else "")
    query = f"?{urlencode(kept, safe='/', quote_via=quote)}" if kept else ""
    return f"postgresql://{login}{place}/{database}{query}"


def shown_url(url: str) -> str:
    """The URL with its password left out, for logs and terminals."""
    return changed_url(url, without=("password",))


def with_password_apart(url: str) -> tuple[str, dict[str, str]]:
    """The URL for the command line of a program of Postgres', and the environment it needs beside ours.

    Everybody on this machine may read a command line.

    Raises:
        ConfigurationError: libpq cannot read it.
    """
    password = _parts_of(url).get("password")
    return shown_url(url), {} if password is None else {"PGPASSWORD": str(password)}


def _parts_of(url: str) -> dict[str, str | int | None]:
    try:
        return dict(conninfo_to_dict(url))
    except psycopg.Error:
        raise ConfigurationError(
            "the URL of the database is none that libpq can read",
            hint="CONTROLPLANE_DATABASE_URL=postgresql://user:password@host:5432/database; % is written %25",
        ) from None
