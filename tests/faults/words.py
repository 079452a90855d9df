"""What is asked, and what callers may be told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from controlplane.db.lanes.ticket import Call

Key: TypeAlias = tuple[str, str]
Item: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, as it must be told again.

    Attributes:
        total: of a step of a reservation, what has been settled so far.
        until: when a reservation ends, cut to the second.
    """

    allowed: bool
    reason: str | None
    seq: int | None
    total: int = 0
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It was said that nothing was written, and that the same again may pass."""

    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It was said that nobody knows."""


Word: TypeAlias = Told | Refused | Unknown

#: What a caller may be told, in short, while the database or the way to it comes and goes.
IN_AN_OUTAGE = {"ALLOWED", "DENIED", "UNKNOWN", "DATABASE_UNREACHABLE", "LOCKED", "DEADLINE_EXCEEDED"}


class Door(Protocol):
    """A way to ask."""

    lost: int

    def send(self, items: list[Item], call: Call = Call.CONSUME) -> Sequence[Word]:
        """What each item ended with; in time, and nothing else."""

    def close(self) -> None:
        """No more will be asked."""


def asked(customer: str, key: str, amount: int) -> Item:
    """One item."""
    quantities = [{"name": "input", "amount": str(amount)}]
    return {"customerId": customer, "idempotencyKey": key, "featureId": "chat", "quantities": quantities}


def told(call: Call, allowed: bool, reason: str | None, seq: int | None, answer: Mapping[str, Any]) -> Told:
    """What an answer says; of its fields only ``quantities`` and ``expiresAt`` count here."""
    if not allowed or call is Call.CONSUME:
        return Told(allowed, reason, seq)
    until = datetime.fromisoformat(answer["expiresAt"])
    if call is Call.RESERVE:
        return Told(allowed, reason, seq, until=until)
    return Told(allowed, reason, seq, int(answer["quantities"].get("input", 0)), until)


def in_short(word: Word) -> str:
    """ALLOWED, DENIED, UNKNOWN, or the code of a refusal."""
    match word:
        case Told():
            return "ALLOWED" if word.allowed else "DENIED"
        case Refused():
            return word.code
        case Unknown():
            return "UNKNOWN"
