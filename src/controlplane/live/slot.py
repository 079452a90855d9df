"""The place where one subscriber finds the newest value: a slot, not a queue.

A state is only ever wanted as it is now, so a slow subscriber skips what came between and nobody keeps more
than one value for him.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """Holds the newest value until it is taken; a value is handed out at most every ``interval`` seconds."""

    def __init__(self, interval: float) -> None:
        """The first value goes out at once, and so does one that comes after a pause."""
        self._interval = interval
        self._value: T | None = None
        self._error: BaseException | None = None
        self._changed = asyncio.Event()

    def put(self, value: T) -> None:
        """Replace what is there."""
        self._value = value
        self._changed.set()

    def fail(self, error: BaseException) -> None:
        """End the subscription with an error, after which nothing follows."""
        self._error = error
        self._changed.set()

    async def values(self) -> AsyncIterator[T]:
        """Every newest value there is when the subscriber is ready for one."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._error is not None:
                raise self._error
            value, self._value = self._value, None
            if value is None:
                continue
            begun = time.monotonic()
            yield value
            # Also when the subscriber itself is slow, this truly waits: the loop is never starved.
            await asyncio.sleep(max(0.0, begun + self._interval - time.monotonic()))
