"""The budget tree: what each subject of each budget has left."""

import strawberry

from controlplane.db.reading import Record
from controlplane.graphql.scalars import Credits, DateTime, Long
from controlplane.graphql.types.amounts import Dimension, dimension
from controlplane.graphql.types.budgets import BudgetMeasure, BudgetMode, BudgetSubject, BudgetWindow
from controlplane.graphql.types.nodes import from_record, pairs


@strawberry.type(
    description="How one subject of an active budget stands. The figures are those that `check` would go by"
    " at the same instant."
)
class BudgetTreeRow:
    """One budget and one of those whom it counts."""

    entity_id: strawberry.ID | None = strawberry.field(description="The subject; null: the customer itself.")
    entity_type: str = strawberry.field(description="Its type.")
    entity_name: str | None = strawberry.field(description="Its name, if it has one.")
    parent_id: strawberry.ID | None = strawberry.field(
        description="What it stands below; null: the customer, or nothing."
    )
    session_id: str | None = strawberry.field(description="The session, of a budget on each session.")
    budget_id: strawberry.ID = strawberry.field(description="The budget.")
    subject: BudgetSubject = strawberry.field(description="Whom the budget counts.")
    measure: BudgetMeasure = strawberry.field(description="What it counts.")
    credit_type: strawberry.ID | None = strawberry.field(description="Of which credits.")
    feature_id: strawberry.ID | None = strawberry.field(description="Only for this feature, if any.")
    quantity: str | None = strawberry.field(description="Which quantity of the feature.")
    dimensions: list[Dimension] = strawberry.field(description="Only requests that carry these values count.")
    window: BudgetWindow = strawberry.field(description="The period it counts over.")
    mode: BudgetMode = strawberry.field(description="What it does when it is passed.")
    limit: Credits = strawberry.field(description="What binds now, raises in force included.")
    used: Credits = strawberry.field(description="Used in this window.")
    held: Credits = strawberry.field(description="Held by open reservations.")
    remaining: Credits = strawberry.field(description="limit - used - held, and 0 where that is less.")
    utilisation: float | None = strawberry.field(
        description="(used + held) / limit, to nine decimals. Of a limit of 0 it is 0 as long as nothing is"
        " used, and null, above all numbers, when something is."
    )
    window_start: DateTime | None = strawberry.field(description="When the window began; null: ever.")
    resets_at: DateTime | None = strawberry.field(description="When it ends; null: never.")
    would_deny_count: Long = strawberry.field(description="How often an observed budget would have denied.")
    would_deny_amount: Credits = strawberry.field(description="How much that was.")


def budget_tree_row(record: Record) -> BudgetTreeRow:
    """From ``api.read_budget_tree``."""
    return from_record(
        BudgetTreeRow,
        record,
        subject=BudgetSubject(record["subject"]),
        measure=BudgetMeasure(record["measure"]),
        window=BudgetWindow(record["window"]),
        mode=BudgetMode(record["mode"]),
        dimensions=pairs(record["dimensions"], dimension),
    )
