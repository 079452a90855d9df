"""Who changed what, when."""

from typing import Annotated

import strawberry

from controlplane.db import reading
from controlplane.graphql.access import Scope
from controlplane.graphql.arguments import After, First, filter_of
from controlplane.graphql.context import Info
from controlplane.graphql.filters import AuditFilter
from controlplane.graphql.paging import paging
from controlplane.graphql.types.audit import AuditEvent, audit_event
from controlplane.graphql.types.nodes import Connection


@strawberry.type
class AuditQueries:
    """The history of changes."""

    @strawberry.field(
        description="Changes of configuration, grants, the catalogue and keys, the newest first. With a key"
        " that is bound to a customer, that customer's alone; changes of API keys with the scope KEYS."
    )
    async def audit_events(
        self,
        info: Info,
        customer_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="Only of this customer; else of all of them and of the whole installation, or of"
                " the one that the key is bound to."
            ),
        ] = None,
        filter: Annotated[AuditFilter | None, strawberry.argument(description="Which.")] = None,  # noqa: A002
        first: First = None,
        after: After = None,
    ) -> Connection[AuditEvent]:
        """A page."""
        principal = info.context.principal
        principal.need(Scope.READ)
        customer = customer_id if customer_id is not None else principal.customer_id
        if customer is not None:
            principal.need_customer(customer)
        asked = paging(info, first, after, customer)
        wanted = {**filter_of(filter), "withKeys": principal.may(Scope.KEYS)}
        records = await reading.read_audit_events(
            info.context.services.database, customer, wanted, asked.after, asked.limit
        )
        return asked.page(records, audit_event)
