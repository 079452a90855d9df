"""Consumption."""

from typing import Annotated, cast

import strawberry

from controlplane.graphql.context import Info
from controlplane.graphql.deciding import Asked, TimeoutMs, consumed
from controlplane.graphql.inputs import ConsumeInput, RecordUsageInput
from controlplane.graphql.types.decisions import Decision


async def _one(info: Info, asked: Asked, operation: str, timeout_ms: int | None) -> Decision:
    (answer,) = await consumed(info, asked, operation, timeout_ms)
    if isinstance(answer, Exception):
        raise answer
    return answer


@strawberry.type
class DecisionMutations:
    """What decides and charges."""

    @strawberry.mutation(
        description="Decide one consumption, charge it if it is allowed, and record the answer."
    )
    async def consume(
        self,
        info: Info,
        asked: Annotated[ConsumeInput, strawberry.argument(name="input", description="What is asked.")],
        timeout_ms: TimeoutMs = None,
    ) -> Decision:
        """One consumption."""
        return await _one(info, [asked], "consume", timeout_ms)

    @strawberry.mutation(
        description="Decide several, of any customers, each counting for the next. An item that was not"
        " decided is null, and an error with its index in the path says why; if it is retryable, send it"
        " again with its key."
    )
    async def consume_many(
        self,
        info: Info,
        asked: Annotated[
            list[ConsumeInput], strawberry.argument(name="input", description="What is asked, at most 1000.")
        ],
        timeout_ms: TimeoutMs = None,
    ) -> list[Decision | None]:
        """Several consumptions."""
        # An exception in a list is what graphql-core reports as the error of that place.
        return cast("list[Decision | None]", await consumed(info, asked, "consumeMany", timeout_ms))

    @strawberry.mutation(
        description="Record what has happened already: charged in any case, with the reason for a denial,"
        " had it been asked before."
    )
    async def record_usage(
        self,
        info: Info,
        asked: Annotated[RecordUsageInput, strawberry.argument(name="input", description="What happened.")],
        timeout_ms: TimeoutMs = None,
    ) -> Decision:
        """Consume with RECORD."""
        return await _one(info, [asked], "recordUsage", timeout_ms)
