"""Inputs of the requests that decide, and how they become the kernel's items."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import strawberry

from controlplane.graphql.access import Principal, Scope
from controlplane.graphql.direct import built_directly
from controlplane.graphql.failures import failure
from controlplane.graphql.scalars import JSON, Credits, DateTime

#: Most items of one call; what is larger belongs in several, or in an import.
LARGEST_BATCH = 1_000


@strawberry.enum(description="What happens to the part that does not fit.")
class Overage(Enum):
    """Modes; all but REJECT need a scope of their own."""

    REJECT = strawberry.enum_value("REJECT", description="The whole is denied.")
    CAP = strawberry.enum_value("CAP", description="The most that fits is taken; for a single quantity.")
    OVERDRAFT = strawberry.enum_value(
        "OVERDRAFT", description="A wallet with an overdraft limit owes the rest."
    )
    RECORD = strawberry.enum_value("RECORD", description="It has happened: recorded and charged in any case.")


@strawberry.enum(description="How much an answer tells.")
class Detail(Enum):
    """Details."""

    COMPACT = strawberry.enum_value("COMPACT", description="What is recorded and replayed.")
    FULL = strawberry.enum_value(
        "FULL", description="Also every budget that counts the request, as it stands now."
    )


@strawberry.input(description="So much of a named quantity.")
class QuantityInput:
    """One quantity."""

    name: str = strawberry.field(description="Name of the quantity, declared on the feature.")
    amount: Credits = strawberry.field(description="How much; 0 or more, and one of them more than 0.")


@strawberry.input(description="A dimension and its value.")
class DimensionInput:
    """One key with one value."""

    key: str = strawberry.field(description="Name of the dimension, declared on the feature.")
    value: str = strawberry.field(description="Its value.")


@built_directly(quantities=QuantityInput, dimensions=DimensionInput)
@strawberry.input(description="One consumption. Exactly one of `quantities` and `quantity` is given.")
class ConsumeInput:
    """KERNEL §1."""

    idempotency_key: str = strawberry.field(
        description="Your key for this request; the same key gets the same answer. A UUIDv7 is best."
    )
    customer_id: strawberry.ID = strawberry.field(description="Who pays.")
    feature_id: strawberry.ID = strawberry.field(description="What is used.")
    quantities: list[QuantityInput] | None = strawberry.field(default=None, description="How much of what.")
    quantity: Credits | None = strawberry.field(
        default=None, description="How much, of a feature whose one quantity is named `quantity`."
    )
    entity_ids: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="Who uses it: up to four entities, one per axis, such as a user and an agent.",
    )
    session_id: str | None = strawberry.field(default=None, description="In which session.")
    dimensions: list[DimensionInput] | None = strawberry.field(
        default=None, description="What rates and budgets look at, such as the model."
    )
    overage: Overage | None = strawberry.field(
        default=None, description="What happens to the part that does not fit; REJECT if not given."
    )
    group: str | None = strawberry.field(
        default=None, description="Items of one call with the same group pass together or not at all."
    )
    occurred_at: DateTime | None = strawberry.field(
        default=None, description="When it happened, with RECORD only; this month, and not in the future."
    )
    metadata: JSON | None = strawberry.field(default=None, description="Whatever you want to find with it.")
    detail: Detail | None = strawberry.field(default=None, description="How much the answer tells.")


@strawberry.enum(description="What happens to the part that does not fit, where nothing has happened yet.")
class HoldOverage(Enum):
    """Overage without RECORD."""

    REJECT = strawberry.enum_value("REJECT", description="The whole is denied.")
    CAP = strawberry.enum_value("CAP", description="The most that fits is held; for a single quantity.")
    OVERDRAFT = strawberry.enum_value(
        "OVERDRAFT", description="A wallet with an overdraft limit owes the rest."
    )


@built_directly(quantities=QuantityInput, dimensions=DimensionInput)
@strawberry.input(
    description="What to hold before its cost is known. Exactly one of `quantities` and `quantity` is given."
)
class ReserveInput:
    """KERNEL §6."""

    idempotency_key: str = strawberry.field(
        description="Your key for this request; the same key gets the same reservation. A UUIDv7 is best."
    )
    customer_id: strawberry.ID = strawberry.field(description="Who pays.")
    feature_id: strawberry.ID = strawberry.field(description="What will be used.")
    quantities: list[QuantityInput] | None = strawberry.field(
        default=None, description="How much of what, as you estimate it."
    )
    quantity: Credits | None = strawberry.field(
        default=None, description="How much, of a feature whose one quantity is named `quantity`."
    )
    ttl_seconds: int | None = strawberry.field(
        default=None, description="How long it is held: 1 to 86400 seconds, 3600 if not given."
    )
    entity_ids: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="Who uses it: up to four entities, one per axis, such as a user and an agent.",
    )
    session_id: str | None = strawberry.field(default=None, description="In which session.")
    dimensions: list[DimensionInput] | None = strawberry.field(
        default=None, description="What rates and budgets look at, such as the model."
    )
    overage: HoldOverage | None = strawberry.field(
        default=None,
        description="What happens to the part that does not fit, now and when it is settled; REJECT if not"
        " given.",
    )
    group: str | None = strawberry.field(
        default=None, description="Items of one call with the same group pass together or not at all."
    )
    metadata: JSON | None = strawberry.field(default=None, description="Whatever you want to find with it.")
    detail: Detail | None = strawberry.field(default=None, description="How much the answer tells.")


@built_directly(quantities=QuantityInput)
@strawberry.input(
    description="What a reservation has used so far, in all: saying it again, or late, is harmless."
)
class SettleReservationInput:
    """KERNEL §6."""

    customer_id: strawberry.ID = strawberry.field(description="Who pays.")
    reservation_id: strawberry.ID = strawberry.field(description="Which reservation.")
    quantities: list[QuantityInput] | None = strawberry.field(
        default=None, description="How much of what, so far; nothing at all is 0."
    )
    quantity: Credits | None = strawberry.field(
        default=None, description="How much so far, of a feature whose one quantity is named `quantity`."
    )
    final: bool | None = strawberry.field(
        default=None,
        description="Whether nothing more will come: then what is still held returns. True if not given.",
    )


@strawberry.input(description="Which reservation to give up.")
class ReleaseReservationInput:
    """KERNEL §6."""

    customer_id: strawberry.ID = strawberry.field(description="Who pays.")
    reservation_id: strawberry.ID = strawberry.field(description="Which reservation.")


@strawberry.input(description="Which reservation to hold longer.")
class ExtendReservationInput:
    """KERNEL §6."""

    customer_id: strawberry.ID = strawberry.field(description="Who pays.")
    reservation_id: strawberry.ID = strawberry.field(description="Which reservation.")
    ttl_seconds: int = strawberry.field(
        description="How long from now, 1 to 86400 seconds; what it holds longer already stays so."
    )


@built_directly(quantities=QuantityInput, dimensions=DimensionInput)
@strawberry.input(description="A consumption that has happened already: `consume` with RECORD.")
class RecordUsageInput:
    """KERNEL §5."""

    idempotency_key: str = strawberry.field(description="Your key for this event.")
    customer_id: strawberry.ID = strawberry.field(description="Who pays.")
    feature_id: strawberry.ID = strawberry.field(description="What was used.")
    quantities: list[QuantityInput] | None = strawberry.field(default=None, description="How much of what.")
    quantity: Credits | None = strawberry.field(
        default=None, description="How much, of a feature whose one quantity is named `quantity`."
    )
    entity_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Who used it.")
    session_id: str | None = strawberry.field(default=None, description="In which session.")
    dimensions: list[DimensionInput] | None = strawberry.field(
        default=None, description="What rates and budgets look at, such as the model."
    )
    occurred_at: DateTime | None = strawberry.field(
        default=None, description="When it happened; this month, and not in the future."
    )
    metadata: JSON | None = strawberry.field(default=None, description="Whatever you want to find with it.")
    detail: Detail | None = strawberry.field(default=None, description="How much the answer tells.")


_OVERAGE_SCOPES = {"CAP": Scope.CAP, "OVERDRAFT": Scope.OVERDRAFT, "RECORD": Scope.RECORD}


def item_of(asked: ConsumeInput | RecordUsageInput | ReserveInput) -> dict[str, Any]:
    """The kernel's item; what was not given is not in it."""
    item: dict[str, Any] = {
        "idempotencyKey": asked.idempotency_key,
        "customerId": asked.customer_id,
        "featureId": asked.feature_id,
    }
    if asked.quantities is not None:
        item["quantities"] = [{"name": each.name, "amount": each.amount} for each in asked.quantities]
    if asked.quantity is not None:
        item["quantity"] = asked.quantity
    if asked.entity_ids is not None:
        item["entityIds"] = asked.entity_ids
    if asked.session_id is not None:
        item["sessionId"] = asked.session_id
    if asked.dimensions is not None:
        item["dimensions"] = [{"key": each.key, "value": each.value} for each in asked.dimensions]
    if isinstance(asked, ReserveInput):
        if asked.ttl_seconds is not None:
            item["ttlSeconds"] = asked.ttl_seconds
    elif asked.occurred_at is not None:
        item["occurredAt"] = asked.occurred_at
    if asked.metadata is not None:
        item["metadata"] = asked.metadata
    if isinstance(asked, RecordUsageInput):
        item["overage"] = Overage.RECORD.value
        return item
    if asked.overage is not None:
        item["overage"] = asked.overage.value
    if asked.group is not None:
        item["group"] = asked.group
    return item


def step_of(
    asked: SettleReservationInput | ReleaseReservationInput | ExtendReservationInput,
) -> dict[str, Any]:
    """The kernel's step of a reservation; what was not given is not in it."""
    step: dict[str, Any] = {"customerId": asked.customer_id, "reservationId": asked.reservation_id}
    if isinstance(asked, ExtendReservationInput):
        step["ttlSeconds"] = asked.ttl_seconds
    elif isinstance(asked, SettleReservationInput):
        if asked.quantities is not None:
            step["quantities"] = [{"name": each.name, "amount": each.amount} for each in asked.quantities]
        if asked.quantity is not None:
            step["quantity"] = asked.quantity
        if asked.final is not None:
            step["final"] = asked.final
    return step


def asked_quantities(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The quantities of an item, a single one by its name."""
    if "quantities" in item:
        named: list[dict[str, Any]] = item["quantities"]
        return named
    return [{"name": "quantity", "amount": item["quantity"]}] if "quantity" in item else []


def need_overage(principal: Principal, asked: ConsumeInput | ReserveInput) -> None:
    """Go on only if the key may use the overage mode.

    Raises:
        GraphQLError: ``FORBIDDEN``.
    """
    if asked.overage is not None and asked.overage.value in _OVERAGE_SCOPES:
        principal.need(_OVERAGE_SCOPES[asked.overage.value])


def need_size(count: int) -> None:
    """Go on only with a batch that is neither empty nor too large.

    Raises:
        GraphQLError: ``MALFORMED``.
    """
    if not 1 <= count <= LARGEST_BATCH:
        raise failure("MALFORMED", f"input: between 1 and {LARGEST_BATCH} items, got {count}", field="input")
