"""Filters and orders of lists."""

from enum import Enum
from typing import ClassVar

import strawberry

from controlplane.graphql.scalars import DateTime, Long
from controlplane.graphql.types.audit import AuditKind
from controlplane.graphql.types.budgets import BudgetMode
from controlplane.graphql.types.history import Account, LedgerEntryKind
from controlplane.graphql.types.reasons import Reason
from controlplane.graphql.types.reservations import ReservationState
from controlplane.graphql.types.wallets import GrantStatus


@strawberry.enum(description="The order of a history.")
class SeqOrder(Enum):
    """Orders by seq."""

    NEWEST_FIRST = strawberry.enum_value("NEWEST_FIRST", description="By seq, downwards.")
    OLDEST_FIRST = strawberry.enum_value("OLDEST_FIRST", description="By seq, upwards.")


@strawberry.input(description="Which customers.")
class CustomerFilter:
    """Filter."""

    KEYS: ClassVar = {"is_suspended": "isSuspended"}
    is_suspended: bool | None = strawberry.field(default=None, description="Only (not) suspended ones.")


@strawberry.input(description="Which entities.")
class EntityFilter:
    """Filter."""

    KEYS: ClassVar = {"type": "entityType", "parent_id": "parentId", "is_archived": "isArchived"}
    type: str | None = strawberry.field(default=None, description="Only of this type.")
    parent_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only directly below this entity; the empty text is the customer itself."
    )
    is_archived: bool | None = strawberry.field(default=None, description="Only (not) archived ones.")


@strawberry.input(description="Which wallets.")
class WalletFilter:
    """Filter."""

    KEYS: ClassVar = {"entity_id": "entityId", "credit_type": "creditType"}
    entity_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this entity; the empty text is the customer itself."
    )
    credit_type: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this credit type."
    )


@strawberry.input(description="Which grants.")
class GrantFilter:
    """Filter."""

    KEYS: ClassVar = {
        "wallet_id": "walletId",
        "from_grant_id": "fromGrantId",
        "status": "status",
        "is_open": "isOpen",
    }
    wallet_id: strawberry.ID | None = strawberry.field(default=None, description="Only in this wallet.")
    from_grant_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those made of this grant, by a transfer or a reversal."
    )
    status: GrantStatus | None = strawberry.field(default=None, description="Only those that stand so now.")
    is_open: bool | None = strawberry.field(
        default=None, description="Only those with something (nothing) left to burn, now or later."
    )


@strawberry.input(description="Which budgets.")
class BudgetFilter:
    """Filter."""

    KEYS: ClassVar = {
        "budget_id": "budgetId",
        "entity_id": "entityId",
        "on_path_of": "onPathOf",
        "is_active": "isActive",
        "is_archived": "isArchived",
    }
    budget_id: strawberry.ID | None = strawberry.field(default=None, description="Only this budget.")
    entity_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only on this entity; the empty text is the customer itself."
    )
    on_path_of: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only what binds a request that names these, with their usage alone."
    )
    is_active: bool | None = strawberry.field(default=None, description="Only (in)active ones.")
    is_archived: bool | None = strawberry.field(default=None, description="Only (not) archived ones.")


@strawberry.input(description="Which ledger entries.")
class LedgerFilter:
    """Filter."""

    KEYS: ClassVar = {
        "wallet_id": "walletId",
        "grant_id": "grantId",
        "kind": "kind",
        "account": "account",
        "from_seq": "fromSeq",
        "to_seq": "toSeq",
        "recorded_from": "recordedFrom",
        "recorded_before": "recordedBefore",
    }
    wallet_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only from or to this wallet."
    )
    grant_id: strawberry.ID | None = strawberry.field(default=None, description="Only of this grant.")
    kind: LedgerEntryKind | None = strawberry.field(default=None, description="Only of this kind.")
    account: Account | None = strawberry.field(
        default=None, description="Only from or to this account; of the wallet, where one is given."
    )
    from_seq: Long | None = strawberry.field(default=None, description="From this seq on.")
    to_seq: Long | None = strawberry.field(default=None, description="Up to this seq.")
    recorded_from: DateTime | None = strawberry.field(default=None, description="Recorded then or later.")
    recorded_before: DateTime | None = strawberry.field(default=None, description="Recorded before then.")


@strawberry.input(description="Which reservations.")
class ReservationFilter:
    """Filter."""

    KEYS: ClassVar = {
        "state": "state",
        "feature_id": "featureId",
        "entity_id": "entityId",
        "session_id": "sessionId",
    }
    state: ReservationState | None = strawberry.field(default=None, description="Only in this state.")
    feature_id: strawberry.ID | None = strawberry.field(default=None, description="Only of this feature.")
    entity_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only what named this entity itself; the empty text is the customer."
    )
    session_id: str | None = strawberry.field(default=None, description="Only in this session.")


@strawberry.input(description="Which usage events.")
class UsageFilter:
    """Filter."""

    KEYS: ClassVar = {
        "reservation_id": "reservationId",
        "feature_id": "featureId",
        "entity_id": "entityId",
        "session_id": "sessionId",
        "is_reversed": "isReversed",
        "from_seq": "fromSeq",
        "to_seq": "toSeq",
        "recorded_from": "recordedFrom",
        "recorded_before": "recordedBefore",
    }
    reservation_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only what settled this reservation."
    )
    feature_id: strawberry.ID | None = strawberry.field(default=None, description="Only of this feature.")
    entity_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only what named this entity itself; the empty text is the customer."
    )
    session_id: str | None = strawberry.field(default=None, description="Only in this session.")
    is_reversed: bool | None = strawberry.field(
        default=None, description="Only what was taken back, in whole or part, or only what was not."
    )
    from_seq: Long | None = strawberry.field(default=None, description="From this seq on.")
    to_seq: Long | None = strawberry.field(default=None, description="Up to this seq.")
    recorded_from: DateTime | None = strawberry.field(default=None, description="Recorded then or later.")
    recorded_before: DateTime | None = strawberry.field(default=None, description="Recorded before then.")


@strawberry.input(description="Which recorded decisions.")
class DecisionFilter:
    """Filter."""

    KEYS: ClassVar = {
        "idempotency_key": "idempotencyKey",
        "reason": "reason",
        "allowed": "allowed",
        "would_allow": "wouldAllow",
        "feature_id": "featureId",
        "budget_id": "budgetId",
        "entity_id": "entityId",
        "recorded_from": "recordedFrom",
        "recorded_before": "recordedBefore",
    }
    idempotency_key: str | None = strawberry.field(default=None, description="Only under this key.")
    reason: Reason | None = strawberry.field(default=None, description="Only for this reason.")
    allowed: bool | None = strawberry.field(default=None, description="Only allowed or only denied ones.")
    would_allow: bool | None = strawberry.field(
        default=None, description="Only what fitted; false: denials, and those that were only observed."
    )
    feature_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only what asked for this feature."
    )
    budget_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only what this budget denied, or was nearest to."
    )
    entity_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only what a budget or wallet of this entity denied, or was nearest to; the empty text is"
        " the customer itself.",
    )
    recorded_from: DateTime | None = strawberry.field(default=None, description="Recorded then or later.")
    recorded_before: DateTime | None = strawberry.field(default=None, description="Recorded before then.")


@strawberry.input(description="Which changes.")
class AuditFilter:
    """Filter."""

    KEYS: ClassVar = {
        "kind": "kind",
        "subject": "subject",
        "actor": "actor",
        "recorded_from": "recordedFrom",
        "recorded_before": "recordedBefore",
    }
    kind: AuditKind | None = strawberry.field(default=None, description="Only of this kind.")
    subject: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only of this entity, budget, grant, feature, key …, by its natural id; of an entity also"
        " what archived it together with one above it.",
    )
    actor: str | None = strawberry.field(default=None, description="Only by this one, such as key:<keyId>.")
    recorded_from: DateTime | None = strawberry.field(default=None, description="Recorded then or later.")
    recorded_before: DateTime | None = strawberry.field(default=None, description="Recorded before then.")


@strawberry.input(description="Which features.")
class FeatureFilter:
    """Filter."""

    KEYS: ClassVar = {"feature_id": "featureId", "is_archived": "isArchived"}
    feature_id: strawberry.ID | None = strawberry.field(default=None, description="Only this one.")
    is_archived: bool | None = strawberry.field(default=None, description="Only (not) archived ones.")


@strawberry.input(description="Which rates.")
class RateFilter:
    """Filter."""

    KEYS: ClassVar = {
        "feature_id": "featureId",
        "credit_type": "creditType",
        "quantity": "quantity",
        "in_force_at": "inForceAt",
    }
    feature_id: strawberry.ID | None = strawberry.field(default=None, description="Only of this feature.")
    credit_type: strawberry.ID | None = strawberry.field(default=None, description="Only in these credits.")
    quantity: str | None = strawberry.field(default=None, description="Only for this quantity.")
    in_force_at: DateTime | None = strawberry.field(
        default=None, description="Only the newest of each at that instant; without it all, superseded too."
    )


@strawberry.input(description="Which keys.")
class ApiKeyFilter:
    """Filter."""

    KEYS: ClassVar = {"customer_id": "customerId", "is_active": "isActive"}
    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only bound to this customer."
    )
    is_active: bool | None = strawberry.field(default=None, description="Only those that (do not) work.")


@strawberry.enum(description="The order of a budget tree.")
class BudgetTreeOrder(Enum):
    """Orders; equals by entity and budget, in the order of their making."""

    UTILISATION = strawberry.enum_value("UTILISATION", description="The most used share of its limit first.")
    ENTITY = strawberry.enum_value("ENTITY", description="By entity, in the order of their making.")
    RESETS_AT = strawberry.enum_value(
        "RESETS_AT", description="Whose window ends first; what never ends comes last."
    )


@strawberry.input(description="Which rows of a budget tree: those that are all of this.")
class BudgetTreeFilter:
    """Filter."""

    KEYS: ClassVar = {
        "entity_id": "entityId",
        "parent_id": "parentId",
        "below_id": "belowId",
        "type": "entityType",
        "budget_id": "budgetId",
        "feature_id": "featureId",
        "credit_type": "creditType",
        "mode": "mode",
        "minimum_utilisation": "minimumUtilisation",
    }
    entity_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this entity; the empty text is the customer itself."
    )
    parent_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of those directly below this entity; the empty text is the customer."
    )
    below_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this entity and everything below it."
    )
    type: str | None = strawberry.field(default=None, description="Only of entities of this type.")
    budget_id: strawberry.ID | None = strawberry.field(default=None, description="Only of this budget.")
    feature_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of budgets that count this feature alone."
    )
    credit_type: strawberry.ID | None = strawberry.field(
        default=None, description="Only of budgets on these credits."
    )
    mode: BudgetMode | None = strawberry.field(default=None, description="Only of budgets in this mode.")
    minimum_utilisation: float | None = strawberry.field(
        default=None, description="Only from this utilisation on: 0.8 leaves what is 80 % used or more."
    )
