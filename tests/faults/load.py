"""Spenders that go on whatever happens to the server, and remember what they were told.

    with Load(url, spenders=6) as load:
        ...                        # kill something
    load.answers                   # what was told, by customer and key
    load.lost                      # how often an answer did not come, and the same keys were sent again

A spender sends one call after the other, each with new keys, to one customer or to several at once. Where the
answer does not come it connects again and sends the very same call, until it is answered: so at the end every
key has an answer, and what was told for it is told for ever.
"""

import threading
import time
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Any, Self, TypeAlias

import psycopg
from psycopg.types.json import Jsonb

Key: TypeAlias = tuple[str, str]

#: Seconds until a server that was killed must answer again.
SECONDS = 60.0

_COLUMNS = "customer_id, idempotency_key, allowed, reason, deferred, replayed, seq"


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, as it must be told again."""

    amount: int
    allowed: bool
    reason: str | None
    seq: int


@dataclass
class Load:
    """So many spenders on the customers ``c0``, ``c1`` …; they spend from entering to leaving."""

    url: str
    spenders: int = 6
    customers: int = 3
    seed: int = 0
    answers: dict[Key, Told] = field(default_factory=dict)
    lost: int = 0
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stop, self._give_up = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=self._spend, args=(n,)) for n in range(self.spenders)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if error is not None:
            self._give_up.set()
        for thread in self._threads:
            thread.join()
        assert error is not None or not self.failures, self.failures[0]

    def _spend(self, number: int) -> None:
        random = Random(f"{self.seed}.{number}")
        spender = Spender(self.url, self._give_up)
        try:
            for call in range(1_000_000):
                if self._stop.is_set():
                    break
                items = self._items(random, f"{number}.{call}")
                rows, times = spender.send(items)
                self.lost += times
                for item, (customer, key, allowed, reason, _, _, seq) in zip(items, rows, strict=True):
                    amount = int(item["quantities"][0]["amount"])
                    assert (customer, key) == (item["customerId"], item["idempotencyKey"])
                    self.answers[customer, key] = Told(amount, allowed, reason, seq)
        except Exception as error:
            self.failures.append(f"spender {number}: {type(error).__name__} {error}")
        finally:
            spender.close()

    def _items(self, random: Random, name: str) -> list[dict[str, Any]]:
        """Of one customer mostly, of several at times; one item in eight is more than anybody has."""
        several = random.random() < 0.3
        one = random.randrange(self.customers)
        return [
            asked(f"c{random.randrange(self.customers) if several else one}", f"{name}.{place}", amount)
            for place in range(random.choice((1, 1, 2, 5)))
            for amount in [10**9 if random.random() < 0.125 else random.randint(1, 3)]
        ]


class Spender:
    """One connection of the application, made again whenever it is lost."""

    def __init__(self, url: str, give_up: threading.Event) -> None:
        self._url = url
        self._give_up = give_up
        self._connection: psycopg.Connection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def send(self, items: list[dict[str, Any]]) -> tuple[list[tuple[Any, ...]], int]:
        """The rows of one call, however often it takes; and how many answers did not come."""
        deadline = time.monotonic() + SECONDS
        lost = 0
        while True:
            sent = False
            try:
                connection = self._connected()
                sent = True
                return self._call(connection, items), lost
            except psycopg.OperationalError:
                self.close()
                assert time.monotonic() < deadline, f"no answer within {SECONDS} s"
                lost += sent
                assert not self._give_up.wait(0.05), "given up"

    def _connected(self) -> psycopg.Connection:
        if self._connection is None:
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=5)
        return self._connection

    def _call(self, connection: psycopg.Connection, items: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        """All at once if they are of many; what comes back deferred goes again, alone with its customer's."""
        if len({item["customerId"] for item in items}) == 1:
            return consume(connection, items)
        many = f"SELECT {_COLUMNS} FROM api.consume_many(%s)"
        rows = connection.execute(many, (Jsonb(items),)).fetchall()  # type: ignore[arg-type]
        for customer in {row[0] for row in rows if row[4]}:
            places = [place for place, row in enumerate(rows) if row[0] == customer]
            alone = consume(connection, [items[place] for place in places])
            for place, row in zip(places, alone, strict=True):
                rows[place] = row
        return rows


def asked(customer: str, key: str, amount: int) -> dict[str, Any]:
    """One item."""
    quantities = [{"name": "input", "amount": str(amount)}]
    return {"customerId": customer, "idempotencyKey": key, "featureId": "chat", "quantities": quantities}


def consume(connection: psycopg.Connection, items: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """One customer's items in one call."""
    query = f"SELECT {_COLUMNS} FROM api.consume(%s, %s)"
    return connection.execute(query, (items[0]["customerId"], Jsonb(items))).fetchall()  # type: ignore[arg-type]
