"""The pool of the API: asynchronous connections of the role ``app``, one statement a call.

Every call is one statement in autocommit, so each is one transaction in READ COMMITTED and one round trip.
Behind a pooler in transaction mode nothing of the session is ours: no prepared statements, no settings (there
the roles carry their own time-outs).
"""

import asyncio
import os
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from time import monotonic
from typing import Any, LiteralString, TypeAlias

import psycopg
import structlog
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from controlplane.db.translate import translated
from controlplane.db.urls import changed_url
from controlplane.errors import OutcomeUnknown, Shed

_log = structlog.get_logger(__name__)

#: Seconds a request waits for a connection before it is shed.
CHECKOUT_SECONDS = 3.0
#: Requests that may wait for a connection; the next one is shed at once.
WAITING_REQUESTS = 2_000

#: Where Postgres warns, amid a statement, that numbers run out and some database of the server has to
#: be vacuumed. It does so millions of transactions ahead and says nothing of this one's commit.
RUNNING_OUT = {"GetNewTransactionId", "GetNewMultiXactId"}

#: Seconds beyond the statement's own time-out after which a connection that says nothing is given up.
ANSWER_SECONDS = 2.0

Row: TypeAlias = TupleRow
#: Parameters, or what says them once there is a connection: until then they may have become others.
Parameters: TypeAlias = Sequence[Any] | Callable[[], Sequence[Any]]


class ServingConnection(psycopg.AsyncConnection[TupleRow]):
    """Remembers the warnings of the running statement: one at COMMIT means that durability is unclear.

    Attributes:
        made_at: on ``time.monotonic``.
    """

    warnings: list[str]
    made_at: float

    @property
    def is_dead(self) -> bool:
        """Whether the server has hung up. It said so without being asked, so nothing need be sent."""
        try:
            self.pgconn.consume_input()  # its last words …
            self.pgconn.consume_input()  # … and the end
        except psycopg.OperationalError:
            return True
        return self.closed


class _WarmFirst(deque[ServingConnection]):
    """Idle connections, of which the one put back last is taken first.

    A backend that has just worked has its plans in the processor's caches, and the others may sleep until the
    pool closes them. psycopg_pool takes them in turn and has no setting for it.
    """

    def append(self, connection: ServingConnection) -> None:
        """To where the pool takes from."""
        self.appendleft(connection)


class _Pool(AsyncConnectionPool[ServingConnection]):
    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        self._pool = _WarmFirst()


class Database:
    """What the rest of the process knows of Postgres. Cheap to make; ``open`` starts connecting."""

    def __init__(
        self,
        url: str,
        *,
        size: int,
        statement_timeout_ms: int,
        behind_pooler: bool,
        name: str = "controlplane",
    ) -> None:
        """Describe the pool.

        Args:
            url: of the role ``app`` (or a login with its rights).
            size: most connections.
            statement_timeout_ms: milliseconds a statement may take; 0 is no limit.
            behind_pooler: whether the URL leads through a pooler in transaction mode.
            name: shown in ``pg_stat_activity``.
        """
        settings = (
            ""
            if behind_pooler
            else (
                f"-c statement_timeout={statement_timeout_ms} -c idle_in_transaction_session_timeout=10000"
                " -c TimeZone=UTC -c search_path=pg_catalog"
            )
        )
        self._answers_within = (
            (statement_timeout_ms / 1000 + ANSWER_SECONDS) if statement_timeout_ms else None
        )
        self._connected = False
        self._errors_before = 0
        self._drained_at = 0.0
        self._returning: set[asyncio.Task[None]] = set()
        self._pool = _Pool(
            changed_url(url, options=settings or None),
            connection_class=ServingConnection,
            kwargs={
                "autocommit": True,
                "application_name": name,
                "connect_timeout": 5,
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 10_000,
                "prepare_threshold": None if behind_pooler else 5,
            },
            min_size=min(2, size),
            max_size=size,
            max_waiting=WAITING_REQUESTS,
            timeout=CHECKOUT_SECONDS,
            # Each attempt waits twice as long as the one before; whoever asks next begins them anew.
            reconnect_timeout=CHECKOUT_SECONDS,
            configure=self._configure,
            name=name,
            open=False,
        )

    async def open(self) -> None:
        """Start connecting, without waiting: a server without its database still answers, with an error."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every connection; calls that are under way finish first."""
        await self._pool.close()

    def statistics(self) -> dict[str, int]:
        """Figures of psycopg_pool: ``pool_size``, ``pool_available``, ``requests_waiting`` and more."""
        return self._pool.get_stats()

    async def rows(self, query: LiteralString, parameters: Parameters = ()) -> list[Row]:
        """Run one statement and return its rows.

        Raises:
            DatabaseError: by its kinds; see ``controlplane.errors``. Nothing was sent if ``parameters`` had
                not been asked yet; what that raises ends the call.
        """
        async with self._connection() as connection:
            said = parameters() if callable(parameters) else parameters
            return await _run(connection, query, said, self._answers_within)

    async def read(self, query: LiteralString, parameters: Sequence[Any] = ()) -> list[Row]:
        """Like ``rows``, for what only reads: where the answer was lost it is asked once more."""
        try:
            return await self.rows(query, parameters)
        except OutcomeUnknown:
            return await self.rows(query, parameters)

    async def tried(self, query: LiteralString, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run one statement and roll it back: what it would have said, and no trace of it."""
        async with self._connection() as connection:
            try:
                async with connection.transaction(force_rollback=True):
                    return await _run(connection, query, parameters, self._answers_within)
            except (
                psycopg.Error
            ) as error:  # of BEGIN or ROLLBACK: the connection is gone, and the statement undone
                raise translated(error) from error

    async def value(self, query: LiteralString, parameters: Sequence[Any] = ()) -> Any:
        """First column of the first row; None without a row."""
        found = await self.rows(query, parameters)
        return found[0][0] if found else None

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[ServingConnection]:
        try:
            connection = await self._pool.getconn()
            if connection.is_dead:
                # Nothing was sent yet: there is nothing to be in doubt about.
                await self._give_back(connection)
                connection = await self._pool.getconn()
        except (PoolTimeout, TooManyRequests, PoolClosed) as error:
            raise self._shed() from error
        try:
            yield connection
        except BaseException:
            # Who is cancelled may be so again, and a connection that is half returned is missing for ever.
            returning = asyncio.create_task(self._give_back(connection))
            self._returning.add(returning)
            returning.add_done_callback(self._returning.discard)
            await asyncio.shield(returning)
            raise
        await self._give_back(connection)

    async def _give_back(self, connection: ServingConnection) -> None:
        """With one that has died go all that are as old: the server may be gone, or the network.

        They are not asked, since in the latter case they would hang, and be missing from the pool meanwhile.
        """
        await self._pool.putconn(connection)
        if connection.closed and connection.made_at > self._drained_at:
            self._drained_at = monotonic()
            await self._pool.drain()

    def _shed(self) -> Shed:
        if self._connected and self._errors() == self._errors_before:
            return Shed("every database connection is busy; try again in a moment", code="OVERLOADED")
        return Shed("the database cannot be reached; try again in a moment", code="DATABASE_UNREACHABLE")

    def _errors(self) -> int:
        return self._pool.get_stats().get("connections_errors", 0)

    async def _configure(self, connection: ServingConnection) -> None:
        # Whatever failed before, the database answers now.
        self._connected = True
        self._errors_before = self._errors()
        connection.warnings = []
        connection.made_at = monotonic()
        connection.add_notice_handler(partial(_note, connection.warnings))


def _note(warnings: list[str], diagnostic: psycopg.errors.Diagnostic) -> None:
    if diagnostic.severity_nonlocalized == "WARNING" and diagnostic.source_function not in RUNNING_OUT:
        warnings.append(diagnostic.message_primary or "")


async def _run(
    connection: ServingConnection, query: LiteralString, parameters: Sequence[Any], within: float | None
) -> list[Row]:
    connection.warnings.clear()
    # Postgres ends a statement that takes too long; a network that swallows the answer ends nothing.
    timer = None if within is None else asyncio.get_running_loop().call_later(within, _cut, connection)
    try:
        cursor = await connection.execute(query, parameters)
        rows = await cursor.fetchall()
    except psycopg.Error as error:
        raise translated(error) from error
    finally:
        if timer is not None:
            timer.cancel()
    if connection.warnings:
        # None of our functions warns: this comes from COMMIT, such as a cancelled wait for the standby.
        _log.error("warning_at_commit", warnings=list(connection.warnings))
        raise OutcomeUnknown("committed here, but perhaps not durably; send the same key again")
    return rows


def _cut(connection: ServingConnection) -> None:
    """End a connection so that whoever waits for it hears of it; cancelling would wait for an answer."""
    _log.warning("connection_cut", why="no answer came in time")
    # It may be broken already, which whoever waits is about to hear.
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
