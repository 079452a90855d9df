"""What goes wrong between a reserve and its end. Credits are held by what lives, and by nothing else."""

import asyncio
import functools
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

import httpx
import psycopg
import pytest

from controlplane.db import decisions
from controlplane.db.lanes.ticket import Call, Judgement
from controlplane.errors import OutcomeUnknown, RequestError, Shed
from controlplane.types import Role
from tests.api.serving import Api, serving
from tests.concurrency.deciding import Seen, deciding
from tests.faults.doors import QUERIES, LaneDoor, Lanes, lanes_on
from tests.faults.holding import HOUR, Hold, ask, is_allowed
from tests.faults.judging import stands, wait_for_the_rest
from tests.faults.load import Load, rounds
from tests.faults.proxy import Postgres, Proxy, Step, Way, server_of
from tests.faults.records import balances, read_balances, read_reservations
from tests.faults.standing import Place
from tests.faults.test_killed_postgres import wait_for_answers
from tests.faults.test_lane_faults import held
from tests.faults.words import IN_AN_OUTAGE, Item, Key, Refused, Told, Word, asked

GRANTED = 1_000
CUSTOMERS = 3
#: What a step does that fails; the first is an item's own fault, the others are not.
NO = "RAISE EXCEPTION 'no' USING ERRCODE = '23514'"
FULL = "RAISE EXCEPTION 'full' USING ERRCODE = '53100'"
SLOW = "PERFORM pg_sleep(60)"
DIES = "PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(60)"
FAILURES = {"OUT_OF_RESOURCES", "TIMEOUT", "UNKNOWN"}
#: One step in so many does it.
AT_TIMES = "IF random() < 0.1 THEN {}; END IF"


@pytest.fixture
def spending(place: Place) -> Place:
    place.make_customers(CUSTOMERS, GRANTED)
    return place


@pytest.fixture
def rich(place: Place) -> Place:
    """Nobody under load comes to the end of it."""
    place.make_customers(CUSTOMERS, 1_000_000)
    return place


@pytest.fixture
def url(place: Place, login_url: Callable[[Role], str]) -> str:
    return login_url(Role.APP)


@pytest.mark.parametrize(
    ("does", "at_commit", "error"),
    [
        (NO, False, RequestError),
        (NO, True, RequestError),
        (FULL, False, Shed),
        (SLOW, False, Shed),
        (DIES, False, OutcomeUnknown),
    ],
    ids=["in its midst", "at commit", "disk full", "too slow", "killed"],
)
def test_a_release_that_fails_half_way(
    spending: Place, url: str, does: str, at_commit: bool, error: type[Exception]
) -> None:
    """Wallets, grants and counters are written already: all is undone; the same again releases it once."""
    hold, other = Hold("c0", "hold", 70), Hold("c0", "other", 5)
    is_its_own = error is RequestError  # else nothing in the same statement passes
    with lanes_on(url, lanes=1, statement_timeout_ms=400) as lanes:
        ask(lanes.open(), Call.RESERVE, {0: HOUR, 1: HOUR}, [hold, other])
        steps = [hold.item(Call.RELEASE), other.item(Call.RELEASE)]
        fails = f"IF NEW.reservation_no = {hold.number} THEN {does}; END IF"
        with spending.trip_steps("RELEASE", fails, at_commit=at_commit):
            failed, passed = lanes.do(lanes.decisions.release(steps, within=1.2), 5)
            wait_for_the_rest(spending)
        assert isinstance(failed, error), failed
        assert isinstance(passed, Judgement if is_its_own else error), passed
        assert read_balances(spending, "c0") == balances(GRANTED, 0, held=70 if is_its_own else 75)
        [released], [again] = (lanes.do(lanes.decisions.release(steps[:1]), 5) for _ in range(2))
        assert (released.allowed, released.replayed) == (True, False)
        assert (again.allowed, again.replayed) == (True, True)
        assert read_balances(spending, "c0") == balances(GRANTED, 0, held=0 if is_its_own else 5)
        ask(lanes.open(), Call.RELEASE, {0: 0, 1: 0}, [hold, other])
    stands(spending, {("c0", each.key): each for each in (hold, other)}, GRANTED)


@pytest.mark.parametrize("is_sent", [False, True], ids=["while it waits", "while it is under way"])
def test_a_cancelled_stream(spending: Place, url: str, is_sent: bool) -> None:
    """Its holder goes in the middle of a settlement: what was sent is charged, and the rest expires."""
    hold = Hold("c0", "stream", GRANTED)

    async def run() -> None:
        async with deciding(url, lanes=1) as deciders:
            with ExitStack() as stack:
                if is_sent:
                    stack.enter_context(spending.trip_steps("SETTLE", "PERFORM pg_sleep(0.5)"))
                else:
                    stack.enter_context(held(spending, "c0"))
                step = hold.item(Call.SETTLE, 500)
                stream = asyncio.ensure_future(deciders.settle([step], within=30))
                await asyncio.sleep(0.25)
                stream.cancel()
                with suppress(asyncio.CancelledError):
                    await stream
                await asyncio.sleep(0.5)

    with lanes_on(url) as lanes:
        ask(lanes.open(), Call.RESERVE, {0: 60}, [hold])
        ask(lanes.open(), Call.SETTLE, {0: 300}, [hold])
        asyncio.run(run())
        settled = 500 if is_sent else 300
        assert read_balances(spending, "c0") == balances(GRANTED, settled, held=GRANTED - settled)
        others_spend_the_rest(spending, lanes.open(), GRANTED - settled)
    [record] = read_reservations(spending, "c0").values()
    assert (record.state, record.settled, record.charged) == ("EXPIRED", settled, (settled, settled))
    assert read_balances(spending, "c0") == balances(GRANTED, GRANTED, held=0)
    assert spending.faults == []


@pytest.mark.parametrize("call", [Call.RESERVE, Call.SETTLE])
def test_a_client_that_goes_away_in_the_middle_of_a_request(spending: Place, url: str, call: Call) -> None:
    """It never hears the id of its reservation, or what was settled of it, and nobody waits for it."""
    hold = Hold("c0", "stream", GRANTED, seconds=60)
    with (
        psycopg.connect(spending.url, autocommit=True) as connection,
        serving(url) as served,
        lanes_on(url) as lanes,
    ):
        key = Api(served, connection, url).make_key()
        if call is Call.SETTLE:
            ask(lanes.open(), Call.RESERVE, {0: hold.seconds}, [hold])
        figure = hold.seconds if call is Call.RESERVE else 300
        with (
            spending.trip_steps(call.name, "PERFORM pg_sleep(0.5)"),
            httpx.Client(timeout=0.25, headers={"authorization": f"Bearer {key}"}) as client,
        ):
            query = {"query": QUERIES[call], "variables": {"input": hold.item(call, figure)}}
            with pytest.raises(httpx.ReadTimeout):
                client.post(f"{served}/graphql", json=query)
            wait_for_the_rest(spending)
        [record] = read_reservations(spending, "c0").values()
        assert (record.state, record.rest) == ("HELD", GRANTED - record.settled)
        others_spend_the_rest(spending, lanes.open(), record.rest)
        ask(lanes.open(), Call.RESERVE, {0: hold.seconds}, [hold])  # it comes back after all
        ask(lanes.open(), Call.SETTLE, {0: record.settled}, [hold], is_last=True)
    assert all(is_allowed(said.word) for said in hold.said), hold
    assert hold.said[-1].word.total == record.settled
    assert read_balances(spending, "c0") == balances(GRANTED, GRANTED, held=0)
    assert spending.faults == []


def others_spend_the_rest(place: Place, door: LaneDoor, rest: int) -> None:
    """All that is held, and no more; not before it expires, and then at once: no job has run."""
    words = []
    for name in ("before", "too much", "after", "more"):
        if name == "too much":
            place.rows("SELECT api.advance_clock('61 seconds')")
        words += door.send([asked("c0", name, {"too much": rest + 1, "more": 1}.get(name, rest))])
    assert [is_allowed(word) for word in words] == [False, False, True, False], words


@pytest.mark.parametrize("taken", [3, 10], ids=["what it needs is left", "others have spent it"])
def test_a_settlement_that_arrives_after_expiry(
    spending: Place, url: str, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    """On the wire when its time was over; then its answer is lost, and it is charged once all the same."""
    hold = Hold("c0", "late", 10)
    with Proxy(server_of(url), Postgres) as proxy, lanes_on(proxy.url(url)) as lanes, lanes_on(url) as others:
        door = others.open()
        ask(lanes.open(), Call.RESERVE, {0: 60}, [hold])
        assert is_allowed(door.send([asked("c0", "nearly all", GRANTED - 10)])[0])
        late = threading.Thread(
            target=ask, args=(lanes.open(5), Call.SETTLE, {0: 4}, [hold]), kwargs={"is_last": True}
        )
        cut = proxy.arm(Step.ASKED, Way.DELAY, 1.0)
        late.start()
        assert cut.made.wait(5)
        spending.rows("SELECT api.advance_clock('61 seconds')")
        assert is_allowed(door.send([asked("c0", "the rest", taken)])[0])
        proxy.arm(Step.UNHEARD, Way.RESET)
        late.join()
    paid = min(4, 10 - taken)
    word = hold.said[-1].word
    assert isinstance(word, Told)
    assert (word.allowed, word.reason, word.total) == (True, None if paid == 4 else "INSUFFICIENT_CREDITS", 4)
    [record] = read_reservations(spending, "c0").values()
    assert (record.state, record.is_closed, record.settled, record.charged) == ("EXPIRED", True, 4, (4, paid))
    assert list(record.steps.values()) == ["RESERVE", "EXPIRE", "SETTLE"]
    found = read_balances(spending, "c0")
    assert (found["available"], found["held"], found["shortfall"]) == (10 - taken - paid, 0, 4 - paid)
    assert spending.faults == []


@pytest.mark.parametrize("does", [FULL, SLOW, DIES], ids=["disk full", "too slow", "killed"])
def test_steps_that_fail_under_load(rich: Place, url: str, does: str) -> None:
    """One in ten, of every kind: whoever was in the same statement shares its fate, and may try again."""
    seen = Seen()
    with (
        lanes_on(url, watch=seen, statement_timeout_ms=300) as lanes,
        Load(lambda _: lanes.open(1.0), customers=CUSTOMERS) as load,
    ):
        with rich.trip_steps("RESERVE|SETTLE|RELEASE|EXTEND", AT_TIMES.format(does)):
            deadline = time.monotonic() + 30 + rounds(0)
            while len(seen.retries) + sum(load.words[word] for word in FAILURES) < rounds(10):
                assert time.monotonic() < deadline, load.words
                time.sleep(0.05)
        wait_for_answers(load)
    assert set(load.words) <= {*IN_AN_OUTAGE, *FAILURES}
    stands(rich, load.told, 1_000_000)


class Elsewhere:
    """A caller of several processes, who goes to the next one when one says that it stops."""

    def __init__(self, doors: list[LaneDoor]) -> None:
        self._doors = doors
        self.lost = 0

    def close(self) -> None:
        """Nothing is open."""

    def send(self, items: list[Item], call: Call = Call.CONSUME) -> list[Word]:
        words = self._doors[0].send(items, call)
        if Refused("SHUTTING_DOWN") in words and len(self._doors) > 1:
            self._doors = self._doors[1:]
        return words


def test_lanes_that_stop_under_load(rich: Place, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a statement under way that they do not wait for: its callers do not know, and ask elsewhere."""
    monkeypatch.setattr(decisions, "GRACE_SECONDS", 0.2)
    told: dict[Key, tuple[int, Word] | Hold] = {}
    for seed in range(0, rounds(3), 3):
        with ExitStack() as stack:
            processes = [stack.enter_context(lanes_on(url)) for _ in range(4)]
            doors = functools.partial(_doors_of, processes)
            load = stack.enter_context(Load(doors, customers=CUSTOMERS, seed=seed))
            with rich.trip_steps("RESERVE|SETTLE|RELEASE|EXTEND", AT_TIMES.format("PERFORM pg_sleep(0.8)")):
                for lanes in processes[:-1]:
                    wait_for_answers(load)
                    begun = time.monotonic()
                    lanes.do(lanes.decisions.stop(), 5)
                    assert time.monotonic() - begun < 2
            wait_for_answers(load)
        assert load.words["SHUTTING_DOWN"] > 0
        assert set(load.words) <= {*IN_AN_OUTAGE, "SHUTTING_DOWN"}
        told |= load.told
    stands(rich, told, 1_000_000)


def _doors_of(processes: list[Lanes], _: threading.Event) -> Elsewhere:
    return Elsewhere([lanes.open() for lanes in processes])
