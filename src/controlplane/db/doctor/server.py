"""Checks of the server itself: version, pooling, durability, clock, old transactions."""

import time
from collections.abc import Iterator

from controlplane.db.doctor.findings import Finding, Level, Patient
from controlplane.db.migrate import OLDEST_SERVER
from controlplane.db.poolers import Pooling, detect_pooling
from controlplane.db.sessions import open_session, scalar
from controlplane.db.urls import changed_url
from controlplane.errors import Shed
from controlplane.types import Role

#: Seconds by which the clocks of server and client may differ before it is worth a word.
CLOCK_SECONDS = 1.0

#: Minutes after which an open transaction holds back vacuum enough to slow hot customers down.
OLD_TRANSACTION_MINUTES = 5

# What was set for roles that serve, everywhere or in this database.
_ROLE_SETTINGS = """
    SELECT r.rolname,
           CASE WHEN s.setdatabase = 0 THEN '' ELSE ' IN DATABASE ' || quote_ident(current_database()) END,
           split_part(entry, '=', 1), substr(entry, strpos(entry, '=') + 1)
    FROM pg_db_role_setting AS s
    JOIN pg_roles AS r ON r.oid = s.setrole AND r.rolname = ANY (%s)
    CROSS JOIN unnest(s.setconfig) AS entry
    WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    AND split_part(entry, '=', 1) = ANY (%s)
    ORDER BY 1, 3
"""

#: Milliseconds below which a time-out of a role ends decisions that only wait their turn.
SHORTEST_TIMEOUT = 1000

# Time-outs of roles that serve, everywhere or in this database. Without a unit it is milliseconds.
_ROLE_TIMEOUTS = """
    SELECT r.rolname,
           CASE WHEN s.setdatabase = 0 THEN '' ELSE ' IN DATABASE ' || quote_ident(current_database()) END,
           name, value
    FROM pg_db_role_setting AS s
    JOIN pg_roles AS r ON r.oid = s.setrole AND r.rolname = ANY (%s)
    CROSS JOIN unnest(s.setconfig) AS entry
    CROSS JOIN LATERAL (SELECT split_part(entry, '=', 1), substr(entry, strpos(entry, '=') + 1))
      AS e (name, value)
    WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    AND CASE WHEN name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout')
      THEN 1000 * extract(epoch FROM (value || CASE WHEN value ~ '^[0-9.]+$' THEN 'ms' ELSE '' END)::interval)
      END BETWEEN 0.001 AND %s - 1
    ORDER BY 1, 3
"""


def check_version(patient: Patient) -> Iterator[Finding]:
    """PostgreSQL 16 or newer."""
    version = patient.session.info.server_version
    says = f"PostgreSQL {version // 10000}.{version % 10000}"
    if version < OLDEST_SERVER:
        yield Finding("version", Level.FAIL, says, f"upgrade the server to {OLDEST_SERVER // 10000} or newer")
    else:
        yield Finding("version", Level.OK, says)


def check_pooling(patient: Patient) -> Iterator[Finding]:
    """The URL for migrations must give a session of its own."""
    match detect_pooling(patient.session, patient.url):
        case Pooling.NONE:
            yield Finding("pooling", Level.OK, "no pooler in between")
        case Pooling.SESSION:
            yield Finding("pooling", Level.OK, "a pooler in session mode")
        case Pooling.TRANSACTION:
            yield Finding(
                "pooling",
                Level.FAIL,
                "this URL leads through a pooler in transaction mode",
                "set CONTROLPLANE_DATABASE_DIRECT_URL to the same database without the pooler",
            )


def check_pooled_url(patient: Patient) -> Iterator[Finding]:
    """The URL of requests must lead to the same database as the direct one."""
    url = patient.settings.database_url
    assert url is not None  # the settings have no direct one without it
    query = "SELECT system_identifier || '/' || current_database() FROM pg_control_system()"
    with open_session(url, name="controlplane doctor") as pooled:
        here, there = scalar(patient.session, query), scalar(pooled, query)
    if here == there:
        yield Finding("pooled_url", Level.OK, "leads to the same database as the direct one")
    else:
        yield Finding(
            "pooled_url",
            Level.FAIL,
            "CONTROLPLANE_DATABASE_URL and CONTROLPLANE_DATABASE_DIRECT_URL lead to different databases",
            "let both name the same one",
        )


def check_login(patient: Patient) -> Iterator[Finding]:
    """The role of the API can connect: NOLOGIN, a limit or a revoked CONNECT stop it and nobody else."""
    role = patient.settings.role_name(Role.APP)
    try:
        open_session(changed_url(patient.url, user=role), name="controlplane doctor").close()
    except Shed as error:
        database = scalar(patient.session, "SELECT quote_ident(current_database())")
        yield Finding(
            "login",
            Level.FAIL,
            f"{role}, as whom the API connects, cannot: {error.message}",
            f"ALTER ROLE {role} LOGIN CONNECTION LIMIT -1 VALID UNTIL 'infinity';"
            f" GRANT CONNECT ON DATABASE {database} TO {role}",
        )
    else:
        yield Finding("login", Level.OK, f"{role} can connect")


def check_primary(patient: Patient) -> Iterator[Finding]:
    """Decisions are made on primaries only."""
    if scalar(patient.session, "SELECT pg_is_in_recovery()"):
        yield Finding("primary", Level.FAIL, "this is a replica", "use the primary's URL, or promote it")
    else:
        yield Finding("primary", Level.OK, "a primary")


def check_durability(patient: Patient) -> Iterator[Finding]:
    """An answer counts as given only after a durable commit."""
    rows: dict[str, str] = dict(
        patient.session.execute(
            "SELECT name, setting FROM pg_settings"
            " WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')"
        ).fetchall()
    )
    off = sorted(name for name, value in rows.items() if value == "off")
    if not off:
        yield Finding("durability", Level.OK, f"synchronous_commit is {rows['synchronous_commit']}")
        return
    yield Finding(
        "durability",
        Level.FAIL if patient.is_live else Level.WARN,
        f"off: {', '.join(off)}; a crash may lose what was answered",
        "; ".join(f"ALTER SYSTEM SET {name} = on" for name in off) + "; SELECT pg_reload_conf()",
    )


def check_defaults(patient: Patient) -> Iterator[Finding]:
    """Defaults of this login and database under which the functions cannot work."""
    wanted = {
        "default_transaction_isolation": "read committed",
        "default_transaction_read_only": "off",
        "session_replication_role": "origin",  # else no trigger guards history
    }
    wrong = {name: found for name, value in wanted.items() if (found := _setting(patient, name)) != value}
    for name, found in wrong.items():
        database = scalar(patient.session, "SELECT quote_ident(current_database())")
        yield Finding(
            "defaults",
            Level.FAIL,
            f"{name} is '{found}', it must be '{wanted[name]}'",
            f"ALTER DATABASE {database} SET {name} = '{wanted[name]}'",
        )
    prefix = patient.settings.role_prefix
    serving = [f"{prefix}_{role.value}" for role in (Role.APP, Role.WORKER)]
    for role, where, name, found in patient.session.execute(
        _ROLE_SETTINGS, (serving, list(wanted))
    ).fetchall():
        if found.lower() not in (wanted[name], "false", "no", "0"):
            wrong[name] = found
            yield Finding(
                "defaults",
                Level.FAIL,
                f"{name} of {role} is '{found}', it must be '{wanted[name]}'",
                f"ALTER ROLE {role}{where} RESET {name}",
            )
    for role, where, name, found in patient.session.execute(
        _ROLE_TIMEOUTS, (serving, SHORTEST_TIMEOUT)
    ).fetchall():
        wrong[name] = found
        yield Finding(
            "defaults",
            Level.WARN,
            f"{name} of {role} is '{found}': decisions that wait their turn are ended",
            f"ALTER ROLE {role}{where} RESET {name}",
        )
    encoding = scalar(patient.session, "SHOW server_encoding")
    if encoding != "UTF8":
        yield Finding("defaults", Level.FAIL, f"encoding is {encoding}", "make one with ENCODING 'UTF8'")
    elif not wrong:
        yield Finding("defaults", Level.OK, "read committed, writable, UTF8")


def check_clock(patient: Patient) -> Iterator[Finding]:
    """Grants and windows go by the server's clock; keys and tokens are judged by ours."""
    sent = time.time()
    theirs = float(scalar(patient.session, "SELECT extract(epoch FROM clock_timestamp())"))
    received = time.time()
    # Their reading lies between the two of ours, so only what is outside of that is a difference.
    ahead = max(0.0, theirs - received, sent - theirs)
    if ahead > CLOCK_SECONDS:
        direction = "ahead of" if theirs > received else "behind"
        yield Finding(
            "clock",
            Level.WARN,
            f"the server's clock is {ahead:.1f} s {direction} ours",
            "let both machines follow the same time service (NTP)",
        )
    else:
        yield Finding("clock", Level.OK, f"the same within {max(ahead, received - sent):.3f} s")


def check_transactions(patient: Patient) -> Iterator[Finding]:
    """Prepared and long transactions keep locks, and rows that nobody needs any more."""
    prepared = patient.session.execute(
        "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"
        " AND prepared < clock_timestamp() - make_interval(mins => %s) ORDER BY prepared",
        (OLD_TRANSACTION_MINUTES,),
    ).fetchall()
    for (gid,) in prepared:
        yield Finding(
            "transactions",
            Level.WARN,
            f"prepared transaction '{gid}' is left over and keeps its locks",
            f"ROLLBACK PREPARED '{gid}', or COMMIT PREPARED if its manager says so",
        )
    old = patient.session.execute(
        "SELECT pid, coalesce(application_name, '') FROM pg_stat_activity"
        " WHERE datname = current_database() AND backend_type = 'client backend'"
        " AND xact_start < clock_timestamp() - make_interval(mins => %s) ORDER BY xact_start",
        (OLD_TRANSACTION_MINUTES,),
    ).fetchall()
    for pid, application in old:
        yield Finding(
            "transactions",
            Level.WARN,
            f"process {pid} ({application or 'unnamed'}) is in one for over {OLD_TRANSACTION_MINUTES} min",
            f"end it there, or: SELECT pg_terminate_backend({pid})",
        )
    if not prepared and not old:
        yield Finding("transactions", Level.OK, "none is older than minutes")


def _setting(patient: Patient, name: str) -> str:
    return str(scalar(patient.session, "SELECT current_setting(%(name)s)", {"name": name}))
