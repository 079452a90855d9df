"""What ``check``, ``consume`` and ``recordUsage`` have in common."""

from collections.abc import Sequence
from typing import Annotated, Any

import strawberry

from controlplane.db import reading
from controlplane.db.lanes.ticket import Judgement
from controlplane.errors import DatabaseError, OutcomeUnknown
from controlplane.graphql.access import Scope
from controlplane.graphql.answers import decision, step_decision
from controlplane.graphql.context import Info
from controlplane.graphql.failures import told, written
from controlplane.graphql.inputs import (
    ConsumeInput,
    Detail,
    ExtendReservationInput,
    RecordUsageInput,
    ReleaseReservationInput,
    ReserveInput,
    SettleReservationInput,
    item_of,
    need_overage,
    need_size,
    step_of,
)
from controlplane.graphql.types.budgets import Budget, budget
from controlplane.graphql.types.decisions import Decision

Asked = Sequence[ConsumeInput | RecordUsageInput | ReserveInput]
Step = SettleReservationInput | ReleaseReservationInput | ExtendReservationInput

#: Budgets that one statement reads for a full answer; few answers have more.
CHAIN_PAGE = 500

#: What of a request says which budgets it counts on.
_BINDING = ("featureId", "entityIds", "sessionId", "quantity", "quantities", "dimensions", "occurredAt")

TimeoutMs = Annotated[
    int | None,
    strawberry.argument(
        description="Milliseconds it may take, from 1 to 60000; also a header, Controlplane-Timeout-Ms, and"
        " the shorter of both holds. Then what was not sent is refused, and what was sent is UNKNOWN."
    ),
]


async def checked(info: Info, asked: Sequence[ConsumeInput], timeout_ms: int | None) -> list[Decision]:
    """Dry runs, in order.

    Raises:
        GraphQLError: ``FORBIDDEN``, ``MALFORMED``, or a fault.
    """
    context = info.context
    principal = context.principal
    principal.need(Scope.CHECK)
    need_size(len(asked))
    principal.need_customers(each.customer_id for each in asked)
    for each in asked:
        need_overage(principal, each)
    items = [item_of(each) for each in asked]
    found = await context.services.decisions.check(
        items, observe=principal.is_observed, within=context.seconds_left(timeout_ms)
    )
    return [
        await _shown(info, judgement, each, item, recorded=False)
        for judgement, each, item in zip(found, asked, items, strict=True)
    ]


async def consumed(
    info: Info, asked: Asked, operation: str, timeout_ms: int | None
) -> list[Decision | Exception]:
    """Decisions, in order; an item that was not decided has its error instead.

    Raises:
        GraphQLError: ``FORBIDDEN``, ``MALFORMED``.
    """
    context = info.context
    principal = context.principal
    principal.need(Scope.CONSUME)
    need_size(len(asked))
    principal.need_customers(each.customer_id for each in asked)
    for each in asked:
        if isinstance(each, RecordUsageInput):
            principal.need(Scope.RECORD)
        else:
            need_overage(principal, each)
    items = [item_of(each) for each in asked]
    decisions = context.services.decisions
    decide = decisions.reserve if isinstance(asked[0], ReserveInput) else decisions.consume
    outcomes = await decide(items, observe=principal.is_observed, within=context.seconds_left(timeout_ms))
    answers: list[Decision | Exception] = []
    for outcome, each, item in zip(outcomes, asked, items, strict=True):
        _count(info, operation, outcome)
        if isinstance(outcome, DatabaseError):
            answers.append(told(outcome) or outcome)
            continue
        try:
            with written():
                answers.append(await _shown(info, outcome, each, item, recorded=True))
        except OutcomeUnknown as error:
            answers.append(told(error) or error)
    return answers


async def stepped(info: Info, asked: Step, operation: str, timeout_ms: int | None) -> Decision:
    """What a step of a reservation is answered.

    Raises:
        GraphQLError: ``FORBIDDEN``, ``MALFORMED``, or a fault.
    """
    context = info.context
    principal = context.principal
    principal.need(Scope.CONSUME)
    principal.need_customers([asked.customer_id])
    step = step_of(asked)
    decisions, within = context.services.decisions, context.seconds_left(timeout_ms)
    match asked:
        case SettleReservationInput():
            [outcome] = await decisions.settle([step], observe=principal.is_observed, within=within)
        case ReleaseReservationInput():
            [outcome] = await decisions.release([step], within=within)
        case _:
            [outcome] = await decisions.extend([step], observe=principal.is_observed, within=within)
    _count(info, operation, outcome)
    if isinstance(outcome, DatabaseError):
        raise told(outcome) or outcome
    return step_decision(outcome, step)


async def _shown(
    info: Info,
    judgement: Judgement,
    asked: ConsumeInput | RecordUsageInput | ReserveInput,
    item: dict[str, Any],
    *,
    recorded: bool,
) -> Decision:
    chain = await _chain(info, item) if asked.detail is Detail.FULL else None
    return decision(judgement, item, recorded=recorded, budgets=chain)


async def _chain(info: Info, item: dict[str, Any]) -> list[Budget]:
    """All budgets that a request counts on, as they stand now."""
    request = {name: item[name] for name in _BINDING if name in item}
    chain: list[Budget] = []
    after: reading.Key | None = None
    while True:
        records = await reading.read_budgets(
            info.context.services.database, item["customerId"], {"request": request}, after, CHAIN_PAGE
        )
        chain.extend(map(budget, records))
        if len(records) < CHAIN_PAGE:
            return chain
        after = records[-1]["key"]


def _count(info: Info, operation: str, outcome: Judgement | DatabaseError) -> None:
    label = outcome.code if isinstance(outcome, DatabaseError) else outcome.reason or "ALLOWED"
    info.context.services.observe_decision(operation, label)
