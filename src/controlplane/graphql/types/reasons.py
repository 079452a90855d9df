"""Why a request was denied, in order of precedence (KERNEL §2)."""

from enum import Enum

import strawberry


@strawberry.enum(description="Why a request was denied, or would have been; in order of precedence.")
class Reason(Enum):
    """Reasons; what each means stands in the schema."""

    IDEMPOTENCY_CONFLICT = strawberry.enum_value(
        "IDEMPOTENCY_CONFLICT",
        description="The key was used before, with another request.",
    )
    CUSTOMER_NOT_FOUND = strawberry.enum_value(
        "CUSTOMER_NOT_FOUND",
        description="There is no such customer.",
    )
    CUSTOMER_SUSPENDED = strawberry.enum_value(
        "CUSTOMER_SUSPENDED",
        description="The customer is suspended.",
    )
    RESERVATION_NOT_FOUND = strawberry.enum_value(
        "RESERVATION_NOT_FOUND",
        description="There is no such reservation.",
    )
    RESERVATION_ENDED = strawberry.enum_value("RESERVATION_ENDED", description="The reservation has ended.")
    FEATURE_NOT_FOUND = strawberry.enum_value("FEATURE_NOT_FOUND", description="There is no such feature.")
    ENTITY_NOT_FOUND = strawberry.enum_value(
        "ENTITY_NOT_FOUND",
        description="An entity is archived, or unknown and the customer's policy does not create it.",
    )
    ENTITY_SUSPENDED = strawberry.enum_value(
        "ENTITY_SUSPENDED",
        description="An entity, or something above it, is suspended.",
    )
    NO_ACTIVE_SUBSCRIPTION = strawberry.enum_value(
        "NO_ACTIVE_SUBSCRIPTION",
        description="The customer has no active subscription.",
    )
    NOT_ENTITLED = strawberry.enum_value(
        "NOT_ENTITLED",
        description="The customer's plan does not have this feature.",
    )
    FEATURE_TYPE_MISMATCH = strawberry.enum_value(
        "FEATURE_TYPE_MISMATCH",
        description="The feature is not of the type that was asked for, or does not count this.",
    )
    VALUE_NOT_ALLOWED = strawberry.enum_value(
        "VALUE_NOT_ALLOWED",
        description="The value is not among those allowed.",
    )
    REQUEST_LIMIT_EXCEEDED = strawberry.enum_value(
        "REQUEST_LIMIT_EXCEEDED",
        description="The request asks for more than one request may.",
    )
    NO_RATE = strawberry.enum_value("NO_RATE", description="Nothing says what this costs.")
    USAGE_LIMIT_EXCEEDED = strawberry.enum_value(
        "USAGE_LIMIT_EXCEEDED",
        description="The period's quota is used up.",
    )
    BUDGET_EXCEEDED = strawberry.enum_value("BUDGET_EXCEEDED", description="A budget is used up.")
    INSUFFICIENT_CREDITS = strawberry.enum_value(
        "INSUFFICIENT_CREDITS",
        description="The wallets do not hold enough.",
    )
    GROUP_DENIED = strawberry.enum_value("GROUP_DENIED", description="Another item of the group was denied.")
