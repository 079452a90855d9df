"""The migration runner: brings a database to what the files of ``sql/`` say.

One run, under one advisory lock and, unless a migration asks otherwise, in one transaction:

1. the roles, if one is missing; then everything as ``{prefix}_owner``:
2. pgmq, unless it is there; 3. pending migrations; 4. functions and views whose checksum changed, while
what no file makes any more is dropped;
5. grants and comments, if anything changed; 6. ``upkeep.sql``, always (it makes coming partitions), and what
a new timeline is to mean here.

Function bodies are created unchecked, so that files need no order among themselves, and all are checked by
their language afterwards, in the same transaction.
"""

import psycopg
import structlog
from psycopg import sql

import controlplane
from controlplane.db.plan import Plan, check_same_installation, make_plan, release
from controlplane.db.poolers import refuse_transaction_pooling
from controlplane.db.queues import INSTALLED, install_queues, prepare_queues
from controlplane.db.repeated import RepeatedFiles
from controlplane.db.roles import ensure_roles
from controlplane.db.schema_state import (
    Recorded,
    SchemaState,
    read_recorded,
    record_code_version,
    record_file,
    record_installation,
    record_migration,
)
from controlplane.db.sessions import Session, open_session
from controlplane.db.sources import Migration, Sources, SqlFile, load_sources
from controlplane.db.statements import Statement
from controlplane.errors import MigrationError
from controlplane.types import Environment, Failover, Role

#: Key of the advisory lock: one runner per database at a time. "ctrlplne" in ASCII.
LOCK_KEY = int.from_bytes(b"ctrlplne", "big")

#: The oldest server we run on, in Postgres' own numbering.
OLDEST_SERVER = 160000

#: What a new schema asks of code until a migration asks for more.
FIRST_VERSION = "0.1.0"

_log = structlog.get_logger(__name__)

# In every transaction of a run. Names are written in full, so the search path is empty; a lock that is not
# had within ten seconds is better given up than queued for, since all traffic would queue behind it.
_SETTINGS = (
    "SET LOCAL search_path = pg_catalog",
    "SET LOCAL lock_timeout = '10s'",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET LOCAL client_min_messages = warning",
)

# What was declared before a failover counts, and not what is declared after it: under another identity than
# the known one, only the strict meaning is taken.
_SET_FAILOVER = """
    UPDATE core.installation SET failover = %(failover)s
    WHERE failover <> %(failover)s AND (identity = core.identity() OR %(failover)s = 'asynchronous')
"""

_CHECK_BODIES = """
    SELECT p.oid::regprocedure::text, v.proname, p.oid
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
    JOIN pg_catalog.pg_proc AS v ON v.oid = l.lanvalidator
    WHERE p.pronamespace IN ('api'::regnamespace, 'core'::regnamespace, 'report'::regnamespace)
    AND l.lanname IN ('plpgsql', 'sql')
    ORDER BY 1
"""


class Runner:
    """Applies the sources to one database through one session."""

    def __init__(
        self,
        session: Session,
        sources: Sources,
        *,
        prefix: str,
        environment: Environment,
        code_version: str,
        failover: Failover | None = None,
        reapply: bool = False,
    ) -> None:
        """Describe a run; see ``migrate`` for the usual way to make one."""
        self._session = session
        self._sources = sources
        self._prefix = prefix
        self._environment = environment
        self._code_version = release(code_version)
        self._failover = failover
        self._reapply = reapply
        self._owner = f"{prefix}_{Role.OWNER.value}"

    def plan(self) -> Plan:
        """What ``run`` would do now; changes nothing."""
        recorded = read_recorded(self._session, self._prefix)
        check_same_installation(recorded, prefix=self._prefix, environment=self._environment.value)
        return self._plan_from(recorded)

    def _plan_from(self, recorded: Recorded) -> Plan:
        return make_plan(self._sources, recorded, self._code_version, reapply=self._reapply)

    def run(self) -> Plan:
        """Bring the database up to date and return what was done.

        Raises:
            MigrationError: and its kinds; nothing was changed, unless the message says what.
        """
        try:
            # The lock is the session's, since not all work is in one transaction.
            self._session.execute("SELECT pg_advisory_lock(%s)", (LOCK_KEY,))
            plan = self.plan()
            if plan.newer_code:
                _log.warning("database_is_ahead", migrations=plan.unknown)
            else:
                self._run(plan)
            self._session.execute("SELECT pg_advisory_unlock(%s)", (LOCK_KEY,))
        except BaseException:
            # Rolls back and gives the lock away, also where a stop signal came in the middle of a statement.
            self._session.close()
            raise
        return plan

    def _run(self, plan: Plan) -> None:
        self._begin()
        ensure_roles(self._session, self._sources.roles, self._prefix)
        if not plan.is_empty:
            self._apply(plan)
        self._apply_upkeep()
        self._session.execute("COMMIT")

    def _begin(self) -> None:
        self._session.execute("BEGIN")
        for setting in _SETTINGS:
            self._session.execute(setting.encode())

    def _become_owner(self, *, local: bool = True) -> None:
        scope = sql.SQL("LOCAL" if local else "SESSION")
        role = sql.Identifier(self._owner)
        self._session.execute(sql.SQL("SET {} ROLE {}").format(scope, role))

    def _apply(self, plan: Plan) -> None:
        installation = None
        if not read_recorded(self._session, self._prefix).is_installed:
            installation = self._install()
        self._become_owner()
        for migration in plan.migrations:
            self._apply_migration(migration)
            if installation is not None:
                record_installation(self._session, installation)
                installation = None
        self._session.execute("SET LOCAL check_function_bodies = off")
        recorded = read_recorded(self._session, self._prefix)
        files = RepeatedFiles(self._session, self._sources, recorded, self._execute_all)
        files.apply(self._plan_from(recorded))  # migrations may drop views
        self._session.execute("SET LOCAL check_function_bodies = on")
        self._check_bodies()
        for file in plan.closing:
            self._execute_all(file)
            record_file(self._session, file.path, file.checksum)
        record_code_version(self._session, self._code_version)

    def _install(self) -> SchemaState:
        """Put pgmq in place; what to record as soon as the first migration has made the tables."""
        queues = prepare_queues(self._session, self._owner)
        self._become_owner()
        if queues.source == INSTALLED:
            install_queues(self._session)
        return SchemaState(
            min_code_version=FIRST_VERSION,
            code_version=self._code_version,
            role_prefix=self._prefix,
            environment=self._environment.value,
            queue_source=queues.source,
            queue_version=queues.version,
        )

    def _apply_migration(self, migration: Migration) -> None:
        _log.info("migration", path=migration.path)
        if migration.in_transaction:
            self._execute_all(migration)
            record_migration(self._session, migration.version, migration.name, migration.checksum)
            return
        self._session.execute("COMMIT")
        self._become_owner(local=False)
        self._execute_all(migration)
        record_migration(self._session, migration.version, migration.name, migration.checksum)
        self._session.execute("RESET ROLE")
        self._begin()
        self._become_owner()

    def _apply_upkeep(self) -> None:
        if self._sources.upkeep is not None:
            self._become_owner()
            self._execute_all(self._sources.upkeep)
        if self._failover is not None:
            self._session.execute(_SET_FAILOVER, {"failover": self._failover.value})

    def _execute_all(self, file: SqlFile) -> None:
        for statement in file.statements(self._prefix):
            try:
                self._session.execute(statement.text.encode())
            except psycopg.Error as error:
                raise MigrationError(_told(file, statement, error)) from error

    def _check_bodies(self) -> None:
        for signature, validator, oid in self._session.execute(_CHECK_BODIES).fetchall():
            call = sql.SQL("SELECT {}({}::oid)").format(
                sql.Identifier("pg_catalog", validator), sql.Literal(oid)
            )
            try:
                self._session.execute(call)
            except psycopg.Error as error:
                raise MigrationError(f"{signature}{_line_of_body(error)}: {_words(error)}") from error


def migrate(
    url: str,
    *,
    prefix: str,
    environment: Environment,
    failover: Failover | None = None,
    dry_run: bool = False,
    reapply: bool = False,
    sources: Sources | None = None,
    code_version: str = controlplane.__version__,
) -> Plan:
    """Bring the database at ``url`` up to date, or tell what that would take.

    Args:
        url: must not lead through a transaction-mode pooler.
        prefix: of the roles; part of the database from the first run on.
        environment: likewise.
        failover: what a new timeline is to mean from now on; None leaves it as it is.
        dry_run: plan only; nothing is changed, no lock is taken.
        reapply: functions, views and grants again, changed or not; mends what was changed by hand.
        sources: other files than ours; tests use it.
        code_version: what is compared with the schema's ``min_code_version``.

    Raises:
        MigrationError: and its kinds.
        ConfigurationError: the database was set up for another prefix or environment.
        Shed: no connection.
    """
    sources = sources or load_sources()
    with open_session(url, name="controlplane migrate") as session:
        if session.info.server_version < OLDEST_SERVER:
            raise MigrationError(
                f"PostgreSQL 16 or newer is needed, this is {session.info.server_version // 10000}",
                hint="upgrade the server",
            )
        refuse_transaction_pooling(session, url)
        runner = Runner(
            session,
            sources,
            prefix=prefix,
            environment=environment,
            code_version=code_version,
            failover=failover,
            reapply=reapply,
        )
        return runner.plan() if dry_run else runner.run()


def _told(file: SqlFile, statement: Statement, error: psycopg.Error) -> str:
    """Where and what: ``sql/migrations/0002_x.sql, line 7: relation "y" does not exist``."""
    position = int(error.diag.statement_position or 1)
    line = statement.line + statement.text.count("\n", 0, position - 1)
    return f"sql/{file.path}, line {line}: {_words(error)}"


def _line_of_body(error: psycopg.Error) -> str:
    query, position = error.diag.internal_query, error.diag.internal_position
    return f", line {query.count(chr(10), 0, int(position))} of its body" if query and position else ""


def _words(error: psycopg.Error) -> str:
    diag = error.diag
    parts = (diag.message_primary or str(error).strip(), diag.message_detail, diag.message_hint)
    state = f" [{error.sqlstate}]" if error.sqlstate else ""
    return ". ".join(part.rstrip(".") for part in parts if part) + state
