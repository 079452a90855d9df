"""What happens to a budget once it is set: raises, pauses, its end."""

from functools import partial
from typing import Annotated

import strawberry

from controlplane.db import configuration, reading
from controlplane.graphql.access import Scope
from controlplane.graphql.administering import UserError, json_of
from controlplane.graphql.context import Info
from controlplane.graphql.deciding import TimeoutMs
from controlplane.graphql.failures import written
from controlplane.graphql.mutations.customers import changed
from controlplane.graphql.mutations.grants import asked_of_customer, made_once
from controlplane.graphql.scalars import Credits, DateTime, Long
from controlplane.graphql.types.budgets import Budget, budget


@strawberry.input(description="More for a budget, for a time.")
class RaiseBudgetInput:
    """A raise."""

    idempotency_key: str = strawberry.field(description="Your key for it: the same key raises once.")
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
    seq: Long | None = strawberry.field(description="Place in the customer's history.")
    replayed: bool = strawberry.field(description="Whether this key raised before; nothing was raised now.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.input(description="A budget to pause.")
class PauseBudgetInput:
    """A budget."""

    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    budget_id: strawberry.ID = strawberry.field(description="Which budget.")


@strawberry.type(description="What pauseBudget did.")
class PauseBudgetPayload:
    """Payload."""

    budget: Budget | None = strawberry.field(description="As it is now; null if something was wrong.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.input(description="A paused budget to let go on.")
class ResumeBudgetInput:
    """A budget."""

    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    budget_id: strawberry.ID = strawberry.field(description="Which budget.")


@strawberry.type(description="What resumeBudget did.")
class ResumeBudgetPayload:
    """Payload."""

    budget: Budget | None = strawberry.field(description="As it is now; null if something was wrong.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.input(description="A budget to archive.")
class ArchiveBudgetInput:
    """A budget."""

    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    budget_id: strawberry.ID = strawberry.field(description="Which budget.")


@strawberry.type(description="What archiveBudget did.")
class ArchiveBudgetPayload:
    """Payload."""

    budget: Budget | None = strawberry.field(description="As it is now; null if something was wrong.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.type
class BudgetMutations:
    """What administrators do to a budget that is there."""

    @strawberry.mutation(
        description="Raise a budget's limit until an instant, from the next decision on. Each key is a raise"
        " of its own; when it ends, what was used stays used."
    )
    async def raise_budget(
        self,
        info: Info,
        given: Annotated[RaiseBudgetInput, strawberry.argument(name="input", description="The raise.")],
        timeout_ms: TimeoutMs = None,
    ) -> RaiseBudgetPayload:
        """Raise once."""
        asked = asked_of_customer(info, given, Scope.BUDGETS)
        decide = partial(info.context.services.decisions.raise_budget, given.customer_id, asked)
        found, errors = await made_once(info, decide, timeout_ms)
        if found is None:
            return RaiseBudgetPayload(budget=None, seq=None, replayed=False, user_errors=errors)
        with written():
            [record] = await reading.read_budgets(
                info.context.services.database, given.customer_id, {"budgetId": found["budgetId"]}, None, 1
            )
        return RaiseBudgetPayload(
            budget=budget(record), seq=found["seq"], replayed=found["replayed"], user_errors=[]
        )

    @strawberry.mutation(
        description="Pause a budget: from the next decision on it binds nobody, counts nothing and queues no"
        " alert. What was reserved before is settled on it all the same. Again changes nothing."
    )
    async def pause_budget(
        self,
        info: Info,
        given: Annotated[PauseBudgetInput, strawberry.argument(name="input", description="The budget.")],
    ) -> PauseBudgetPayload:
        """Pause."""
        asked = {**json_of(given), "paused": True}
        found, errors = await changed(
            info, Scope.BUDGETS, given.customer_id, configuration.pause_budget, asked
        )
        if found is None:
            return PauseBudgetPayload(budget=None, user_errors=errors)
        return PauseBudgetPayload(budget=budget(found), user_errors=[])

    @strawberry.mutation(
        description="Let a paused budget go on, from the next decision on and from what it had counted: in"
        " the same window that still stands, and nothing of the pause is added. Thresholds that were reached"
        " meanwhile are told now. Again changes nothing."
    )
    async def resume_budget(
        self,
        info: Info,
        given: Annotated[ResumeBudgetInput, strawberry.argument(name="input", description="The budget.")],
    ) -> ResumeBudgetPayload:
        """Let go on."""
        asked = {**json_of(given), "paused": False}
        found, errors = await changed(
            info, Scope.BUDGETS, given.customer_id, configuration.pause_budget, asked
        )
        if found is None:
            return ResumeBudgetPayload(budget=None, user_errors=errors)
        return ResumeBudgetPayload(budget=budget(found), user_errors=[])

    @strawberry.mutation(
        description="Archive a budget, for good: it binds and counts no more. It can still be read, and no"
        " other budget takes its id. Again changes nothing."
    )
    async def archive_budget(
        self,
        info: Info,
        given: Annotated[ArchiveBudgetInput, strawberry.argument(name="input", description="The budget.")],
    ) -> ArchiveBudgetPayload:
        """Archive."""
        found, errors = await changed(
            info, Scope.BUDGETS, given.customer_id, configuration.archive_budget, json_of(given)
        )
        if found is None:
            return ArchiveBudgetPayload(budget=None, user_errors=errors)
        return ArchiveBudgetPayload(budget=budget(found), user_errors=[])
