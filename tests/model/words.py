"""The words of the decision, as values; the names are those of the requests and answers."""

from enum import IntEnum, StrEnum


class Overage(StrEnum):
    """What to do when not everything fits."""

    REJECT = "REJECT"
    CAP = "CAP"
    OVERDRAFT = "OVERDRAFT"
    RECORD = "RECORD"


class Mode(StrEnum):
    """How a budget binds."""

    HARD = "HARD"
    SOFT = "SOFT"
    OBSERVE = "OBSERVE"


class Window(StrEnum):
    """The period a budget counts over, the shorter first."""

    REQUEST = "REQUEST"
    MINUTE = "MINUTE"
    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    BILLING_PERIOD = "BILLING_PERIOD"
    YEAR = "YEAR"
    TOTAL = "TOTAL"

    @property
    def rank(self) -> int:
        """Place among the windows: a shorter window has a lower one."""
        return list(Window).index(self)


class Kind(StrEnum):
    """Where a grant came from."""

    PROMOTIONAL = "PROMOTIONAL"
    PAID = "PAID"
    RECURRING = "RECURRING"
    ADJUSTMENT = "ADJUSTMENT"


class UnknownEntity(StrEnum):
    """What a customer wants done with an entity that nobody has named before."""

    DENY = "DENY"
    CREATE = "CREATE"


class ReservationState(StrEnum):
    """A reservation is held, and ends in exactly one of the others."""

    HELD = "HELD"
    SETTLED = "SETTLED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


class Reason(IntEnum):
    """Why not; the lowest that applies is the one given.

    Subscriptions and quotas are not modelled, so their reasons are never given.
    """

    IDEMPOTENCY_CONFLICT = 1
    CUSTOMER_NOT_FOUND = 2
    CUSTOMER_SUSPENDED = 3
    RESERVATION_NOT_FOUND = 4
    RESERVATION_ENDED = 5
    FEATURE_NOT_FOUND = 6
    ENTITY_NOT_FOUND = 7
    ENTITY_SUSPENDED = 8
    NO_ACTIVE_SUBSCRIPTION = 9
    NOT_ENTITLED = 10
    FEATURE_TYPE_MISMATCH = 11
    VALUE_NOT_ALLOWED = 12
    REQUEST_LIMIT_EXCEEDED = 13
    NO_RATE = 14
    USAGE_LIMIT_EXCEEDED = 15
    BUDGET_EXCEEDED = 16
    INSUFFICIENT_CREDITS = 17
    GROUP_DENIED = 18


#: What cannot be booked at all, so that even ``RECORD`` is refused.
UNBOOKABLE = frozenset(
    {
        Reason.IDEMPOTENCY_CONFLICT,
        Reason.CUSTOMER_NOT_FOUND,
        Reason.FEATURE_NOT_FOUND,
        Reason.ENTITY_NOT_FOUND,
        Reason.FEATURE_TYPE_MISMATCH,
        Reason.REQUEST_LIMIT_EXCEEDED,
        Reason.NO_RATE,
    }
)
