"""Customers, entities, budgets."""

from typing import Annotated, Any

import strawberry

from controlplane.db import configuration
from controlplane.db.reading import Record
from controlplane.graphql.access import Scope
from controlplane.graphql.administering import UserError, actor_of, attempted, json_of, pairs_of
from controlplane.graphql.context import Info
from controlplane.graphql.inputs import DimensionInput
from controlplane.graphql.scalars import JSON, Credits, DateTime
from controlplane.graphql.types.budgets import Budget, BudgetMeasure, BudgetMode, BudgetWindow, budget
from controlplane.graphql.types.customers import (
    Customer,
    Entity,
    ReversalOfExpired,
    UnknownEntityChoice,
    customer,
    entity,
)

UNSET: Any = strawberry.UNSET


@strawberry.input(description="What a request that names an unknown entity does.")
class UnknownEntityInput:
    """A policy."""

    policy: UnknownEntityChoice = strawberry.field(description="Deny or create.")
    type: str | None = strawberry.field(default=UNSET, description="Type of what is created.")
    parent_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Its parent; null: directly below the customer."
    )
    max: int | None = strawberry.field(
        default=UNSET, description="Most entities that may be created so; 10000."
    )


@strawberry.input(description="A wallet; there is one for each credit type.")
class WalletInput:
    """A wallet."""

    credit_type: strawberry.ID = strawberry.field(description="Which kind of credit it holds.")
    wallet_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Natural id of a new one; its owner and credit type, if not given."
    )
    overdraft_limit: Credits | None = strawberry.field(default=UNSET, description="How much it may owe; 0.")


@strawberry.input(description="A customer; what is not given stays as it is.")
class UpsertCustomerInput:
    """A customer."""

    customer_id: strawberry.ID = strawberry.field(description="Natural id, chosen by you.")
    name: str | None = strawberry.field(default=UNSET, description="What people call it.")
    metadata: JSON | None = strawberry.field(default=UNSET, description="Whatever you keep with it.")
    observe: bool | None = strawberry.field(
        default=UNSET, description="Record decisions, and enforce none of them."
    )
    unknown_entity: UnknownEntityInput | None = strawberry.field(
        default=UNSET, description="What an unknown entity id does."
    )
    reversal_of_expired: ReversalOfExpired | None = strawberry.field(
        default=UNSET,
        description="What becomes of credits whose grant has expired when their use is reversed; ADJUSTMENT.",
    )
    wallets: list[WalletInput] | None = strawberry.field(
        default=UNSET, description="Wallets to make or change; others stay as they are."
    )


@strawberry.input(description="An entity; what is not given stays as it is.")
class UpsertEntityInput:
    """An entity."""

    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    entity_id: strawberry.ID = strawberry.field(description="Natural id, unique within the customer.")
    type: str | None = strawberry.field(
        default=UNSET, description="Its type; needed for a new one, and never changes."
    )
    parent_id: strawberry.ID | None = strawberry.field(
        default=UNSET,
        description="Its parent; null, or not given for a new one: directly below the customer.",
    )
    name: str | None = strawberry.field(default=UNSET, description="What people call it.")
    metadata: JSON | None = strawberry.field(default=UNSET, description="Whatever you keep with it.")
    archived: bool | None = strawberry.field(
        default=UNSET, description="false brings an archived entity back; without it, it is refused."
    )
    wallets: list[WalletInput] | None = strawberry.field(
        default=UNSET, description="Wallets to make or change; others stay as they are."
    )


@strawberry.input(description="An entity to forget.")
class EraseEntityInput:
    """An entity."""

    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    entity_id: strawberry.ID = strawberry.field(description="Natural id, which is forgotten.")


@strawberry.input(
    description="A budget; what is not given stays as it is. Limit, mode, advice and thresholds can change;"
    " what it counts, and whom, never does."
)
class SetBudgetInput:
    """A budget."""

    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    budget_id: strawberry.ID = strawberry.field(description="Natural id, unique within the customer.")
    entity_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Where it stands; null: on the customer."
    )
    each: str | None = strawberry.field(
        default=UNSET,
        description="Count each entity of this type below it, or each SESSION, for itself. No entity need"
        " have the type yet; `eachCount` of the answer tells how many do.",
    )
    window: BudgetWindow | None = strawberry.field(
        default=UNSET, description="The period it counts over; needed for a new one."
    )
    anchor_at: DateTime | None = strawberry.field(
        default=UNSET, description="Where windows begin; null: by the calendar."
    )
    time_zone: str | None = strawberry.field(default=UNSET, description="IANA zone of the calendar; UTC.")
    mode: BudgetMode | None = strawberry.field(default=UNSET, description="What it does when passed; HARD.")
    measure: BudgetMeasure | None = strawberry.field(
        default=UNSET, description="What it counts; needed for a new one."
    )
    credit_type: strawberry.ID | None = strawberry.field(default=UNSET, description="Of which credits.")
    feature_id: strawberry.ID | None = strawberry.field(default=UNSET, description="For which feature.")
    quantity: str | None = strawberry.field(default=UNSET, description="Which quantity of the feature.")
    dimensions: list[DimensionInput] | None = strawberry.field(
        default=UNSET, description="Only requests that carry these values count."
    )
    limit: Credits | None = strawberry.field(default=UNSET, description="How much; needed for a new one.")
    advice: JSON | None = strawberry.field(
        default=UNSET, description="What callers near the limit should do."
    )
    thresholds: list[Credits] | None = strawberry.field(
        default=UNSET,
        description="Shares of the limit in force, such as 0.8: who comes to one is told of, once a crossing."
        " At most 10 of them, each more than 0 and at most 10.",
    )


@strawberry.type(description="What upsertCustomer did.")
class UpsertCustomerPayload:
    """Payload."""

    customer: Customer | None = strawberry.field(description="As it is now; null if something was wrong.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.type(description="What upsertEntity did.")
class UpsertEntityPayload:
    """Payload."""

    entity: Entity | None = strawberry.field(description="As it is now; null if something was wrong.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.type(description="What eraseEntity did.")
class EraseEntityPayload:
    """Payload."""

    entity: Entity | None = strawberry.field(
        description="What is left, under an id of `erased:` and a number; null if something was wrong."
    )
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.type(description="What setBudget did.")
class SetBudgetPayload:
    """Payload."""

    budget: Budget | None = strawberry.field(description="As it is now; null if something was wrong.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


async def changed(
    info: Info,
    scope: Scope,
    customer_id: str,
    change: Any,
    given: dict[str, Any],
    known: list[UserError] | None = None,
) -> tuple[Record | None, list[UserError]]:
    """What a change of a customer answered, or what is wrong with its input.

    Where that is ``known`` already nothing is changed; it is told to who may change it alone.

    Raises:
        GraphQLError: ``FORBIDDEN``.
    """
    principal = info.context.principal
    principal.need(scope)
    principal.need_customer(customer_id, "input.customerId")
    if known:
        return None, known
    given.pop("customerId", None)
    database = info.context.services.database
    return await attempted(lambda: change(database, customer_id, given, actor_of(principal)))


@strawberry.type
class CustomerMutations:
    """What administrators do to a customer."""

    @strawberry.mutation(description="Make a customer, or change one.")
    async def upsert_customer(
        self,
        info: Info,
        given: Annotated[UpsertCustomerInput, strawberry.argument(name="input", description="The customer.")],
    ) -> UpsertCustomerPayload:
        """Make or change."""
        found, errors = await changed(
            info, Scope.CUSTOMERS, given.customer_id, configuration.upsert_customer, json_of(given)
        )
        if found is None:
            return UpsertCustomerPayload(customer=None, user_errors=errors)
        return UpsertCustomerPayload(customer=customer(found), user_errors=[])

    @strawberry.mutation(description="Make an entity, or change one.")
    async def upsert_entity(
        self,
        info: Info,
        given: Annotated[UpsertEntityInput, strawberry.argument(name="input", description="The entity.")],
    ) -> UpsertEntityPayload:
        """Make or change."""
        found, errors = await changed(
            info, Scope.CUSTOMERS, given.customer_id, configuration.upsert_entity, json_of(given)
        )
        if found is None:
            return UpsertEntityPayload(entity=None, user_errors=errors)
        return UpsertEntityPayload(entity=entity(found), user_errors=[])

    @strawberry.mutation(
        description="Forget an entity for good: its id, name and metadata, ids of its wallets and budgets, "
        "and the metadata of usage events that named it. Balances, ledger and usage stay, under numbers; the "
        "id may be used again. Keep people out of idempotency keys, session ids and dimensions: those stay."
    )
    async def erase_entity(
        self,
        info: Info,
        given: Annotated[EraseEntityInput, strawberry.argument(name="input", description="The entity.")],
    ) -> EraseEntityPayload:
        """Forget."""
        found, errors = await changed(
            info, Scope.CUSTOMERS, given.customer_id, configuration.erase_entity, json_of(given)
        )
        if found is None:
            return EraseEntityPayload(entity=None, user_errors=errors)
        return EraseEntityPayload(entity=entity(found), user_errors=[])

    @strawberry.mutation(description="Set a budget.")
    async def set_budget(
        self,
        info: Info,
        given: Annotated[SetBudgetInput, strawberry.argument(name="input", description="The budget.")],
    ) -> SetBudgetPayload:
        """Make or change."""
        asked = json_of(given)
        twice: list[UserError] = []
        if "dimensions" in asked:
            asked["dimensions"], twice = pairs_of(asked["dimensions"], "dimensions")
        found, errors = await changed(
            info, Scope.BUDGETS, given.customer_id, configuration.set_budget, asked, twice
        )
        if found is None:
            return SetBudgetPayload(budget=None, user_errors=errors)
        return SetBudgetPayload(budget=budget(found), user_errors=[])
