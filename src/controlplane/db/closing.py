"""Closing a month of the books, and opening the one after it: ``api.close_month`` called until it is done."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

import psycopg

from controlplane.db.roles import as_owner
from controlplane.db.sessions import Session, open_session
from controlplane.db.translate import translated
from controlplane.errors import MigrationError, RequestError, Shed

#: Customers a call: some tenths of a second.
CUSTOMERS = 500
#: Seconds between two looks at whoever is waited for.
PAUSE = 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    """What closing a month would take.

    Attributes:
        state: ``OPEN``, ``CLOSING`` or ``CLOSED``.
        problems: why it cannot be closed now.
        customers: how many there were at its end.
        to_book: for how many of them something was due in it that nobody has booked yet.
        to_open: how many have no opening of the next month yet.
        events: of usage, recorded in it.
        entries: of the ledger, recorded in it.
    """

    state: str
    problems: list[str]
    customers: int
    to_book: int
    to_open: int
    events: int
    entries: int


@dataclass(frozen=True, slots=True)
class Closing:
    """That a month is closed: when and by whom (None: with a later one), and whether it was before."""

    closed_at: str | None
    closed_by: str | None
    already: bool


def plan_closing(url: str, prefix: str, month: date) -> Plan:
    """Say what closing a month would take; nothing is changed.

    Raises:
        Shed: no connection.
        MigrationError: there is no schema yet.
        DatabaseError: what Postgres said.
    """
    with open_session(url, name="controlplane close") as session:
        found = _called(session, prefix, "SELECT api.read_closing(%s)", (month,))
    return Plan(
        found["state"],
        [f"{error['field']} {error['message']} [{error['code']}]" for error in found["errors"]],
        found["customers"],
        found["toBook"],
        found["toOpen"],
        found["events"],
        found["entries"],
    )


def close_month(
    url: str,
    prefix: str,
    month: date,
    actor: str,
    *,
    wait: float = 60.0,
    progress: Callable[[str, int], None] = lambda state, count: None,
) -> Closing:
    """Close a month, a few hundred customers at a time; whoever is cut short goes on where he was.

    Args:
        url: of the database.
        prefix: of its roles.
        month: its first day.
        actor: who closes it, for the history.
        wait: seconds to wait without any progress, for transactions or customers that are held.
        progress: told the state and how many (customers, or transactions waited for) after each call.

    Raises:
        Shed: no connection; or nothing went on for that long (``LOCKED``).
        RequestError: it is not over, or not the next one.
        MigrationError: there is no schema yet.
        DatabaseError: what Postgres said.
    """
    last = time.monotonic()
    with open_session(url, name="controlplane close") as session:
        while True:
            found = _called(session, prefix, "SELECT api.close_month(%s, %s, %s)", (month, actor, CUSTOMERS))
            if found["state"] == "CLOSED":
                return Closing(found["closedAt"], found["closedBy"], found["already"])
            customers = found.get("customers", 0)
            progress(found["state"], customers or found.get("transactions", 0))
            if customers:
                last = time.monotonic()
                continue
            if time.monotonic() - last > wait:
                raise Shed(
                    "closing waits for transactions that began before it, or for customers that are held",
                    hint="look for long transactions in pg_stat_activity, and run it again",
                )
            time.sleep(PAUSE)


def _called(
    session: Session, prefix: str, query: LiteralString, parameters: tuple[Any, ...]
) -> dict[str, Any]:
    """The answer of one call, in a transaction of its own."""
    try:
        with as_owner(session, prefix):
            session.execute("SET LOCAL statement_timeout = 0")
            row = session.execute(query, parameters).fetchone()
    except (
        psycopg.errors.UndefinedFunction,
        psycopg.errors.UndefinedTable,
        psycopg.errors.InvalidSchemaName,
    ) as error:
        raise MigrationError("there is no schema here yet", hint="controlplane migrate") from error
    except psycopg.Error as error:
        raise translated(error) from error
    if row is None or row[0] is None:
        raise RequestError("there is no installation here yet", hint="controlplane migrate")
    return dict(row[0])
