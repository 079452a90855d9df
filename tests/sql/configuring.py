"""Calls of the configuration functions, and a small world, for the tests of this folder."""

import json
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

ACTOR = "test"


class Configuration:
    """The ``api`` functions as methods, for one customer."""

    def __init__(self, connection: psycopg.Connection, customer_id: str = "acme") -> None:
        self.connection = connection
        self.customer_id = customer_id

    def one(self, statement: str, *arguments: Any) -> Any:
        """The only value of a statement's only row."""
        return self.connection.execute(statement, arguments).fetchone()[0]

    def rows(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement, arguments).fetchall()

    def catalog(self, function: str, **fields: Any) -> Any:
        """A change of the catalogue, such as ``catalog("upsert_feature", featureId="chat")``."""
        return self.one(f"SELECT api.{function}(%s, %s)", Jsonb(fields), ACTOR)

    def change(self, function: str, **fields: Any) -> Any:
        """A change of the customer, such as ``change("upsert_entity", entityId="ada", type="user")``."""
        return self.one(f"SELECT api.{function}(%s, %s, %s)", self.customer_id, Jsonb(fields), ACTOR)

    def suspend(self, entity_id: str | None, suspended: bool = True) -> Any:
        return self.one(
            "SELECT api.set_suspension(%s, %s, %s, %s)", self.customer_id, entity_id, suspended, ACTOR
        )

    def advance(self, by: str) -> Any:
        return self.one("SELECT api.advance_clock(%s::interval)", by)

    def begin(self, unit: str) -> None:
        """Go on to the next beginning of a ``month`` or ``year``: tests run on any day of one."""
        self.one(
            "SELECT api.advance_clock(date_trunc(%s, core.clock(), 'UTC') + %s::interval - core.clock())",
            unit,
            f"1 {unit}",
        )

    def clock(self, plus: str = "0") -> str:
        """The time of the database, moved by an interval, as an input takes it."""
        return self.one(
            "SELECT to_char((core.clock() + %s::interval) AT TIME ZONE 'UTC',"
            ' \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')',
            plus,
        )

    @property
    def seq(self) -> int:
        return self.one("SELECT seq FROM core.gate WHERE customer_id = %s", self.customer_id)

    @property
    def catalog_version(self) -> int:
        return self.one("SELECT catalog_version FROM core.installation")

    def faults(self, function: str, **fields: Any) -> set[tuple[str, str]]:
        """Field and code of every fault that a change is refused for; nothing may be written by it."""
        call = self.catalog if function in CATALOG else self.change
        with pytest.raises(psycopg.DatabaseError) as caught:
            call(function, **fields)
        assert caught.value.sqlstate == "UC101", caught.value
        errors = json.loads(caught.value.diag.message_detail)["errors"]
        assert all(set(each) == {"field", "code", "message"} for each in errors)
        return {(each["field"], each["code"]) for each in errors}

    def history_is_whole(self) -> None:
        """Every ``seq`` stands on exactly one head row, in the order of time."""
        heads = self.rows(
            "SELECT seq, recorded_at FROM core.change WHERE customer_id = %s"
            " UNION ALL SELECT seq, recorded_at FROM core.usage_event WHERE customer_id = %s"
            " UNION ALL SELECT seq, recorded_at FROM core.ledger_entry"
            " WHERE customer_id = %s AND leg = 1"
            " AND kind NOT IN ('CONSUME', 'PAYMENT_RECEIVED', 'GRANT_VOIDED', 'CHARGEBACK')"
            " AND NOT (kind = 'TRANSFER' AND seq IN ("
            "  SELECT seq FROM core.change WHERE customer_id = %s AND kind = 'TRANSFER')) ORDER BY seq",
            *(4 * [self.customer_id]),
        )
        assert [seq for seq, _ in heads] == list(range(1, self.seq + 1))
        assert [at for _, at in heads] == sorted(at for _, at in heads)


CATALOG = (
    "upsert_credit_type",
    "upsert_feature",
    "set_rates",
    "create_api_key",
    "revoke_api_key",
    "rotate_api_key",
)


def small_world(connection: psycopg.Connection) -> Configuration:
    """Two credit types, a feature, and a customer with a team and two users below it."""
    world = Configuration(connection)
    world.catalog("upsert_credit_type", creditType="general")
    world.catalog("upsert_credit_type", creditType="promo", decimals=0)
    world.catalog(
        "upsert_feature",
        featureId="chat",
        quantities=["input", "output"],
        dimensions=["model", "region"],
        creditTypes=["promo", "general"],
    )
    world.change("upsert_customer", name="Acme")
    world.change("upsert_entity", entityId="team", type="team")
    world.change("upsert_entity", entityId="ada", type="user", parentId="team")
    world.change("upsert_entity", entityId="bob", type="user", parentId="team")
    return world
