"""Builds what the model holds from its JSON forms (``tests/conformance/forms.py``)."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.conformance import forms
from tests.model.catalog import CreditType, Feature, Rate
from tests.model.customer import Budget, Customer, Entity, Grant
from tests.model.exact import exact
from tests.model.governance import parent_of
from tests.model.words import Kind, Mode, Window

SINCE_EVER = datetime.min.replace(tzinfo=UTC)


class Refused(ValueError):
    """A change of balance or configuration that no kernel accepts."""


def credit_type(form: forms.CreditTypeForm) -> CreditType:
    return CreditType(form["creditType"], form["decimals"])


def feature(form: forms.FeatureForm, instant: datetime) -> Feature:
    """A feature with its rates; their dates are seconds from the instant."""
    built = Feature(
        feature_id=form["featureId"],
        steps=dict.fromkeys(form["quantities"], exact(form["step"])),
        dimensions=tuple(form.get("dimensions", ())),
        credit_types=tuple(form["creditTypes"]),
    )
    built.set_rates(rate(each, instant) for each in form["rates"])
    return built


def rate(form: forms.RateForm, instant: datetime) -> Rate:
    since = form.get("effectiveFrom")
    return Rate(
        credit_type=form["creditType"],
        quantity=form["quantity"],
        amount=exact(form["amount"], decimals=18),
        per_units=exact(form["perUnits"]),
        dimensions=form.get("dimensions", {}),
        effective_from=SINCE_EVER if since is None else instant + timedelta(seconds=since),
    )


def entity(customer: Customer, form: forms.EntityForm) -> Entity:
    return Entity(
        form["entityId"],
        form["type"],
        parent_of(customer, form["parentId"]),
        form.get("suspended", False),
    )


def grant(customer: Customer, form: forms.GrantForm, instant: datetime, decimals: dict[str, int]) -> Grant:
    """A grant; it must be worth something, in whole units, and expire after it became effective."""
    wallet = customer.wallets[form["walletId"]]
    effective_at = instant + timedelta(seconds=form["effectiveAt"])
    expires_at = None if form["expiresAt"] is None else instant + timedelta(seconds=form["expiresAt"])
    if expires_at is not None and expires_at <= effective_at:
        raise Refused(f"{form['grantId']} expires before it is effective")
    amount = exact(form["amount"], decimals[wallet.credit_type])
    if amount == 0 or not 0 <= form["priority"] <= 100:
        raise Refused(f"{form['grantId']} is worth nothing, or its priority is not within 0 and 100")
    return Grant(
        grant_id=form["grantId"],
        wallet=wallet,
        number=len(customer.grants),
        amount=amount,
        kind=Kind(form["kind"]),
        priority=form["priority"],
        effective_at=effective_at,
        expires_at=expires_at,
        features=None if form["features"] is None else frozenset(form["features"]),
        pending=form.get("pendingPayment", False),
    )


def budget(form: forms.BudgetForm) -> Budget:
    anchor = form.get("anchor")
    return Budget(
        budget_id=form["budgetId"],
        entity_id=form["entityId"],
        each=form["each"],
        window=Window(form["window"]),
        zone=ZoneInfo(form.get("zone", "UTC")),
        anchor=None if anchor is None else datetime.fromisoformat(anchor).astimezone(UTC),
        mode=Mode(form["mode"]),
        credit_type=form["creditType"],
        feature_id=form["featureId"],
        quantity=form["quantity"],
        dimensions=form.get("dimensions", {}),
        limit=limit(form["limit"]),
        advice=form.get("advice"),
        thresholds=tuple(sorted(exact(each) for each in form.get("thresholds", ()))),
    )


def limit(text: str) -> Fraction:
    return exact(text)
