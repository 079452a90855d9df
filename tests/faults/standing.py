"""A server of a test's own with a customer that spends, and what stands there afterwards.

    with Standing.new(folder / "first") as first:
        first.consume("key", "3")

Everything an application does goes through ``api``; ``recover`` is the command, as an operator runs it.
"""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.types.json import Jsonb

from controlplane.db.account import account_for
from controlplane.db.embedded import EmbeddedServer
from controlplane.db.local import DATABASE, ensure_database
from controlplane.db.migrate import migrate
from controlplane.types import Environment, Failover
from tests.commands import controlplane
from tests.servers import wanted_major
from tests.sql.configuring import Configuration, small_world

#: For servers that are there to have a history and not to keep it.
LOOSE = {"fsync": "off", "shared_buffers": "64MB", "max_wal_size": "256MB"}

CONSUME = "SELECT allowed, reason, replayed, seq FROM api.consume('acme', %s)"

#: One statement of each kind that decides or writes.
GUARDED = (
    """SELECT api.check('acme', '[{"idempotencyKey": "refused", "featureId": "no", "quantity": "1"}]')""",
    """SELECT api.consume('acme', '[{"idempotencyKey": "refused", "featureId": "no", "quantity": "1"}]')""",
    """SELECT api.upsert_entity('acme', '{"entityId": "new", "type": "user"}', 'test')""",
    """SELECT api.upsert_credit_type('{"creditType": "gold"}', 'test')""",
    "SELECT api.book_due(1)",
)


class Place:
    """A database with our schema, by its URL as a superuser."""

    def __init__(self, url: str) -> None:
        self.url = url

    def rows(self, statement: str, *arguments: Any, **named: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(statement, named or arguments).fetchall()  # type: ignore[arg-type]

    def make_world(self, amount: str = "1000") -> None:
        """A credit a unit, and so many of them."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            world = small_world(connection)
            rates = [{"creditType": "general", "quantity": "input", "amount": "1"}]
            world.catalog("set_rates", featureId="chat", rates=rates)
            world.change("grant_credits", idempotencyKey="grant", creditType="general", amount=amount)

    def make_customers(self, count: int, granted: int) -> None:
        """Others beside it, ``c0``, ``c1`` …, with so many credits each and a budget of as many."""
        shape = {"measure": "CREDITS", "creditType": "general", "window": "TOTAL"}
        with psycopg.connect(self.url, autocommit=True) as connection:
            for number in range(count):
                customer = Configuration(connection, f"c{number}")
                customer.change("upsert_customer")
                customer.change(
                    "grant_credits", idempotencyKey="grant", creditType="general", amount=str(granted)
                )
                customer.change("set_budget", budgetId="all", limit=str(granted), **shape)

    def trip(self, name: str, does: str, *, at_commit: bool = False) -> AbstractContextManager[None]:
        """Whatever is recorded under a key that begins with ``name`` does this, in PL/pgSQL."""
        when = f"starts_with(core.key_text(NEW.key), '{name}')"
        return self._trip(name, "core.idempotency", when, does, at_commit)

    def trip_steps(self, kind: str, does: str, *, at_commit: bool = False) -> AbstractContextManager[None]:
        """Whatever steps of reservations of a kind, or of this pattern of kinds, are recorded do this."""
        return self._trip("stumble", "core.reservation_step", f"NEW.kind ~ '^({kind})$'", does, at_commit)

    @contextmanager
    def _trip(self, name: str, table: str, when: str, does: str, at_commit: bool) -> Iterator[None]:
        trigger = f"CONSTRAINT TRIGGER {name} AFTER" if at_commit else f"TRIGGER {name} BEFORE"
        later = "DEFERRABLE INITIALLY DEFERRED" if at_commit else ""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                f"CREATE FUNCTION public.{name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"  # type: ignore[arg-type]
                " AS $$ BEGIN"
                f" IF {when} THEN {does}; END IF; RETURN NEW; END $$;"
                f"CREATE {trigger} INSERT ON {table} {later}"
                f" FOR EACH ROW EXECUTE FUNCTION public.{name}()"
            )
            yield
            connection.execute(f"DROP FUNCTION public.{name} CASCADE")  # type: ignore[arg-type]

    def consume(self, key: str, amount: str) -> tuple[Any, ...]:
        """Whether it was allowed, the reason, whether it was answered before, and the seq."""
        [row] = self.rows(CONSUME, Jsonb([item(key, amount)]))
        return row

    @property
    def refusal(self) -> str | None:
        """The state that everything which decides or writes is refused with; None where it is not."""
        states = {self._attempt(statement) for statement in GUARDED}
        [state] = states
        return state

    def _attempt(self, statement: str) -> str | None:
        try:
            self.rows(statement)
        except psycopg.DatabaseError as error:
            return error.sqlstate
        return None

    def recover(self, *arguments: str) -> str:
        """Run the command; what it says."""
        done = controlplane("recover", *arguments, env={"CONTROLPLANE_DATABASE_URL": self.url})
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def incarnations(self) -> list[str]:
        """Why each of them began."""
        return [reason for (reason,) in self.rows("SELECT reason FROM core.incarnation ORDER BY incarnation")]

    @property
    def available(self) -> int:
        [(available,)] = self.rows("SELECT available FROM core.wallet WHERE wallet_id = 'customer:general'")
        return int(available)

    @property
    def faults(self) -> list[tuple[Any, ...]]:
        """What ``verify`` finds."""
        return self.rows("SELECT check_name, offender FROM api.verify() WHERE offender IS NOT NULL")


class Standing(Place):
    """A database on an embedded server of its own; use it as a context manager."""

    def __init__(self, folder: Path, settings: Mapping[str, str] = LOOSE) -> None:
        self.server = EmbeddedServer(folder, major=wanted_major(), settings=settings)
        super().__init__(self.server.url(DATABASE))

    @classmethod
    def new(
        cls, folder: Path, settings: Mapping[str, str] = LOOSE, failover: Failover = Failover.ASYNCHRONOUS
    ) -> Self:
        """One with our schema and a world."""
        made = cls(folder, settings)
        made.server.start()
        try:
            ensure_database(made.server.url())
            migrate(made.url, prefix="controlplane", environment=Environment.TEST, failover=failover)
            made.make_world()
        except BaseException:
            made.server.stop()
            raise
        return made

    def backup(self, folder: Path, *arguments: str) -> Path:
        """A base backup of the running server, as the cluster of a folder for another one."""
        account = account_for(self.server.cluster)
        folder.mkdir()
        account.owns(folder)
        subprocess.run(
            [
                self.server.binaries.program("pg_basebackup"),
                *("-D", folder / "postgres", "-d", self.server.url("replication", user="postgres")),
                *("--checkpoint=fast", "--no-sync", *arguments),
            ],
            check=True,
            cwd=folder,
            capture_output=True,
            **account.popen_arguments(),
        )
        return folder

    def set(self, name: str, value: str) -> None:
        """Change a setting of the running server."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET {name} = {value}")  # type: ignore[arg-type]
            connection.execute("SELECT pg_reload_conf()")

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.stop()


def item(key: str, amount: str) -> dict[str, Any]:
    return {"idempotencyKey": key, "featureId": "chat", "quantities": [{"name": "input", "amount": amount}]}
