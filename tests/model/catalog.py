"""The catalog: credit types, features and what their quantities cost (KERNEL §3, rate and price)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction

from tests.model.exact import ZERO


class Tie(ValueError):
    """Two rates would match equally well."""


@dataclass(frozen=True)
class CreditType:
    """A kind of credit; every amount of it is a multiple of its smallest unit."""

    credit_type: str
    decimals: int = 6


@dataclass(frozen=True)
class Rate:
    """``amount`` credits per ``per_units`` of one quantity, where the dimensions match, from a date on."""

    credit_type: str
    quantity: str
    amount: Fraction
    per_units: Fraction
    dimensions: Mapping[str, str]
    effective_from: datetime

    @property
    def per_unit(self) -> Fraction:
        return self.amount / self.per_units

    @property
    def place(self) -> tuple[object, ...]:
        """Two rates in one place would tie."""
        return *self.kind, self.effective_from

    @property
    def kind(self) -> tuple[object, ...]:
        """A later one of the same supersedes it."""
        return self.credit_type, self.quantity, frozenset(self.dimensions.items())


@dataclass(frozen=True)
class Feature:
    """What is gated: its quantities with their steps, its dimensions in order, its credit types in rank."""

    feature_id: str
    steps: Mapping[str, Fraction]
    dimensions: tuple[str, ...]
    credit_types: tuple[str, ...]
    rates: list[Rate] = field(default_factory=list)

    def set_rates(self, rates: Iterable[Rate]) -> None:
        """Adds rates at once; an older one is superseded, never edited, and a tie among them is refused.

        One that changes nothing, as things stand, is not there.
        """
        taken = set()
        stood = [*self.rates]
        for rate in rates:
            if rate.place in taken:
                raise Tie(f"{self.feature_id}: {rate.quantity} in {rate.credit_type}")
            taken.add(rate.place)
            before = [
                each
                for each in stood
                if each.kind == rate.kind and each.effective_from <= rate.effective_from
            ]
            last = max(reversed(before), key=lambda each: each.effective_from, default=None)
            if last is None or (last.amount, last.per_units) != (rate.amount, rate.per_units):
                self.rates.append(rate)

    def as_it_stands(self) -> "Feature":
        """For one who must not see rates that are set later."""
        return replace(self, rates=[*self.rates])

    def rate(self, credit_type: str, quantity: str, given: Mapping[str, str], at: datetime) -> Rate | None:
        """The most specific rate that matches, the latest of its kind, the one set last.

        Specificity is compared dimension by dimension, in the feature's order.
        """
        matching = [
            rate
            for rate in self.rates
            if (rate.credit_type, rate.quantity) == (credit_type, quantity)
            and rate.effective_from <= at
            and rate.dimensions.items() <= given.items()
        ]
        return max(
            reversed(matching), key=lambda rate: (self.specificity(rate), rate.effective_from), default=None
        )

    def specificity(self, rate: Rate) -> tuple[bool, ...]:
        return tuple(dimension in rate.dimensions for dimension in self.dimensions)

    def acceptable_rates(
        self, quantities: Mapping[str, Fraction], given: Mapping[str, str], at: datetime
    ) -> dict[str, dict[str, Rate]]:
        """By credit type in rank, the rates of all that is used; a type that lacks one is not acceptable."""
        used = [name for name, amount in quantities.items() if amount > 0]
        found = {
            credit_type: {name: self.rate(credit_type, name, given, at) for name in used}
            for credit_type in self.credit_types
        }
        return {
            credit_type: {name: rate for name, rate in rates.items() if rate is not None}
            for credit_type, rates in found.items()
            if all(rates.values())
        }


def prices(
    rates: Mapping[str, Mapping[str, Rate]], quantities: Mapping[str, Fraction]
) -> dict[str, Fraction]:
    """The exact price in each acceptable credit type, in rank."""
    return {
        credit_type: sum((quantities[name] * rate.per_unit for name, rate in by_name.items()), ZERO)
        for credit_type, by_name in rates.items()
    }


@dataclass
class Catalog:
    """Everything that is the same for all customers."""

    credit_types: dict[str, CreditType] = field(default_factory=dict)
    features: dict[str, Feature] = field(default_factory=dict)
    #: The end of the last closed month; None: none was closed yet.
    closed_until: datetime | None = None

    def open_from(self, instant: datetime) -> datetime:
        """Where the open period begins: with the month of the instant, before any was closed."""
        return self.closed_until or instant.replace(day=1, hour=0, minute=0, second=0, microsecond=0)

    def decimals(self, credit_type: str) -> int:
        return self.credit_types[credit_type].decimals
