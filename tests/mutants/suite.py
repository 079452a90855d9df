"""What every mutant is asked: rules of locks and time, the vectors, and histories judged by the model.

``first_failure`` stops at the first wrong answer, so that most mutants take a moment; the cheapest and
the most telling come first.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tests.conformance.agreement import first_disagreement
from tests.conformance.cases import load_cases, replay_case
from tests.conformance.model_backend import ModelBackend
from tests.conformance.sql_backend import ManySqlBackend, SqlBackend
from tests.model.strategies import history, kept
from tests.sql.configuring import Configuration, small_world

#: What SQL leaves to the doors.
_LEFT_TO_DOORS = {"retryAfter"}
#: No mutant may run for ever.
_OPTIONS = "-c statement_timeout=10s -c synchronous_commit=off"


def first_failure(url: str, histories: int) -> str | None:
    """What the database at this URL does wrong first; None if nothing is seen.

    Args:
        url: as a superuser; everything in it is left behind.
        histories: so many made from seeds, besides the vectors and those that once showed something.
    """
    with psycopg.connect(url, autocommit=True, options=_OPTIONS) as connection:
        name = "rules"
        try:
            for name, check in _checks(url, connection, histories):
                if difference := check():
                    return f"{name}: {difference}"
        except (psycopg.Error, AssertionError, KeyError, IndexError, TypeError, ValueError) as error:
            return f"{name}: {type(error).__name__} {error}".splitlines()[0]
    return None


def _checks(
    url: str, connection: psycopg.Connection, histories: int
) -> Iterator[tuple[str, Callable[[], object]]]:
    rules = Rules(url, connection)
    yield "rules", rules.prepare
    for rule in (
        *(rules.replay, rules.locks, rules.race, rules.durable, rules.exact, rules.many),
        *(rules.time, rules.history),
    ):
        yield rule.__name__, rule
    backends = SqlBackend(connection), ManySqlBackend(connection)
    for case in load_cases():
        yield "vectors", lambda case=case: replay_case(backends[0], case)
    judged = [*kept().values(), *(history(seed) for seed in range(histories))]
    for place, each in enumerate(judged):
        yield (
            f"history {place}",
            lambda each=each, backend=backends[place % 2]: first_disagreement(
                ModelBackend(), backend, each, leave_out=_LEFT_TO_DOORS
            ),
        )
        if place % 10 == 0:
            yield "verify", rules.verify


class Rules:
    """What neither vectors nor histories can ask, in a world of its own."""

    def __init__(self, url: str, connection: psycopg.Connection) -> None:
        self._url = url
        self._connection = connection

    def prepare(self) -> None:
        self._world = small_world(self._connection)
        rates = [{"creditType": "general", "quantity": "input", "amount": "1"}]
        self._world.catalog("set_rates", featureId="chat", rates=rates)
        for customer in ("acme", "free"):
            own = Configuration(self._connection, customer)
            own.change("upsert_customer")
            own.change("grant_credits", idempotencyKey="g", creditType="general", amount="1000")
            shape = {"measure": "CREDITS", "creditType": "general", "window": "TOTAL"}
            own.change("set_budget", budgetId="all", limit="900", **shape)

    def replay(self) -> object:
        """The same key answers the same; a conflict names its field; one key twice in a call is one."""
        first = self._consume(_ask("again", "5"), _ask("again", "5"))
        second = self._consume(_ask("again", "5"), _ask("again", "6"))
        told = [row[1:4] for row in (*first, *second)]
        expected = [(True, None, False), (True, None, True), (True, None, True)]
        if told != [*expected, (False, "IDEMPOTENCY_CONFLICT", False)]:
            return f"replayed {told}"
        return self.verify()

    def locks(self) -> object:
        """A gate that another holds is waited for by one customer's call, and left alone by many's."""
        with psycopg.connect(self._url, options=_OPTIONS) as other:
            rows = other.execute("SELECT allowed FROM api.consume('acme', %s)", (Jsonb([_ask("held", "1")]),))
            assert rows.fetchall() == [(True,)]
            self._connection.execute("SET lock_timeout = '50ms'")
            for attempt in (
                lambda: self._consume(_ask("waiting", "1")),
                lambda: self._world.change(
                    "grant_credits", idempotencyKey="h", creditType="general", amount="1"
                ),
            ):
                try:
                    attempt()
                    return "nobody waits for the gate"
                except psycopg.errors.LockNotAvailable:
                    pass
            items = [_ask("busy", "1", "acme"), _ask("busy", "1", "free")]
            many = "SELECT allowed, deferred FROM api.consume_many(%s)"
            told = self._connection.execute(many, (Jsonb(items),)).fetchall()
            self._connection.execute("SET lock_timeout = 0")
            other.commit()
        return f"of many: {told}" if told != [(False, True), (True, False)] else None

    def race(self) -> object:
        """Who waited for a gate sees what was done behind it."""
        new = Configuration(self._connection, "raced")
        new.change("upsert_customer")
        new.change("grant_credits", idempotencyKey="g", creditType="general", amount="10")
        spend = "SELECT allowed, reason FROM api.consume('raced', %s)"

        def later() -> list[Any]:
            with psycopg.connect(self._url, options=_OPTIONS, application_name="later") as session:
                return session.execute(spend, (Jsonb([_ask("later", "10", "raced")]),)).fetchall()

        waiting = "SELECT FROM pg_stat_activity WHERE application_name = 'later' AND wait_event_type = 'Lock'"
        with ThreadPoolExecutor(1) as pool, psycopg.connect(self._url, options=_OPTIONS) as first:
            first.execute(spend, (Jsonb([_ask("first", "10", "raced")]),))
            second = pool.submit(later)
            while not second.done() and not self._world.rows(waiting):
                sleep(0.005)
            first.commit()
            told = second.result()
        return None if told == [(False, "INSUFFICIENT_CREDITS")] else f"after another: {told}"

    def durable(self) -> object:
        """A commit is durable whatever the session asked for, and nothing is decided in another isolation."""
        with self._connection.transaction():
            self._consume(_ask("durable", "1"))
            [(setting,)] = self._world.rows("SHOW synchronous_commit")
        if setting != "on":
            return f"synchronous_commit = {setting}"
        with psycopg.connect(self._url, options=_OPTIONS) as other:
            other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            items = Jsonb([_ask("repeatable", "1")])
            return _not_refused(lambda: other.execute("SELECT api.consume('acme', %s)", (items,)), "UC110")

    def exact(self) -> object:
        """What would be rounded is refused, and what is no number."""
        for amount in ("0.0000000001", "1e3", "NaN", "-1"):
            if wrong := _not_refused(lambda amount=amount: self._consume(_ask("exact", amount)), "UC100"):
                return f"{amount}: {wrong}"
        return None

    def time(self) -> object:
        """A clock set back does not take history with it."""
        set_back = "UPDATE core.installation SET clock_offset = clock_offset - interval '1 hour'"
        self._connection.execute(set_back)
        self._consume(_ask("late", "1"))
        items = [_ask("late of many", "1", "acme"), _ask("late of many", "1", "free")]
        self._connection.execute("SELECT api.consume_many(%s)", (Jsonb(items),))
        self._world.change("grant_credits", idempotencyKey="late grant", creditType="general", amount="1")
        return self.verify()

    def many(self) -> object:
        """What is due of one of many is booked; who does not exist is told so, beside who does."""
        soon = self._world.clock("10 minutes")
        self._world.change(
            "grant_credits", idempotencyKey="soon", creditType="general", amount="1", expiresAt=soon
        )
        self._connection.execute(
            "UPDATE core.installation SET clock_offset = clock_offset + interval '2 hours'"
        )
        items = [_ask("many", "1", customer) for customer in ("acme", "free", "nobody")]
        statement = "SELECT allowed, reason, deferred FROM api.consume_many(%s)"
        told = self._world.rows(statement, Jsonb(items))
        if told != [(True, None, False), (True, None, False), (False, "CUSTOMER_NOT_FOUND", False)]:
            return f"of many: {told}"
        booked = self._world.one("SELECT count(*) FROM core.ledger_entry WHERE kind = 'GRANT_EXPIRED'")
        return self.verify() if booked == 1 else "what was due is not booked"

    def history(self) -> object:
        """What is recorded is neither changed nor taken away."""
        for table in ("usage_event", "ledger_entry", "idempotency", "change"):
            for statement in (f"UPDATE core.{table} SET seq = seq", f"DELETE FROM core.{table}"):
                if wrong := _not_refused(lambda text=statement: self._connection.execute(text), "UC910"):
                    return f"{statement}: {wrong}"
        return None

    def verify(self) -> object:
        """What ``api.verify`` finds."""
        found = self._world.rows(
            "SELECT check_name, offender FROM api.verify() WHERE offender IS NOT NULL LIMIT 1"
        )
        return f"{found[0][0]} {json.dumps(found[0][1])}" if found else None

    def _consume(self, *items: dict[str, Any]) -> list[tuple[Any, ...]]:
        columns = "idempotency_key, allowed, reason, replayed"
        return self._world.rows(f"SELECT {columns} FROM api.consume('acme', %s)", Jsonb(list(items)))


def _ask(key: str, amount: str, customer: str = "acme") -> dict[str, Any]:
    quantities = [{"name": "input", "amount": amount}]
    return {"idempotencyKey": key, "featureId": "chat", "quantities": quantities, "customerId": customer}


def _not_refused(attempt: Callable[[], object], state: str) -> str | None:
    try:
        attempt()
    except psycopg.Error as error:
        return None if error.sqlstate == state else f"{error.sqlstate} instead of {state}"
    return f"not refused with {state}"
