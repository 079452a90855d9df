"""The answer to one item, in the shape of KERNEL §1; its figures are those after the item."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.model.burn import Plan
from tests.model.customer import Grant, Wallet
from tests.model.exact import ZERO, plain
from tests.model.judge import Verdict
from tests.model.limits import Limit, keeps_count
from tests.model.request import Verb
from tests.model.words import Mode, Reason

Answer = dict[str, Any]

#: Of a limit of nothing, nothing is left whatever was used.
TINY = Fraction(1, 10**40)


def answer(verdict: Verdict, seq: int | None, instant: datetime) -> Answer:
    """What the caller is told, and a replay is told again."""
    taken = verdict.fit if verdict.allowed else None
    plan = taken.plan if taken else Plan()
    reserved = verdict.allowed and verdict.item.verb is Verb.RESERVE
    return {
        "allowed": verdict.allowed,
        "outcome": "ALLOWED" if verdict.allowed else "DENIED",
        "reason": verdict.reason.name if verdict.reason else None,
        "replayed": False,
        "wouldAllow": verdict.reason is None,
        "seq": None if verdict.unrecorded else seq,
        "quantities": show_quantities(taken.quantities if taken else {}),
        "credits": charged(plan),
        "slices": [show_slice(*each) for each in plan.slices],
        "shortfall": show_shortfall(plan) if not reserved else [],
        "wallets": [show_wallet(wallet, instant) for wallet in verdict.wallets],
        "binding": show_binding(verdict),
        "warnings": [
            show_warning(limit, amount(verdict, limit))
            for limit in verdict.limits
            if verdict.allowed and limit.budget.mode is Mode.SOFT and not limit.fits(amount(verdict, limit))
        ],
        "retryAfter": retry_after(verdict, instant),
        "reservationId": str(seq) if reserved else None,
        "expiresAt": show_instant(verdict.item.until(instant)) if reserved else None,
    }


def refusal(reason: Reason, field: str | None = None) -> Answer:
    """The answer to what is not even judged: a conflict, which names the field, or an unknown customer."""
    return nothing() | {"reason": reason.name, "field": field}


def nothing() -> Answer:
    """An answer that allows nothing and tells nothing."""
    lists: Answer = {
        key: [] for key in ("quantities", "credits", "slices", "shortfall", "wallets", "warnings")
    }
    return lists | {
        "allowed": False,
        "outcome": "DENIED",
        "reason": None,
        "replayed": False,
        "wouldAllow": False,
        "seq": None,
        "binding": None,
        "retryAfter": None,
        "reservationId": None,
        "expiresAt": None,
        "field": None,
    }


def charged(plan: Plan) -> list[dict[str, str]]:
    """What is charged by credit type, overdraft included; the shortfall is not."""
    amounts: dict[str, Fraction] = {}
    for wallet, _, amount in plan.slices:
        amounts[wallet.credit_type] = amounts.get(wallet.credit_type, ZERO) + amount
    return show_credits(amounts)


def show_credits(amounts: Mapping[str, Fraction]) -> list[dict[str, str]]:
    return [{"creditType": name, "amount": plain(amount)} for name, amount in amounts.items()]


def show_quantities(quantities: Mapping[str, Fraction]) -> list[dict[str, str]]:
    return [{"name": name, "amount": plain(amount)} for name, amount in quantities.items()]


def show_shortfall(plan: Plan) -> list[dict[str, str]]:
    return (
        show_credits({plan.shortfall_type: plan.shortfall}) if plan.shortfall_type and plan.shortfall else []
    )


def show_slice(wallet: Wallet, grant: Grant | None, amount: Fraction) -> dict[str, str | None]:
    return {
        "walletId": wallet.wallet_id,
        "grantId": grant.grant_id if grant else None,
        "amount": plain(amount),
    }


def show_warning(limit: Limit, taken: Fraction) -> dict[str, Any]:
    """A soft budget that was passed, and how far: the item counts as used, whether it charges or holds."""
    return {
        "budgetId": limit.budget.budget_id,
        "entityId": limit.subject.entity_id,
        "limit": plain(limit.ceiling),
        "used": plain(limit.used + taken),
        "advice": limit.budget.advice,
    }


def show_instant(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def show_end(instant: datetime | None) -> str | None:
    """Of a window: a whole second, and never one before it is over."""
    return (
        None
        if instant is None
        else show_instant((instant + timedelta(microseconds=999_999)).replace(microsecond=0))
    )


def amount(verdict: Verdict, limit: Limit) -> Fraction:
    """What the item takes of one budget."""
    assert verdict.fit is not None
    return limit.amount(verdict.item.feature_id, verdict.fit.quantities, verdict.fit.plan.amounts())


def show_wallet(wallet: Wallet, instant: datetime) -> dict[str, Any]:
    """A wallet's balances; what has expired is not available, and neither is overdraft."""
    available = sum((grant.available for grant in wallet.grants if not grant.over_at(instant)), ZERO)
    return {
        "walletId": wallet.wallet_id,
        "creditType": wallet.credit_type,
        "available": plain(available),
        "held": plain(wallet.held),
        "leased": "0",
        "settled": plain(available + wallet.held),
        "owed": plain(wallet.owed),
        "shortfall": plain(wallet.shortfall),
        "receivable": plain(wallet.receivable),
        "overdraftLimit": plain(wallet.overdraft_limit),
    }


def show_binding(verdict: Verdict) -> Mapping[str, Any] | None:
    """The budget or wallet that denied the item or would have; of an allowed one, the nearest budget."""
    binding = verdict.binding
    if isinstance(binding, Wallet):
        return {
            "kind": "WALLET",
            "entityId": binding.entity_id,
            "budgetId": None,
            "limit": plain(binding.overdraft_limit),
            "used": plain(binding.owed),
            "held": "0",
            "resetsAt": None,
        }
    if binding is None and verdict.reason is None:
        binding = nearest(verdict)
    return show_limit(verdict, binding) if binding else None


def show_limit(verdict: Verdict, limit: Limit) -> dict[str, Any]:
    used, held = counted_after(verdict, limit)
    return {
        "kind": "BUDGET",
        "entityId": limit.subject.entity_id,
        "budgetId": limit.budget.budget_id,
        "limit": plain(limit.ceiling),
        "used": plain(used),
        "held": plain(held),
        "resetsAt": show_end(limit.span.end),
    }


def counted_after(verdict: Verdict, limit: Limit) -> tuple[Fraction, Fraction]:
    """What is used and what is held after the item."""
    if not keeps_count(limit.budget):
        return ZERO, ZERO
    taken = amount(verdict, limit) if verdict.allowed else ZERO
    if verdict.item.verb is Verb.RESERVE:
        return limit.used, limit.held + taken
    return limit.used + taken, limit.held


def nearest(verdict: Verdict) -> Limit | None:
    """Of the hard budgets it takes from, that with the smallest share left; the first named, if several."""

    def left(limit: Limit) -> Fraction:
        return 1 - sum(counted_after(verdict, limit)) / (limit.ceiling or TINY)

    hard = [
        limit
        for limit in verdict.limits
        if limit.budget.mode is Mode.HARD and keeps_count(limit.budget) and amount(verdict, limit) > 0
    ]
    return min(hard, key=left, default=None)


def retry_after(verdict: Verdict, instant: datetime) -> int | None:
    """Whole seconds until the budget that denied the item begins anew."""
    if verdict.allowed or not isinstance(verdict.binding, Limit) or verdict.binding.span.end is None:
        return None
    return -((instant - verdict.binding.span.end) // timedelta(seconds=1))
