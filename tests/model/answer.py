"""The answer to one item, in the shape of KERNEL §1; its figures are those after the item."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.model.burn import Plan
from tests.model.customer import Wallet
from tests.model.exact import ZERO, plain
from tests.model.judge import Verdict
from tests.model.limits import Limit, keeps_count
from tests.model.words import Mode, Reason

Answer = dict[str, Any]

#: Of a limit of nothing, nothing is left whatever was used.
TINY = Fraction(1, 10**40)


def answer(verdict: Verdict, seq: int | None, instant: datetime) -> Answer:
    """What the caller is told, and a replay is told again."""
    taken = verdict.fit if verdict.allowed else None
    plan = taken.plan if taken else Plan()
    binding = show_binding(verdict)
    return {
        "allowed": verdict.allowed,
        "outcome": "ALLOWED" if verdict.allowed else "DENIED",
        "reason": verdict.reason.name if verdict.reason else None,
        "replayed": False,
        "wouldAllow": verdict.reason is None,
        "seq": None if verdict.unrecorded else seq,
        "quantities": [
            {"name": name, "amount": plain(amount)}
            for name, amount in (taken.quantities.items() if taken else ())
        ],
        "credits": charged(plan),
        "slices": [
            {
                "walletId": wallet.wallet_id,
                "grantId": grant.grant_id if grant else None,
                "amount": plain(amount),
            }
            for wallet, grant, amount in plan.slices
        ],
        "shortfall": (
            [{"creditType": plan.shortfall_type, "amount": plain(plan.shortfall)}] if plan.shortfall else []
        ),
        "wallets": [show_wallet(wallet, instant) for wallet in verdict.wallets],
        "binding": binding,
        "warnings": [
            {
                "budgetId": limit.budget.budget_id,
                "entityId": limit.subject.entity_id,
                "advice": limit.budget.advice,
            }
            for limit in verdict.limits
            if verdict.allowed and limit.budget.mode is Mode.SOFT and not limit.fits(amount(verdict, limit))
        ],
        "retryAfter": retry_after(verdict, instant),
    }


def refusal(reason: Reason, field: str | None = None) -> Answer:
    """The answer to what is not even judged: a conflict, which names the field, or an unknown customer."""
    nothing: Answer = {
        key: [] for key in ("quantities", "credits", "slices", "shortfall", "wallets", "warnings")
    }
    return nothing | {
        "allowed": False,
        "outcome": "DENIED",
        "reason": reason.name,
        "replayed": False,
        "wouldAllow": False,
        "seq": None,
        "binding": None,
        "retryAfter": None,
        "field": field,
    }


def charged(plan: Plan) -> list[dict[str, str]]:
    """What is charged by credit type, overdraft included; the shortfall is not."""
    amounts: dict[str, Fraction] = {}
    for wallet, _, amount in plan.slices:
        amounts[wallet.credit_type] = amounts.get(wallet.credit_type, ZERO) + amount
    return [{"creditType": name, "amount": plain(amount)} for name, amount in amounts.items()]


def amount(verdict: Verdict, limit: Limit) -> Fraction:
    """What the item takes of one budget."""
    assert verdict.fit is not None
    return limit.amount(verdict.item.feature_id, verdict.fit.quantities, verdict.fit.plan.amounts())


def show_wallet(wallet: Wallet, instant: datetime) -> dict[str, Any]:
    """A wallet's balances; what has expired is not available, and neither is overdraft."""
    available = sum(
        (g.available for g in wallet.grants if g.expires_at is None or instant < g.expires_at), ZERO
    )
    return {
        "walletId": wallet.wallet_id,
        "creditType": wallet.credit_type,
        "available": plain(available),
        "held": "0",
        "leased": "0",
        "settled": plain(available),
        "owed": plain(wallet.owed),
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
    return {
        "kind": "BUDGET",
        "entityId": limit.subject.entity_id,
        "budgetId": limit.budget.budget_id,
        "limit": plain(limit.ceiling),
        "used": plain(used_after(verdict, limit)),
        "held": "0",
        "resetsAt": limit.span.end.isoformat() if limit.span.end else None,
    }


def used_after(verdict: Verdict, limit: Limit) -> Fraction:
    if not keeps_count(limit.budget):
        return ZERO
    return limit.used + (amount(verdict, limit) if verdict.allowed else ZERO)


def nearest(verdict: Verdict) -> Limit | None:
    """Of the hard budgets it takes from, that with the smallest share left; the first named, if several."""

    def left(limit: Limit) -> Fraction:
        return 1 - used_after(verdict, limit) / (limit.ceiling or TINY)

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
