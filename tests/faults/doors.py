"""The ways in which ``Load`` asks: straight in SQL, through lanes in this process, and over HTTP.

In SQL a call is sent until it is answered. Through the others each is sent once: what is told then is told to
callers, and must be so.
"""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx
import psycopg
from psycopg.types.json import Jsonb

from controlplane.db.decisions import Decisions
from controlplane.db.lanes.ticket import Call, Judgement
from controlplane.errors import Conflict, OutcomeUnknown, Shed
from tests.concurrency.deciding import deciding
from tests.faults.words import Item, Refused, Told, Unknown, Word, told

Row: TypeAlias = tuple[Any, ...]

#: Seconds until a server that was killed must answer again.
SECONDS = 60.0
#: Seconds after its deadline by which every call has ended.
MARGIN = 2.0

_COLUMNS = "customer_id, idempotency_key, allowed, reason, deferred, replayed, seq, answer"
_ASKING = """
mutation ($input: %s!, $ms: Int) {
  answer: %s(input: $input, timeoutMs: $ms) { allowed reason seq expiresAt quantities { name amount } }
}
"""
QUERIES = {
    Call.CONSUME: _ASKING % ("ConsumeInput", "consume"),
    Call.RESERVE: _ASKING % ("ReserveInput", "reserve"),
    Call.SETTLE: _ASKING % ("SettleReservationInput", "settleReservation"),
    Call.RELEASE: _ASKING % ("ReleaseReservationInput", "releaseReservation"),
    Call.EXTEND: _ASKING % ("ExtendReservationInput", "extendReservation"),
}


class Spender:
    """One connection of the application, made again whenever it is lost."""

    def __init__(self, url: str, give_up: threading.Event) -> None:
        self._url = url
        self._give_up = give_up
        self._connection: psycopg.Connection | None = None
        self.lost = 0

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def send(self, items: list[Item], call: Call = Call.CONSUME) -> list[Word]:
        """The very same call until it is answered."""
        deadline = time.monotonic() + SECONDS
        while True:
            sent = False
            try:
                connection = self._connected()
                sent = True
                rows = self._call(connection, call, items)
            except psycopg.OperationalError:
                self.close()
                assert time.monotonic() < deadline, f"no answer within {SECONDS} s"
                self.lost += sent
                assert not self._give_up.wait(0.05), "given up"
                continue
            assert [row[:2] for row in rows] == [(i["customerId"], i.get("idempotencyKey")) for i in items]
            return [told_in(call, row) for row in rows]

    def _connected(self) -> psycopg.Connection:
        if self._connection is None:
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=5)
        return self._connection

    def _call(self, connection: psycopg.Connection, call: Call, items: list[Item]) -> list[Row]:
        """All at once if they are of many; what comes back deferred goes again, alone with its customer's."""
        if len({item["customerId"] for item in items}) == 1:
            return say(connection, call, items)
        many = f"SELECT {_COLUMNS} FROM api.{call.value}_many(%s)"
        rows = connection.execute(many, (Jsonb(items),)).fetchall()  # type: ignore[arg-type]
        for customer in {row[0] for row in rows if row[4]}:
            places = [place for place, row in enumerate(rows) if row[0] == customer]
            alone = say(connection, call, [items[place] for place in places])
            for place, row in zip(places, alone, strict=True):
                rows[place] = row
        return rows


def say(connection: psycopg.Connection, call: Call, items: list[Item]) -> list[Row]:
    """One customer's items in one call."""
    query = f"SELECT {_COLUMNS} FROM api.{call.value}(%s, %s)"
    return connection.execute(query, (items[0]["customerId"], Jsonb(items))).fetchall()  # type: ignore[arg-type]


def told_in(call: Call, row: Row) -> Told:
    """What a row of an answer says."""
    return told(call, row[2], row[3], row[6], row[7])


def is_replayed(row: Row) -> bool:
    """Whether a row of an answer says that it was known."""
    return bool(row[5])


@dataclass
class Lanes:
    """``Decisions`` in a loop of their own, for callers in other threads."""

    decisions: Decisions
    loop: asyncio.AbstractEventLoop

    def open(self, within: float = 2.0) -> "LaneDoor":
        return LaneDoor(self, within)

    def do(self, work: Any, seconds: float) -> Any:
        """What a coroutine returns, run there; it must not take longer."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)


@contextmanager
def lanes_on(url: str, **options: Any) -> Iterator[Lanes]:
    """Lanes on this database; ``options`` as of ``deciding``."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    stack = AsyncExitStack()
    entering = stack.enter_async_context(deciding(url, **options))
    try:
        lanes = Lanes(asyncio.run_coroutine_threadsafe(entering, loop).result(SECONDS), loop)
        yield lanes
    finally:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result(SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class LaneDoor:
    """A caller of lanes."""

    def __init__(self, lanes: Lanes, within: float) -> None:
        self._lanes = lanes
        self._within = within
        self.lost = 0

    def close(self) -> None:
        """Nothing is open."""

    def send(self, items: list[Item], call: Call = Call.CONSUME) -> list[Word]:
        asking = getattr(self._lanes.decisions, call.value)(items, within=self._within)
        words = [word_of(outcome, call) for outcome in self._lanes.do(asking, self._within + MARGIN)]
        self.lost += words.count(Unknown())
        return words


def word_of(outcome: object, call: Call = Call.CONSUME) -> Word:
    """What was told, which under load can be nothing else."""
    match outcome:
        case Judgement(allowed=allowed, reason=reason, seq=seq, answer=answer) if (
            seq is not None or outcome.idempotency_key is None
        ):
            return told(call, allowed, reason, seq, answer)
        case OutcomeUnknown():
            return Unknown()
        case Shed() | Conflict():
            return Refused(outcome.code)
    raise AssertionError(f"no such thing may be told: {outcome!r}")


class HttpDoor:
    """A caller over HTTP, an item a request; a connection that is lost is UNKNOWN to whoever has sent."""

    def __init__(self, url: str, key: str, within: float = 2.0) -> None:
        self._client = httpx.Client(timeout=within + MARGIN, headers={"authorization": f"Bearer {key}"})
        self._url = f"{url}/graphql"
        self._ms = int(within * 1000)
        self.lost = 0

    def close(self) -> None:
        self._client.close()

    def send(self, items: list[Item], call: Call = Call.CONSUME) -> Sequence[Word]:
        return [self._ask(call, item) for item in items]

    def _ask(self, call: Call, item: Item) -> Word:
        asked = {"query": QUERIES[call], "variables": {"input": item, "ms": self._ms}}
        try:
            answer = self._client.post(self._url, json=asked).json()
        except httpx.ConnectError:
            return Refused("UNREACHABLE")
        except httpx.TransportError:
            self.lost += 1
            return Unknown()
        if "errors" not in answer:
            given = answer["data"]["answer"]
            seq = None if given["seq"] is None else int(given["seq"])
            quantities = {each["name"]: each["amount"] for each in given["quantities"]}
            return told(call, given["allowed"], given["reason"], seq, {**given, "quantities": quantities})
        error = answer["errors"][0]["extensions"]
        assert error.get("retryable"), answer
        if error["code"] == "UNKNOWN":
            self.lost += 1
            return Unknown()
        return Refused(error["code"])
