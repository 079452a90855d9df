"""Finding out whether a URL leads through a pooler that lends out its sessions per transaction.

There a session-level lock, a SET or a prepared statement lands on a connection that the next statement does
not see. PgBouncer and its kin answer the handshake themselves, with a process id of their own; so a session
whose announced pid is not the backend's is pooled. Then a second client decides which kind it is: while it
keeps a transaction open on the connection just used, a pooler in transaction mode has to move us.
"""

from enum import StrEnum

import psycopg

from controlplane.db.sessions import Session, open_session, scalar
from controlplane.errors import PoolerRefused, Shed


class Pooling(StrEnum):
    """What stands between a client and its backend."""

    NONE = "none"
    SESSION = "session"
    TRANSACTION = "transaction"


def detect_pooling(session: Session, url: str) -> Pooling:
    """Tell how ``session``, opened in autocommit with ``url``, is pooled.

    A pool of one connection cannot move us and cannot serve the second client either: that is
    transaction mode too, as far as we are concerned.
    """
    before = scalar(session, "SELECT pg_backend_pid()")
    if before == session.info.backend_pid:
        return Pooling.NONE
    try:
        with open_session(url, name="controlplane pooler probe") as other, other.transaction():
            other.execute("SELECT 1")
            after = scalar(session, "SELECT pg_backend_pid()")
    except (Shed, psycopg.DatabaseError):  # whichever of the two the pooler let wait in vain
        return Pooling.TRANSACTION
    return Pooling.SESSION if after == before else Pooling.TRANSACTION


def refuse_transaction_pooling(session: Session, url: str) -> None:
    """Go on only if the session is ours until we close it.

    Raises:
        PoolerRefused: it is lent out per transaction.
    """
    if detect_pooling(session, url) is Pooling.TRANSACTION:
        raise PoolerRefused(
            "this URL leads through a pooler in transaction mode, where locks and SET ROLE do not hold",
            hint="set CONTROLPLANE_DATABASE_DIRECT_URL to the same database without the pooler",
        )
