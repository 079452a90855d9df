"""Budgets and what their subjects have used."""

from enum import Enum

import strawberry

from controlplane.db.reading import Record
from controlplane.graphql.context import Info
from controlplane.graphql.identity import node_id
from controlplane.graphql.scalars import JSON, Credits, DateTime, Long
from controlplane.graphql.types.amounts import Dimension, dimension
from controlplane.graphql.types.nodes import Node, from_record, pairs


@strawberry.enum(description="Whom a budget counts.")
class BudgetSubject(Enum):
    """Subjects."""

    ENTITY = strawberry.enum_value("ENTITY", description="The entity itself, with everything below it.")
    EACH = strawberry.enum_value("EACH", description="Each entity of a type below it, for itself.")
    SESSION = strawberry.enum_value("SESSION", description="Each session, for itself.")


@strawberry.enum(description="The period a budget counts over.")
class BudgetWindow(Enum):
    """Windows, by the calendar in the budget's zone or from its anchor."""

    REQUEST = strawberry.enum_value("REQUEST", description="Each request for itself.")
    MINUTE = strawberry.enum_value("MINUTE", description="A minute.")
    HOUR = strawberry.enum_value("HOUR", description="An hour.")
    DAY = strawberry.enum_value("DAY", description="A day.")
    WEEK = strawberry.enum_value("WEEK", description="A week, from Monday.")
    MONTH = strawberry.enum_value("MONTH", description="A month.")
    YEAR = strawberry.enum_value("YEAR", description="A year.")
    BILLING_PERIOD = strawberry.enum_value(
        "BILLING_PERIOD",
        description="The billing period; without a plan the month from the customer's making.",
    )
    TOTAL = strawberry.enum_value("TOTAL", description="For ever.")


@strawberry.enum(description="What a budget does when it is passed.")
class BudgetMode(Enum):
    """Modes."""

    HARD = strawberry.enum_value("HARD", description="Denies.")
    SOFT = strawberry.enum_value("SOFT", description="Warns, with its advice.")
    OBSERVE = strawberry.enum_value("OBSERVE", description="Only counts what it would have denied.")


@strawberry.enum(description="What a budget counts.")
class BudgetMeasure(Enum):
    """Measures."""

    CREDITS = strawberry.enum_value("CREDITS", description="Credits of one type.")
    QUANTITY = strawberry.enum_value("QUANTITY", description="A named quantity of a feature.")


@strawberry.type(description="What one subject of a budget has used in the window of now.")
class BudgetUsage:
    """One counter."""

    entity_id: strawberry.ID | None = strawberry.field(description="The subject; null: the customer itself.")
    session_id: str | None = strawberry.field(description="The session, of a budget on each session.")
    used: Credits = strawberry.field(description="Used in this window.")
    held: Credits = strawberry.field(description="Held by open reservations.")
    window_start: DateTime | None = strawberry.field(description="When the window began; null: ever.")
    resets_at: DateTime | None = strawberry.field(description="When it ends; null: never.")
    would_deny_count: Long = strawberry.field(description="How often an observed budget would have denied.")
    would_deny_amount: Credits = strawberry.field(description="How much that was.")


@strawberry.type(description="An addition to a budget's limit, for a time.")
class BudgetRaise:
    """One raise."""

    raise_id: strawberry.ID = strawberry.field(
        description="Which raise: the `seq` that `raiseBudget` answered, and that of its audit event."
    )
    amount: Credits = strawberry.field(description="How much it adds to the limit.")
    until: DateTime = strawberry.field(description="When it is to end.")
    raised_by: str = strawberry.field(description="Who: `key:` and a key's id, or `cli`.")
    reason: str = strawberry.field(
        description="Why, as it was given; `erased` once the entity was forgotten that the budget stands on."
    )
    created_at: DateTime = strawberry.field(description="When it began.")
    ended_at: DateTime | None = strawberry.field(description="When it ended; null: it is in force.")


@strawberry.type(description="A cap on an entity, on each entity of a type below it, or on each session.")
class Budget(Node):
    """One budget."""

    budget_id: strawberry.ID = strawberry.field(description="Natural id, unique within the customer.")
    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    entity_id: strawberry.ID | None = strawberry.field(description="Where it stands; null: on the customer.")
    subject: BudgetSubject = strawberry.field(description="Whom it counts.")
    each_type: str | None = strawberry.field(description="Type of entity that is counted each, with EACH.")
    measure: BudgetMeasure = strawberry.field(description="What it counts.")
    credit_type: strawberry.ID | None = strawberry.field(description="Of which credits.")
    feature_id: strawberry.ID | None = strawberry.field(description="Only for this feature, if any.")
    quantity: str | None = strawberry.field(description="Which quantity of the feature.")
    dimensions: list[Dimension] = strawberry.field(description="Only requests that carry these values count.")
    window: BudgetWindow = strawberry.field(description="The period it counts over.")
    anchor_at: DateTime | None = strawberry.field(description="Where windows begin; null: by the calendar.")
    time_zone: str = strawberry.field(description="IANA zone of the calendar.")
    mode: BudgetMode = strawberry.field(description="What it does when it is passed.")
    base_limit: Credits = strawberry.field(description="The limit as it was set.")
    raised: Credits = strawberry.field(description="Raises in force.")
    limit: Credits = strawberry.field(description="baseLimit + raised: what binds now.")
    advice: JSON | None = strawberry.field(description="What a caller near the limit should do.")
    thresholds: list[Credits] = strawberry.field(
        description="Shares of the limit at which an alert is queued, in order."
    )
    is_active: bool = strawberry.field(description="Whether it counts and binds: not paused nor archived.")
    archived_at: DateTime | None = strawberry.field(description="When it was archived, for good, if so.")
    usage: list[BudgetUsage] = strawberry.field(
        description="Its subjects, the hundred that were used last; who has used nothing yet is not there."
        " In a decision: whom the request is counted on."
    )
    created_at: DateTime = strawberry.field(description="When it was set first.")

    @strawberry.field(description="Its raises, in force and ended: the newest hundred, the newest first.")
    async def raises(self, info: Info) -> list[BudgetRaise]:
        """Those of all budgets of one operation are read together."""
        found = await info.context.budget_raises().load((self.customer_id, self.budget_id))
        return [from_record(BudgetRaise, record) for record in found]

    @strawberry.field(
        description="How many entities of eachType it counts now: those below it that are not archived. 0:"
        " there is none yet, or the type is mistyped. Null: it is not on each of a type."
    )
    async def each_count(self, info: Info) -> Long | None:
        """Those of all budgets of one operation are counted together."""
        if self.subject is not BudgetSubject.EACH:
            return None
        found = await info.context.each_counts().load((self.customer_id, self.budget_id))
        return None if found is None else Long(found)


def budget(record: Record) -> Budget:
    """From ``api.read_budgets``."""
    return from_record(
        Budget,
        record,
        id=strawberry.ID(node_id("Budget", record["customerId"], record["budgetId"])),
        subject=BudgetSubject(record["subject"]),
        measure=BudgetMeasure(record["measure"]),
        window=BudgetWindow(record["window"]),
        mode=BudgetMode(record["mode"]),
        dimensions=pairs(record["dimensions"], dimension),
        usage=[from_record(BudgetUsage, usage) for usage in record["usage"]],
    )
