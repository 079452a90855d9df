"""What a customer owns: entities, wallets, grants, budgets, and the history of its operations."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.model.catalog import Feature
from tests.model.exact import ZERO
from tests.model.request import Item
from tests.model.words import Kind, Mode, ReservationState, UnknownEntity, Window

#: The account kinds in which a grant's credits can stand.
SCHEDULED, AVAILABLE, HELD = "scheduled", "available", "held"
#: Where credits come from and where they go.
ISSUED, CONSUMED, EXPIRED, OWED, SHORTFALL = "issued", "consumed", "expired", "owed", "shortfall"
VOIDED, MOVED, RECEIVABLE = "voided", "moved", "receivable"

#: The subject of a budget on each session.
SESSION = "SESSION"


@dataclass(eq=False)
class Entity:
    """A node of the customer's tree; ``parent`` None stands directly under the customer."""

    entity_id: str
    type: str
    parent: "Entity | None"
    suspended: bool = False
    archived: bool = False

    def upwards(self) -> "Iterator[Entity]":
        """Itself, its parent, and so on; the customer, which is no entity, is not among them."""
        node: Entity | None = self
        while node is not None:
            yield node
            node = node.parent


@dataclass(eq=False)
class Wallet:
    """A holding of one credit type, an entity's or (``entity_id`` None) the customer's own."""

    wallet_id: str
    entity_id: str | None
    credit_type: str
    overdraft_limit: Fraction = ZERO
    owed: Fraction = ZERO
    held: Fraction = ZERO  # of its grants, and of its overdraft
    shortfall: Fraction = ZERO
    receivable: Fraction = ZERO
    grants: "list[Grant]" = field(default_factory=list)  # the open ones


@dataclass(eq=False)
class Grant:
    """A lot of credits in a wallet; ``number`` is its place in the order of creation."""

    grant_id: str
    wallet: Wallet
    number: int
    amount: Fraction
    kind: Kind
    priority: int
    effective_at: datetime
    expires_at: datetime | None
    features: frozenset[str] | None
    scheduled: Fraction = ZERO
    available: Fraction = ZERO
    held: Fraction = ZERO
    expired: Fraction = ZERO
    returned: bool = False  # made of a hold on the overdraft that grants had repaid meanwhile
    pending: bool = False  # not issued before its payment is received
    voided: bool = False
    charged_back: bool = False  # its payment was taken back
    origin: "Grant | None" = None  # what it was made of: a part of it, or an adjustment of what it had paid

    @property
    def left(self) -> Fraction:
        """What it has not paid, whether it may pay now or not."""
        unissued = self.amount if self.pending else ZERO
        return self.scheduled + self.available + self.held + self.expired + unissued

    def over_at(self, instant: datetime) -> bool:
        """Whether it has expired by then."""
        return self.expires_at is not None and self.expires_at <= instant


@dataclass(eq=False)
class Raise:
    """A temporary addition to a budget's limit."""

    raise_id: str
    amount: Fraction
    until: datetime
    number: int = 0  # its place in the order of creation


@dataclass(eq=False)
class Budget:
    """A cap on what an entity (``entity_id`` None: the customer) may use in a window.

    Instead of the entity, ``each`` caps every entity of a type below it, or every session of it.
    It counts credits of one type, or one quantity of one feature, where the dimensions match.
    """

    budget_id: str
    entity_id: str | None
    each: str | None
    window: Window
    zone: ZoneInfo
    anchor: datetime | None
    mode: Mode
    credit_type: str | None
    feature_id: str | None
    quantity: str | None
    dimensions: Mapping[str, str]
    limit: Fraction
    advice: Any = None
    thresholds: tuple[Fraction, ...] = ()
    counts_from_seq: int = 0
    raises: list[Raise] = field(default_factory=list)
    paused: bool = False
    archived: bool = False
    #: By subject, of the last pause: the operation its count began with, and the thresholds it had come to.
    reached_before_pause: "dict[Subject, tuple[int, set[Fraction]]]" = field(default_factory=dict)

    @property
    def shape(self) -> tuple[object, ...]:
        """What it counts, and whom: never changed."""
        return (
            self.entity_id,
            self.each,
            self.window,
            self.zone.key,
            self.anchor,
            self.credit_type,
            self.feature_id,
            self.quantity,
            frozenset(self.dimensions.items()),
        )

    @property
    def rule(self) -> tuple[object, ...]:
        """What may change."""
        return self.limit, self.mode, repr(self.advice), self.thresholds

    def ceiling(self, instant: datetime) -> Fraction:
        """The limit in force."""
        return self.limit + sum((extra.amount for extra in self.raises if instant < extra.until), ZERO)

    def reached(self, used: Fraction, ceiling: Fraction) -> set[Fraction]:
        """The thresholds that so much has come to."""
        return {share for share in self.thresholds if 0 < used >= share * ceiling}


class Subject(NamedTuple):
    """Whom one counter of a budget counts: an entity (None: the customer), or one of its sessions."""

    budget_id: str
    entity_id: str | None
    session_id: str | None = None


@dataclass(eq=False)
class Counter:
    """What one subject has used, and what is held for it, in the window that ends at ``window_end``."""

    window_start: datetime | None
    window_end: datetime | None
    used: Fraction = ZERO
    held: Fraction = ZERO
    would_deny_count: int = 0
    would_deny_amount: Fraction = ZERO
    last_used_at: datetime | None = None
    began: int = 0  # the operation that its count begins with


class Entry(NamedTuple):
    """One movement of credits of a wallet from one account to another."""

    seq: int
    wallet_id: str | None
    credit_type: str
    grant_id: str | None
    source: str
    target: str
    amount: Fraction


class Counted(NamedTuple):
    """So much was counted of a subject at an operation: that tells in which of its counts."""

    subject: Subject
    seq: int
    amount: Fraction


@dataclass(eq=False)
class Charged:
    """What a consumption was charged, so that it can be taken back: ``costs`` include what fell short.

    ``origin`` is its own ``seq``, or that of the reservation that it settles. ``counted`` is in the order in
    which it is given back.
    """

    seq: int
    origin: int
    quantities: Mapping[str, Fraction]
    costs: Mapping[str, Fraction]  # by credit type
    counted: list[Counted]
    reversed: Fraction = ZERO  # the share taken back


class Operation(NamedTuple):
    """One change of the customer's state or configuration."""

    seq: int
    name: str
    recorded_at: datetime
    effective_at: datetime


@dataclass(eq=False)
class Customer:
    """A paying organisation, and everything that is decided under its gate."""

    customer_id: str
    created_at: datetime
    last_at: datetime
    seq: int = 0
    suspended: bool = False
    observe: bool = False
    unknown_entity: UnknownEntity = UnknownEntity.DENY
    unknown_entity_type: str = ""
    unknown_entity_parent: str | None = None
    unknown_entity_maximum: int = 0
    unknown_entities_created: int = 0
    entities: dict[str, Entity] = field(default_factory=dict)
    wallets: dict[str, Wallet] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    budgets: dict[str, Budget] = field(default_factory=dict)
    counters: dict[Subject, Counter] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)  # by idempotency key: (fingerprint, answer)
    reservations: "dict[str, Reservation]" = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    charged: list[Charged] = field(default_factory=list)
    alerts: list[tuple[Subject, Fraction]] = field(default_factory=list)  # thresholds crossed
    raised: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # what was asked, by raise
    reversal_lapses: bool = False  # what has expired does not return as an adjustment


#: The nodes of an item, nearest first; None is the customer itself.
Path = list[Entity | None]


@dataclass(eq=False)
class Hold:
    """One slice of a reservation: of a grant, or of the wallet's overdraft; ``settled`` is its part paid.

    What was paid beyond the holds is a slice too, wholly settled; so is a shortfall. One that is free is of
    nothing: it says where the plan ended, for a price of zero.
    """

    wallet: Wallet
    grant: Grant | None
    amount: Fraction
    settled: Fraction = ZERO
    shortfall: bool = False
    free: bool = False

    @property
    def rest(self) -> Fraction:
        return self.amount - self.settled


@dataclass(eq=False)
class Charge:
    """What a reservation held at first of one counter (perhaps nothing), and in which window.

    ``counted`` is what the counter's budget measures of all that has been settled.
    """

    subject: Subject
    amount: Fraction
    window: tuple[datetime | None, datetime | None]
    counted: Fraction = ZERO

    @property
    def rest(self) -> Fraction:
        return max(self.amount - self.counted, ZERO)


@dataclass(eq=False)
class Reservation:
    """Credits and budget held before the cost is known; whatever changes later, this record alone is used.

    ``settled`` is the total so far, by quantity; ``feature`` is that of the catalog of its day.
    """

    seq: int
    item: Item
    feature: Feature
    path: Path
    reserved_at: datetime
    expires_at: datetime
    observed: bool
    holds: list[Hold]
    charges: list[Charge]
    settled: Mapping[str, Fraction] = field(default_factory=dict)
    state: ReservationState = ReservationState.HELD
    closed: bool = False  # nothing more can be settled

    @property
    def reservation_id(self) -> str:
        return str(self.seq)

    def credits(self, shortfall: bool = False) -> dict[str, Fraction]:
        """All that has been settled, by credit type; or all that fell short."""
        amounts: dict[str, Fraction] = {}
        for hold in self.holds:
            if hold.settled and hold.shortfall == shortfall:
                credit_type = hold.wallet.credit_type
                amounts[credit_type] = amounts.get(credit_type, ZERO) + hold.settled
        return amounts


def path_of(entities: Iterable[Entity]) -> Path:
    """Axis by axis, from the leaf upwards, each node once; the customer comes last."""
    nodes: dict[Entity, None] = {}
    for entity in entities:
        nodes |= dict.fromkeys(entity.upwards())
    return [*nodes, None]
