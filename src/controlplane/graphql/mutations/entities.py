"""Entities that are there: moved, archived."""

from typing import Annotated, Any

import strawberry

from controlplane.db import configuration
from controlplane.graphql.access import Scope
from controlplane.graphql.administering import UserError, json_of
from controlplane.graphql.context import Info
from controlplane.graphql.mutations.customers import changed
from controlplane.graphql.types.customers import Entity, entity

UNSET: Any = strawberry.UNSET


@strawberry.input(description="An entity to move, with everything below it.")
class MoveEntityInput:
    """A move."""

    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    entity_id: strawberry.ID = strawberry.field(description="Which entity.")
    parent_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Its new parent; must be given, and null is the customer itself."
    )


@strawberry.type(description="What moveEntity did.")
class MoveEntityPayload:
    """Payload."""

    entity: Entity | None = strawberry.field(description="As it is now; null if something was wrong.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.input(description="An entity to archive.")
class ArchiveEntityInput:
    """An entity."""

    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    entity_id: strawberry.ID = strawberry.field(description="Which entity.")
    include_descendants: bool = strawberry.field(
        default=False,
        description="Archive everything below it too; else it is refused while something there is not.",
    )


@strawberry.type(description="What archiveEntity did.")
class ArchiveEntityPayload:
    """Payload."""

    entity: Entity | None = strawberry.field(description="As it is now; null if something was wrong.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.type
class EntityMutations:
    """What administrators do to an entity that is there."""

    @strawberry.mutation(
        description="Move an entity with everything below it to another parent, however many those are. From"
        " the next decision on the budgets and wallets above its new place count; what was charged before"
        " stays where it was charged."
    )
    async def move_entity(
        self,
        info: Info,
        given: Annotated[MoveEntityInput, strawberry.argument(name="input", description="The move.")],
    ) -> MoveEntityPayload:
        """Move."""
        found, errors = await changed(
            info, Scope.CUSTOMERS, given.customer_id, configuration.move_entity, json_of(given)
        )
        if found is None:
            return MoveEntityPayload(entity=None, user_errors=errors)
        return MoveEntityPayload(entity=entity(found), user_errors=[])

    @strawberry.mutation(
        description="Archive an entity: from the next decision on, who names it is told ENTITY_NOT_FOUND. Its"
        " history and what its wallets hold stay, reservations go on, and no other entity takes its id."
        " upsertEntity with archived: false brings it back. Again changes nothing."
    )
    async def archive_entity(
        self,
        info: Info,
        given: Annotated[ArchiveEntityInput, strawberry.argument(name="input", description="The entity.")],
    ) -> ArchiveEntityPayload:
        """Archive."""
        found, errors = await changed(
            info, Scope.CUSTOMERS, given.customer_id, configuration.archive_entity, json_of(given)
        )
        if found is None:
            return ArchiveEntityPayload(entity=None, user_errors=errors)
        return ArchiveEntityPayload(entity=entity(found), user_errors=[])
