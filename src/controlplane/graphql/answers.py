"""From a judgement to a ``Decision``: names and figures put in place, nothing computed but sums."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from controlplane.db.lanes.ticket import Judgement
from controlplane.graphql.inputs import asked_quantities
from controlplane.graphql.messages import message_for
from controlplane.graphql.scalars import Credits, DateTime, Long
from controlplane.graphql.types.amounts import CreditAmount, QuantityAmount, credit_amount, quantity_amount
from controlplane.graphql.types.budgets import Budget
from controlplane.graphql.types.decisions import (
    Binding,
    BindingKind,
    BudgetWarning,
    Decision,
    DecisionOutcome,
    Slice,
    WalletBalance,
)
from controlplane.graphql.types.nodes import from_record, pairs
from controlplane.graphql.types.reasons import Reason

Asked = Sequence[Mapping[str, Any]]


def decision(
    judgement: Judgement, item: Mapping[str, Any], *, recorded: bool, budgets: list[Budget] | None = None
) -> Decision:
    """What callers see of a judgement.

    Args:
        judgement: as the kernel gave it.
        item: the request, whose quantities were taken unless the answer says otherwise.
        recorded: whether it was written down (``consume``) or only looked at (``check``).
        budgets: the chain of the moment, for ``detail: FULL``.
    """
    answer = judgement.answer
    allowed = judgement.allowed
    binding = answer.get("binding")
    reservation_id = answer.get("reservationId")
    used = allowed and recorded and reservation_id is None
    return Decision(
        customer_id=judgement.customer_id,
        allowed=allowed,
        outcome=DecisionOutcome.ALLOWED if allowed else DecisionOutcome.DENIED,
        reason=Reason(judgement.reason) if judgement.reason else None,
        message=message_for(judgement, item, recorded=recorded),
        replayed=judgement.replayed,
        would_allow=judgement.would_allow,
        usage_event_id=strawberry.ID(str(judgement.seq)) if used else None,
        reservation_id=None if reservation_id is None else strawberry.ID(reservation_id),
        expires_at=answer.get("expiresAt"),
        seq=None if judgement.seq is None else Long(str(judgement.seq)),
        quantities=_taken(answer, asked_quantities(item)) if allowed else [],
        credits=_credits(answer.get("credits")),
        slices=_slices(answer),
        shortfall=_credits(answer.get("shortfall")),
        wallets=[_wallet(*balance) for balance in answer.get("wallets") or ()],
        entitlement=None,
        binding=_binding(binding) if binding else None,
        budgets=budgets,
        warnings=[from_record(BudgetWarning, warning) for warning in answer.get("warnings") or ()],
        retry_after=_seconds_until(binding, judgement.recorded_at) if binding and not allowed else None,
    )


def step_decision(judgement: Judgement, step: Mapping[str, Any]) -> Decision:
    """What callers see of a step of a reservation.

    Args:
        judgement: as the kernel gave it.
        step: what was asked.
    """
    answer = judgement.answer
    allowed = judgement.allowed
    event = answer.get("usageEventId")
    return Decision(
        customer_id=judgement.customer_id,
        allowed=allowed,
        outcome=DecisionOutcome.ALLOWED if allowed else DecisionOutcome.DENIED,
        reason=Reason(judgement.reason) if judgement.reason else None,
        message=message_for(judgement, step),
        replayed=judgement.replayed,
        would_allow=judgement.would_allow,
        usage_event_id=None if event is None else strawberry.ID(event),
        reservation_id=strawberry.ID(step["reservationId"]),
        expires_at=answer.get("expiresAt"),
        seq=None if judgement.seq is None else Long(str(judgement.seq)),
        quantities=pairs(answer.get("quantities"), quantity_amount),
        credits=_credits(answer.get("credits")),
        slices=_slices(answer),
        shortfall=_credits(answer.get("shortfall")),
        wallets=[_wallet(*balance) for balance in answer.get("wallets") or ()],
        entitlement=None,
        binding=None,
        budgets=None,
        warnings=[],
        retry_after=None,
    )


def _slices(answer: Mapping[str, Any]) -> list[Slice]:
    return [
        Slice(wallet_id=wallet, grant_id=None if grant is None else strawberry.ID(str(grant)), amount=amount)
        for wallet, grant, amount in answer.get("slices") or ()
    ]


def _credits(amounts: dict[str, str] | None) -> list[CreditAmount]:
    return pairs(amounts, credit_amount)


def _taken(answer: Mapping[str, Any], asked: Asked) -> list[QuantityAmount]:
    taken: dict[str, str] = answer.get("quantities") or {}
    return [
        QuantityAmount(name=each["name"], amount=Credits(taken.get(each["name"], _plain(each["amount"]))))
        for each in asked
    ]


def _plain(amount: str) -> str:
    """As SQL would write it: no zeros at the end, and none before the first digit but one."""
    whole, _, fraction = amount.partition(".")
    fraction = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")


def _wallet(
    wallet_id: str,
    credit_type: str,
    available: str,
    held: str,
    leased: str,
    owed: str,
    # Told only where one of them is not zero.
    shortfall: str = "0",
    receivable: str = "0",
    overdraft_limit: str = "0",
) -> WalletBalance:
    # Nearly always nothing is held or leased, and then the sum is one of its parts.
    settled = available
    if held != "0" or leased != "0":
        settled = format(Decimal(available) + Decimal(held) + Decimal(leased), "f")
    return WalletBalance(
        wallet_id=strawberry.ID(wallet_id),
        credit_type=strawberry.ID(credit_type),
        available=Credits(available),
        held=Credits(held),
        leased=Credits(leased),
        settled=Credits(settled),
        owed=Credits(owed),
        shortfall=Credits(shortfall),
        receivable=Credits(receivable),
        overdraft_limit=Credits(overdraft_limit),
    )


def _binding(binding: dict[str, Any]) -> Binding:
    return from_record(Binding, binding, kind=BindingKind(binding["kind"]))


def _seconds_until(binding: dict[str, Any], judged_at: datetime | None) -> int | None:
    resets_at: DateTime | None = binding.get("resetsAt")
    if resets_at is None or judged_at is None:
        return None
    return max(1, math.ceil((datetime.fromisoformat(resets_at) - judged_at).total_seconds()))
