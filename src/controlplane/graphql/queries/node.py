"""``node``: anything by its Relay id, under the same rules as by its natural one."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeAlias

import strawberry

from controlplane.db import reading
from controlplane.db.pool import Database
from controlplane.db.reading import Record
from controlplane.graphql.access import Scope
from controlplane.graphql.arguments import is_selected
from controlplane.graphql.context import Info
from controlplane.graphql.identity import parse_node_id
from controlplane.graphql.types.audit import audit_event
from controlplane.graphql.types.budgets import budget
from controlplane.graphql.types.catalog import credit_type, feature, rate
from controlplane.graphql.types.customers import customer, entity
from controlplane.graphql.types.history import ledger_entry, usage_event
from controlplane.graphql.types.keys import api_key
from controlplane.graphql.types.nodes import Node
from controlplane.graphql.types.recorded import recorded_decision
from controlplane.graphql.types.reservations import reservation
from controlplane.graphql.types.wallets import grant, wallet

_Read: TypeAlias = Callable[[Database, str, dict[str, Any], None, int], Awaitable[list[Record]]]
_Make: TypeAlias = Callable[[Record], Node]

#: Of one customer: how to read it, by which name of the filter, and what to make of it.
_OF_CUSTOMER: dict[str, tuple[_Read, str, _Make]] = {
    "Entity": (reading.read_entities, "entityId", entity),
    "Wallet": (reading.read_wallets, "walletId", wallet),
    "Grant": (reading.read_grants, "grantId", grant),
    "Budget": (reading.read_budgets, "budgetId", budget),
    "Reservation": (reading.read_reservations, "reservationId", reservation),
    "UsageEvent": (reading.read_usage_events, "usageEventId", usage_event),
    "AuditEvent": (reading.read_audit_events, "seq", audit_event),
    "RecordedDecision": (reading.read_decisions, "idempotencyKey", recorded_decision),
}
_NUMBERED = {"Reservation", "UsageEvent", "LedgerEntry", "AuditEvent"}


@strawberry.type
class NodeQueries:
    """The one field of Relay's."""

    @strawberry.field(
        description="Anything by its id; null if there is none, or if it is another customer's."
    )
    async def node(
        self,
        info: Info,
        identifier: Annotated[strawberry.ID, strawberry.argument(name="id", description="Its `id`.")],
    ) -> Node | None:
        """One, or null."""
        parts = parse_node_id(identifier)
        if parts is None:
            return None
        match parts:
            case ("CreditType" | "Feature" | "Rate" | "ApiKey" | "InstallationChange", *_):
                return await _shared(info, parts)
            case (_, str(owner), *_):
                return await _owned(info, parts, owner)
        return None


async def _owned(info: Info, parts: tuple[str, ...], owner: str) -> Node | None:
    principal = info.context.principal
    principal.need(Scope.READ)
    if principal.customer_id not in (None, owner):
        return None
    database = info.context.services.database
    if parts[0] in _NUMBERED and not all(
        part.isascii() and part.isdigit() and len(part) <= 18 for part in parts[2:]
    ):
        return None
    match parts:
        case ("Customer", _):
            found = await reading.read_customers(database, {"customerId": owner}, None, 1)
            return customer(found[0]) if found else None
        case ("LedgerEntry", _, seq, leg):
            asked = {"fromSeq": seq, "toSeq": seq, "withMoney": is_selected(info, "money")}
            entries = await reading.read_ledger_entries(database, owner, asked, None, 1_000)
            return next((ledger_entry(entry) for entry in entries if str(entry["leg"]) == leg), None)
        case (kind, _, natural) if kind in _OF_CUSTOMER:
            read, name, make = _OF_CUSTOMER[kind]
            found = await read(database, owner, {name: natural}, None, 1)
            return make(found[0]) if found else None
    return None


async def _shared(info: Info, parts: tuple[str, ...]) -> Node | None:
    principal, database = info.context.principal, info.context.services.database
    principal.need(Scope.KEYS if parts[0] == "ApiKey" else Scope.READ)
    match parts:
        case ("CreditType", natural):
            found = await reading.read_credit_types(database, {"creditType": natural}, None, 1)
            return credit_type(found[0]) if found else None
        case ("Feature", natural):
            found = await reading.read_features(database, {"featureId": natural}, None, 1)
            return feature(found[0]) if found else None
        case ("Rate", feature_id, type_id, quantity, *_):
            wanted = {"featureId": feature_id, "creditType": type_id, "quantity": quantity}
            rates = [rate(record) for record in await reading.read_rates(database, wanted, None, 1_000)]
            return next((each for each in rates if parse_node_id(each.id) == parts), None)
        case ("InstallationChange", natural):
            asked = {"changeId": natural, "withKeys": principal.may(Scope.KEYS)}
            found = await reading.read_audit_events(database, principal.customer_id, asked, None, 1)
            return audit_event(found[0]) if found else None
        case ("ApiKey", natural):
            found = await reading.read_api_keys(
                database, {"keyId": natural, "customerId": principal.customer_id}, None, 1
            )
            return api_key(found[0]) if found else None
    return None
