"""Counting what became of the requests."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from controlplane.replay.doors import Answer

#: Lines of failed requests that are kept.
_KEPT_LINES = 20


@dataclass(frozen=True, slots=True)
class Burned:
    """Where credits came from.

    Attributes:
        owner: ``customer`` or the id of the entity whose wallet it is.
        grant_kind: of the grant that paid, or ``OVERDRAFT``.
    """

    customer: str
    owner: str
    wallet: str
    credit_type: str
    grant_kind: str


@dataclass(slots=True)
class Tally:
    """Counts of one run.

    Attributes:
        beyond: reservations that used more than they held.
        short: settlements that nothing could pay in full.
        latencies: seconds from the first sending to the answer, of what was answered.
        lag: seconds by which the request that was latest was sent later than the trace would have had it.
        failed_in_a_row: requests without a decision since the last one.
        given_up: there were so many that the others were not sent.
    """

    allowed: int = 0
    beyond: int = 0
    short: int = 0
    denied: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    failed_lines: list[tuple[int, str]] = field(default_factory=list)
    burned: dict[Burned, Decimal] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    lag: float = 0.0
    failed_in_a_row: int = 0
    given_up: bool = False
    #: Grant by customer and id: its kind, the owner of its wallet, the credit type.
    grants: dict[tuple[str, str], tuple[str, str, str]] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        """Requests that got a decision."""
        return self.allowed + self.denied.total()

    @property
    def done(self) -> int:
        """Requests that are over, failed ones too."""
        return self.answered + self.failed.total()

    @property
    def denied_share(self) -> float:
        """Denied ones among those that got a decision, 0 to 1."""
        return self.denied.total() / self.answered if self.answered else 0.0

    def add(self, customer: str, answer: Answer, seconds: float) -> None:
        """Count an answer."""
        self.failed_in_a_row = 0
        self.latencies.append(seconds)
        if not answer.allowed:
            self.denied[answer.reason or "NO_REASON"] += 1
            return
        self.allowed += 1
        for wallet, grant, given in answer.slices:
            known = self.grants.get((customer, grant)) if grant else None
            kind, owner, credit_type = known or ("OVERDRAFT", "customer", "?")
            key = Burned(customer, owner, wallet, credit_type, kind)
            self.burned[key] = self.burned.get(key, Decimal(0)) + Decimal(given)

    def fail(self, line: int, code: str, message: str) -> None:
        """Count a request without a decision."""
        self.failed_in_a_row += 1
        self.failed[code] += 1
        if len(self.failed_lines) < _KEPT_LINES:
            self.failed_lines.append((line, message))


def percentiles(seconds: Iterable[float], wanted: tuple[float, ...]) -> list[float]:
    """Nearest-rank percentiles in milliseconds; zeros of nothing."""
    ordered = sorted(seconds)
    if not ordered:
        return [0.0 for _ in wanted]
    last = len(ordered) - 1
    return [1000 * ordered[min(last, int(share * len(ordered)))] for share in wanted]
