"""Root fields that change something."""

from strawberry.tools import merge_types

from controlplane.graphql.mutations.budgets import BudgetMutations
from controlplane.graphql.mutations.catalog import CatalogMutations
from controlplane.graphql.mutations.customers import CustomerMutations
from controlplane.graphql.mutations.decisions import DecisionMutations
from controlplane.graphql.mutations.entities import EntityMutations
from controlplane.graphql.mutations.grants import GrantMutations
from controlplane.graphql.mutations.keys import KeyMutations
from controlplane.graphql.mutations.reservations import ReservationMutations
from controlplane.graphql.mutations.reversals import ReversalMutations
from controlplane.graphql.mutations.suspending import SuspensionMutations

Mutation = merge_types(
    "Mutation",
    (
        DecisionMutations,
        ReservationMutations,
        ReversalMutations,
        CustomerMutations,
        EntityMutations,
        SuspensionMutations,
        BudgetMutations,
        GrantMutations,
        CatalogMutations,
        KeyMutations,
    ),
)
Mutation.__strawberry_definition__.description = "Everything that changes something."  # type: ignore[attr-defined]

__all__ = ["Mutation"]
