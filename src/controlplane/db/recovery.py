"""Declaring that a restored or promoted database's history is the one that goes on: ``api.recover``."""

from dataclasses import dataclass

import psycopg

from controlplane.db.encode import storable
from controlplane.db.roles import as_owner
from controlplane.db.sessions import open_session, scalar
from controlplane.db.translate import translated
from controlplane.errors import ConfigurationError, MigrationError


@dataclass(frozen=True, slots=True)
class Recovery:
    """What ``recover`` found and did.

    Attributes:
        needed: whether nothing was decided here before.
        incarnation: the one that is in force now.
        begun: whether it was begun by this call.
    """

    needed: bool
    incarnation: int
    begun: bool


def recover(url: str, prefix: str, reason: str, *, force: bool = False) -> Recovery:
    """Begin a new incarnation where one is needed.

    Args:
        url: of the database.
        prefix: of its roles.
        reason: why, for whoever reads the history of incarnations.
        force: begin one although the database looks like the one it was.

    Raises:
        Shed: no connection.
        MigrationError: there is no schema yet.
        ConfigurationError: it is a replica still, or the reason cannot be stored.
        RequestError: an empty or too long reason.
        DatabaseError: what Postgres said.
    """
    if not storable(reason):
        raise ConfigurationError("the reason holds a character that cannot be stored")
    with open_session(url, name="controlplane recover") as session, as_owner(session, prefix):
        try:
            if scalar(session, "SELECT pg_is_in_recovery()"):
                raise ConfigurationError(
                    "this is a replica: it follows another server, whose history goes on",
                    hint="promote it first (pg_ctl promote, or SELECT pg_promote()), then recover",
                )
            # The row is locked so that two who recover at once begin one incarnation and not two.
            row = session.execute(
                "SELECT incarnation, identity <> core.identity() FROM core.installation FOR NO KEY UPDATE"
            ).fetchone()
            if row is None:
                raise MigrationError("there is no schema here yet", hint="controlplane migrate")
            incarnation, needed = row
            if not needed and not force:
                return Recovery(False, incarnation, False)
            answer = session.execute("SELECT api.recover(%s)", (reason,)).fetchone()
        except (psycopg.errors.UndefinedFunction, psycopg.errors.UndefinedTable) as error:
            raise MigrationError("there is no schema here yet", hint="controlplane migrate") from error
        except psycopg.Error as error:
            raise translated(error) from error
    return Recovery(needed, answer[0]["incarnation"] if answer else incarnation + 1, True)
