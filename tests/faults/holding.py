"""The life of a reservation: what its holder asks, and remembers having been told.

Several are made in one call and led together. A holder may ask again what was refused or lost, go on without
knowing, or go away and leave the rest to expiry.
"""

from dataclasses import dataclass, field
from random import Random

from controlplane.db.lanes.ticket import Call
from tests.faults.words import Door, Item, Told, Word, asked

#: Seconds that most are held; others end while the server is away.
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that was asked once: seconds of a reserve or an extension, the total of a settlement."""

    call: Call
    figure: int
    is_last: bool
    word: Word


@dataclass
class Hold:
    """A reservation as its holder knows it."""

    customer: str
    key: str
    amount: int
    seconds: int = HOUR
    said: list[Said] = field(default_factory=list)

    @property
    def number(self) -> int | None:
        """Its id; None as long as nobody has told it."""
        numbers = [each.word.seq for each in self.said if each.call is Call.RESERVE and is_allowed(each.word)]
        return numbers[-1] if numbers else None

    @property
    def settled(self) -> int:
        """The most that its holder has asked to settle."""
        return max((each.figure for each in self.said if each.call is Call.SETTLE), default=0)

    def item(self, call: Call, figure: int = 0, *, is_last: bool = False) -> Item:
        """What is to be sent."""
        if call is Call.RESERVE:
            return {**asked(self.customer, self.key, self.amount), "ttlSeconds": figure}
        step: Item = {"customerId": self.customer, "reservationId": str(self.number)}
        if call is Call.SETTLE:
            step.update(quantities=[{"name": "input", "amount": str(figure)}], final=is_last)
        elif call is Call.EXTEND:
            step.update(ttlSeconds=figure)
        return step


def is_allowed(word: Word) -> bool:
    """Whether this is a yes."""
    return isinstance(word, Told) and word.allowed


def ask(door: Door, call: Call, figures: dict[int, int], holds: list[Hold], *, is_last: bool = False) -> None:
    """Ask once for those of the holds that have a figure, and remember."""
    own = [(holds[place], figure) for place, figure in figures.items()]
    if not own:
        return
    words = door.send([hold.item(call, figure, is_last=is_last) for hold, figure in own], call)
    for (hold, figure), word in zip(own, words, strict=True):
        hold.said.append(Said(call, figure, is_last, word))


class Holder:
    """Leads reservations through a door."""

    def __init__(self, door: Door, random: Random) -> None:
        self._door = door
        self._random = random

    def lead(self, holds: list[Hold]) -> None:
        """From the reserve to one of their ends, or to none."""
        chance, pick = self._random.random, self._random.choice
        self._ask(Call.RESERVE, holds, [hold.seconds for hold in holds])
        holds = [hold for hold in holds if hold.number is not None]
        if chance() < 0.3:
            self._ask(Call.EXTEND, holds, [pick((1, HOUR, 2 * HOUR)) for _ in holds])
        for _ in range(pick((0, 0, 1, 2))):
            self._ask(Call.SETTLE, holds, [self._used(hold) for hold in holds])
        end = chance()
        if end < 0.5:
            self._ask(Call.SETTLE, holds, [self._used(hold) for hold in holds], is_last=True)
        elif end < 0.75:
            self._ask(Call.RELEASE, holds, [0 for _ in holds])
        if chance() < 0.2:  # too late, mostly
            self._ask(pick((Call.RELEASE, Call.EXTEND)), holds, [HOUR for _ in holds])

    def _used(self, hold: Hold) -> int:
        """Mostly more than before, sometimes less, and now and then more than is held."""
        return self._random.randint(0, hold.amount + 1)

    def _ask(self, call: Call, holds: list[Hold], figures: list[int], *, is_last: bool = False) -> None:
        """Those that got no answer are asked again a few times, or given up."""
        left = dict(enumerate(figures))
        for _ in range(4):
            ask(self._door, call, left, holds, is_last=is_last)
            left = {place: left[place] for place in left if not isinstance(holds[place].said[-1].word, Told)}
            if not left or self._random.random() < 0.25:
                break
