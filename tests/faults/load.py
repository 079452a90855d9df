"""Spenders that go on whatever happens to the server, and remember what they were told.

    with Load(lambda give_up: Spender(url, give_up), spenders=6) as load:
        ...                        # kill something
    load.told                      # what was told, by customer and key
    load.lost                      # how often an answer did not come

A spender sends one call after the other, each with new keys, to one customer or to several at once, through
a door of its own (``tests.faults.doors``): it consumes, or it makes reservations and leads them to an end.
Afterwards ``tests.faults.judging`` asks whether all of it is so.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Self, TypeAlias

from tests.faults.holding import HOUR, Hold, Holder
from tests.faults.words import Door, Item, Key, Word, asked, in_short

#: What was asked under each key: an amount that was to be consumed and what was told, or a reservation.
Asked: TypeAlias = Mapping[Key, tuple[int, Word] | Hold]


@dataclass
class Load:
    """So many spenders on the customers ``c0``, ``c1`` …; they spend from entering to leaving."""

    open_door: Callable[[threading.Event], Door]
    spenders: int = 6
    customers: int = 3
    seed: int = 0
    told: dict[Key, tuple[int, Word] | Hold] = field(default_factory=dict)
    lost: int = 0
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stop, self._give_up = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=self._spend, args=(n,)) for n in range(self.spenders)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if error is not None:
            self._give_up.set()
        for thread in self._threads:
            thread.join()
        assert error is not None or not self.failures, self.failures[0]

    @property
    def words(self) -> Counter[str]:
        """How often what was told: ALLOWED, DENIED, UNKNOWN, or the code of a refusal."""
        return Counter(
            in_short(word)
            for each in list(self.told.values())
            for word in ([said.word for said in list(each.said)] if isinstance(each, Hold) else each[1:])
        )

    def _spend(self, number: int) -> None:
        random = Random(f"{self.seed}.{number}")
        door = self.open_door(self._give_up)
        try:
            for call in range(1_000_000):
                if self._stop.is_set():
                    break
                items = self._items(random, f"{self.seed}.{number}.{call}")
                if random.random() < 0.5:
                    for item, word in zip(items, door.send(items), strict=True):
                        self.told[_key(item)] = _amount(item), word
                else:
                    holds = {_key(item): Hold(*_key(item), _amount(item)) for item in items}
                    for hold in holds.values():
                        hold.seconds = random.choice((1, 2, HOUR, HOUR))
                    self.told.update(holds)
                    Holder(door, random).lead(list(holds.values()))
        except Exception as error:
            self.failures.append(f"spender {number}: {type(error).__name__} {error}")
        finally:
            self.lost += door.lost
            door.close()

    def _items(self, random: Random, name: str) -> list[Item]:
        """Of one customer mostly, of several at times; one item in eight is more than anybody has."""
        several = random.random() < 0.3
        one = random.randrange(self.customers)
        return [
            asked(f"c{random.randrange(self.customers) if several else one}", f"{name}.{place}", amount)
            for place in range(random.choice((1, 1, 2, 5)))
            for amount in [10**9 if random.random() < 0.125 else random.randint(1, 3)]
        ]


def rounds(usual: int) -> int:
    """How often to do it: ``make faults ROUNDS=50``."""
    return int(os.environ.get("CONTROLPLANE_TEST_ROUNDS") or usual)


def _key(item: Item) -> Key:
    return item["customerId"], item["idempotencyKey"]


def _amount(item: Item) -> int:
    return int(item["quantities"][0]["amount"])
