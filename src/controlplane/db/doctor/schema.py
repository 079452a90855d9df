"""Checks of what migrations made: roles, versions, queues, grants, partitions, incarnation."""

from collections.abc import Iterator

import controlplane
from controlplane.db.doctor.findings import Finding, Level, Patient
from controlplane.db.doctor.partitions import default_rows, missing_months
from controlplane.db.plan import check_same_installation, make_plan, release
from controlplane.db.queues import QUEUES
from controlplane.db.roles import as_owner, may_become_owner, missing_roles, owner_may_create
from controlplane.db.schema_state import read_recorded
from controlplane.db.sessions import scalar
from controlplane.db.sources import load_sources
from controlplane.types import Role

_MIGRATE = "run `controlplane migrate`"
_PRINT_ROLES = "let an administrator run what `controlplane migrate --print-roles` prints"

_REFUSED_FUNCTIONS = """
    SELECT p.oid::regprocedure::text
    FROM pg_proc AS p
    WHERE p.pronamespace = to_regnamespace('api') AND NOT has_function_privilege(%s, p.oid, 'EXECUTE')
    ORDER BY 1
"""

# Who is the owner, or above it, may write everything; of the others, which table each may write.
_TOO_MUCH = """
    SELECT CASE WHEN r.rolsuper THEN r.rolname || ' is a superuser'
             WHEN pg_has_role(r.oid, %(owner)s::regrole, 'MEMBER')
               THEN r.rolname || ' is a member of ' || %(owner)s
             ELSE r.rolname || ' may write ' || min(c.oid::regclass::text) END
    FROM pg_roles AS r
    JOIN pg_class AS c ON c.relnamespace = to_regnamespace('core') AND c.relkind IN ('r', 'p')
      AND has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
    WHERE r.rolname = ANY (%(roles)s)
    GROUP BY r.oid, r.rolname, r.rolsuper
    ORDER BY 1
"""


def check_roles(patient: Patient) -> Iterator[Finding]:
    """All roles exist, and this login may become the owner."""
    prefix = patient.settings.role_prefix
    if missing := missing_roles(patient.session, prefix):
        yield Finding("roles", Level.FAIL, f"missing: {', '.join(missing)}", f"{_MIGRATE}, or {_PRINT_ROLES}")
    elif not may_become_owner(patient.session, prefix):
        says = f"the login '{patient.session.info.user}' cannot migrate: it may not become {prefix}_owner"
        yield Finding("roles", Level.WARN, says, f"migrate with another login, or {_PRINT_ROLES}")
    elif not owner_may_create(patient.session, prefix):
        says = f"{prefix}_owner may not create in this database"
        yield Finding("roles", Level.WARN, says, f"{_MIGRATE}, or {_PRINT_ROLES}")
    else:
        yield Finding("roles", Level.OK, f"{prefix}_* exist, and this login may migrate")


def check_schema(patient: Patient) -> Iterator[Finding]:
    """The schema is what this code expects."""
    settings = patient.settings
    recorded = read_recorded(patient.session, settings.role_prefix)
    if recorded.state is None:
        yield Finding("schema", Level.FAIL, "not migrated yet", _MIGRATE)
        return
    check_same_installation(recorded, prefix=settings.role_prefix, environment=settings.environment.value)
    plan = make_plan(load_sources(), recorded, release(controlplane.__version__))
    if plan.newer_code:
        yield Finding(
            "schema",
            Level.WARN,
            f"ahead: {recorded.state.code_version} migrated here, this is {controlplane.__version__}",
            "upgrade this code when the roll-out is over",
        )
    elif not plan.is_empty:
        waiting = [*(file.path for file in (*plan.migrations, *plan.repeated, *plan.closing)), *plan.removed]
        says = f"behind: {len(waiting)} files to apply, first sql/{waiting[0]}"
        yield Finding("schema", Level.FAIL, says, _MIGRATE)
    else:
        yield Finding("schema", Level.OK, f"up to date with controlplane {controlplane.__version__}")


def check_queues(patient: Patient) -> Iterator[Finding]:
    """Pgmq is there, with all our queues."""
    if scalar(patient.session, "SELECT to_regnamespace('pgmq')") is None:
        yield Finding("pgmq", Level.FAIL, "not in this database", f"{_MIGRATE}; it brings pgmq")
        return
    with as_owner(patient.session, patient.settings.role_prefix):
        rows = patient.session.execute(
            "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass('pgmq.q_' || name) IS NULL",
            (list(QUEUES),),
        ).fetchall()
    if missing := [name for (name,) in rows]:
        mend = "; ".join(f"SELECT pgmq.create('{name}')" for name in missing)
        yield Finding("pgmq", Level.FAIL, f"queues are missing: {', '.join(missing)}", mend)
    else:
        yield Finding("pgmq", Level.OK, f"{len(QUEUES)} queues")


def check_grants(patient: Patient) -> Iterator[Finding]:
    """The roles may do what grants.sql says and write nothing else, and this login may act as the API."""
    prefix = patient.settings.role_prefix
    if missing_roles(patient.session, prefix) or not read_recorded(patient.session, prefix).is_installed:
        return
    if scalar(patient.session, "SELECT to_regnamespace('api')") is None:
        owner = f"{prefix}_{Role.OWNER.value}"
        mend = f"CREATE SCHEMA api AUTHORIZATION {owner}, and `controlplane migrate --reapply`"
        yield Finding("grants", Level.FAIL, "there is no schema api", mend)
        return
    lacking = []
    for role in (Role.APP, Role.WORKER):
        name = f"{prefix}_{role.value}"
        if not scalar(patient.session, "SELECT has_schema_privilege(%(r)s, 'api', 'USAGE')", {"r": name}):
            lacking.append(f"{name} may not use schema api")
        refused = patient.session.execute(_REFUSED_FUNCTIONS, (name,)).fetchall()
        lacking += [f"{name} may not execute {signature}" for (signature,) in refused]
    if lacking:
        says = "; ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if len(lacking) > 3 else "")
        yield Finding("grants", Level.FAIL, says, "run `controlplane migrate --reapply`")
        return
    roles = [f"{prefix}_{role.value}" for role in Role if role is not Role.OWNER]
    named = {"owner": f"{prefix}_{Role.OWNER.value}", "roles": roles}
    if too_much := [says for (says,) in patient.session.execute(_TOO_MUCH, named).fetchall()]:
        mend = "REVOKE it: only functions of schema api may write"
        yield Finding("grants", Level.FAIL, "; ".join(too_much[:3]), mend)
        return
    app = f"{prefix}_{Role.APP.value}"
    if not scalar(patient.session, "SELECT pg_has_role(%(r)s, 'MEMBER')", {"r": app}):
        says = f"the login '{patient.session.info.user}' may not act as {app}"
        yield Finding("grants", Level.WARN, says, f"serve with another login, or {_PRINT_ROLES}")
    else:
        yield Finding("grants", Level.OK, f"{app} may execute all of schema api, and nothing is missing")


def check_partitions(patient: Patient) -> Iterator[Finding]:
    """Months are made ahead of need, and nothing had to go to a DEFAULT partition."""
    if scalar(patient.session, "SELECT to_regnamespace('core')") is None:
        return
    healthy = True
    for table, months in missing_months(patient.session).items():
        healthy = False
        says = f"{table} has no partition for {', '.join(months)}"
        yield Finding("partitions", Level.FAIL, says, f"{_MIGRATE}; it makes coming months")
    for table in default_rows(patient.session, patient.settings.role_prefix):
        healthy = False
        yield Finding(
            "partitions",
            Level.WARN,
            f"{table} holds rows, because a month was missing when they came",
            "move them into a partition of their month before the month is closed",
        )
    if healthy:
        yield Finding("partitions", Level.OK, "this month and the next are there; DEFAULT ones are empty")


def check_incarnation(patient: Patient) -> Iterator[Finding]:
    """After a restore or an asynchronous failover nothing is decided before somebody said so."""
    if scalar(patient.session, "SELECT to_regnamespace('core')") is None:
        return
    with as_owner(patient.session, patient.settings.role_prefix):
        if scalar(patient.session, "SELECT to_regclass('core.installation')") is None:
            return
        row = patient.session.execute("SELECT identity, core.identity() FROM core.installation").fetchone()
    if row is None:
        yield Finding("incarnation", Level.FAIL, "core.installation is empty", _MIGRATE)
    elif row[0] != row[1]:
        yield Finding(
            "incarnation",
            Level.FAIL,
            f"restored or failed over: this is {row[1]}, the schema belongs to {row[0]}; nothing is decided",
            "run `controlplane recover`",
        )
    else:
        yield Finding("incarnation", Level.OK, f"{row[0]}")
