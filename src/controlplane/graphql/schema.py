"""The schema, put together once per process."""

from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig

from controlplane.graphql.mutations import Mutation
from controlplane.graphql.operation import OperationExtension
from controlplane.graphql.queries import Query
from controlplane.graphql.scalars import SCALARS
from controlplane.graphql.subscriptions import Subscription
from controlplane.graphql.types.budgets import Budget
from controlplane.graphql.types.catalog import CreditType, Feature, Rate
from controlplane.graphql.types.customers import Customer, Entity
from controlplane.graphql.types.history import LedgerEntry, UsageEvent
from controlplane.graphql.types.keys import ApiKey
from controlplane.graphql.types.recorded import RecordedDecision
from controlplane.graphql.types.wallets import Grant, Wallet


class Schema(strawberry.Schema):
    """Ours: faults are logged where they are masked, and nowhere twice."""

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Nothing: see ``failures.shown``."""


schema = Schema(
    Query,
    Mutation,
    Subscription,
    types=[
        Customer,
        Entity,
        Wallet,
        Grant,
        Budget,
        LedgerEntry,
        UsageEvent,
        RecordedDecision,
        CreditType,
        Feature,
        Rate,
        ApiKey,
    ],
    extensions=[OperationExtension],
    config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
)


def exported() -> str:
    """The schema in GraphQL's own language, as ``schema.graphql`` holds it."""
    return schema.as_str().rstrip() + "\n"
