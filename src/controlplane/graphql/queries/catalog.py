"""The catalogue, which all customers share, and keys."""

from typing import Annotated

import strawberry

from controlplane.db import reading
from controlplane.graphql.access import Scope
from controlplane.graphql.arguments import After, First, filter_of
from controlplane.graphql.context import Info
from controlplane.graphql.filters import ApiKeyFilter, FeatureFilter, RateFilter
from controlplane.graphql.paging import paging
from controlplane.graphql.types.catalog import CreditType, Feature, Rate, credit_type, feature, rate
from controlplane.graphql.types.keys import ApiKey, Viewer, api_key, viewer
from controlplane.graphql.types.nodes import Connection


@strawberry.type
class CatalogQueries:
    """What belongs to no customer."""

    @strawberry.field(description="Features by id.")
    async def features(
        self,
        info: Info,
        filter: Annotated[FeatureFilter | None, strawberry.argument(description="Which.")] = None,  # noqa: A002
        first: First = None,
        after: After = None,
    ) -> Connection[Feature]:
        """A page."""
        info.context.principal.need(Scope.READ)
        asked = paging(info, first, after)
        records = await reading.read_features(
            info.context.services.database, filter_of(filter), asked.after, asked.limit
        )
        return asked.page(records, feature)

    @strawberry.field(description="Rates by feature, credit type, quantity, dimensions and date.")
    async def rates(
        self,
        info: Info,
        filter: Annotated[RateFilter | None, strawberry.argument(description="Which.")] = None,  # noqa: A002
        first: First = None,
        after: After = None,
    ) -> Connection[Rate]:
        """A page."""
        info.context.principal.need(Scope.READ)
        asked = paging(info, first, after)
        records = await reading.read_rates(
            info.context.services.database, filter_of(filter), asked.after, asked.limit
        )
        return asked.page(records, rate)

    @strawberry.field(description="Credit types by id.")
    async def credit_types(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[CreditType]:
        """A page."""
        info.context.principal.need(Scope.READ)
        asked = paging(info, first, after)
        records = await reading.read_credit_types(
            info.context.services.database, {}, asked.after, asked.limit
        )
        return asked.page(records, credit_type)

    @strawberry.field(description="API keys by id; with a bound key those of its customer alone.")
    async def api_keys(
        self,
        info: Info,
        filter: Annotated[ApiKeyFilter | None, strawberry.argument(description="Which.")] = None,  # noqa: A002
        first: First = None,
        after: After = None,
    ) -> Connection[ApiKey]:
        """A page."""
        principal = info.context.principal
        principal.need(Scope.KEYS)
        asked = paging(info, first, after, principal.customer_id)
        wanted = filter_of(filter)
        if principal.customer_id is not None:
            principal.need_customer(wanted.get("customerId", principal.customer_id), "filter.customerId")
            wanted["customerId"] = principal.customer_id
        records = await reading.read_api_keys(
            info.context.services.database, wanted, asked.after, asked.limit
        )
        return asked.page(records, api_key)

    @strawberry.field(description="The key of this request.")
    async def viewer(self, info: Info) -> Viewer:
        """Whatever its scopes."""
        return viewer(info.context.principal, info.context.services.environment)
