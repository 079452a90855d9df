"""Lanes in this process, on a world that is easy to reckon with: every input costs one credit."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from controlplane.db.decisions import Decisions, connections
from controlplane.db.lanes.settling import Watch
from controlplane.db.lanes.ticket import Judgement
from controlplane.db.pool import Database
from controlplane.errors import DatabaseError
from tests.sql.configuring import Configuration, small_world

_numbers = itertools.count(1)


@dataclass
class Seen:
    """A watch that remembers."""

    batches: list[tuple[str, int]] = field(default_factory=list)
    deferrals: int = 0
    retries: list[str] = field(default_factory=list)

    def sent(self, call: str, items: int, seconds: float) -> None:
        self.batches.append((call, items))

    def waited(self, call: str, seconds: float) -> None:
        assert seconds >= 0

    def deferred(self, items: int) -> None:
        self.deferrals += items

    def retried(self, why: str) -> None:
        self.retries.append(why)


def make_customers(connection: psycopg.Connection, *names: str, amount: str = "100") -> None:
    """Customers with a grant each, beside ``acme``, which has none."""
    world = small_world(connection)
    world.catalog(
        "set_rates", featureId="chat", rates=[{"creditType": "general", "quantity": "input", "amount": "1"}]
    )
    for name in names:
        customer = Configuration(connection, name)
        customer.change("upsert_customer", name=name)
        customer.change("grant_credits", idempotencyKey="first", creditType="general", amount=amount)


def ask(customer: str, amount: str = "1", key: str | None = None, **more: Any) -> dict[str, Any]:
    """One request, with a key of its own unless it is given."""
    return {
        "idempotencyKey": key or f"key-{next(_numbers)}",
        "customerId": customer,
        "featureId": "chat",
        "quantities": [{"name": "input", "amount": amount}],
        **more,
    }


@asynccontextmanager
async def deciding(
    url: str,
    watch: Watch | None = None,
    *,
    statement_timeout_ms: int = 20_000,
    size: int | None = None,
    **options: Any,
) -> AsyncIterator[Decisions]:
    """Lanes on this database, as a process of the API has them."""
    lanes = options.setdefault("lanes", 2)
    database = Database(
        url,
        size=size or connections(lanes),
        statement_timeout_ms=statement_timeout_ms,
        behind_pooler=False,
        name="controlplane lanes",
    )
    await database.open()
    decisions = Decisions(database, watch=watch, **options)
    decisions.start()
    try:
        yield decisions
    finally:
        await decisions.stop()
        await database.close()


async def together(*calls: Any) -> list[Any]:
    """What several callers are told who ask in the same moment."""
    return list(await asyncio.gather(*calls))


def told(outcomes: Sequence[Judgement | DatabaseError]) -> list[str]:
    """Each outcome in a word: ALLOWED, the reason of a denial, or the code of an error."""
    return [
        outcome.code if isinstance(outcome, DatabaseError) else outcome.reason or "ALLOWED"
        for outcome in outcomes
    ]
