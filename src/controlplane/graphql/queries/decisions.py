"""Dry runs and recorded decisions."""

from typing import Annotated

import strawberry

from controlplane.db import reading
from controlplane.graphql.arguments import After, CustomerId, First, filter_of, reader
from controlplane.graphql.context import Info
from controlplane.graphql.deciding import TimeoutMs, checked
from controlplane.graphql.filters import DecisionFilter
from controlplane.graphql.inputs import ConsumeInput
from controlplane.graphql.paging import paging
from controlplane.graphql.types.decisions import Decision
from controlplane.graphql.types.nodes import Connection
from controlplane.graphql.types.recorded import RecordedDecision, recorded_decision


@strawberry.type
class DecisionQueries:
    """``check`` and what was decided."""

    @strawberry.field(description="What `consume` would answer now; writes nothing.")
    async def check(
        self,
        info: Info,
        asked: Annotated[ConsumeInput, strawberry.argument(name="input", description="What is asked.")],
        timeout_ms: TimeoutMs = None,
    ) -> Decision:
        """One dry run."""
        return (await checked(info, [asked], timeout_ms))[0]

    @strawberry.field(
        description="The same for several at once, judged in order, each counting for the next."
    )
    async def check_many(
        self,
        info: Info,
        asked: Annotated[
            list[ConsumeInput], strawberry.argument(name="input", description="What is asked, at most 1000.")
        ],
        timeout_ms: TimeoutMs = None,
    ) -> list[Decision]:
        """Several dry runs."""
        return await checked(info, asked, timeout_ms)

    @strawberry.field(
        description="Recorded decisions. Those that did not fit (`wouldAllow: false`, `allowed: false` or a"
        " `reason`): the newest first, however much was allowed in between. Otherwise by key, the largest"
        " first: with UUIDv7 keys the newest."
    )
    async def decisions(
        self,
        info: Info,
        customer_id: CustomerId = None,
        filter: Annotated[DecisionFilter | None, strawberry.argument(description="Which.")] = None,  # noqa: A002
        first: First = None,
        after: After = None,
    ) -> Connection[RecordedDecision]:
        """A page."""
        customer = reader(info, customer_id)
        asked = paging(info, first, after, customer)
        records = await reading.read_decisions(
            info.context.services.database, customer, filter_of(filter), asked.after, asked.limit
        )
        return asked.page(records, recorded_decision)
