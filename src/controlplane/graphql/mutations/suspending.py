"""Suspension of customers and entities: nothing new passes, and what has begun goes on."""

from typing import Annotated

import strawberry

from controlplane.db import configuration, reading
from controlplane.graphql.access import Scope
from controlplane.graphql.administering import UserError, actor_of, attempted
from controlplane.graphql.context import Info
from controlplane.graphql.failures import written
from controlplane.graphql.types.customers import Customer, Entity, customer, entity


@strawberry.input(description="A customer to suspend.")
class SuspendCustomerInput:
    """A customer."""

    customer_id: strawberry.ID = strawberry.field(description="Which customer.")


@strawberry.input(description="A customer to let go on.")
class ResumeCustomerInput:
    """A customer."""

    customer_id: strawberry.ID = strawberry.field(description="Which customer.")


@strawberry.input(description="An entity to suspend, with everything below it.")
class SuspendEntityInput:
    """An entity."""

    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    entity_id: strawberry.ID = strawberry.field(description="Which entity.")


@strawberry.input(description="An entity to let go on.")
class ResumeEntityInput:
    """An entity."""

    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    entity_id: strawberry.ID = strawberry.field(description="Which entity.")


@strawberry.type(description="What suspendCustomer did.")
class SuspendCustomerPayload:
    """Payload."""

    customer: Customer | None = strawberry.field(description="As it is now; null if something was wrong.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.type(description="What resumeCustomer did.")
class ResumeCustomerPayload:
    """Payload."""

    customer: Customer | None = strawberry.field(description="As it is now; null if something was wrong.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.type(description="What suspendEntity did.")
class SuspendEntityPayload:
    """Payload."""

    entity: Entity | None = strawberry.field(description="As it is now; null if something was wrong.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.type(description="What resumeEntity did.")
class ResumeEntityPayload:
    """Payload."""

    entity: Entity | None = strawberry.field(description="As it is now; null if something was wrong.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.type
class SuspensionMutations:
    """What stops a customer or an entity, and lets it go on."""

    @strawberry.mutation(
        description="Suspend a customer: from the next decision on, check, consume, reserve and extend are"
        " denied with CUSTOMER_SUSPENDED. Settlements, releases, expiries, reversals, grants and recorded"
        " usage pass. Again changes nothing."
    )
    async def suspend_customer(
        self,
        info: Info,
        given: Annotated[
            SuspendCustomerInput, strawberry.argument(name="input", description="The customer.")
        ],
    ) -> SuspendCustomerPayload:
        """Suspend."""
        errors = await _set(info, given.customer_id, None, suspended=True)
        found = None if errors else await _customer(info, given.customer_id)
        return SuspendCustomerPayload(customer=found, user_errors=errors)

    @strawberry.mutation(
        description="Let a suspended customer go on, from the next decision on. Entities that are suspended"
        " themselves stay so. Again changes nothing."
    )
    async def resume_customer(
        self,
        info: Info,
        given: Annotated[ResumeCustomerInput, strawberry.argument(name="input", description="The customer.")],
    ) -> ResumeCustomerPayload:
        """Let go on."""
        errors = await _set(info, given.customer_id, None, suspended=False)
        found = None if errors else await _customer(info, given.customer_id)
        return ResumeCustomerPayload(customer=found, user_errors=errors)

    @strawberry.mutation(
        description="Suspend an entity: from the next decision on, whatever names it or something below it is"
        " denied with ENTITY_SUSPENDED, as with suspendCustomer. Again changes nothing."
    )
    async def suspend_entity(
        self,
        info: Info,
        given: Annotated[SuspendEntityInput, strawberry.argument(name="input", description="The entity.")],
    ) -> SuspendEntityPayload:
        """Suspend."""
        errors = await _set(info, given.customer_id, given.entity_id, suspended=True)
        found = None if errors else await _entity(info, given.customer_id, given.entity_id)
        return SuspendEntityPayload(entity=found, user_errors=errors)

    @strawberry.mutation(
        description="Let a suspended entity go on, from the next decision on. It stays blocked while"
        " something above it is suspended. Again changes nothing."
    )
    async def resume_entity(
        self,
        info: Info,
        given: Annotated[ResumeEntityInput, strawberry.argument(name="input", description="The entity.")],
    ) -> ResumeEntityPayload:
        """Let go on."""
        errors = await _set(info, given.customer_id, given.entity_id, suspended=False)
        found = None if errors else await _entity(info, given.customer_id, given.entity_id)
        return ResumeEntityPayload(entity=found, user_errors=errors)


async def _set(info: Info, customer_id: str, entity_id: str | None, *, suspended: bool) -> list[UserError]:
    """What was wrong with suspending or resuming.

    Raises:
        GraphQLError: ``FORBIDDEN``.
    """
    principal, database = info.context.principal, info.context.services.database
    principal.need(Scope.CUSTOMERS)
    principal.need_customer(customer_id, "input.customerId")
    _, errors = await attempted(
        lambda: configuration.set_suspension(database, customer_id, entity_id, suspended, actor_of(principal))
    )
    return errors


async def _customer(info: Info, customer_id: str) -> Customer:
    database = info.context.services.database
    with written():
        [record] = await reading.read_customers(database, {"customerId": customer_id}, None, 1)
    return customer(record)


async def _entity(info: Info, customer_id: str, entity_id: str) -> Entity | None:
    """None if it was forgotten meanwhile."""
    database = info.context.services.database
    with written():
        records = await reading.read_entities(database, customer_id, {"entityId": entity_id}, None, 1)
    return entity(records[0]) if records else None
