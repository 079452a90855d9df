"""What one caller, one statement or we ourselves do wrong, and that it harms nobody else in the lane."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from controlplane.db.lanes.ticket import Judgement
from controlplane.errors import OutcomeUnknown, RequestError, Shed
from controlplane.types import Role
from tests.concurrency.deciding import Seen, deciding, together, told
from tests.faults.doors import lanes_on, word_of
from tests.faults.judging import stands, wait_for_the_rest
from tests.faults.proxy import Postgres, Proxy, Step, Way, server_of
from tests.faults.standing import Place
from tests.faults.words import Unknown, asked

GRANTED = 1_000
CUSTOMERS = 4


@pytest.fixture
def spending(place: Place) -> Place:
    place.make_customers(CUSTOMERS, GRANTED)
    return place


@pytest.fixture
def url(spending: Place, login_url: Callable[[Role], str]) -> str:
    return login_url(Role.APP)


def test_one_in_two_hundred_fails_alone_whatever_is_wrong_with_it(spending: Place, url: str) -> None:
    """Named by DETAIL; by a state of class 22 or 23 that names nothing; and at COMMIT, after the answer."""
    refusal = "RAISE EXCEPTION 'no' USING ERRCODE = '23514'"
    seen = Seen()

    async def run() -> list[object]:
        async with deciding(url, seen, lanes=1) as decisions:
            good = [decisions.consume([asked(f"c{n % CUSTOMERS}", f"good-{n}", 1)]) for n in range(196)]
            bad = [
                decisions.consume([asked(f"c{n}", key, 1)])
                for n, key in enumerate(("crash", "clash", "later"))
            ]
            malformed = decisions.consume([asked("c3", "malformed", 0)])
            answers = await together(*good[:90], malformed, *bad, *good[90:])
            return [outcome for [outcome] in answers]

    with (
        spending.trip("crash", "PERFORM 1 / 0"),
        spending.trip("clash", refusal),
        spending.trip("later", refusal, at_commit=True),
    ):
        outcomes = asyncio.run(run())
    wrong, right = outcomes[90:94], outcomes[:90] + outcomes[94:]
    assert [error.sqlstate for error in wrong if isinstance(error, RequestError)] == [
        "UC100",
        "22012",
        "23514",
        "23514",
    ]
    words = {("c" + str(n % CUSTOMERS), f"good-{n}"): (1, word_of(each)) for n, each in enumerate(right)}
    # The named one costs one statement more; the others are looked for by halves.
    assert len(seen.retries) <= 1 + 3 * 8
    stands(spending, words, GRANTED)


def test_what_an_orphan_may_yet_commit_is_unknown(spending: Place, url: str) -> None:
    """The wire is cut, and the statement holds four gates; meanwhile their callers' time is over.

    That the lane came back from those gates with nothing says nothing of the statement it has lost.
    """
    items = [asked(f"c{number}", f"slow-{number}", 1) for number in range(CUSTOMERS)]
    with (
        spending.trip("slow", "PERFORM pg_sleep(0.4)"),
        Proxy(server_of(url), Postgres) as proxy,
        lanes_on(proxy.url(url), lanes=1) as lanes,
    ):
        lanes.open().send([asked("c0", "first", 1)])
        proxy.arm(Step.SENT, Way.RESET)
        words = lanes.open(within=0.9).send(items)
    assert words == [Unknown()] * CUSTOMERS
    wait_for_the_rest(spending)
    assert spending.rows(
        "SELECT count(*) FROM core.idempotency WHERE starts_with(core.key_text(key), 'slow')"
    ) == [(CUSTOMERS,)]
    assert spending.faults == []


def test_what_never_got_a_connection_was_not_written(spending: Place, url: str) -> None:
    """Time ends while a statement waits for a connection: nobody is in doubt, and nothing is sent."""

    async def run() -> list[list[str]]:
        async with deciding(url, lanes=1, size=1) as decisions:
            with spending.trip("slow", "PERFORM pg_sleep(0.6)"):
                slow = asyncio.ensure_future(decisions.consume([asked("c0", "slow", 1)]))
                await asyncio.sleep(0.1)
                # On the siding, for which there is no connection left.
                asks = [decisions.consume([asked("c1", f"late-{n}", 1)], within=0.2) for n in range(60)]
                late = await together(*asks)
                return [told(await slow), *map(told, late)]

    first, *others = asyncio.run(run())
    assert first == ["ALLOWED"]
    assert others == [["DEADLINE_EXCEEDED"]] * 60
    assert spending.rows(
        "SELECT count(*) FROM core.idempotency WHERE starts_with(core.key_text(key), 'late')"
    ) == [(0,)]


def test_stopping_it_answers_whoever_has_much_time_before_he_is_cut_off(
    spending: Place, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two statements one has gone out and is never answered; of the other nothing has been sent."""
    monkeypatch.setattr("controlplane.db.decisions.GRACE_SECONDS", 0.5)

    async def run() -> list[str]:
        with Proxy(server_of(url), Postgres) as proxy:
            async with deciding(proxy.url(url), lanes=1, size=1, statement_timeout_ms=1_000) as decisions:
                cut = proxy.arm(Step.UNHEARD, Way.SWALLOW)
                sent = asyncio.ensure_future(decisions.consume([asked("c0", "sent", 1)], within=60))
                await asyncio.to_thread(cut.made.wait, 5)
                given = {"idempotencyKey": "unsent", "creditType": "general", "amount": "1"}
                unsent = asyncio.ensure_future(decisions.grant("c1", given, "me", within=60))
                await asyncio.sleep(0.1)
                decisions.shut()
                async with asyncio.timeout(2):
                    words = told(await sent)
                    with pytest.raises(Shed) as shed:
                        await unsent
                return [*words, shed.value.code]

    assert asyncio.run(run()) == ["UNKNOWN", "SHUTTING_DOWN"]


def test_customers_whose_callers_have_gone_keep_nobody_waiting(spending: Place, url: str) -> None:
    """Two customers are held elsewhere; the callers of one go, and the other one is answered."""

    async def run() -> list[str]:
        async with deciding(url, lanes=1) as decisions:
            with held(spending, "c0", "c1"):
                gone = asyncio.ensure_future(decisions.consume([asked("c0", "gone", 1)], within=30))
                stays = asyncio.ensure_future(decisions.consume([asked("c1", "stays", 1)], within=30))
                await asyncio.sleep(0.5)
                gone.cancel()
                await asyncio.sleep(0.5)
            async with asyncio.timeout(5):
                return told(await stays)

    assert asyncio.run(run()) == ["ALLOWED"]
    assert spending.rows(
        "SELECT core.key_text(key) FROM core.idempotency WHERE key IN ('gone', 'stays')"
    ) == [("stays",)]


def test_a_transaction_that_the_server_ends_was_not_written(
    spending: Place, url: str, connection: psycopg.Connection
) -> None:
    """It ends the connection too, and says why: the callers may send it again."""
    if connection.info.server_version < 170_000:
        pytest.skip("there is no transaction_timeout yet")
    name = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("ALTER DATABASE {} SET transaction_timeout = '300ms'").format(name))

    async def run() -> list[str]:
        async with deciding(url, lanes=1) as decisions:
            with spending.trip("slow", "PERFORM pg_sleep(2)"):
                ended = told(await decisions.consume([asked("c0", "slow", 1)]))
            return [*ended, *told(await decisions.consume([asked("c0", "slow", 1)]))]

    assert asyncio.run(run()) == ["TIMEOUT", "ALLOWED"]
    assert spending.faults == []


def test_a_lane_survives_an_answer_that_it_does_not_understand(spending: Place, url: str) -> None:
    """A row too few was committed nevertheless."""

    async def run() -> None:
        async with deciding(url, lanes=1) as decisions:
            with a_row_too_few(spending):
                [lost] = await decisions.consume([asked("c0", "lost", 1)])
                assert isinstance(lost, OutcomeUnknown)
            [again] = await decisions.consume([asked("c0", "lost", 1)])
            assert isinstance(again, Judgement)
            assert (again.allowed, again.replayed) == (True, True)

    asyncio.run(run())


def test_a_lane_survives_a_fault_of_ours(spending: Place, url: str) -> None:
    """Before it is sent: nothing was written, and it is told as a fault, to those it met."""

    class Broken(Seen):
        def waited(self, call: str, seconds: float) -> None:
            if not self.batches:
                self.batches.append(("broken", 0))
                raise ZeroDivisionError

    async def run() -> list[list[str]]:
        async with deciding(url, Broken(), lanes=1) as decisions:
            met = told(await decisions.consume([asked("c0", "met", 1)]))
            return [met, told(await decisions.consume([asked("c0", "next", 1)]))]

    assert asyncio.run(run()) == [["INTERNAL"], ["ALLOWED"]]
    assert spending.rows("SELECT core.key_text(key) FROM core.idempotency WHERE key IN ('met', 'next')") == [
        ("next",)
    ]


@contextmanager
def held(place: Place, *customers: str) -> Iterator[None]:
    """Somebody else has the gates."""
    with psycopg.connect(place.url) as other:
        other.execute(
            "SELECT FROM core.gate WHERE customer_id = ANY (%s) FOR NO KEY UPDATE", (list(customers),)
        )
        yield


@contextmanager
def a_row_too_few(place: Place) -> Iterator[None]:
    """``api.consume_many`` keeps its last answer to itself."""
    with psycopg.connect(place.url, autocommit=True) as connection:
        [whole] = (
            connection.execute("SELECT pg_get_functiondef('api.consume_many'::regproc)").fetchone() or ()
        )
        connection.execute(whole.replace("p_observe);", "p_observe) OFFSET 1;"))
        yield
        connection.execute(whole)
