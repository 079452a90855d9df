"""Root fields that read."""

from strawberry.tools import merge_types

from controlplane.graphql.queries.audit import AuditQueries
from controlplane.graphql.queries.budget_tree import BudgetTreeQueries
from controlplane.graphql.queries.catalog import CatalogQueries
from controlplane.graphql.queries.customers import CustomerQueries
from controlplane.graphql.queries.decisions import DecisionQueries
from controlplane.graphql.queries.history import HistoryQueries
from controlplane.graphql.queries.node import NodeQueries
from controlplane.graphql.queries.reservations import ReservationQueries

Query = merge_types(
    "Query",
    (
        DecisionQueries,
        CustomerQueries,
        ReservationQueries,
        HistoryQueries,
        AuditQueries,
        BudgetTreeQueries,
        CatalogQueries,
        NodeQueries,
    ),
)
Query.__strawberry_definition__.description = "Everything that changes nothing."  # type: ignore[attr-defined]

__all__ = ["Query"]
