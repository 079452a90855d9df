"""Worlds, operations and answers as plain JSON, so that every back end, and a kept case, has the same.

A *world* is one customer and the catalog it needs, as in the cases of ``vectors/decisions.json``; what those
leave out is optional here. Amounts are strings. Times are seconds from the world's ``instant`` (negative:
before it), except ``occurredAt`` of an item and ``anchor`` of a budget, which are ISO instants. None in
``entityId`` and ``parentId`` is the customer itself.

A *history* is a world and the operations that follow, at its instant and after.
"""

from typing import Any, Literal, NotRequired, TypedDict

#: Where nothing else is said, a world's instant; a Tuesday at noon.
INSTANT = "2030-01-15T12:00:00+00:00"
#: So many seconds before its instant a world is set up, so that what it says is past can have been made.
SET_UP_BEFORE = 10 * 24 * 3600


class CreditTypeForm(TypedDict):
    creditType: str
    decimals: int


class EntityForm(TypedDict):
    entityId: str
    type: str
    parentId: str | None
    suspended: NotRequired[bool]


class RateForm(TypedDict):
    creditType: str
    quantity: str
    amount: str
    perUnits: str
    dimensions: NotRequired[dict[str, str]]
    effectiveFrom: NotRequired[int | None]  # None: since ever


class FeatureForm(TypedDict):
    featureId: str
    quantities: list[str]
    step: str  # of every quantity
    dimensions: NotRequired[list[str]]  # in order
    creditTypes: list[str]  # in rank
    rates: list[RateForm]


class WalletForm(TypedDict):
    walletId: str
    entityId: str | None
    creditType: str
    overdraftLimit: str


class GrantForm(TypedDict):
    grantId: str
    walletId: str
    amount: str
    kind: str
    priority: int
    effectiveAt: int
    expiresAt: int | None
    features: list[str] | None
    pendingPayment: NotRequired[bool]


class HoldingForm(TypedDict):
    """A wallet by whose it is and its credit type."""

    entityId: str | None
    creditType: str


class GrantChangeForm(TypedDict, total=False):
    """What is not there stays; None is what a new grant takes for it."""

    priority: int | None
    effectiveAt: int | None
    expiresAt: int | None
    paymentReceived: bool


class BudgetForm(TypedDict):
    budgetId: str
    entityId: str | None
    each: str | None  # a type of entity, or SESSION
    window: str
    zone: NotRequired[str]
    anchor: NotRequired[str | None]
    mode: str
    measure: str  # CREDITS or QUANTITY
    creditType: str | None
    featureId: str | None
    quantity: str | None
    dimensions: NotRequired[dict[str, str]]
    limit: str
    advice: NotRequired[Any]
    thresholds: NotRequired[list[str]]


class UnknownEntityForm(TypedDict):
    policy: str
    type: str
    parentId: str | None
    maximum: int


class QuantityForm(TypedDict):
    name: str
    amount: str


class DimensionForm(TypedDict):
    key: str
    value: str


class World(TypedDict):
    """One customer and its catalog."""

    instant: NotRequired[str]
    creditTypes: list[CreditTypeForm]
    entities: list[EntityForm]
    features: list[FeatureForm]
    wallets: list[WalletForm]
    grants: list[GrantForm]
    budgets: list[BudgetForm]
    unknownEntity: NotRequired[UnknownEntityForm]
    observe: NotRequired[bool]


class Item(TypedDict, total=False):
    """One consumption or reservation, its parts named as in KERNEL §1; a check needs no key."""

    idempotencyKey: str
    featureId: str
    quantity: str
    quantities: list[QuantityForm]
    entityIds: list[str]
    sessionId: str | None
    dimensions: list[DimensionForm]
    overage: str | None
    group: str | None
    occurredAt: str | None
    ttlSeconds: int | None  # of a reservation
    metadata: Any
    detail: str | None


class Step(TypedDict, total=False):
    """What is to be done with a reservation: to settle it, to release it, to extend it.

    ``reservation`` is the idempotency key under which it was made; there may be none.
    """

    reservation: str
    quantity: str
    quantities: list[QuantityForm]
    final: bool
    ttlSeconds: int | None


class Operation(TypedDict, total=False):
    """``op`` says which it is; it has of the others what it needs (see ``replay.apply``)."""

    op: Literal[
        "consume",
        "check",
        "reserve",
        "settle",
        "release",
        "extend",
        "grant",
        "updateGrant",
        "voidGrant",
        "transferCredits",
        "setEntity",
        "setBudget",
        "raiseBudget",
        "pauseBudget",
        "archiveBudget",
        "moveEntity",
        "archiveEntity",
        "restoreEntity",
        "setRates",
        "suspendCustomer",
        "suspendEntity",
        "setPolicy",
        "bookDue",
        "advance",
        "reverse",
        "setReversalOfExpired",
        "chargeBack",
        "seal",  # in races, where it changes nothing that is judged
    ]
    items: list[Item]
    steps: list[Step]
    observe: bool
    grant: GrantForm
    grantId: str
    change: GrantChangeForm
    transferId: str
    source: HoldingForm
    target: HoldingForm
    entity: EntityForm
    entityId: str
    parentId: str | None
    withAllBelow: bool
    featureId: str
    rates: list[RateForm]
    paused: bool
    budget: BudgetForm
    budgetId: str
    raiseId: str
    amount: str
    until: int
    suspended: bool
    unknownEntity: UnknownEntityForm
    seconds: int
    reversalId: str
    key: str
    share: str | None  # None: the rest
    event: int  # which of those that settled the reservation, the first is 0; absent: the last
    policy: str


class History(TypedDict):
    """A world and what happens in it."""

    world: World
    operations: list[Operation]


Answer = dict[str, Any]


class State(TypedDict):
    """What stands after the operations, at the instant of the last."""

    seq: int
    left: dict[str, str]  # by grant: its amount less what it has paid, whether it may pay now or not
    grants: dict[str, dict[str, str]]  # by grant: its status and what remains of it, due or booked
    owed: dict[str, str]  # by wallet, where anything is
    short: dict[str, str]  # the same of shortfalls
    receivable: dict[str, str]  # the same of what was charged back
    held: dict[str, str]  # by wallet, where anything is
    heldFor: list[dict[str, Any]]  # budgetId, entityId, sessionId, held, where it is more than zero
    used: list[dict[str, Any]]  # budgetId, entityId, sessionId, used, where it is more than zero
    alerts: list[dict[str, Any]]  # budgetId, entityId, sessionId, threshold, all that were ever told
    wouldDeny: list[dict[str, Any]]  # budgetId, entityId, sessionId, count, amount, where there is any
