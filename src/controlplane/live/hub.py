"""One hub per process: it looks at the versions of watched customers and tells who watches them.

All who watch one customer are served from one computed snapshot.
Looking is one cheap query for all watched customers, so what was committed through any door, or in psql, is
seen alike. Nothing is asked while nobody watches. Time alone changes a state too: a snapshot says when it is
due, and the hub computes the next one then, although the version has not moved.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

import structlog

from controlplane.live.slot import Slot

_log = structlog.get_logger(__name__)

S = TypeVar("S")

#: Seconds between two looks. Half of it is the mean wait for a change; 40 cheap queries a second.
LOOK_SECONDS = 0.025
#: Seconds until the next look after one that failed.
FAILED_SECONDS = 0.5
#: Customers asked about in one query.
BATCH = 500
#: Events a second that one subscriber gets at most.
MOST_A_SECOND = 10.0


class NotThere(Exception):
    """There is no such customer to watch."""


class HubClosed(Exception):
    """The process stops."""


@dataclass(frozen=True, slots=True)
class Version:
    """What makes one state newer than another.

    Attributes:
        incarnation: of the installation; after a restore numbers may repeat.
        seq: place in the customer's history.
        as_of: the database's instant, which a test clock may have moved.
    """

    incarnation: int
    seq: int
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[S]):
    """A state and its version.

    Attributes:
        due_at: when time alone changes it next; None is never.
    """

    version: Version
    state: S
    due_at: datetime | None


@dataclass
class _Watched(Generic[S]):
    """One customer that somebody watches."""

    slots: set[Slot[Snapshot[S]]] = field(default_factory=set)
    latest: Snapshot[S] | None = None

    def is_older_than(self, version: Version) -> bool:
        if self.latest is None:
            return True
        mine = self.latest.version
        if (mine.incarnation, mine.seq) != (version.incarnation, version.seq):
            return True
        if version.as_of < mine.as_of:
            return True  # a test clock was moved back
        return self.latest.due_at is not None and self.latest.due_at <= version.as_of


class Hub(Generic[S]):
    """Tells subscribers the state of a customer, now and whenever it is newer."""

    def __init__(
        self,
        look: Callable[[Sequence[str]], Awaitable[Mapping[str, Version]]],
        compute: Callable[[Sequence[str]], Awaitable[Mapping[str, Snapshot[S]]]],
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """Describe where states come from.

        Args:
            look: the versions of some customers; who does not exist is missing.
            compute: their states, each with its version, of one instant.
            look_seconds: between two looks.
        """
        self._look = look
        self._compute = compute
        self._look_seconds = look_seconds
        self._watched: dict[str, _Watched[S]] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def subscribers(self) -> int:
        """How many watch something now."""
        return sum(len(watched.slots) for watched in self._watched.values())

    def start(self) -> None:
        """Begin to look, in the running loop."""
        self._task = asyncio.create_task(self._run(), name="live hub")

    async def stop(self) -> None:
        """End every subscription and stop looking."""
        for watched in self._watched.values():
            for slot in watched.slots:
                slot.fail(HubClosed())
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def subscribe(
        self, customer_id: str, *, most_a_second: float = MOST_A_SECOND
    ) -> AsyncGenerator[Snapshot[S], None]:
        """The state now, in full, and then every newer one, as often as the subscriber wants it.

        Raises:
            NotThere: there is no such customer.
            HubClosed: the process stops.
        """
        slot: Slot[Snapshot[S]] = Slot(1 / most_a_second)
        watched = self._watched.setdefault(customer_id, _Watched())
        watched.slots.add(slot)
        if watched.latest is not None:
            slot.put(watched.latest)  # not older than one look
        self._wake.set()
        try:
            async for snapshot in slot.values():
                yield snapshot
        finally:
            watched.slots.discard(slot)
            if not watched.slots and self._watched.get(customer_id) is watched:
                del self._watched[customer_id]

    async def _run(self) -> None:
        while True:
            if not self._watched:
                self._wake.clear()
                await self._wake.wait()
            await asyncio.sleep(self._look_seconds if await self._turn() else FAILED_SECONDS)

    async def _turn(self) -> bool:
        """Look once at all that are watched; False if it failed for some."""
        customers = list(self._watched)
        succeeded = True
        for start in range(0, len(customers), BATCH):
            try:
                await self._see_to(customers[start : start + BATCH])
            except Exception as error:
                # Nobody watching is told: the last state stays true until the database says otherwise.
                _log.warning("live_look_failed", error=str(error), kind=type(error).__name__)
                succeeded = False
        return succeeded

    async def _see_to(self, customers: Sequence[str]) -> None:
        versions = await self._look(customers)
        newer = []
        for customer in customers:
            watched = self._watched.get(customer)
            if watched is None:
                continue
            version = versions.get(customer)
            if version is None:
                self._refuse(customer, watched)
            elif watched.is_older_than(version):
                newer.append(customer)
        if newer:
            self._publish(await self._compute(newer))

    def _refuse(self, customer: str, watched: _Watched[S]) -> None:
        del self._watched[customer]
        for slot in watched.slots:
            slot.fail(NotThere(customer))

    def _publish(self, snapshots: Mapping[str, Snapshot[S]]) -> None:
        for customer, snapshot in snapshots.items():
            watched = self._watched.get(customer)
            if watched is not None:
                watched.latest = snapshot
                for slot in watched.slots:
                    slot.put(snapshot)
