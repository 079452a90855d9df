"""Asking a database whether its stored state is what its history says: ``api.verify``."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from controlplane.db.roles import as_owner
from controlplane.db.sessions import open_session
from controlplane.db.translate import translated
from controlplane.errors import ConfigurationError, MigrationError


@dataclass(frozen=True, slots=True)
class Check:
    """One check of ``api.verify``.

    Attributes:
        name: of the check.
        checked: how many rows it looked at.
        offenders: the first of those that are wrong: whose, and what is stored beside what was worked out.
    """

    name: str
    checked: int
    offenders: list[dict[str, Any]] = field(default_factory=list)


def verify(url: str, prefix: str, customers: Sequence[str] | None = None) -> list[Check]:
    """Run every check on one snapshot of live data; nothing is locked or written.

    Args:
        url: of the database; nothing limits how long a statement may take.
        prefix: of its roles.
        customers: only these; None is all.

    Raises:
        Shed: no connection.
        ConfigurationError: one of the customers does not exist.
        MigrationError: there is no schema yet.
        DatabaseError: what Postgres said.
    """
    only = None if customers is None else list(customers)
    with open_session(url, name="controlplane verify") as session, as_owner(session, prefix):
        session.execute("SET LOCAL statement_timeout = 0")
        try:
            unknown = session.execute(
                "SELECT id FROM unnest(%s::text[]) AS id"
                " WHERE NOT EXISTS (SELECT FROM core.customer WHERE customer_id = id)"
                " AND NOT EXISTS (SELECT FROM core.gate WHERE customer_id = id)",
                (only,),
            ).fetchall()
            if unknown:
                raise ConfigurationError(f"no such customer: {', '.join(name for (name,) in unknown)}")
            rows = session.execute(
                "SELECT check_name, customer_id, checked, offender FROM api.verify(%s)", (only,)
            ).fetchall()
        except (psycopg.errors.UndefinedFunction, psycopg.errors.UndefinedTable) as error:
            raise MigrationError(
                "there is nothing to verify here yet", hint="controlplane migrate"
            ) from error
        except psycopg.Error as error:
            raise translated(error) from error
    checks = {name: Check(name, checked) for name, _, checked, _ in rows if checked is not None}
    for name, customer, _, offender in rows:
        if offender is not None:
            checks[name].offenders.append({"customerId": customer, **offender})
    return list(checks.values())
