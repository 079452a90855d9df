"""Usage that is taken back."""

from functools import partial
from typing import Annotated, Any

import strawberry

from controlplane.db import reading
from controlplane.graphql.administering import UserError
from controlplane.graphql.context import Info
from controlplane.graphql.deciding import TimeoutMs
from controlplane.graphql.failures import written
from controlplane.graphql.mutations.grants import asked_of_customer, made_once
from controlplane.graphql.scalars import Credits, Long
from controlplane.graphql.types.history import ReturnedPart, UsageEvent, returned_part, usage_event

UNSET: Any = strawberry.UNSET


@strawberry.input(description="A usage event to take back, in whole or in part.")
class ReverseConsumptionInput:
    """A reversal."""

    idempotency_key: str = strawberry.field(description="Your key for it: the same key takes back once.")
    customer_id: strawberry.ID = strawberry.field(description="Whose usage it is.")
    usage_event_id: strawberry.ID = strawberry.field(
        description="Which event; one that settled a reservation too."
    )
    share: Credits | None = strawberry.field(
        default=UNSET,
        description="How much of it: more than 0, at most 1 with what was taken back before; all that is left"
        " if not given.",
    )
    reason: str = strawberry.field(description="Why; `eraseEntity` of whom it used forgets it.")


@strawberry.type(description="What reverseConsumption did.")
class ReverseConsumptionPayload:
    """Payload."""

    usage_event: UsageEvent | None = strawberry.field(
        description="As it is now, with all its reversals; null if something was wrong."
    )
    returned: list[ReturnedPart] = strawberry.field(
        description="Where the credits went, the last that had paid first."
    )
    seq: Long | None = strawberry.field(description="Place in the customer's history.")
    replayed: bool = strawberry.field(description="Whether this key reversed before; nothing changed now.")
    user_errors: list[UserError] = strawberry.field(
        description="What was wrong, such as SHARE_EXCEEDED; then nothing was written."
    )


@strawberry.type
class ReversalMutations:
    """What is done about usage that should not count."""

    @strawberry.mutation(
        description="Take a usage event back, or a share of it: its credits return to where they came from,"
        " what paid last first, and its budgets count it no longer, in the windows in which they had. Needs"
        " the scope GRANT. A suspension does not stop it."
    )
    async def reverse_consumption(
        self,
        info: Info,
        given: Annotated[
            ReverseConsumptionInput, strawberry.argument(name="input", description="The reversal.")
        ],
        timeout_ms: TimeoutMs = None,
    ) -> ReverseConsumptionPayload:
        """Reverse once."""
        asked = asked_of_customer(info, given)
        decide = partial(info.context.services.decisions.reverse, given.customer_id, asked)
        found, errors = await made_once(info, decide, timeout_ms)
        if found is None:
            return ReverseConsumptionPayload(
                usage_event=None, returned=[], seq=None, replayed=False, user_errors=errors
            )
        with written():
            [record] = await reading.read_usage_events(
                info.context.services.database,
                given.customer_id,
                {"usageEventId": found["usageEventId"]},
                None,
                1,
            )
        return ReverseConsumptionPayload(
            usage_event=usage_event(record),
            returned=[returned_part(part) for part in found["returned"]],
            seq=found["seq"],
            replayed=found["replayed"],
            user_errors=[],
        )
