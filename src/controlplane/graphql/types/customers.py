"""Customers and their entities."""

from enum import Enum
from typing import Annotated

import strawberry

from controlplane.db import reading
from controlplane.db.reading import Record
from controlplane.graphql.arguments import filter_of
from controlplane.graphql.context import Info
from controlplane.graphql.identity import node_id
from controlplane.graphql.scalars import JSON, DateTime
from controlplane.graphql.types.nodes import Node, from_record
from controlplane.graphql.types.wallets import (
    HistoryPoint,
    PastBalance,
    Version,
    Wallet,
    past_balance,
    version,
    wallet,
)


@strawberry.enum(description="What a request that names an unknown entity does.")
class UnknownEntityChoice(Enum):
    """Policies for unknown entities."""

    DENY = strawberry.enum_value("DENY", description="Is denied with ENTITY_NOT_FOUND.")
    CREATE = strawberry.enum_value("CREATE", description="Creates it, if the request is allowed.")


@strawberry.enum(description="What becomes of credits whose grant has expired when their use is reversed.")
class ReversalOfExpired(Enum):
    """Policies for what has expired."""

    ADJUSTMENT = strawberry.enum_value(
        "ADJUSTMENT",
        description="They return as an adjustment, a grant of its own that does not expire, for the features"
        " that the expired one was for.",
    )
    LAPSE = strawberry.enum_value("LAPSE", description="They have expired too.")


@strawberry.type(description="What an unknown entity id does.")
class UnknownEntityPolicy:
    """A customer's policy."""

    policy: UnknownEntityChoice = strawberry.field(description="Deny or create.")
    type: str | None = strawberry.field(description="Type of what is created.")
    parent_id: strawberry.ID | None = strawberry.field(
        description="Its parent; null: directly below the customer."
    )
    max: int = strawberry.field(description="Most entities that may be created so.")


@strawberry.type(description="A paying organisation: the unit of locking and isolation.")
class Customer(Node):
    """One customer."""

    customer_id: strawberry.ID = strawberry.field(description="Natural id, chosen by you.")
    name: str | None = strawberry.field(description="What people call it.")
    metadata: JSON = strawberry.field(description="Whatever you keep with it.")
    is_suspended: bool = strawberry.field(description="Whether new requests are denied.")
    is_observed: bool = strawberry.field(description="Whether decisions are recorded and not enforced.")
    unknown_entity: UnknownEntityPolicy = strawberry.field(description="What an unknown entity id does.")
    reversal_of_expired: ReversalOfExpired = strawberry.field(
        description="What becomes of credits whose grant has expired when their use is reversed."
    )
    version: Version = strawberry.field(description="Which state of the customer this is.")
    created_at: DateTime = strawberry.field(description="When it was made.")

    @strawberry.field(description="Its wallets and those of its entities, the oldest thousand.")
    async def wallets(self, info: Info) -> list[Wallet]:
        """All customers of one operation are read together."""
        balance = await info.context.balances().load(self.customer_id)
        return [wallet(record) for record in balance["wallets"]] if balance else []

    @strawberry.field(description="What its wallets held at some place of its history.")
    async def balances_at(
        self,
        info: Info,
        at: Annotated[HistoryPoint, strawberry.argument(description="When: exactly one of its fields.")],
    ) -> PastBalance:
        """By the ledger; one look-up, however long the history is."""
        found = await reading.read_balances_at(
            info.context.services.database, self.customer_id, filter_of(at)
        )
        return past_balance(found)


@strawberry.type(description="A node of a customer's tree: department, team, user, agent, product.")
class Entity(Node):
    """One entity."""

    entity_id: strawberry.ID = strawberry.field(description="Natural id, unique within the customer.")
    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    type: str = strawberry.field(description="Its type, chosen by you; it never changes.")
    name: str | None = strawberry.field(description="What people call it.")
    parent_id: strawberry.ID | None = strawberry.field(
        description="Natural id of its parent; null: directly below the customer."
    )
    path: list[strawberry.ID] = strawberry.field(
        description="Natural ids from itself up to the one below the customer."
    )
    metadata: JSON = strawberry.field(description="Whatever you keep with it.")
    is_suspended: bool = strawberry.field(description="Whether it is suspended itself.")
    is_blocked: bool = strawberry.field(description="Whether it, or anything above it, is suspended.")
    created_at: DateTime = strawberry.field(description="When it was made.")
    archived_at: DateTime | None = strawberry.field(description="When it was archived, if so.")


def customer(record: Record) -> Customer:
    """From ``api.read_customers``."""
    return from_record(
        Customer,
        record,
        id=strawberry.ID(node_id("Customer", record["customerId"])),
        reversal_of_expired=ReversalOfExpired(record["reversalOfExpired"]),
        unknown_entity=UnknownEntityPolicy(
            policy=UnknownEntityChoice(record["unknownEntity"]),
            type=record["unknownEntityType"],
            parent_id=record["unknownEntityParentId"],
            max=record["unknownEntityMaximum"],
        ),
        version=version(record),
    )


def entity(record: Record) -> Entity:
    """From ``api.read_entities``."""
    identifier = node_id("Entity", record["customerId"], record["entityId"])
    return from_record(
        Entity, record, id=strawberry.ID(identifier), type=record["entityType"], path=record["path"] or []
    )
