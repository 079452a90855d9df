"""What the repeated files make: routines, views and triggers, named so that they can be dropped.

After each file the runner compares which catalogue rows are new, so a file needs no fixed name or form, and
what a file no longer makes (it was removed, or a signature changed) leaves the database with it.

An object is written as what follows ``DROP``: ``ROUTINE core.f(text)``, ``VIEW report.v``,
``TRIGGER t ON core.x``. Names are qualified because the runner's search path is ``pg_catalog``.
"""

from collections.abc import Iterable, Mapping
from typing import cast

import psycopg

from controlplane.db.sessions import Session
from controlplane.errors import MigrationError

# CREATE OR REPLACE always writes the row anew, so its place (ctid) tells who touched it. A view's own row
# stays as it is; its rule does not. Triggers of partitions follow those of their parent.
_SIGHT = """
    SELECT 'ROUTINE ' || p.oid::regprocedure::text, p.ctid::text
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname IN ('api', 'core', 'report')
    UNION ALL
    SELECT 'VIEW ' || c.oid::regclass::text, r.ctid::text
    FROM pg_catalog.pg_rewrite AS r
    JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('api', 'core', 'report') AND c.relkind = 'v' AND r.rulename = '_RETURN'
    UNION ALL
    SELECT 'TRIGGER ' || quote_ident(t.tgname) || ' ON ' || c.oid::regclass::text, t.ctid::text
    FROM pg_catalog.pg_trigger AS t
    JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('api', 'core', 'report') AND NOT t.tgisinternal AND t.tgparentid = 0
"""

_DROP_ORDER = ("TRIGGER", "VIEW", "ROUTINE")


def seen_objects(session: Session) -> Mapping[str, str]:
    """Every object of our schemas, with a mark that changes whenever it is made anew.

    The search path must be ``pg_catalog`` alone, or names come unqualified.
    """
    return dict(cast("list[tuple[str, str]]", session.execute(_SIGHT.encode()).fetchall()))


def made_between(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """What was made or replaced between two sights, sorted."""
    return tuple(sorted(name for name, mark in after.items() if before.get(name) != mark))


def drop_objects(session: Session, objects: Iterable[str]) -> None:
    """Drop them; what is gone already is fine, what others depend on is an error.

    Views go in one statement, since they may depend on each other.

    Raises:
        MigrationError: something else depends on one of them.
    """
    wanted = sorted(set(objects))
    for kind in _DROP_ORDER:
        names = [name.removeprefix(f"{kind} ") for name in wanted if name.startswith(f"{kind} ")]
        if kind == "VIEW" and names:
            names = [", ".join(names)]
        for name in names:
            _drop(session, f"DROP {kind} IF EXISTS {name}")


def _drop(session: Session, statement: str) -> None:
    try:
        session.execute(statement.encode())
    except psycopg.Error as error:
        told = error.diag.message_detail or error.diag.message_primary or str(error)
        raise MigrationError(
            f"{statement}: {told}",
            hint="no file of sql/ makes it any more; drop or change by hand what depends on it",
        ) from error
