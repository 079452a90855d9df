"""Who changed what."""

import strawberry

from controlplane.db.reading import Record
from controlplane.graphql.identity import node_id
from controlplane.graphql.scalars import JSON, DateTime, Long
from controlplane.graphql.types.nodes import Node, from_record


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
    kind: str = strawberry.field(
        description="What was done: BUDGET, ENTITY_MOVED, SUSPENSION and so on; SQL has them in"
        " report.audit_event_kinds."
    )
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
    return from_record(AuditEvent, record, id=strawberry.ID(identifier))
