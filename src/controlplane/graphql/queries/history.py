"""The ledger and usage."""

from typing import Annotated

import strawberry

from controlplane.db import reading
from controlplane.graphql.arguments import After, CustomerId, First, filter_of, is_selected, reader
from controlplane.graphql.context import Info
from controlplane.graphql.failures import failure
from controlplane.graphql.filters import LedgerFilter, SeqOrder, UsageFilter
from controlplane.graphql.paging import paging
from controlplane.graphql.types.history import LedgerEntry, UsageEvent, ledger_entry, usage_event
from controlplane.graphql.types.nodes import Connection

Order = Annotated[SeqOrder, strawberry.argument(description="The newest first, unless told.")]


def ascending(order: SeqOrder) -> dict[str, bool]:
    """The order as reading functions take it."""
    return {"ascending": order is SeqOrder.OLDEST_FIRST}


@strawberry.type
class HistoryQueries:
    """What happened."""

    @strawberry.field(description="Movements of credits of a customer.")
    async def ledger_entries(
        self,
        info: Info,
        customer_id: CustomerId = None,
        filter: Annotated[LedgerFilter | None, strawberry.argument(description="Which.")] = None,  # noqa: A002
        order_by: Order = SeqOrder.NEWEST_FIRST,
        first: First = None,
        after: After = None,
    ) -> Connection[LedgerEntry]:
        """A page."""
        customer = reader(info, customer_id)
        asked = paging(info, first, after, customer)
        records = await reading.read_ledger_entries(
            info.context.services.database,
            customer,
            {**filter_of(filter), **ascending(order_by), "withMoney": is_selected(info, "money")},
            asked.after,
            asked.limit,
        )
        return asked.page(records, ledger_entry)

    @strawberry.field(description="One usage event of a customer; null if there is none.")
    async def usage_event(
        self,
        info: Info,
        usage_event_id: Annotated[strawberry.ID, strawberry.argument(description="Which event.")],
        customer_id: CustomerId = None,
    ) -> UsageEvent | None:
        """One, or null."""
        customer = reader(info, customer_id)
        if not (usage_event_id.isascii() and usage_event_id.isdigit() and len(usage_event_id) <= 18):
            raise failure("BAD_USER_INPUT", "usageEventId: a number", field="usageEventId")
        records = await reading.read_usage_events(
            info.context.services.database, customer, {"usageEventId": usage_event_id}, None, 1
        )
        return usage_event(records[0]) if records else None

    @strawberry.field(description="Usage events of a customer.")
    async def usage_events(
        self,
        info: Info,
        customer_id: CustomerId = None,
        filter: Annotated[UsageFilter | None, strawberry.argument(description="Which.")] = None,  # noqa: A002
        order_by: Order = SeqOrder.NEWEST_FIRST,
        first: First = None,
        after: After = None,
    ) -> Connection[UsageEvent]:
        """A page."""
        customer = reader(info, customer_id)
        asked = paging(info, first, after, customer)
        records = await reading.read_usage_events(
            info.context.services.database,
            customer,
            {**filter_of(filter), **ascending(order_by)},
            asked.after,
            asked.limit,
        )
        return asked.page(records, usage_event)
