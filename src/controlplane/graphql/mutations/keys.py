"""API keys."""

from typing import Annotated, Any

import strawberry

from controlplane.db.keys import create_key, new_secret
from controlplane.graphql.access import KeyKind, Principal, Scope
from controlplane.graphql.administering import UserError, actor_of, attempted, json_of
from controlplane.graphql.context import Info
from controlplane.graphql.failures import failure
from controlplane.graphql.scalars import DateTime
from controlplane.graphql.types.keys import ApiKey, api_key

UNSET: Any = strawberry.UNSET


@strawberry.input(description="A new key.")
class CreateApiKeyInput:
    """A key."""

    kind: KeyKind = strawberry.field(description="What it is for.")
    name: str = strawberry.field(description="What people call it.")
    scopes: list[Scope] = strawberry.field(description="What it may do; none that your own key has not.")
    customer_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The one customer it acts for; null: any."
    )
    observe: bool | None = strawberry.field(
        default=UNSET, description="Record its decisions, and enforce none of them."
    )
    expires_at: DateTime | None = strawberry.field(default=UNSET, description="Until when; null: for ever.")


@strawberry.type(description="What createApiKey did.")
class CreateApiKeyPayload:
    """Payload."""

    api_key: ApiKey | None = strawberry.field(description="The key; null if something was wrong.")
    secret: str | None = strawberry.field(
        description="The key itself. It is shown this once and never again."
    )
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.type
class KeyMutations:
    """What administrators do to keys."""

    @strawberry.mutation(description="Make a key of this environment.")
    async def create_api_key(
        self,
        info: Info,
        given: Annotated[CreateApiKeyInput, strawberry.argument(name="input", description="The key.")],
    ) -> CreateApiKeyPayload:
        """Make one."""
        principal = info.context.principal
        principal.need(Scope.KEYS)
        asked = json_of(given)
        _need_no_more(principal, given, asked)
        services = info.context.services
        secret = new_secret(given.kind.value, services.environment)
        found, errors = await attempted(
            lambda: create_key(services.database, asked, secret, actor_of(principal))
        )
        if found is None:
            return CreateApiKeyPayload(api_key=None, secret=None, user_errors=errors)
        return CreateApiKeyPayload(api_key=api_key(found), secret=secret, user_errors=[])


def _need_no_more(principal: Principal, given: CreateApiKeyInput, asked: dict[str, Any]) -> None:
    """A key makes none that may do more than itself.

    Raises:
        GraphQLError: ``FORBIDDEN``.
    """
    for scope in given.scopes:
        if not principal.may(scope):
            raise failure(
                "FORBIDDEN", f"input.scopes: your own key lacks {scope.value}", field="input.scopes"
            )
    if principal.customer_id is not None:
        if asked.get("customerId") is None:
            raise failure(
                "FORBIDDEN", "input.customerId: your own key acts for one customer", field="input.customerId"
            )
        principal.need_customer(asked["customerId"], "input.customerId")
    if principal.is_observed and not asked.get("observe"):
        raise failure("FORBIDDEN", "input.observe: your own key is observed", field="input.observe")
