"""Rules that neither vectors nor histories ask for: of locks, time, durability, identity, many customers."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration, small_world

#: No mutant may run for ever; and durability is what a session does not ask for.
OPTIONS = "-c statement_timeout=10s -c synchronous_commit=off"


class Rules:
    """Each a method that says what is wrong, in a world of its own; called in the order of ``all``."""

    def __init__(self, url: str, connection: psycopg.Connection) -> None:
        self._url = url
        self._connection = connection

    def all(self) -> tuple[Callable[[], object], ...]:
        """The clock is set back last of all, since nothing new can be made until it is where it was."""
        return (
            *(self.replay, self.locks, self.race, self.race_of_grants, self.durable, self.exact),
            *(self.metadata, self.owed, self.moved, self.changed, self.identity),
            *(self.many, self.held, self.history, self.time),
        )

    def prepare(self) -> object:
        self._world = small_world(self._connection)
        rates = [{"creditType": "general", "quantity": "input", "amount": "1"}]
        self._world.catalog("set_rates", featureId="chat", rates=rates)
        for customer in ("acme", "free"):
            own = Configuration(self._connection, customer)
            own.change("upsert_customer")
            own.change("grant_credits", idempotencyKey="g", creditType="general", amount="1000")
            shape = {"measure": "CREDITS", "creditType": "general", "window": "TOTAL"}
            own.change("set_budget", budgetId="all", limit="900", **shape)
        available = self._world.rows("SELECT available FROM core.wallet WHERE available = 1000")
        return None if len(available) == 2 else "a grant is not there at once"

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
        with psycopg.connect(self._url, options=OPTIONS) as other:
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
            self._connection.execute("UPDATE core.gate SET next_due_at = last_at WHERE customer_id = 'free'")
            other.execute("SELECT api.consume('free', %s)", (Jsonb([_ask("held", "1", "free")]),))
            booked = self._world.one("SELECT api.book_due(10)")
            self._connection.execute("SET lock_timeout = 0")
            other.commit()
        if told != [(False, True), (True, False)]:
            return f"of many: {told}"
        return "booked behind another's back" if booked else None

    def race(self) -> object:
        """Who waited for a gate sees what was done behind it."""
        new = Configuration(self._connection, "raced")
        new.change("upsert_customer")
        new.change("grant_credits", idempotencyKey="g", creditType="general", amount="10")
        spend = "SELECT allowed, reason FROM api.consume('raced', %s)"

        with psycopg.connect(self._url, options=OPTIONS) as first:
            first.execute(spend, (Jsonb([_ask("first", "10", "raced")]),))
            told = self._beside(first, spend, Jsonb([_ask("later", "10", "raced")]))
        return None if told == [(False, "INSUFFICIENT_CREDITS")] else f"after another: {told}"

    def race_of_grants(self) -> object:
        """Two at once are two."""
        Configuration(self._connection, "granted").change("upsert_customer")
        grant = "SELECT api.grant_credits('granted', %s, 'test')"

        def given(key: str) -> Jsonb:
            return Jsonb({"idempotencyKey": key, "creditType": "general", "amount": "1"})

        with psycopg.connect(self._url, options=OPTIONS) as first:
            first.execute(grant, (given("one"),))
            self._beside(first, grant, given("two"))
        return self.verify()

    def _beside(self, first: psycopg.Connection, statement: str, argument: Jsonb) -> list[Any]:
        """Another session's statement, begun before the first commits, and ended after."""

        def later() -> list[Any]:
            with psycopg.connect(self._url, options=OPTIONS, application_name="later") as session:
                return session.execute(statement, (argument,)).fetchall()  # type: ignore[arg-type]

        waiting = "SELECT FROM pg_stat_activity WHERE application_name = 'later' AND wait_event_type = 'Lock'"
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(later)
            while not second.done() and not self._world.rows(waiting):
                sleep(0.005)
            first.commit()
            return second.result()

    def _writes(self, key: str) -> tuple[tuple[str, Callable[[], object]], ...]:
        """One of each kind, by name."""
        grant = {"idempotencyKey": f"{key} grant", "creditType": "general", "amount": "1"}
        return (
            ("consume", lambda: self._consume(_ask(key, "1"))),
            ("grant", lambda: self._world.change("grant_credits", **grant)),
            ("book_due", lambda: self._world.rows("SELECT api.book_due(10)")),
        )

    def durable(self) -> object:
        """A commit is durable whatever the session asked for, and nothing is decided in another isolation."""
        for name, write in self._writes("durable"):
            with self._connection.transaction():
                write()
                setting = self._world.one("SHOW synchronous_commit")
            if setting != "on" or self._world.one("SHOW synchronous_commit") != "off":
                return f"{name}: synchronous_commit = {setting}"
        with psycopg.connect(self._url, options=OPTIONS) as other:
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

    def metadata(self) -> object:
        """Kept of what is allowed, once."""
        given = {"metadata": {"trace": "abc"}}
        self._consume(_ask("told", "1") | given, _ask("untold", "5000") | given, _ask("told", "1") | given)
        kept = self._world.rows("SELECT metadata FROM core.usage_metadata")
        return None if kept == [({"trace": "abc"},)] else f"kept {kept}"

    def owed(self) -> object:
        """What a wallet owes is paid by what is granted next, in part or in whole."""
        debtor = Configuration(self._connection, "debtor")
        debtor.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "5"}])
        item = _ask("owed", "5", "debtor") | {"overage": "OVERDRAFT"}
        self._connection.execute("SELECT api.consume('debtor', %s)", (Jsonb([item]),))
        told = []
        for amount in ("2", "10"):
            given = {"idempotencyKey": f"pays {amount}", "creditType": "general", "amount": amount}
            debtor.change("grant_credits", **given)
            told += self._world.rows("SELECT owed, available FROM core.wallet WHERE customer_id = 'debtor'")
            if found := self.verify():
                return found
        return None if told == [(3, 0), (0, 7)] else f"owed and available: {told}"

    def moved(self) -> object:
        """A key moves credits once; what differs is named, whatever used the key; a lot keeps its terms."""
        mover = Configuration(self._connection, "mover")
        mover.change("upsert_customer")
        mover.change("upsert_entity", entityId="ada", type="user")
        terms = {
            "kind": "RECURRING",
            "features": ["chat"],
            "costBasis": "0.01",
            "currency": "EUR",
            "source": "x",
        }
        mover.change("grant_credits", idempotencyKey="lot", creditType="general", amount="10", **terms)
        asked = {"idempotencyKey": "move", "from": {"creditType": "general"}, "amount": "4"}
        there = {"to": {"creditType": "general", "entityId": "ada"}}
        told = [mover.change("transfer_credits", **asked, **there) for _ in range(2)]
        if [each.pop("replayed") for each in told] != [False, True] or told[0] != told[1]:
            return f"moved {told}"
        for changed, field in (({"amount": "5"}, "amount"), ({"from": {"walletId": "w"}}, "from.walletId")):
            if mover.faults("transfer_credits", **(asked | there | changed)) != {
                (field, "IDEMPOTENCY_CONFLICT")
            }:
                return f"another {field} is no conflict"
        again = {"idempotencyKey": "move", "creditType": "general", "amount": "4"}
        if mover.faults("grant_credits", **again) != {("operation", "IDEMPOTENCY_CONFLICT")}:
            return "a grant under the key of a transfer is no conflict"
        kept = "grant_kind, priority, effective_at, expires_at::text, features, cost_basis, currency, source"
        lots = self._world.rows(
            f"SELECT amount, remaining, {kept} FROM core.credit_grant"
            " WHERE customer_id = 'mover' ORDER BY grant_no"
        )
        if [lot[:2] for lot in lots] != [(10, 6), (4, 4)] or lots[0][2:] != lots[1][2:]:
            return f"lots {lots}"
        return self.verify()

    def changed(self) -> object:
        """New terms are of what follows; of lots alike the oldest moves first, and what is voided is gone."""
        own = Configuration(self._connection, "changed")
        own.change("upsert_customer")
        own.change("upsert_entity", entityId="ada", type="user")
        given = {"creditType": "general", "amount": "10", "effectiveAt": self._world.clock()}
        lots = [
            own.change("grant_credits", idempotencyKey=key, **given)["grantId"] for key in ("a", "b", "c")
        ]
        spend = "SELECT answer -> 'slices' -> 0 ->> 1 FROM api.consume('changed', %s)"
        paid = self._world.rows(spend, Jsonb([_ask("first", "1", "changed")]))
        own.change("update_grant", grantId=lots[2], priority=10)
        paid += self._world.rows(spend, Jsonb([_ask("second", "1", "changed")]))
        own.change("update_grant", grantId=lots[2], priority=None)
        asked = {"idempotencyKey": "move", "from": {"creditType": "general"}, "amount": "12"}
        moved = own.change("transfer_credits", **asked, to={"creditType": "general", "entityId": "ada"})
        void = own.change("void_grant", grantId=lots[1], reason="rule")
        told = [lot for (lot,) in paid], [part["fromGrantId"] for part in moved["parts"]], void["voided"]
        if told != ([lots[0], lots[2]], lots[:2], "7"):
            return f"paid, moved, voided: {told}, of {lots}"
        return self.verify()

    def identity(self) -> object:
        """Nothing is decided under another identity; after a declared failover one incarnation begins."""
        [(system, timeline, database)] = self._world.rows(
            "SELECT a[1], a[2], a[3] FROM string_to_array(core.identity(), '/') AS a"
        )
        cases = (
            (f"{system}/X/{database}", "asynchronous", False),
            (f"{system}0/X/{database}", "synchronous", False),
            (f"{system}/X/{database}0", "synchronous", False),
            (f"{system}/X/{database}", "synchronous", True),
            (f"{system}/{timeline}/{database}", "asynchronous", True),
        )
        for place, (known, failover, goes_on) in enumerate(cases):
            self._connection.execute(
                "UPDATE core.installation SET identity = %s, failover = %s", (known, failover)
            )
            for name, write in self._writes(f"identity {place}"):
                if goes_on:
                    write()
                elif wrong := _not_refused(write, "UC120"):
                    return f"{known}, {failover}: {name} {wrong}"
        begun = self._world.one("SELECT incarnation FROM core.installation")
        return None if begun == 2 else f"incarnation {begun}"

    def held(self) -> object:
        """What is held is nobody else's; after its end it is anybody's, before anybody has booked it."""
        own = Configuration(self._connection, "holder")
        own.change("upsert_customer")
        own.change("grant_credits", idempotencyKey="g", creditType="general", amount="10")
        item = _ask("held", "10", "holder") | {"ttlSeconds": 60}
        self._connection.execute("SELECT api.reserve('holder', %s)", (Jsonb([item]),))
        check = "SELECT allowed FROM api.check('holder', %s)"
        told = [self._world.one(check, Jsonb([_ask("dry", "1", "holder")]))]
        self._connection.execute(
            "UPDATE core.installation SET clock_offset = clock_offset + interval '61 seconds'"
        )
        told += [self._world.one(check, Jsonb([_ask("dry", "10", "holder")]))]
        return f"while it is held, and after: {told}" if told != [False, True] else self.verify()

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
        found = self._connection.execute(
            "SELECT check_name, offender FROM api.verify() WHERE offender IS NOT NULL LIMIT 1"
        ).fetchall()
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
