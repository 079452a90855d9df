"""Who changed what."""

from enum import Enum

import strawberry

from controlplane.db.reading import Record
from controlplane.graphql.identity import node_id
from controlplane.graphql.scalars import JSON, DateTime, Long
from controlplane.graphql.types.nodes import Node, from_record


@strawberry.enum(description="What was done; in SQL report.audit_event_kinds.")
class AuditKind(Enum):
    """Kinds of changes."""

    CUSTOMER = strawberry.enum_value(
        "CUSTOMER",
        description="A customer was made, or its wallets or policies were changed.",
    )
    SUSPENSION = strawberry.enum_value(
        "SUSPENSION",
        description="A customer or an entity was suspended, or goes on.",
    )
    ENTITY_CREATED = strawberry.enum_value(
        "ENTITY_CREATED",
        description="An entity was made, by an administrator or by the policy for unknown ones.",
    )
    ENTITY = strawberry.enum_value("ENTITY", description="An entity, or its wallets, were changed.")
    ENTITY_MOVED = strawberry.enum_value(
        "ENTITY_MOVED",
        description="An entity was moved, with everything below it.",
    )
    ENTITY_ARCHIVED = strawberry.enum_value(
        "ENTITY_ARCHIVED",
        description="An entity was archived, with those that stand in after.",
    )
    ENTITY_UNARCHIVED = strawberry.enum_value("ENTITY_UNARCHIVED", description="An entity was brought back.")
    ENTITY_ERASED = strawberry.enum_value("ENTITY_ERASED", description="An entity was forgotten.")
    BUDGET = strawberry.enum_value(
        "BUDGET",
        description="A budget was set, changed, paused, resumed or archived: each is a version of it.",
    )
    RAISE = strawberry.enum_value("RAISE", description="A budget was raised for a time.")
    RAISE_ENDED = strawberry.enum_value("RAISE_ENDED", description="A raise ended.")
    GRANT_PENDING = strawberry.enum_value(
        "GRANT_PENDING",
        description="A grant was made that waits for its payment.",
    )
    GRANT_UPDATED = strawberry.enum_value(
        "GRANT_UPDATED",
        description="Dates or priority of a grant were changed, or its payment was received.",
    )
    GRANT_VOIDED = strawberry.enum_value(
        "GRANT_VOIDED",
        description="What was left of a grant was taken back.",
    )
    TRANSFER = strawberry.enum_value(
        "TRANSFER",
        description="Credits were moved out of this wallet to another one.",
    )
    CREDIT_TYPE = strawberry.enum_value("CREDIT_TYPE", description="A credit type was made or renamed.")
    FEATURE = strawberry.enum_value("FEATURE", description="A feature was made or changed.")
    RATES = strawberry.enum_value("RATES", description="Rates of a feature were set.")
    API_KEY = strawberry.enum_value("API_KEY", description="A key was made, rotated or revoked.")
    INCARNATION = strawberry.enum_value(
        "INCARNATION",
        description="After a restore or failover, the history was declared to go on.",
    )
    MONTH = strawberry.enum_value("MONTH", description="A month was closed.")


@strawberry.type(
    description="One change of a customer's configuration or grants, or of what belongs to all customers."
)
class AuditEvent(Node):
    """One change."""

    customer_id: strawberry.ID | None = strawberry.field(
        description="Whose it is; null: the whole installation."
    )
    seq: Long | None = strawberry.field(
        description="The operation of the customer that it is; null for what belongs to no history of one."
    )
    recorded_at: DateTime = strawberry.field(description="When it was recorded.")
    effective_at: DateTime | None = strawberry.field(description="When it took effect, if that was before.")
    kind: AuditKind = strawberry.field(description="What was done.")
    subject_type: str | None = strawberry.field(
        description="What was changed: CUSTOMER, ENTITY, BUDGET, GRANT, WALLET, FEATURE, API_KEY and so on."
    )
    subject: strawberry.ID | None = strawberry.field(description="Its natural id, as it is now.")
    actor: str = strawberry.field(
        description="Who: `key:` and a key's id, `cli`, `clock` for what was due, `unknownEntity`."
    )
    before: JSON | None = strawberry.field(
        description="What stood there; null where there was nothing. Names and metadata are not kept."
    )
    after: JSON | None = strawberry.field(description="What stands there since.")


def audit_event(record: Record) -> AuditEvent:
    """From ``api.read_audit_events``."""
    if record["seq"] is None:
        identifier = node_id("InstallationChange", record["changeId"])
    else:
        identifier = node_id("AuditEvent", record["customerId"], record["seq"])
    return from_record(AuditEvent, record, id=strawberry.ID(identifier), kind=AuditKind(record["kind"]))
