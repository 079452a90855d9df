"""One hub per process: it looks at the versions of watched customers and tells who watches them.

All who watch one customer are served from one computed snapshot.
Looking is a cheap query for thousands of watched customers, so what was committed through any door, or in
psql, is seen alike. It says which numbers are known and hears of others only, so that a customer costs this
process nothing while nothing of his changes. Nothing is asked while nobody watches. Time alone changes a
state too: a snapshot says when it is due, and the hub computes the next one then, although the version has
not moved.

Numbers alone tell what is newer only within an incarnation, and while the database's clock goes forward. When
either seems to have changed, the next looks hear every version.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, TypeVar

import structlog

from controlplane.live.known import Known, Part
from controlplane.live.slot import Slot

_log = structlog.get_logger(__name__)

S = TypeVar("S")

_EVER = datetime.min.replace(tzinfo=UTC)

#: Seconds between two looks at all. Half of it is the mean wait for a change; 40 cheap queries a second.
LOOK_SECONDS = 0.025
#: Where looking takes long, this many times as long is waited, so that others have the database too …
REST = 2
#: … but no more seconds than these: a change must be told within a tenth of a second.
MOST_REST_SECONDS = 0.05
#: Seconds until the next look after one that failed.
FAILED_SECONDS = 0.5
#: Customers whose states are computed by one query.
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
class Look:
    """What a look at some customers found.

    Attributes:
        incarnation: of the installation.
        as_of: the database's instant.
        versions: of those that have another number than was known.
        all: whether it is the versions of all instead; who is missing then does not exist.
    """

    incarnation: int
    as_of: datetime
    versions: Mapping[str, Version]
    all: bool


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
        look: Callable[[Sequence[str], Sequence[int] | None], Awaitable[Look]],
        compute: Callable[[Sequence[str]], Awaitable[Mapping[str, Snapshot[S]]]],
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """Describe where states come from.

        Args:
            look: who of some customers, in the order of their ids, has another number than the one given for
                each; without numbers the versions of all.
            compute: their states, each with its version, of one instant; who does not exist is missing.
            look_seconds: between two looks.
        """
        self._look = look
        self._compute = compute
        self._look_seconds = look_seconds
        self._watched: dict[str, _Watched[S]] = {}
        # Of whom nothing is known yet, in the order of their coming; and all others.
        self._new: dict[str, None] = {}
        self._known = Known()
        # Since the last look that heard every version: the incarnation, and the latest instant that was seen.
        self._incarnation: int | None = None
        self._latest = _EVER
        self._doubtful = False
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
        watched = self._watched.get(customer_id)
        if watched is None:
            watched = self._watched[customer_id] = _Watched()
            self._new[customer_id] = None
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
                self._drop(customer_id)

    async def _run(self) -> None:
        while True:
            if not self._watched:
                self._wake.clear()
                await self._wake.wait()
            begun = time.monotonic()
            succeeded = await self._turn()
            rest = min(REST * (time.monotonic() - begun), MOST_REST_SECONDS)
            await asyncio.sleep(max(self._look_seconds, rest) if succeeded else FAILED_SECONDS)

    async def _turn(self) -> bool:
        """See to all that are watched, once; False if it failed for some."""
        hear_all = self._doubtful
        if hear_all:
            self._doubtful, self._incarnation, self._latest = False, None, _EVER
        newcomers = list(self._new)
        succeeded = True
        for start in range(0, len(newcomers), BATCH):
            succeeded &= await self._tried(self._meet(newcomers[start : start + BATCH]))
        for part in self._known.parts():
            if not await self._tried(self._see_to(part, hear_all)):
                succeeded = False
                self._doubtful |= hear_all
        return succeeded

    async def _tried(self, doing: Awaitable[None]) -> bool:
        try:
            await doing
        except Exception as error:
            # Nobody watching is told: the last state stays true until the database says otherwise.
            _log.warning("live_look_failed", error=str(error), kind=type(error).__name__)
            return False
        return True

    async def _meet(self, newcomers: Sequence[str]) -> None:
        """Tell their first state. Until that has been done once, nobody is looked at together with others."""
        snapshots = await self._compute(newcomers)
        self._publish(snapshots)
        for customer in newcomers:
            if customer not in snapshots:
                self._refuse(customer)

    async def _see_to(self, part: Part, hear_all: bool) -> None:
        look = await self._look(part.customers, None if hear_all else part.seqs)
        self._notice(look.incarnation, look.as_of)
        if look.all:
            for customer in part.customers:
                if customer not in look.versions:
                    self._refuse(customer)
        newer = dict.fromkeys(part.due(look.as_of))
        for customer, version in look.versions.items():
            watched = self._watched.get(customer)
            if watched is not None and watched.is_older_than(version):
                newer[customer] = None
        customers = list(newer)
        for start in range(0, len(customers), BATCH):
            self._publish(await self._compute(customers[start : start + BATCH]))

    def _notice(self, incarnation: int, as_of: datetime) -> None:
        """Doubt the numbers that are known when these belong to another history or an earlier time."""
        if self._incarnation is None:
            self._incarnation = incarnation
        if incarnation != self._incarnation or as_of < self._latest:
            self._doubtful = True
        self._latest = max(self._latest, as_of)

    def _refuse(self, customer: str) -> None:
        watched = self._watched.get(customer)
        if watched is not None:
            self._drop(customer)
            for slot in watched.slots:
                slot.fail(NotThere(customer))

    def _drop(self, customer: str) -> None:
        del self._watched[customer]
        self._new.pop(customer, None)
        self._known.forget(customer)

    def _publish(self, snapshots: Mapping[str, Snapshot[S]]) -> None:
        for customer, snapshot in snapshots.items():
            watched = self._watched.get(customer)
            if watched is not None:
                version = snapshot.version
                self._notice(version.incarnation, version.as_of)
                self._new.pop(customer, None)
                self._known.learn(customer, version.seq, snapshot.due_at)
                watched.latest = snapshot
                for slot in watched.slots:
                    slot.put(snapshot)
