"""API keys and who is asking."""

from collections.abc import Mapping
from typing import Any

import strawberry

from controlplane.db.reading import Record
from controlplane.graphql.access import KeyKind, Principal, Scope
from controlplane.graphql.identity import node_id
from controlplane.graphql.scalars import DateTime
from controlplane.graphql.types.nodes import Node, from_record
from controlplane.types import Environment

_SCOPES = {
    Scope.READ: "Read everything that is not keys.",
    Scope.CHECK: "Ask what would be decided.",
    Scope.CONSUME: "Consume, and be denied what does not fit.",
    Scope.CAP: "Consume the most that fits.",
    Scope.OVERDRAFT: "Consume what a wallet then owes.",
    Scope.RECORD: "Record what has happened, whether it fits or not.",
    Scope.GRANT: "Grant credits.",
    Scope.CUSTOMERS: "Make and change customers and entities.",
    Scope.BUDGETS: "Set budgets.",
    Scope.CATALOG: "Change credit types, features and rates.",
    Scope.KEYS: "See and make keys.",
}
_KINDS = {
    KeyKind.SECRET: "For backends.",
    KeyKind.PUBLISHABLE: "For frontends; safe to show.",
    KeyKind.ADMIN: "For administrators.",
}
_ENVIRONMENTS = {
    Environment.LIVE: "Real customers and real money.",
    Environment.TEST: "To try things out; its clock can be moved.",
}


def _described(enum: Any, says: str, each: Mapping[Any, str]) -> None:
    """Make an enumeration of another layer one of the schema's, with its values described."""
    strawberry.enum(enum, description=says)
    for value in enum.__strawberry_definition__.values:
        value.description = each[enum[value.name]]


_described(Scope, "What a key may do.", _SCOPES)
_described(KeyKind, "What a key is for.", _KINDS)
_described(Environment, "An environment is a database; a key belongs to one.", _ENVIRONMENTS)


@strawberry.type(description="A key of this API, without its secret, which is stored nowhere.")
class ApiKey(Node):
    """One key."""

    key_id: strawberry.ID = strawberry.field(description="Natural id.")
    prefix: str = strawberry.field(description="The first characters of the secret, to know it by.")
    kind: KeyKind = strawberry.field(description="What it is for.")
    name: str = strawberry.field(description="What people call it.")
    customer_id: strawberry.ID | None = strawberry.field(
        description="The one customer it acts for; null: any."
    )
    scopes: list[Scope] = strawberry.field(description="What it may do.")
    is_observed: bool = strawberry.field(description="Whether its decisions are recorded and not enforced.")
    created_at: DateTime = strawberry.field(description="When it was made.")
    expires_at: DateTime | None = strawberry.field(description="Until when it works; null: for ever.")
    revoked_at: DateTime | None = strawberry.field(description="When it was revoked, if so.")
    former_secret_until: DateTime | None = strawberry.field(
        description="Until when a secret from before a rotation works; null: none does."
    )
    last_used_at: DateTime | None = strawberry.field(description="When it was used last, within a minute.")


@strawberry.type(description="Who is asking.")
class Viewer:
    """The key of this request."""

    key_id: strawberry.ID = strawberry.field(description="Id of the key.")
    prefix: str = strawberry.field(description="The first characters of the key.")
    name: str = strawberry.field(description="What people call it.")
    kind: KeyKind = strawberry.field(description="What it is for.")
    scopes: list[Scope] = strawberry.field(description="What it may do.")
    customer_id: strawberry.ID | None = strawberry.field(
        description="The one customer it acts for; null: any."
    )
    is_observed: bool = strawberry.field(description="Whether its decisions are recorded and not enforced.")
    environment: Environment = strawberry.field(description="Which environment this is.")


def scopes_of(names: list[str]) -> list[Scope]:
    """Scopes that this version knows, in their order."""
    return [scope for scope in Scope if scope.value in names]


def api_key(record: Record) -> ApiKey:
    """From ``api.read_api_keys``."""
    return from_record(
        ApiKey,
        record,
        id=strawberry.ID(node_id("ApiKey", record["keyId"])),
        kind=KeyKind(record["kind"]),
        scopes=scopes_of(record["scopes"]),
    )


def viewer(principal: Principal, environment: Environment) -> Viewer:
    """Of the key of a request."""
    return Viewer(
        key_id=strawberry.ID(principal.key_id),
        prefix=principal.prefix,
        name=principal.name,
        kind=principal.kind,
        scopes=scopes_of(sorted(principal.scopes)),
        customer_id=None if principal.customer_id is None else strawberry.ID(principal.customer_id),
        is_observed=principal.is_observed,
        environment=environment,
    )
