"""Whose version is known, in the form it is asked about in: nothing is built anew where nothing changed."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

#: Customers asked about in one look.
PART = 2_500

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some customers, in the order of their ids.

    Attributes:
        seqs: the number known of each.
        dues: when time alone changes each.
        soonest: the first of these.
    """

    customers: tuple[str, ...]
    seqs: tuple[int, ...]
    dues: tuple[datetime, ...]
    soonest: datetime

    def due(self, at: datetime) -> Sequence[str]:
        """Those whom time has changed."""
        if at < self.soonest:
            return ()
        return [customer for customer, due_at in zip(self.customers, self.dues, strict=True) if due_at <= at]


class Known:
    """Numbers of customers, cut into parts, each of which stays the same object while it says the same."""

    def __init__(self) -> None:
        """Nobody is known."""
        self._customers: list[str] = []
        self._seqs: list[int] = []
        self._dues: list[datetime] = []
        # By its place; one is missing where something in it has changed.
        self._parts: dict[int, Part] = {}

    def learn(self, customer: str, seq: int, due_at: datetime | None) -> None:
        """Remember what is known of a customer now; ``due_at`` None is never."""
        due = _NEVER if due_at is None else due_at
        place = bisect_left(self._customers, customer)
        if self._is_at(place, customer):
            self._seqs[place], self._dues[place] = seq, due
            self._parts.pop(place // PART, None)
        else:
            self._customers.insert(place, customer)
            self._seqs.insert(place, seq)
            self._dues.insert(place, due)
            self._cut_anew(place)

    def forget(self, customer: str) -> None:
        """He is asked about no more."""
        place = bisect_left(self._customers, customer)
        if self._is_at(place, customer):
            del self._customers[place], self._seqs[place], self._dues[place]
            self._cut_anew(place)

    def parts(self) -> Iterator[Part]:
        """All who are known, as it is now when each part is reached."""
        start = 0
        while start < len(self._customers):
            number, end = start // PART, start + PART
            part = self._parts.get(number)
            if part is None:
                dues = tuple(self._dues[start:end])
                part = Part(tuple(self._customers[start:end]), tuple(self._seqs[start:end]), dues, min(dues))
                self._parts[number] = part
            yield part
            start = end

    def _is_at(self, place: int, customer: str) -> bool:
        return place < len(self._customers) and self._customers[place] == customer

    def _cut_anew(self, place: int) -> None:
        """Everything from this place on has moved."""
        for number in [number for number in self._parts if number >= place // PART]:
            del self._parts[number]
