"""The database as a back end, with the budget tree beside it, and both stopped at one instant."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from psycopg.types.json import Jsonb

from tests.conformance.forms import FeatureForm, Item
from tests.conformance.sql_backend import SqlBackend

#: Of the tree, as ``api.read_budget_tree`` has it.
Row: TypeAlias = dict[str, Any]
#: A row by its budget, entity and session.
Place: TypeAlias = tuple[str, str | None, str | None]

#: A session is forgotten so long after its last use.
SESSION = timedelta(days=30)
MICROSECOND = timedelta(microseconds=1)
FAR_TOO_MUCH = "1000000000000"


class TreeBackend(SqlBackend):
    """The back end, and the budget tree beside it."""

    def hold(self, item: Item, seconds: int) -> None:
        """Hold, whether it is allowed or not."""
        held = {**item, "overage": "REJECT", "group": None, "occurredAt": None, "ttlSeconds": seconds}
        self.reserve([held])  # type: ignore[list-item]

    @property
    def seconds(self) -> int:
        """Since the world's instant."""
        return int((self._clock - self._instant).total_seconds())

    def tree(self, after: Any = None, limit: int = 100_000, **filter_: Any) -> list[Row]:
        """A page; all of them by default."""
        statement = "SELECT api.read_budget_tree(%s, %s, %s, %s)"
        given = (self._customer, Jsonb(filter_), None if after is None else Jsonb(after), limit)
        return [row for (row,) in self._rows(statement, *given)]

    def instants(self) -> list[datetime]:
        """Now, and where something ends later or has ended without being booked."""
        (last_at,) = self._rows("SELECT last_at FROM core.gate WHERE customer_id = %s", self._customer)[0]
        edges = self._rows(
            "SELECT window_end FROM core.counter WHERE customer_id = %s AND window_end < 'infinity'"
            " UNION SELECT last_used_at + interval '720 hours' FROM core.counter WHERE customer_id = %s"
            " UNION SELECT until FROM core.budget_raise WHERE customer_id = %s"
            " UNION SELECT expires_at FROM core.reservation WHERE customer_id = %s AND state = 'HELD'",
            *4 * [self._customer],
        )
        around = {
            at for (edge,) in edges for at in (edge, edge - MICROSECOND) if at > max(last_at, self._clock)
        }
        return [max(last_at, self._clock), *sorted(around)]

    @contextmanager
    def stopped_at(self, instant: datetime) -> Iterator[None]:
        """Everything decides and reads at that instant; whatever happens inside is undone."""
        with self._connection.transaction(force_rollback=True):
            # Nobody decides before what the customer has recorded, and the clock is far behind that.
            self._connection.execute(
                "UPDATE core.gate SET last_at = %s WHERE customer_id = %s", (instant, self._customer)
            )
            self._connection.execute(
                "UPDATE core.installation SET clock_offset = %s - clock_timestamp()",
                (instant - timedelta(days=1),),
            )
            yield

    def told_by_check(self, row: Row, features: list[FeatureForm]) -> Row:
        """What a denial by this row's budget says, alone, hard and asked for too much."""
        feature = next(
            each
            for each in features
            if row["featureId"] in (None, self._own(each["featureId"]))
            and set(row["dimensions"]) <= set(each["dimensions"])
        )
        asked = {
            "idempotencyKey": "what-if",
            "featureId": self._own(feature["featureId"]),
            "quantities": [{"name": row["quantity"] or feature["quantities"][0], "amount": FAR_TOO_MUCH}],
            "entityIds": [row["entityId"]] if row["entityId"] else [],
            "dimensions": [{"key": key, "value": value} for key, value in row["dimensions"].items()],
            **({} if row["sessionId"] is None else {"sessionId": row["sessionId"]}),
        }
        with self._connection.transaction(force_rollback=True):
            self._leave_alone(row, asked["featureId"], asked["quantities"][0]["name"])
            call = "SELECT reason, answer FROM api.check(%s, %s)"
            reason, answer = self._rows(call, self._customer, Jsonb([asked]))[0]
        assert reason == "BUDGET_EXCEEDED", row
        bound: Row = answer["binding"]
        assert (bound["budgetId"], bound["entityId"]) == (row["budgetId"], row["entityId"])
        return bound

    def parents(self) -> dict[str, str | None]:
        """Of each entity, the one above it."""
        return dict(
            self._rows(
                "SELECT e.entity_id, p.entity_id FROM core.entity AS e JOIN core.entity AS p"
                " ON p.customer_id = e.customer_id AND p.entity_no = e.parent_no WHERE e.customer_id = %s",
                self._customer,
            )
        )

    def subjects(self, at: datetime) -> Counter[Place]:
        """Budget, entity and session of every row there should be, found out from the tables one by one."""
        entities = {
            no: (entity_id, kind, parent)
            for no, entity_id, kind, parent in self._rows(
                "SELECT entity_no, entity_id, entity_type, parent_no FROM core.entity"
                " WHERE customer_id = %s AND archived_at IS NULL",
                self._customer,
            )
        }

        def stands_below(no: int, owner: int) -> bool:
            while (no := entities[no][2]) is not None:
                if no == owner:
                    return True
            return False

        found: Counter[Place] = Counter()
        for budget_no, budget, owner, kind, each in self._rows(
            "SELECT budget_no, budget_id, entity_no, subject_kind, each_type FROM core.budget"
            " WHERE customer_id = %s AND is_active",
            self._customer,
        ):
            if kind == "SESSION":
                for (session,) in self._rows(
                    "SELECT session_id FROM core.counter"
                    " WHERE customer_id = %s AND budget_no = %s AND last_used_at > %s",
                    self._customer,
                    budget_no,
                    at - SESSION,
                ):
                    found[budget, entities[owner][0], session] += 1
            elif kind == "ENTITY":
                found[budget, entities[owner][0], None] += 1
            else:
                for no, (entity_id, entity_type, _) in entities.items():
                    if entity_type == each and stands_below(no, owner):
                        found[budget, entity_id, None] += 1
        return found

    def _leave_alone(self, row: Row, feature: str, quantity: str) -> None:
        """Only this budget binds, hard, and the quantity has a price in what it counts."""
        given = {
            "customer": self._customer,
            "budget": row["budgetId"],
            "type": row["creditType"] or next(iter(self._types.values())),
            "feature": feature,
            "quantity": quantity,
        }
        for statement in _ALONE:
            self._connection.execute(statement, given)


_ALONE = (
    """
    UPDATE core.budget SET is_active = budget_id = %(budget)s, mode = 'HARD' WHERE customer_id = %(customer)s
    """,
    """
    UPDATE core.gate SET is_suspended = false, suspended_entities = '{}', observe = false
    WHERE customer_id = %(customer)s
    """,
    """
    DELETE FROM core.wallet WHERE customer_id = %(customer)s AND credit_type <> %(type)s
    """,
    """
    INSERT INTO core.wallet (customer_id, wallet_no, wallet_id, entity_no, credit_type, created_at)
    VALUES (%(customer)s, 1000000, 'made-up', 0, %(type)s, now()) ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO core.rate (feature_id, credit_type, quantity, dimensions, specificity, effective_from,
                           catalog_version, amount, per_units)
    SELECT %(feature)s, %(type)s, %(quantity)s, '{}', 1000, '1970-01-02', catalog_version, 1, 1
    FROM core.installation
    """,
)
