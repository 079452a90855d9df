"""Real connections that race: each runs its script, and all that was asked and answered is written down.

    arena = Arena(url, worlds)
    done = arena.race(connections, lanes)
    assert judge(arena, done) is None

A *lane* is the script of one connection, a list of steps. A step is an operation (``forms.Operation``) on one
of the arena's worlds; several operations ``consume`` in one step are one call of ``api.consume_many``, where
a customer that comes back deferred is sent again alone, as a lane of the server would.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.conformance import forms
from tests.conformance.model_backend import ModelBackend
from tests.conformance.replay import apply
from tests.conformance.sql_backend import SqlBackend, refusals_told

CONNECTIONS = 16

#: Number of a world, and what is to happen in it.
Part = tuple[int, forms.Operation]
Step = list[Part]
Lane = list[Step]


@dataclass
class Done:
    """One operation on one customer: when it was under way, and what came of it."""

    world: int
    operation: forms.Operation
    actor: str
    started: float
    ended: float = 0.0
    rows: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None  # the state of a refusal
    refused: str | None = None  # and what it says of a change, as ``Malformed`` does
    deferred: bool = False

    def __str__(self) -> str:
        return f"{self.actor} {json.dumps(self.operation)}"


class Racer(SqlBackend):
    """One connection's view of a world that is set up already. The clock runs; rows are kept as they come."""

    def __init__(self, world: SqlBackend, connection: psycopg.Connection, actor: str) -> None:
        self.__dict__.update(world.__dict__)
        self._rows_seen = world._rows  # type: ignore[method-assign]
        self._connection = connection
        self.actor = actor

    def _stop_clock(self) -> None:
        pass

    def _call(self, function: str, **fields: Any) -> Any:
        return self._one(f"SELECT api.{function}(%s, %s)", Jsonb(fields), self.actor)

    def _change(self, function: str, **fields: Any) -> Any:
        return self._one(f"SELECT api.{function}(%s, %s, %s)", self._customer, Jsonb(fields), self.actor)

    def suspend_customer(self, suspended: bool) -> None:
        self._suspend(None, suspended)

    def suspend_entity(self, entity_id: str, suspended: bool) -> None:
        self._suspend(entity_id, suspended)

    def _suspend(self, entity_id: str | None, suspended: bool) -> None:
        statement = "SELECT api.set_suspension(%s, %s, %s, %s)"
        with refusals_told():
            self._one(statement, self._customer, entity_id, suspended, self.actor)

    def _decide(self, verb: str, items: Sequence[forms.Item], observe: bool) -> list[forms.Answer]:
        rows = self._ask(
            f"SELECT * FROM api.{verb}(%s, %s, %s)", (self._customer, Jsonb(self.asked(items)), observe)
        )
        self._note(rows)
        return rows

    def _step(
        self, verb: str, steps: Sequence[forms.Step], observe: bool | None = None
    ) -> list[forms.Answer]:
        return self._ask(*self._steps_of(verb, self._named(steps), observe))

    def _ask(self, statement: Any, arguments: Any) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(statement, arguments)
            return cursor.fetchall()

    def settled_on(self, operation: forms.Operation) -> forms.Operation:
        """What it means now: of events the last one; a reservation not known yet is nobody's for ever."""
        if operation["op"] == "reverse":
            return {**operation, "event": max(len(self._events_of(operation["key"])) - 1, 0)}
        if "steps" not in operation:
            return operation
        steps: list[Any] = [
            step if step["reservation"] in self._reservations else {**step, "reservation": "nobody's"}
            for step in operation["steps"]
        ]
        return {**operation, "steps": steps}

    def asked(self, items: Sequence[forms.Item]) -> list[dict[str, Any]]:
        """The items as this database knows their features, with the customer's id."""
        return [
            {**item, "featureId": self._own(item["featureId"]), "customerId": self._customer}
            for item in items
        ]


class Arena:
    """Some customers in one database, each with its twin in the model."""

    def __init__(self, admin: psycopg.Connection, worlds: Sequence[forms.World]) -> None:
        self.admin = admin
        self.sql = [SqlBackend(admin) for _ in worlds]
        self.models = [ModelBackend() for _ in worlds]
        for world, backend, model in zip(worlds, self.sql, self.models, strict=True):
            assert world.get("instant") == worlds[0].get("instant"), "there is one clock"
            backend.set_up(world)
            model.set_up(world)
            # The wall's clock made the one; a billing period counts from there.
            [(model.customer.created_at,)] = self.rows(
                "SELECT created_at FROM core.customer WHERE customer_id = %s", backend._customer
            )
        self.started = [
            (model.customer.seq, int(sql.state()["seq"]))
            for model, sql in zip(self.models, self.sql, strict=True)
        ]
        self.heads: list[dict[str, Any]] = []  # of seals, as somebody outside keeps them
        self.sql[0]._stop_clock()

    @property
    def customers(self) -> list[str]:
        return [backend._customer for backend in self.sql]

    def rows(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        return self.admin.execute(statement, arguments).fetchall()  # type: ignore[arg-type]

    def now(self) -> datetime:
        [(now,)] = self.rows("SELECT core.clock()")
        assert isinstance(now, datetime)
        return now

    def race(self, connections: Sequence[psycopg.Connection], lanes: Sequence[Lane]) -> list[Done]:
        """Runs the lanes side by side, each on a connection of its own, all from the same moment on."""
        start = Barrier(len(lanes))
        assert len(lanes) <= len(connections)

        def run(number: int) -> list[Done]:
            done: list[Done] = []
            start.wait()
            for place, step in enumerate(lanes[number]):
                done += self.do(connections[number], f"{number}.{place}", step)
            return done

        with ThreadPoolExecutor(len(lanes)) as pool:
            return [done for part in pool.map(run, range(len(lanes))) for done in part]

    def do(self, connection: psycopg.Connection, actor: str, step: Step) -> list[Done]:
        """One step; what it does to one customer is one operation."""
        now = time.perf_counter()
        done = [Done(world, operation, actor, now) for world, operation in step]
        racers = [Racer(self.sql[each.world], connection, actor) for each in done]
        if step[0][1]["op"] == "advance":
            self.move_clock(timedelta(seconds=step[0][1]["seconds"]))
            return []
        if step[0][1]["op"] == "seal":
            self.seal(connection, racers[0]._customer)
            return []
        if len(step) == 1:
            attempt(done, lambda: apply_to(racers[0], done[0]))
        else:
            attempt(done, lambda: self.consume_many(connection, done, racers))
        for each, racer in zip(done, racers, strict=True):
            if each.deferred:
                attempt([each], lambda racer=racer, each=each: apply_to(racer, each))
            each.ended = time.perf_counter()
        return done

    def consume_many(
        self, connection: psycopg.Connection, done: Sequence[Done], racers: Sequence[Racer]
    ) -> None:
        """All their items in one call."""
        items = [
            item
            for each, racer in zip(done, racers, strict=True)
            for item in racer.asked(each.operation["items"])
        ]
        with connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(
                "SELECT * FROM api.consume_many(%s, %s)",
                (Jsonb(items), done[0].operation.get("observe", False)),
            )
            rows = cursor.fetchall()
        for each, racer in zip(done, racers, strict=True):
            own = len(each.operation["items"])
            each.rows, rows = rows[:own], rows[own:]
            assert {row["customer_id"] for row in each.rows} == {racer._customer}
            each.deferred = each.rows[0]["deferred"]
            assert all(row["deferred"] == each.deferred for row in each.rows)
            if each.deferred:
                assert all(row["seq"] is None and row["reason"] is None for row in each.rows)
                each.rows = []

    def seal(self, connection: psycopg.Connection, customer: str) -> None:
        """What nothing else notices."""
        [(head,)] = connection.execute("SELECT api.seal(%s) - 'sealed'", (customer,)).fetchall()
        self.heads.append(head)

    def move_clock(self, by: timedelta) -> None:
        """What ``api.advance_clock`` does but for partitions: months ahead stay in DEFAULT."""
        self.admin.execute("UPDATE core.installation SET clock_offset = clock_offset + %s", (by,))


def apply_to(racer: Racer, done: Done) -> None:
    done.operation = racer.settled_on(done.operation)
    done.rows = apply(racer, done.operation)
    if done.rows and "malformed" in done.rows[0]:
        done.error, done.refused, done.rows = "UC101", done.rows[0]["malformed"], []


def attempt(done: Sequence[Done], act: Callable[[], None]) -> None:
    """A refusal is noted; anything else that goes wrong, such as a deadlock, ends the race."""
    try:
        act()
    except psycopg.DatabaseError as error:
        if error.sqlstate is None or not error.sqlstate.startswith("UC"):
            raise
        for each in done:
            each.error = error.sqlstate


@contextmanager
def connected(url: str, count: int = CONNECTIONS) -> Iterator[list[psycopg.Connection]]:
    """So many connections, in autocommit; none waits for ever."""
    options = "-c statement_timeout=60s"
    with ExitStack() as stack:
        yield [
            stack.enter_context(psycopg.connect(url, autocommit=True, options=options)) for _ in range(count)
        ]
