"""Checks of what somebody changed by hand: tables, constraints, triggers and functions against our files.

They make sense only where this code has migrated: another version's schema is another one.
"""

import re
from collections.abc import Iterator, Sequence

from controlplane.db.doctor.findings import Finding, Level, Patient
from controlplane.db.roles import may_become_owner
from controlplane.db.snapshot import dump_schema, statements_of
from controlplane.db.sources import PREFIX_TOKEN, load_sources, sql_folder
from controlplane.errors import ControlplaneError
from controlplane.types import Role

#: Differences that are shown; the others are counted.
_SHOWN = 3

#: PostgreSQL 18 names what 16 and 17 have without a name.
_NOT_NULL = re.compile(r" CONSTRAINT \w+_not_null NOT NULL")

_BODIES = """
    SELECT p.oid::regprocedure::text, p.prosrc, p.prosecdef OR p.pronamespace <> 'api'::regnamespace
    FROM pg_proc AS p
    WHERE p.pronamespace = ANY ('{core,api,report}'::regnamespace[]::oid[]) AND p.prokind IN ('f', 'p')
    ORDER BY 1
"""

_FOREIGN = """
    SELECT c.oid::regclass::text FROM pg_class AS c
    WHERE c.relnamespace = ANY ('{core,report}'::regnamespace[]::oid[])
    AND c.relkind IN ('r', 'p', 'v') AND c.relowner <> %(owner)s::regrole
    UNION ALL
    SELECT p.oid::regprocedure::text FROM pg_proc AS p
    WHERE p.pronamespace = ANY ('{core,api,report}'::regnamespace[]::oid[])
    AND p.proowner <> %(owner)s::regrole
    ORDER BY 1
"""


def check_tables(patient: Patient) -> Iterator[Finding]:
    """Types, tables, constraints, indexes and triggers are those that migrations make."""
    prefix = patient.settings.role_prefix
    owner = f"{prefix}_{Role.OWNER.value}"
    try:
        found = dump_schema(patient.url, owner if may_become_owner(patient.session, prefix) else None)
    except ControlplaneError as error:
        yield Finding(
            "tables", Level.WARN, f"not compared: {error.message}", "run doctor with the login that migrates"
        )
        return
    snapshot = (sql_folder() / "schema.snapshot.sql").read_text(encoding="utf-8")
    wanted, there = (statements_of(_NOT_NULL.sub(" NOT NULL", text)) for text in (snapshot, found))
    missing = [statement for statement in wanted if statement not in there]
    added = [statement for statement in there if statement not in wanted]
    disabled = [statement for statement in added if " DISABLE " in statement]
    if missing or disabled:
        says = _listed([_difference(statement, added) for statement in missing] + [*map(_line, disabled)])
        mend = f"as {owner}, put back what sql/schema.snapshot.sql says; then `controlplane verify`"
        yield Finding("tables", Level.FAIL, says, mend)
    elif added:
        says = f"more than ours: {_listed([_line(statement) for statement in added])}"
        yield Finding("tables", Level.WARN, says, "keep what is yours in a schema of yours")
    else:
        yield Finding("tables", Level.OK, "tables, constraints, indexes and triggers are ours")


def check_functions(patient: Patient) -> Iterator[Finding]:
    """Functions say what our files say, and everything belongs to the owner."""
    prefix = patient.settings.role_prefix
    sources = load_sources()
    ours = "\n".join(
        file.text.replace(PREFIX_TOKEN, prefix) for file in (*sources.migrations, *sources.repeated)
    )
    rows = patient.session.execute(_BODIES).fetchall()
    edited = [signature for signature, body, is_safe in rows if body not in ours or not is_safe]
    if edited:
        yield Finding(
            "functions",
            Level.FAIL,
            f"edited by hand: {_listed(edited)}",
            "run `controlplane migrate --reapply`",
        )
    owner = f"{prefix}_{Role.OWNER.value}"
    foreign = [name for (name,) in patient.session.execute(_FOREIGN, {"owner": owner}).fetchall()]
    if foreign:
        mend = f"ALTER TABLE, VIEW or FUNCTION … OWNER TO {owner}"
        yield Finding("functions", Level.FAIL, f"not {owner}'s: {_listed(foreign)}", mend)
    if not edited and not foreign:
        yield Finding("functions", Level.OK, f"{len(rows)} functions are ours")


def _difference(wanted: str, added: Sequence[str]) -> str:
    """What is gone: the whole statement, or lines of it where the rest is there."""
    head, *lines = wanted.splitlines()
    for other in added:
        if lines and other.startswith(f"{head}\n"):
            there = {line.rstrip(",") for line in other.splitlines()}
            lost = [line.strip().rstrip(",") for line in lines if line.rstrip(",") not in there]
            if lost:
                return f"{head.removesuffix('(').strip()} lacks {lost[0]}"
            return f"{head.removesuffix('(').strip()} has more than ours"
    return f"missing: {_line(wanted)}"


def _line(statement: str) -> str:
    return " ".join(statement.split())[:120]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return "; ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
