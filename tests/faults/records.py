"""What is recorded of a customer, read from the tables."""

from dataclasses import dataclass
from datetime import datetime

from tests.faults.standing import Place
from tests.faults.words import Told


@dataclass(frozen=True, slots=True)
class Record:
    """A reservation.

    Attributes:
        charged: what its usage events say, in quantities and in credits, which must be the same.
        steps: the kind of each, by its seq.
        expired_at: when its expiry was due, if that was booked.
    """

    state: str
    is_closed: bool
    until: datetime
    amount: int
    settled: int
    charged: tuple[int, int]
    steps: dict[int, str]
    expired_at: datetime | None

    @property
    def rest(self) -> int:
        """What it holds."""
        return max(self.amount - self.settled, 0) if self.state == "HELD" else 0


def read_answers(place: Place, customer: str) -> dict[str, tuple[Told, int]]:
    """Each key's answer, and what was charged for it by its usage event."""
    rows = place.rows(
        "SELECT core.key_text(i.key), i.allowed, nullif(i.reason, ''), i.seq, coalesce(u.credits, 0)"
        " FROM core.idempotency AS i LEFT JOIN ("
        "   SELECT seq, sum((credits ->> 'general')::numeric) AS credits FROM core.usage_event"
        "   WHERE customer_id = %(c)s AND reservation_no IS NULL GROUP BY seq) AS u"
        " ON u.seq = i.seq AND i.allowed WHERE i.customer_id = %(c)s AND i.key <> 'grant'",
        c=customer,
    )
    answers = {key: (Told(allowed, why, seq), int(charged)) for key, allowed, why, seq, charged in rows}
    held = {
        seq
        for (seq,) in place.rows(
            "SELECT reservation_no FROM core.reservation WHERE customer_id = %s", customer
        )
    }
    events = place.rows(
        "SELECT seq FROM core.usage_event WHERE customer_id = %s AND reservation_no IS NULL", customer
    )
    made = sorted([*held, *(seq for (seq,) in events)])
    assert sorted(answer.seq for answer, _ in answers.values() if answer.allowed and answer.seq) == made, (
        "one event or reservation for each key that was allowed"
    )
    return answers


def read_reservations(place: Place, customer: str) -> dict[int, Record]:
    """Each reservation, by its id."""
    rows = place.rows(
        "SELECT r.reservation_no, r.state, r.is_closed, r.expires_at, r.quantities ->> 'input',"
        " coalesce(r.settled ->> 'input', '0'), coalesce(u.quantity, 0), coalesce(u.credits, 0), s.steps,"
        " s.expired_at"
        " FROM core.reservation AS r JOIN ("
        "   SELECT reservation_no, jsonb_object_agg(seq, kind) AS steps,"
        "          min(effective_at) FILTER (WHERE kind = 'EXPIRE') AS expired_at"
        "   FROM core.reservation_step WHERE customer_id = %(c)s GROUP BY reservation_no) AS s"
        " ON s.reservation_no = r.reservation_no LEFT JOIN ("
        "   SELECT reservation_no, sum((quantities ->> 'input')::numeric) AS quantity,"
        "          sum((credits ->> 'general')::numeric) AS credits"
        "   FROM core.usage_event WHERE customer_id = %(c)s GROUP BY reservation_no) AS u"
        " ON u.reservation_no = r.reservation_no WHERE r.customer_id = %(c)s",
        c=customer,
    )
    return {
        number: Record(
            state,
            is_closed,
            until,
            int(amount),
            int(settled),
            (int(quantity), int(cost)),
            {int(seq): kind for seq, kind in steps.items()},
            expired_at,
        )
        for number, state, is_closed, until, amount, settled, quantity, cost, steps, expired_at in rows
    }


def read_balances(place: Place, customer: str) -> dict[str, int]:
    """What there is, is used and is held, which wallets, grants and counters each count for themselves."""
    [row] = place.rows(
        "SELECT sum(w.available), sum(w.held), sum(w.shortfall),"
        " (SELECT sum(held) FROM core.credit_grant WHERE customer_id = %(c)s),"
        " (SELECT coalesce(sum(used), 0) FROM core.counter WHERE customer_id = %(c)s),"
        " (SELECT coalesce(sum(held), 0) FROM core.counter WHERE customer_id = %(c)s)"
        " FROM core.wallet AS w WHERE w.customer_id = %(c)s",
        c=customer,
    )
    names = ("available", "held", "shortfall", "held of grants", "used of counters", "held of counters")
    return dict(zip(names, map(int, row), strict=True))


def balances(granted: int, spent: int, held: int) -> dict[str, int]:
    """As they must be."""
    return {
        "available": granted - spent - held,
        "held": held,
        "shortfall": 0,
        "held of grants": held,
        "used of counters": spent,
        "held of counters": held,
    }
