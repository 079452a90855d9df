"""The one decider (KERNEL §2, §4, §5): what an item may take, and if not, why not. It changes nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction

from tests.model.burn import Plan, acceptable_wallets, plan_burn
from tests.model.catalog import Catalog, Feature, Rate, prices
from tests.model.customer import Customer, Entity, Path, Wallet, path_of
from tests.model.exact import CEILING
from tests.model.limits import Limit, first_exceeded, limits_on
from tests.model.request import Item, Malformed
from tests.model.words import UNBOOKABLE, Overage, Reason, UnknownEntity


@dataclass
class Fit:
    """So much of an item, laid beside wallets and budgets."""

    quantities: Mapping[str, Fraction]
    plan: Plan
    exceeded: Limit | None

    @property
    def reason(self) -> Reason | None:
        if self.exceeded is not None:
            return Reason.BUDGET_EXCEEDED
        return Reason.INSUFFICIENT_CREDITS if self.plan.incomplete else None


@dataclass
class Verdict:
    """What is decided about one item; ``fit`` is what it is charged, or what it was denied for."""

    item: Item
    reason: Reason | None
    allowed: bool
    unrecorded: bool = False  # a refusal after which the key may come again
    newcomers: list[Entity] = field(default_factory=list)
    wallets: list[Wallet] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    path: Path = field(default_factory=list)
    feature: Feature | None = None
    fit: Fit | None = None
    binding: Limit | Wallet | None = None

    def taken_back(self, reason: Reason, unrecorded: bool) -> "Verdict":
        """Denied after all, for its own reason or else for this one; there is nothing to tell of wallets."""
        return replace(
            self,
            reason=self.reason or reason,
            allowed=False,
            unrecorded=unrecorded,
            wallets=[],
            binding=None,
        )


@dataclass
class Case:
    """One item before wallets and budgets, at one instant."""

    item: Item
    catalog: Catalog
    rates: Mapping[str, Mapping[str, Rate]]
    wallets: list[Wallet]
    limits: list[Limit]
    instant: datetime

    def fit(self, quantities: Mapping[str, Fraction], overdraft: bool = False) -> Fit:
        """The forward judgement: plan the burn, then ask every hard budget."""
        price = prices(self.rates, quantities)
        plan = plan_burn(self.wallets, price, self.item.feature_id, self.instant, self.catalog, overdraft)
        exceeded = first_exceeded(self.limits, self.item.feature_id, quantities, plan.amounts())
        return Fit(quantities, plan, exceeded)

    def most_that_fits(self, step: Fraction) -> Fit:
        """The whole if it fits, else the largest multiple of the step that does; else the whole, denied."""
        whole = self.fit(self.item.quantities)
        if whole.reason is None:
            return whole
        [(name, asked)] = ((name, amount) for name, amount in self.item.quantities.items() if amount)
        fitting, failing = 0, int(asked // step) + 1
        while failing - fitting > 1:
            middle = (fitting + failing) // 2
            if self.fit({**self.item.quantities, name: middle * step}).reason is None:
                fitting = middle
            else:
                failing = middle
        return self.fit({**self.item.quantities, name: fitting * step}) if fitting else whole


def judge(customer: Customer, catalog: Catalog, item: Item, instant: datetime, observe: bool) -> Verdict:
    """Judges one item; what is observed, and what has happened already, is charged whatever the reason."""
    charged_anyway = observe or item.overage is Overage.RECORD
    feature = catalog.features.get(item.feature_id)
    entities, newcomers = named_entities(customer, item.entity_ids)
    path = path_of(entities or ())
    rates = rates_of(feature, item, instant, catalog.open_from(instant))
    reasons = set(refusals(customer, feature, item, entities, path, rates))

    if unbookable := reasons & UNBOOKABLE:
        why = min(unbookable if charged_anyway else reasons)
        return Verdict(item, why, allowed=False, unrecorded=charged_anyway)
    if reasons and not charged_anyway:
        return Verdict(item, min(reasons), allowed=False)

    wallets = acceptable_wallets(customer, path, rates)
    limits = limits_on(customer, path, item.session_id, item.dimensions, instant)
    case = Case(item, catalog, rates, wallets, limits, instant)
    if item.overage is Overage.CAP:
        assert feature is not None
        [capped] = (name for name, asked in item.quantities.items() if asked)
        fit = case.most_that_fits(feature.steps[capped])
    else:
        fit = case.fit(item.quantities, overdraft=item.overage is Overage.OVERDRAFT)
    reason = min(reasons | ({fit.reason} if fit.reason else set()), default=None)
    binding = binding_of(reason, fit, wallets)
    if charged_anyway:
        fit = case.fit(item.quantities, overdraft=True)
    allowed = charged_anyway or reason is None
    return Verdict(item, reason, allowed, False, newcomers, wallets, limits, path, feature, fit, binding)


def binding_of(reason: Reason | None, fit: Fit, wallets: list[Wallet]) -> Limit | Wallet | None:
    """What denied the item: the budget, or the wallet at which credits ran out."""
    if reason is Reason.BUDGET_EXCEEDED:
        return fit.exceeded
    if reason is Reason.INSUFFICIENT_CREDITS and wallets:
        return wallets[-1]
    return None


def refusals(
    customer: Customer,
    feature: Feature | None,
    item: Item,
    entities: list[Entity] | None,
    path: Path,
    rates: Mapping[str, Mapping[str, Rate]],
) -> Iterator[Reason]:
    """What speaks against the item before wallets and budgets are looked at."""
    if customer.suspended:
        yield Reason.CUSTOMER_SUSPENDED
    if feature is None:
        yield Reason.FEATURE_NOT_FOUND
    elif not item.quantities.keys() <= feature.steps.keys():
        yield Reason.FEATURE_TYPE_MISMATCH
    elif not rates:
        yield Reason.NO_RATE
    elif max(prices(rates, item.quantities).values()) >= CEILING:
        yield Reason.REQUEST_LIMIT_EXCEEDED
    if entities is None:
        yield Reason.ENTITY_NOT_FOUND
    if any(node is not None and node.suspended for node in path):
        yield Reason.ENTITY_SUSPENDED


def named_entities(
    customer: Customer, entity_ids: tuple[str, ...]
) -> tuple[list[Entity] | None, list[Entity]]:
    """The entities an item names and, of these, those to be created; None if one must not be."""
    newcomers: dict[str, Entity] = {}
    for entity_id in entity_ids:
        if entity_id not in customer.entities and entity_id not in newcomers:
            parent = customer.entities.get(customer.unknown_entity_parent or "")
            newcomers[entity_id] = Entity(entity_id, customer.unknown_entity_type, parent)
    room = customer.unknown_entity_maximum - customer.unknown_entities_created
    if any(name in customer.entities and customer.entities[name].archived for name in entity_ids):
        return None, []
    if newcomers and (customer.unknown_entity is UnknownEntity.DENY or len(newcomers) > room):
        return None, []
    return [customer.entities.get(name) or newcomers[name] for name in entity_ids], list(newcomers.values())


def rates_of(
    feature: Feature | None, item: Item, instant: datetime, open_from: datetime
) -> Mapping[str, Mapping[str, Rate]]:
    """The rates of the instant or, of what has happened already, of when it did."""
    occurred_at = item.occurred_at or instant
    if item.occurred_at is not None and not open_from <= occurred_at <= instant:
        raise Malformed("occurredAt", "is not in the open period, or after the instant")
    if feature is None:
        return {}
    if unknown := item.dimensions.keys() - set(feature.dimensions):
        raise Malformed("dimensions", f"{min(unknown)} is not one of {feature.feature_id}")
    return feature.acceptable_rates(item.quantities, item.dimensions, occurred_at)
