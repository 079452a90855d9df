"""Looking at partitions: months that are not there, and rows that found no month."""

from collections.abc import Mapping

from psycopg import sql

from controlplane.db.roles import as_owner
from controlplane.db.sessions import Session, scalar

# Tables of ours partitioned by one column that holds an instant or a day, with their DEFAULT partition.
_TABLES = """
    SELECT c.oid, c.oid::regclass::text, a.attname, format_type(a.atttypid, NULL), p.partdefid
    FROM pg_catalog.pg_partitioned_table AS p
    JOIN pg_catalog.pg_class AS c ON c.oid = p.partrelid
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
    WHERE c.relnamespace = to_regnamespace('core') AND p.partstrat = 'r' AND p.partnatts = 1
    AND a.atttypid IN ('timestamptz'::regtype, 'date'::regtype)
    ORDER BY 2
"""

_BOUNDS = """
    SELECT pg_catalog.pg_get_partition_constraintdef(i.inhrelid)
    FROM pg_catalog.pg_inherits AS i
    JOIN pg_catalog.pg_partitioned_table AS p ON p.partrelid = i.inhparent
    WHERE i.inhparent = %s AND i.inhrelid <> p.partdefid
"""


def missing_months(session: Session) -> Mapping[str, list[str]]:
    """By table, which of this month and the next (``2026-07``, UTC) no partition takes."""
    missing: dict[str, list[str]] = {}
    for oid, table, column, kind, _ in session.execute(_TABLES).fetchall():
        bounds = [bound for (bound,) in session.execute(_BOUNDS, (oid,)).fetchall() if bound]
        for ahead in (0, 1):
            month, taken = _is_taken(session, bounds, column, kind, ahead)
            if not taken:
                missing.setdefault(table, []).append(month)
    return missing


def _is_taken(session: Session, bounds: list[str], column: str, kind: str, ahead: int) -> tuple[str, bool]:
    """Ask Postgres itself: a partition's constraint is an expression over the column."""
    constraints = sql.SQL(" OR ").join(sql.SQL("({})").format(sql.SQL(bound)) for bound in bounds)
    query = sql.SQL(
        "SELECT to_char(our_instant, 'YYYY-MM'), {taken} FROM ("
        " SELECT our_instant, (our_instant AT TIME ZONE 'UTC')::{kind} AS {column} FROM ("
        "  SELECT date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC')"
        "   + make_interval(months => {ahead}, days => 14) AS our_instant) AS a) AS b"
    ).format(
        taken=constraints if bounds else sql.SQL("false"),
        kind=sql.SQL("timestamptz" if kind.startswith("timestamp") else "date"),
        column=sql.Identifier(column),
        ahead=sql.Literal(ahead),
    )
    row = session.execute(query).fetchone()
    assert row is not None
    return str(row[0]), bool(row[1])


def default_rows(session: Session, prefix: str) -> list[str]:
    """Names of the DEFAULT partitions that hold a row.

    Rows are the owner's to read, so the login must be able to become it.
    """
    names = []
    with as_owner(session, prefix):
        for _, _, _, _, default in session.execute(_TABLES).fetchall():
            if not default:
                continue
            name = scalar(session, "SELECT %(oid)s::oid::regclass::text", {"oid": default})
            if scalar(session, sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.SQL(name))):
                names.append(str(name))
    return names
