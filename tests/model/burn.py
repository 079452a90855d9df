"""The burn order and the plan: which grants pay how much (KERNEL §3)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import NamedTuple

from tests.model.catalog import Catalog
from tests.model.customer import Customer, Grant, Path, Wallet
from tests.model.exact import ZERO, round_up
from tests.model.words import Kind

NEVER = datetime.max.replace(tzinfo=UTC)
#: The unpaid share at first.
WHOLE = Fraction(1)


class Slice(NamedTuple):
    """What one grant pays; without a grant it is drawn from the wallet's overdraft."""

    wallet: Wallet
    grant: Grant | None
    amount: Fraction


@dataclass
class Plan:
    """How a price is paid; the shortfall is what nothing was left for, in the last type."""

    slices: list[Slice] = field(default_factory=list)
    shortfall_type: str | None = None
    shortfall: Fraction = ZERO
    free_at: Wallet | None = None  # where a price of zero ended it

    @property
    def incomplete(self) -> bool:
        """Whether credits ran out."""
        return self.shortfall_type is not None

    def amounts(self) -> dict[str, Fraction]:
        """By credit type, all that it costs: grants, overdraft and, in thought, the shortfall."""
        amounts: dict[str, Fraction] = defaultdict(Fraction)
        for wallet, _, amount in self.slices:
            amounts[wallet.credit_type] += amount
        if self.shortfall_type is not None:
            amounts[self.shortfall_type] += self.shortfall
        return dict(amounts)


def acceptable_wallets(customer: Customer, path: Path, prices: Iterable[str]) -> list[Wallet]:
    """The wallets that may pay, in the order of the walk: the nearest, then the type's rank, then the id."""
    distances = {node.entity_id if node else None: distance for distance, node in enumerate(path)}
    ranks = {credit_type: rank for rank, credit_type in enumerate(prices)}
    wallets = [
        wallet
        for wallet in customer.wallets.values()
        if wallet.entity_id in distances and wallet.credit_type in ranks
    ]
    return sorted(
        wallets,
        key=lambda wallet: (distances[wallet.entity_id], ranks[wallet.credit_type], wallet.wallet_id),
    )


def burn_order(grant: Grant) -> tuple[object, ...]:
    """Among the grants of one holder and one credit type: the lowest burns first."""
    return (
        grant.priority,
        grant.expires_at or NEVER,
        grant.kind is not Kind.PROMOTIONAL,
        grant.effective_at,
        grant.number,
    )


def payers(wallets: list[Wallet], feature_id: str, instant: datetime) -> Iterable[tuple[Wallet, list[Grant]]]:
    """The walk: the first wallet of each holder and type, with the grants that may pay, in burn order."""
    holdings: dict[tuple[str | None, str], list[Wallet]] = defaultdict(list)
    for wallet in wallets:
        holdings[wallet.entity_id, wallet.credit_type].append(wallet)
    for holding in holdings.values():
        grants = [
            grant
            for wallet in holding
            for grant in wallet.grants
            if grant.available > 0
            and not grant.over_at(instant)
            and (grant.features is None or feature_id in grant.features)
        ]
        yield holding[0], sorted(grants, key=burn_order)


def plan_burn(
    wallets: list[Wallet],
    prices: Mapping[str, Fraction],
    feature_id: str,
    instant: datetime,
    catalog: Catalog,
    overdraft: bool,
    unpaid: Fraction = WHOLE,
) -> Plan:
    """Pays the unpaid share, which starts at one, grant by grant; types interleave.

    A price of zero ends the plan where the walk reaches a wallet of that type, even an empty one.
    """
    plan = Plan()

    def due(credit_type: str) -> Fraction:
        return round_up(unpaid * prices[credit_type], catalog.decimals(credit_type))

    def pay(wallet: Wallet, grant: Grant | None, available: Fraction) -> bool:
        """Whether this pays all the rest."""
        nonlocal unpaid
        rest = due(wallet.credit_type)
        amount = min(rest, available)
        if amount > 0:
            plan.slices.append(Slice(wallet, grant, amount))
        if amount < rest:
            unpaid -= amount / prices[wallet.credit_type]
        return amount == rest

    for wallet, grants in payers(wallets, feature_id, instant):
        if prices[wallet.credit_type] == 0:
            plan.free_at = wallet
            return plan
        for grant in grants:
            if pay(grant.wallet, grant, grant.available):
                return plan
    if overdraft:
        limited = [wallet for wallet in wallets if wallet.overdraft_limit > 0]
        if limited and pay(limited[-1], None, limited[-1].overdraft_limit - limited[-1].owed):
            return plan
    plan.shortfall_type = wallets[-1].credit_type if wallets else list(prices)[-1]
    plan.shortfall = due(plan.shortfall_type)
    return plan
