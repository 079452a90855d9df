"""API keys."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from controlplane.db import reading
from controlplane.db.keys import create_key, new_secret, revoke_key, rotate_key
from controlplane.db.reading import Record
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
    expires_at: DateTime | None = strawberry.field(
        default=UNSET, description="Until when; null: for ever. Not after your own key."
    )


@strawberry.type(description="What createApiKey did.")
class CreateApiKeyPayload:
    """Payload."""

    api_key: ApiKey | None = strawberry.field(description="The key; null if something was wrong.")
    secret: str | None = strawberry.field(
        description="The key itself. It is shown this once and never again."
    )
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.input(description="A key to give a new secret.")
class RotateApiKeyInput:
    """A key."""

    key_id: strawberry.ID = strawberry.field(description="Which key.")
    overlap_seconds: int = strawberry.field(
        description="How long the secret it has works on, up to thirty days (2592000); 0: not at all."
    )


@strawberry.type(description="What rotateApiKey did.")
class RotateApiKeyPayload:
    """Payload."""

    api_key: ApiKey | None = strawberry.field(
        description="The key, as it is now; null if something was wrong."
    )
    secret: str | None = strawberry.field(
        description="Its new secret. It is shown this once and never again."
    )
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.input(description="A key to revoke.")
class RevokeApiKeyInput:
    """A key."""

    key_id: strawberry.ID = strawberry.field(description="Which key.")


@strawberry.type(description="What revokeApiKey did.")
class RevokeApiKeyPayload:
    """Payload."""

    api_key: ApiKey | None = strawberry.field(
        description="The key, as it is now; null if something was wrong."
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

    @strawberry.mutation(
        description="Give a key a new secret. What it may do, its name and its id stay; the secret it has"
        " works on for the overlap, so that its users can be changed over. It must be a key that may no more"
        " than your own."
    )
    async def rotate_api_key(
        self,
        info: Info,
        given: Annotated[RotateApiKeyInput, strawberry.argument(name="input", description="The key.")],
    ) -> RotateApiKeyPayload:
        """Change the secret."""
        principal, services = info.context.principal, info.context.services
        principal.need(Scope.KEYS)
        asked = _within_reach(principal, json_of(given))
        records = await reading.read_api_keys(
            services.database, {"keyId": given.key_id, "customerId": principal.customer_id}, None, 1
        )
        for record in records:
            _need_as_much(principal, record)
        # Of no key there is nothing to rotate, and the database says so.
        kind = records[0]["kind"] if records else KeyKind.SECRET.value
        secret = new_secret(kind, services.environment)
        found, errors = await attempted(
            lambda: rotate_key(services.database, asked, secret, actor_of(principal))
        )
        if found is None:
            return RotateApiKeyPayload(api_key=None, secret=None, user_errors=errors)
        return RotateApiKeyPayload(api_key=api_key(found), secret=secret, user_errors=[])

    @strawberry.mutation(
        description="Make a key stop working, with all secrets it ever had: within a second, on open sockets"
        " too. Revoking again changes nothing."
    )
    async def revoke_api_key(
        self,
        info: Info,
        given: Annotated[RevokeApiKeyInput, strawberry.argument(name="input", description="The key.")],
    ) -> RevokeApiKeyPayload:
        """Revoke."""
        principal, services = info.context.principal, info.context.services
        principal.need(Scope.KEYS)
        asked = _within_reach(principal, json_of(given))
        found, errors = await attempted(lambda: revoke_key(services.database, asked, actor_of(principal)))
        if found is None:
            return RevokeApiKeyPayload(api_key=None, user_errors=errors)
        return RevokeApiKeyPayload(api_key=api_key(found), user_errors=[])


def _within_reach(principal: Principal, asked: dict[str, Any]) -> dict[str, Any]:
    """The same, of a key of the caller's own customer alone; whether there are others is not told."""
    return asked if principal.customer_id is None else {**asked, "customerId": principal.customer_id}


def _need_as_much(principal: Principal, record: Record) -> None:
    """Who gets the secret of a key may do what it may: no more than himself.

    Raises:
        GraphQLError: ``FORBIDDEN``.
    """
    lacking = sorted(set(record["scopes"]) - principal.scopes)
    if lacking:
        raise failure("FORBIDDEN", f"input.keyId: your own key lacks {lacking[0]}", field="input.keyId")
    if principal.is_observed and not record["isObserved"]:
        raise failure("FORBIDDEN", "input.keyId: your own key is observed", field="input.keyId")
    if _outlives(principal, record["expiresAt"]):
        raise failure("FORBIDDEN", "input.keyId: your own key ends earlier", field="input.keyId")


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
    if _outlives(principal, asked.get("expiresAt")):
        ends = f"{principal.expires_at:%Y-%m-%dT%H:%M:%S%z}"
        raise failure(
            "FORBIDDEN",
            f"input.expiresAt: your own key, or its secret, ends at {ends}: not after that",
            field="input.expiresAt",
        )


def _outlives(principal: Principal, expires_at: str | None) -> bool:
    """Whether a key works on when the caller's own secret does not: what ends would not have ended."""
    if principal.expires_at is None:
        return False
    return expires_at is None or datetime.fromisoformat(expires_at) > principal.expires_at
