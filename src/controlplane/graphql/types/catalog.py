"""The catalogue: credit types, features, rates."""

from enum import Enum

import strawberry

from controlplane.db.reading import Record
from controlplane.graphql.identity import node_id
from controlplane.graphql.scalars import Credits, DateTime, Long, RateAmount
from controlplane.graphql.types.amounts import Dimension, QuantityAmount, dimension, quantity_amount
from controlplane.graphql.types.nodes import Node, from_record, pairs


@strawberry.enum(description="How a feature is gated.")
class FeatureType(Enum):
    """Types of features; any of them may cost credits."""

    BOOLEAN = strawberry.enum_value("BOOLEAN", description="On or off.")
    CONFIG = strawberry.enum_value("CONFIG", description="A number, a choice or a text.")
    METERED = strawberry.enum_value("METERED", description="Counted, limited per period.")


@strawberry.type(description="A kind of credit; its decimals never change.")
class CreditType(Node):
    """One credit type."""

    credit_type: strawberry.ID = strawberry.field(description="Natural id.")
    name: str = strawberry.field(description="What people call it.")
    decimals: int = strawberry.field(description="Digits behind the point.")
    display_decimals: int = strawberry.field(description="Digits to show to people.")
    created_at: DateTime = strawberry.field(description="When it was made.")


@strawberry.type(description="What is gated, and may cost credits.")
class Feature(Node):
    """One feature, as the newest catalogue has it."""

    feature_id: strawberry.ID = strawberry.field(description="Natural id.")
    name: str = strawberry.field(description="What people call it.")
    feature_type: FeatureType = strawberry.field(description="How it is gated.")
    quantities: list[str] = strawberry.field(description="Names of what is counted.")
    step: Credits = strawberry.field(description="CAP takes a multiple of this of the one quantity.")
    dimensions: list[str] = strawberry.field(description="Names a request may carry; the first weighs most.")
    credit_types: list[strawberry.ID] = strawberry.field(description="Acceptable credit types, best first.")
    request_limits: list[QuantityAmount] = strawberry.field(description="The most that one request may ask.")
    is_archived: bool = strawberry.field(description="Whether it is out of use.")
    catalog_version: Long = strawberry.field(description="The catalogue version that brought this form.")
    created_at: DateTime = strawberry.field(description="When this form was made.")


@strawberry.type(
    description="Credits per so many units of a quantity, from a date; superseded, never edited."
)
class Rate(Node):
    """One rate."""

    feature_id: strawberry.ID = strawberry.field(description="Of which feature.")
    credit_type: strawberry.ID = strawberry.field(description="In which credits.")
    quantity: str = strawberry.field(description="For which quantity.")
    dimensions: list[Dimension] = strawberry.field(
        description="What a request must carry; none: any request."
    )
    amount: RateAmount = strawberry.field(description="So many credits.")
    per_units: Long = strawberry.field(description="For so many units.")
    effective_from: DateTime = strawberry.field(description="Since when.")
    catalog_version: Long = strawberry.field(description="The catalogue version that brought it.")


def credit_type(record: Record) -> CreditType:
    """From ``api.read_credit_types``."""
    return from_record(CreditType, record, id=strawberry.ID(node_id("CreditType", record["creditType"])))


def feature(record: Record) -> Feature:
    """From ``api.read_features``."""
    return from_record(
        Feature,
        record,
        id=strawberry.ID(node_id("Feature", record["featureId"])),
        feature_type=FeatureType(record["type"]),
        request_limits=pairs(
            {name: str(limit) for name, limit in record["requestLimits"].items()}, quantity_amount
        ),
    )


def rate(record: Record) -> Rate:
    """From ``api.read_rates``; its id is its key without the incarnation."""
    parts = [record["featureId"], record["creditType"], record["quantity"]]
    rest = [_joined(record["dimensions"]), record["effectiveFrom"], record["catalogVersion"]]
    return from_record(
        Rate,
        record,
        id=strawberry.ID(node_id("Rate", *parts, *rest)),
        dimensions=pairs(record["dimensions"], dimension),
    )


def _joined(dimensions: dict[str, str]) -> str:
    """Dimensions as one text, the same for the same."""
    return ",".join(f"{key}={dimensions[key]}" for key in sorted(dimensions))
