"""Amounts with the name of what they are of."""

import strawberry

from controlplane.graphql.scalars import Credits


@strawberry.type(description="An amount of one credit type; types are never added together.")
class CreditAmount:
    """Credits of one type."""

    credit_type: strawberry.ID = strawberry.field(description="Which kind of credit.")
    amount: Credits = strawberry.field(description="How much, exactly.")


@strawberry.type(description="An amount of one named quantity of a feature.")
class QuantityAmount:
    """So much of something counted."""

    name: str = strawberry.field(description="Name of the quantity, such as input.")
    amount: Credits = strawberry.field(description="How much of it.")


@strawberry.type(description="A dimension of a request and its value, such as model.")
class Dimension:
    """One key with one value."""

    key: str = strawberry.field(description="Name of the dimension, declared on the feature.")
    value: str = strawberry.field(description="Its value, opaque to us.")


def credit_amount(credit_type: str, amount: str) -> CreditAmount:
    """One amount of credits."""
    return CreditAmount(credit_type=strawberry.ID(credit_type), amount=Credits(amount))


def quantity_amount(name: str, amount: str) -> QuantityAmount:
    """One amount of a quantity."""
    return QuantityAmount(name=name, amount=Credits(amount))


def dimension(key: str, value: str) -> Dimension:
    """One dimension."""
    return Dimension(key=key, value=value)
