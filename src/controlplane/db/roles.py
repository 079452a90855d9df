"""The database roles: made by the migration's login where it may, else printed for an administrator."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from controlplane.db.sessions import Session, scalar
from controlplane.db.sources import PREFIX_TOKEN, SqlFile
from controlplane.errors import RolesMissing
from controlplane.types import Role


def missing_roles(session: Session, prefix: str) -> list[str]:
    """Names of the roles that do not exist in this cluster."""
    wanted = [f"{prefix}_{role.value}" for role in Role]
    rows = session.execute("SELECT rolname FROM pg_catalog.pg_roles WHERE rolname = ANY(%s)", (wanted,))
    found = {name for (name,) in rows}
    return [name for name in wanted if name not in found]


def may_become_owner(session: Session, prefix: str) -> bool:
    """Whether the login may SET ROLE to the owner."""
    return bool(
        scalar(
            session,
            "SELECT pg_has_role(current_user, oid, 'SET') FROM pg_catalog.pg_roles WHERE rolname = %(owner)s",
            {"owner": f"{prefix}_{Role.OWNER.value}"},
        )
    )


def owner_may_create(session: Session, prefix: str) -> bool:
    """Whether the owner may create schemas in this database; a restored dump does not bring that along."""
    return bool(
        scalar(
            session,
            "SELECT has_database_privilege(oid, current_database(), 'CREATE')"
            " FROM pg_catalog.pg_roles WHERE rolname = %(owner)s",
            {"owner": f"{prefix}_{Role.OWNER.value}"},
        )
    )


def _is_set_up(session: Session, prefix: str) -> bool:
    return may_become_owner(session, prefix) and owner_may_create(session, prefix)


@contextmanager
def as_owner(session: Session, prefix: str) -> Iterator[None]:
    """Be the owner inside, if the login may; a login that is not (the API's) stays what it is.

    The login inherits nothing, so without this it could not even read what was applied. Inside a
    transaction or outside of one; afterwards the session is what it was before.
    """
    owner = f"{prefix}_{Role.OWNER.value}"
    becomes = scalar(
        session,
        "SELECT current_user <> rolname AND pg_has_role(current_user, oid, 'SET')"
        " FROM pg_catalog.pg_roles WHERE rolname = %(owner)s",
        {"owner": owner},
    )
    with session.transaction():
        if becomes:
            session.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(owner)))
        yield
        if becomes:
            session.execute("SET LOCAL ROLE NONE")  # in a transaction around us it would last


def ensure_roles(session: Session, file: SqlFile, prefix: str) -> None:
    """Make what is missing; does nothing, and needs no right, if all is there.

    Raises:
        RolesMissing: something is missing and the login may not make it.
    """
    if not missing_roles(session, prefix) and _is_set_up(session, prefix):
        return
    try:
        for statement in file.statements(prefix):
            session.execute(statement.text.encode())
    except psycopg.errors.InsufficientPrivilege as error:
        raise _refusal(session, prefix, str(error).strip().splitlines()[0]) from error
    if not _is_set_up(session, prefix):  # GRANT only warns when it grants nothing
        raise _refusal(session, prefix, "it may not let their owner create in this database")


def _refusal(session: Session, prefix: str, reason: str) -> RolesMissing:
    return RolesMissing(
        f"the login '{session.info.user}' may not set up the roles {prefix}_*: {reason}",
        hint="let an administrator run what `controlplane migrate --print-roles` prints",
    )


def printed_roles(file: SqlFile, prefix: str, login: str) -> str:
    """The SQL for an administrator, with the login that will migrate in place of himself."""
    text = file.text.replace(PREFIX_TOKEN, prefix)
    quoted = login.replace("'", "''")
    return text.replace("current_user", f"'{quoted}'")
