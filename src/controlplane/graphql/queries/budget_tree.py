"""How the budgets of a customer stand."""

from typing import Annotated

import strawberry

from controlplane.db import reading
from controlplane.graphql.arguments import After, CustomerId, First, filter_of, reader
from controlplane.graphql.context import Info
from controlplane.graphql.filters import BudgetTreeFilter, BudgetTreeOrder
from controlplane.graphql.paging import paging
from controlplane.graphql.types.budget_tree import BudgetTreeRow, budget_tree_row
from controlplane.graphql.types.nodes import Connection


@strawberry.type
class BudgetTreeQueries:
    """One list, for dashboards."""

    @strawberry.field(
        description="How each active budget of a customer stands for each whom it counts: an entity, every"
        " entity of its type below it, or every session of the last thirty days. Who has used nothing is"
        " there too, at zero; archived entities are not. A page shows the moment it is read: a row that"
        " changes its place between two pages may come twice or not at all."
    )
    async def budget_tree(
        self,
        info: Info,
        customer_id: CustomerId = None,
        filter: Annotated[BudgetTreeFilter | None, strawberry.argument(description="Which.")] = None,  # noqa: A002
        order_by: Annotated[
            BudgetTreeOrder,
            strawberry.argument(description="By utilisation, the highest first, unless told."),
        ] = BudgetTreeOrder.UTILISATION,
        first: First = None,
        after: After = None,
    ) -> Connection[BudgetTreeRow]:
        """A page."""
        customer = reader(info, customer_id)
        asked = paging(info, first, after, customer)
        records = await reading.read_budget_tree(
            info.context.services.database,
            customer,
            {**filter_of(filter), "orderBy": order_by.value},
            asked.after,
            asked.limit,
        )
        return asked.page(records, budget_tree_row)
