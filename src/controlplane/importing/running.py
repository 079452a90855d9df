"""A whole import: several connections, never two with one customer, until every row is over."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator

import structlog

from controlplane.db.importing import Verdict, import_rows
from controlplane.db.pool import Database
from controlplane.errors import Conflict, DatabaseError, OutcomeUnknown, Shed
from controlplane.importing.batches import Batch, alone, batches
from controlplane.importing.columns import Kind
from controlplane.importing.spool import Spool
from controlplane.importing.tally import Tally

_log = structlog.get_logger(__name__)

#: Seconds that a database may be away before an import gives up: a restart, or a failover.
PATIENCE = 60.0
#: Seconds before the second attempt; each further wait is twice as long.
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 5.0

#: Told after each call: how many rows are over, of how many.
Told = Callable[[int, int], None]


class Import:
    """Sends what was read.

    Attributes:
        failure: why it ended early, if it did so by itself.
    """

    def __init__(
        self, database: Database, kind: Kind, tally: Tally, *, dry_run: bool, stop: asyncio.Event
    ) -> None:
        """Prepare one.

        Args:
            database: a pool of as many connections as shall work.
            kind: of the rows.
            tally: counts what becomes of them.
            dry_run: write nothing.
            stop: ends it early; what is under way is waited for.
        """
        self._database = database
        self._kind = kind
        self._dry_run = dry_run
        self._stop = stop
        self._tally = tally
        self.failure: DatabaseError | None = None

    async def run(self, spool: Spool, count: int, connections: int, told: Told) -> None:
        """Send all rows.

        The same again changes nothing, so that whatever ended this early, another run goes on from there.

        Args:
            spool: the rows, arranged.
            count: of the rows that the file has, refused ones too.
            connections: how many work at once.
            told: told how far it is.
        """
        left = batches(spool, dry_run=self._dry_run)

        async def work() -> None:
            for calls in left:
                for call in calls:
                    waiting = deque([call])
                    while waiting:
                        batch = waiting.popleft()
                        if (verdicts := await self._sent(batch)) is None:
                            return
                        waiting.extend(alone(self._tally.add(batch.rows, verdicts[len(batch.above) :])))
                        told(self._tally.done, count)

        async with asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(work())

    async def _sent(self, batch: Batch) -> list[Verdict] | None:
        """The answer to a call; None where there is none, since this ends here."""
        waits = _waits()
        while not self._stop.is_set():
            try:
                return await import_rows(self._database, self._kind.name, batch.given, dry_run=self._dry_run)
            except (OutcomeUnknown, Conflict, Shed) as error:
                wait = None if error.code == "RECOVERY_NEEDED" else next(waits, None)
                if wait is None:
                    self._fail(error)
                    return None
                _log.warning("import_waits", why=error.message, seconds=round(wait, 1))
                await self._pause(wait)
            except DatabaseError as error:
                self._fail(error)
        return None

    def _fail(self, error: DatabaseError) -> None:
        self.failure = self.failure or error
        self._stop.set()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return


def _waits() -> Iterator[float]:
    """Seconds to wait between attempts, until patience ends."""
    until = time.monotonic() + PATIENCE
    wait = _FIRST_WAIT
    while time.monotonic() < until:
        yield wait
        wait = min(2 * wait, _LONGEST_WAIT)
