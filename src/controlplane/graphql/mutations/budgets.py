"""What happens to a budget once it is set: raises."""

from typing import Annotated

import strawberry

from controlplane.db import configuration
from controlplane.graphql.access import Scope
from controlplane.graphql.administering import UserError, json_of
from controlplane.graphql.context import Info
from controlplane.graphql.mutations.customers import changed
from controlplane.graphql.scalars import Credits, DateTime
from controlplane.graphql.types.budgets import Budget, budget


@strawberry.input(description="More for a budget, for a time.")
class RaiseBudgetInput:
    """A raise."""

    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    budget_id: strawberry.ID = strawberry.field(description="Which budget.")
    amount: Credits = strawberry.field(
        description="How much is added to its limit, beside raises that are in force already; more than 0."
    )
    until: DateTime = strawberry.field(description="When the raise ends; after now.")
    reason: str = strawberry.field(description="Why. Who is the key that asks.")


@strawberry.type(description="What raiseBudget did.")
class RaiseBudgetPayload:
    """Payload."""

    budget: Budget | None = strawberry.field(description="As it is now; null if something was wrong.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.type
class BudgetMutations:
    """What administrators do to a budget that is there."""

    @strawberry.mutation(
        description="Raise a budget's limit until an instant, from the next decision on. Each call is a raise"
        " of its own; when it ends, what was used stays used."
    )
    async def raise_budget(
        self,
        info: Info,
        given: Annotated[RaiseBudgetInput, strawberry.argument(name="input", description="The raise.")],
    ) -> RaiseBudgetPayload:
        """Raise."""
        found, errors = await changed(
            info, Scope.BUDGETS, given.customer_id, configuration.raise_budget, json_of(given)
        )
        if found is None:
            return RaiseBudgetPayload(budget=None, user_errors=errors)
        return RaiseBudgetPayload(budget=budget(found), user_errors=[])
