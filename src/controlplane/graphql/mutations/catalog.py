"""The catalogue: credit types, features, rates. It belongs to no customer, so bound keys may not."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import strawberry

from controlplane.db import configuration, reading
from controlplane.db.pool import Database
from controlplane.db.reading import Record
from controlplane.graphql.access import Scope
from controlplane.graphql.administering import UserError, actor_of, attempted, json_of, pairs_of
from controlplane.graphql.context import Info
from controlplane.graphql.failures import written
from controlplane.graphql.inputs import DimensionInput, QuantityInput
from controlplane.graphql.paging import LARGEST_PAGE
from controlplane.graphql.scalars import Credits, DateTime, Long, RateAmount
from controlplane.graphql.types.catalog import (
    CreditType,
    Feature,
    FeatureType,
    Rate,
    credit_type,
    feature,
    rate,
)

UNSET: Any = strawberry.UNSET


@strawberry.input(description="A credit type; its decimals never change.")
class UpsertCreditTypeInput:
    """A credit type."""

    credit_type: strawberry.ID = strawberry.field(description="Natural id.")
    name: str | None = strawberry.field(default=UNSET, description="What people call it.")
    decimals: int | None = strawberry.field(default=UNSET, description="Digits behind the point; 6.")
    display_decimals: int | None = strawberry.field(default=UNSET, description="Digits to show people; 2.")


@strawberry.input(description="A feature; what is not given stays as it is.")
class UpsertFeatureInput:
    """A feature."""

    feature_id: strawberry.ID = strawberry.field(description="Natural id.")
    name: str | None = strawberry.field(default=UNSET, description="What people call it.")
    feature_type: FeatureType | None = strawberry.field(
        default=UNSET, description="How it is gated; METERED."
    )
    quantities: list[str] | None = strawberry.field(default=UNSET, description="Names of what is counted.")
    step: Credits | None = strawberry.field(default=UNSET, description="CAP takes a multiple of this; 1.")
    dimensions: list[str] | None = strawberry.field(
        default=UNSET, description="Names a request may carry; the first weighs most."
    )
    credit_types: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, description="Acceptable credit types, best first."
    )
    request_limits: list[QuantityInput] | None = strawberry.field(
        default=UNSET, description="The most that one request may ask."
    )
    archived: bool | None = strawberry.field(default=UNSET, description="Take it out of use, or back.")


@strawberry.input(description="A rate.")
class RateInput:
    """A rate."""

    credit_type: strawberry.ID = strawberry.field(description="In which credits.")
    quantity: str | None = strawberry.field(default=UNSET, description="For which quantity; `quantity`.")
    dimensions: list[DimensionInput] | None = strawberry.field(
        default=UNSET, description="What a request must carry; none: any request."
    )
    amount: RateAmount = strawberry.field(description="So many credits.")
    per_units: Long | None = strawberry.field(default=UNSET, description="For so many units; 1.")
    effective_from: DateTime | None = strawberry.field(default=UNSET, description="Since when; now.")


@strawberry.input(description="Rates of one feature; they supersede what they repeat.")
class SetRatesInput:
    """Rates."""

    feature_id: strawberry.ID = strawberry.field(description="Of which feature.")
    rates: list[RateInput] = strawberry.field(description="The rates.")


@strawberry.type(description="What upsertCreditType did.")
class UpsertCreditTypePayload:
    """Payload."""

    credit_type: CreditType | None = strawberry.field(
        description="As it is now; null if something was wrong."
    )
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.type(description="What upsertFeature did.")
class UpsertFeaturePayload:
    """Payload."""

    feature: Feature | None = strawberry.field(description="As it is now; null if something was wrong.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.type(description="What setRates did.")
class SetRatesPayload:
    """Payload."""

    rates: list[Rate] = strawberry.field(description="Rates of the feature, the first hundred.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


async def _changed(
    info: Info,
    change: Callable[[Database, dict[str, Any], str], Awaitable[Record]],
    given: dict[str, Any],
    known: list[UserError] | None = None,
) -> tuple[Record | None, list[UserError]]:
    """What a change answered, or what is wrong; where that is ``known``, nothing is changed."""
    principal = info.context.principal
    principal.need(Scope.CATALOG)
    principal.need_whole_installation()
    if known:
        return None, known
    return await attempted(lambda: change(info.context.services.database, given, actor_of(principal)))


@strawberry.type
class CatalogMutations:
    """What administrators do to the catalogue."""

    @strawberry.mutation(description="Make a credit type, or rename one.")
    async def upsert_credit_type(
        self,
        info: Info,
        given: Annotated[
            UpsertCreditTypeInput, strawberry.argument(name="input", description="The credit type.")
        ],
    ) -> UpsertCreditTypePayload:
        """Make or change."""
        found, errors = await _changed(info, configuration.upsert_credit_type, json_of(given))
        if found is None:
            return UpsertCreditTypePayload(credit_type=None, user_errors=errors)
        return UpsertCreditTypePayload(credit_type=credit_type(found), user_errors=[])

    @strawberry.mutation(description="Make a feature, or change one.")
    async def upsert_feature(
        self,
        info: Info,
        given: Annotated[UpsertFeatureInput, strawberry.argument(name="input", description="The feature.")],
    ) -> UpsertFeaturePayload:
        """Make or change."""
        asked = json_of(given)
        twice: list[UserError] = []
        if "requestLimits" in asked:
            limits = asked["requestLimits"]
            asked["requestLimits"], twice = pairs_of(limits, "requestLimits", "name", "amount")
        found, errors = await _changed(info, configuration.upsert_feature, asked, twice)
        if found is None:
            return UpsertFeaturePayload(feature=None, user_errors=errors)
        return UpsertFeaturePayload(feature=feature(found), user_errors=[])

    @strawberry.mutation(description="Set rates of a feature; a tie of equally specific rates is refused.")
    async def set_rates(
        self,
        info: Info,
        given: Annotated[SetRatesInput, strawberry.argument(name="input", description="The rates.")],
    ) -> SetRatesPayload:
        """Supersede."""
        asked: dict[str, Any] = json_of(given)
        twice: list[UserError] = []
        for place, each in enumerate(asked["rates"]):
            if "dimensions" in each:
                each["dimensions"], errors = pairs_of(each["dimensions"], f"rates[{place}].dimensions")
                twice += errors
        found, errors = await _changed(info, configuration.set_rates, asked, twice)
        if found is None:
            return SetRatesPayload(rates=[], user_errors=errors)
        database = info.context.services.database
        with written():
            records = await reading.read_rates(database, {"featureId": given.feature_id}, None, LARGEST_PAGE)
        return SetRatesPayload(rates=[rate(record) for record in records], user_errors=[])
