"""Customers, entities, wallets, grants, budgets."""

from typing import Annotated

import strawberry

from controlplane.db import reading
from controlplane.graphql.access import Scope
from controlplane.graphql.arguments import After, CustomerId, First, filter_of, reader
from controlplane.graphql.context import Info
from controlplane.graphql.filters import BudgetFilter, CustomerFilter, EntityFilter, GrantFilter, WalletFilter
from controlplane.graphql.paging import paging
from controlplane.graphql.types.budgets import Budget, budget
from controlplane.graphql.types.customers import Customer, Entity, customer, entity
from controlplane.graphql.types.nodes import Connection
from controlplane.graphql.types.wallets import Grant, Wallet, grant, wallet


@strawberry.type
class CustomerQueries:
    """What customers have."""

    @strawberry.field(description="One customer; null if there is none.")
    async def customer(self, info: Info, customer_id: CustomerId = None) -> Customer | None:
        """One, or null."""
        wanted = reader(info, customer_id)
        records = await reading.read_customers(
            info.context.services.database, {"customerId": wanted}, None, 1
        )
        return customer(records[0]) if records else None

    @strawberry.field(description="Customers by id; with a bound key its own alone.")
    async def customers(
        self,
        info: Info,
        filter: Annotated[CustomerFilter | None, strawberry.argument(description="Which.")] = None,  # noqa: A002
        first: First = None,
        after: After = None,
    ) -> Connection[Customer]:
        """A page."""
        principal = info.context.principal
        principal.need(Scope.READ)
        asked = paging(info, first, after, principal.customer_id)
        wanted = {**filter_of(filter), "customerId": principal.customer_id}
        records = await reading.read_customers(
            info.context.services.database, wanted, asked.after, asked.limit
        )
        return asked.page(records, customer)

    @strawberry.field(description="One entity of a customer; null if there is none.")
    async def entity(
        self,
        info: Info,
        entity_id: Annotated[strawberry.ID, strawberry.argument(description="Which entity.")],
        customer_id: CustomerId = None,
    ) -> Entity | None:
        """One, or null."""
        customer = reader(info, customer_id)
        records = await reading.read_entities(
            info.context.services.database, customer, {"entityId": entity_id}, None, 1
        )
        return entity(records[0]) if records else None

    @strawberry.field(description="Entities of a customer in the order of their making.")
    async def entities(
        self,
        info: Info,
        customer_id: CustomerId = None,
        filter: Annotated[EntityFilter | None, strawberry.argument(description="Which.")] = None,  # noqa: A002
        first: First = None,
        after: After = None,
    ) -> Connection[Entity]:
        """A page."""
        customer = reader(info, customer_id)
        asked = paging(info, first, after, customer)
        records = await reading.read_entities(
            info.context.services.database, customer, filter_of(filter), asked.after, asked.limit
        )
        return asked.page(records, entity)

    @strawberry.field(description="One wallet of a customer; null if there is none.")
    async def wallet(
        self,
        info: Info,
        wallet_id: Annotated[strawberry.ID, strawberry.argument(description="Which wallet.")],
        customer_id: CustomerId = None,
    ) -> Wallet | None:
        """One, or null."""
        customer = reader(info, customer_id)
        records = await reading.read_wallets(
            info.context.services.database, customer, {"walletId": wallet_id}, None, 1
        )
        return wallet(records[0]) if records else None

    @strawberry.field(description="Wallets of a customer and its entities in the order of their making.")
    async def wallets(
        self,
        info: Info,
        customer_id: CustomerId = None,
        filter: Annotated[WalletFilter | None, strawberry.argument(description="Which.")] = None,  # noqa: A002
        first: First = None,
        after: After = None,
    ) -> Connection[Wallet]:
        """A page."""
        customer = reader(info, customer_id)
        asked = paging(info, first, after, customer)
        records = await reading.read_wallets(
            info.context.services.database, customer, filter_of(filter), asked.after, asked.limit
        )
        return asked.page(records, wallet)

    @strawberry.field(description="One grant of a customer; null if there is none.")
    async def grant(
        self,
        info: Info,
        grant_id: Annotated[strawberry.ID, strawberry.argument(description="Which grant.")],
        customer_id: CustomerId = None,
    ) -> Grant | None:
        """One, or null."""
        customer = reader(info, customer_id)
        records = await reading.read_grants(
            info.context.services.database, customer, {"grantId": grant_id}, None, 1
        )
        return grant(records[0]) if records else None

    @strawberry.field(description="Grants of a customer, the newest first.")
    async def grants(
        self,
        info: Info,
        customer_id: CustomerId = None,
        filter: Annotated[GrantFilter | None, strawberry.argument(description="Which.")] = None,  # noqa: A002
        first: First = None,
        after: After = None,
    ) -> Connection[Grant]:
        """A page."""
        customer = reader(info, customer_id)
        asked = paging(info, first, after, customer)
        records = await reading.read_grants(
            info.context.services.database, customer, filter_of(filter), asked.after, asked.limit
        )
        return asked.page(records, grant)

    @strawberry.field(
        description="Budgets of a customer in the order of their making, with what is used of them."
    )
    async def budgets(
        self,
        info: Info,
        customer_id: CustomerId = None,
        filter: Annotated[BudgetFilter | None, strawberry.argument(description="Which.")] = None,  # noqa: A002
        first: First = None,
        after: After = None,
    ) -> Connection[Budget]:
        """A page."""
        customer = reader(info, customer_id)
        asked = paging(info, first, after, customer)
        records = await reading.read_budgets(
            info.context.services.database, customer, filter_of(filter), asked.after, asked.limit
        )
        return asked.page(records, budget)
