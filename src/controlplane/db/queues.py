"""pgmq in the database: used as it is found, or installed from the SQL its Python package carries.

Installed that way it needs no extension files on the server and no superuser, and belongs to our owner.
"""

from dataclasses import dataclass
from importlib import resources

from psycopg import errors, sql

from controlplane.db.sessions import Session, scalar
from controlplane.db.statements import split_statements
from controlplane.errors import MigrationError

#: ``send`` with an instant is what ``core.enqueue`` calls; older pgmq only knows a delay in seconds.
NEEDED_FUNCTION = "pgmq.send(text, jsonb, timestamptz)"

#: What sql/migrations make; a test compares.
QUEUES = (
    "top_up",
    "expiry",
    "recurring_grant",
    "alert",
    "webhook",
    "billing_export",
    "seal",
    "maintenance",
    "dead_letter",
)

FOUND = "found"
INSTALLED = "installed"


def queue_version(session: Session) -> str | None:
    """Version of the extension; None if it is not installed as one."""
    found = scalar(session, "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'pgmq'")
    return None if found is None else str(found)


@dataclass(frozen=True, slots=True)
class Queues:
    """Where pgmq comes from, ``installed`` by us or ``found``, and its version."""

    source: str
    version: str


def prepare_queues(session: Session, owner: str) -> Queues:
    """See whether pgmq is here, and make sure that ``owner`` may use it; run as the login.

    Returns:
        with the source ``installed`` it is still to be installed, by ``install_queues``.

    Raises:
        MigrationError: what is there is too old, or the owner may not use it.
    """
    if scalar(session, "SELECT to_regnamespace('pgmq')") is None:
        return Queues(INSTALLED, _packaged_version())
    _check_usable(session)
    if not _owner_may_use(session, owner):
        _grant_to(session, owner)
    return Queues(FOUND, queue_version(session) or "unknown")


def install_queues(session: Session) -> None:
    """Run the packaged SQL as the current role, statement by statement."""
    text = resources.files("pgmq.sql").joinpath("pgmq.sql").read_text(encoding="utf-8")
    for statement in split_statements(text):
        session.execute(statement.text.encode())


def _packaged_version() -> str:
    return resources.files("pgmq.sql").joinpath("VERSION").read_text(encoding="utf-8").strip()


# By the catalogue and by number: a name is looked up only with USAGE on its schema, which may be missing.
_HAS_SEND = """
    SELECT EXISTS (
        SELECT FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname = 'pgmq' AND p.proname = 'send'
        AND oidvectortypes(p.proargtypes) = 'text, jsonb, timestamp with time zone'
    )
"""

_MAY_USE = """
    SELECT has_schema_privilege(%(owner)s, n.oid, 'USAGE')
    AND has_schema_privilege(%(owner)s, n.oid, 'CREATE')
    AND has_table_privilege(%(owner)s, c.oid, 'SELECT') AND has_table_privilege(%(owner)s, c.oid, 'INSERT')
    FROM pg_catalog.pg_namespace AS n
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid
    WHERE n.nspname = 'pgmq' AND c.relname = 'meta'
"""


def _check_usable(session: Session) -> None:
    if not scalar(session, _HAS_SEND):
        raise MigrationError(
            f"the pgmq in this database has no {NEEDED_FUNCTION}",
            hint="upgrade it: ALTER EXTENSION pgmq UPDATE",
        )


def _owner_may_use(session: Session, owner: str) -> bool:
    return bool(scalar(session, _MAY_USE, {"owner": owner}))


def _grant_to(session: Session, owner: str) -> None:
    role = sql.Identifier(owner)
    grants = (
        "GRANT USAGE, CREATE ON SCHEMA pgmq TO {}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pgmq TO {}",
    )
    statements = [sql.SQL(grant).format(role) for grant in grants]
    try:
        for statement in statements:
            session.execute(statement)
    except errors.InsufficientPrivilege as error:
        printed = "; ".join(statement.as_string() for statement in statements)
        raise MigrationError(
            f"pgmq is here already, and '{owner}' may not make queues in it",
            hint=f"let the owner of pgmq run: {printed}",
        ) from error
