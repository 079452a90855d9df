"""The wire is cut at every step between a question and its answer, in every way, while callers spend.

Each caller ends in time with ALLOWED, DENIED, UNKNOWN or a refusal that may be tried again, and all of it is
so. Where the answer is lost the lanes ask again with the same key, so callers hardly notice.
"""

import itertools
from collections.abc import Callable, Iterator
from random import Random

import psycopg
import pytest

from controlplane.db import pool
from controlplane.db.lanes.ticket import Call
from controlplane.types import Role
from tests.api.serving import Api, serving
from tests.faults.doors import HttpDoor, lanes_on
from tests.faults.holding import HOUR, Hold, ask, is_allowed
from tests.faults.judging import stands
from tests.faults.load import Load, rounds
from tests.faults.proxy import Http, Postgres, Proxy, Step, Way, server_of
from tests.faults.standing import Place
from tests.faults.test_killed_postgres import wait_for_answers
from tests.faults.words import IN_AN_OUTAGE, Told, asked

GRANTED = 1_000_000
CUSTOMERS = 3
#: Milliseconds that a statement may take; half a second later its connection is given up.
PATIENCE = 500
#: Seconds of a delay that is borne, and of one that is not: then the question comes when nobody waits for it.
SHORT, LONG = 0.2, 1.3

CUTS = [
    (step, way, seconds)
    for step in Step
    for way, seconds in (
        (Way.RESET, 0),
        (Way.CLOSE, 0),
        (Way.SWALLOW, 0),
        (Way.DELAY, SHORT),
        (Way.DELAY, LONG),
    )
    if step is not Step.SENT or way in (Way.RESET, Way.CLOSE)
]


#: Each cut is made in one kind of question, and those that cost no time in another one too.
CALLS = (Call.RESERVE, Call.SETTLE, Call.EXTEND, Call.CONSUME, Call.RELEASE)
QUICK = [cut for cut in CUTS if cut[1] in (Way.RESET, Way.CLOSE)]
IN_TURN = [(*cut, call) for cut, call in zip(CUTS + QUICK, itertools.cycle(CALLS), strict=False)]
ALL = [(*cut, call) for cut in CUTS for call in CALLS]


@pytest.fixture
def spending(place: Place) -> Place:
    place.make_customers(CUSTOMERS, GRANTED)
    return place


@pytest.fixture
def wire(
    spending: Place, login_url: Callable[[Role], str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Proxy, str]]:
    """Between the application and Postgres; and the URL by way of it."""
    monkeypatch.setattr(pool, "ANSWER_SECONDS", 0.5)
    login = login_url(Role.APP)
    with Proxy(server_of(login), Postgres) as proxy:
        yield proxy, proxy.url(login)


def test_cut_between_lanes_and_postgres_under_load(spending: Place, wire: tuple[Proxy, str]) -> None:
    proxy, url = wire
    hurried = itertools.cycle((0.6, 2.0))
    with (
        lanes_on(url, statement_timeout_ms=PATIENCE) as lanes,
        Load(lambda _: lanes.open(within=next(hurried)), customers=CUSTOMERS) as load,
    ):
        for cut in [*IN_TURN, *Random(1).choices(ALL, k=rounds(0))]:
            proxy.cut(load, *cut)
            wait_for_answers(load)
    assert load.words["UNKNOWN"] > 0
    assert set(load.words) <= {*IN_AN_OUTAGE, "TIMEOUT"}
    stands(spending, load.told, GRANTED)


@pytest.mark.parametrize("step", Step)
def test_a_lost_answer_is_asked_for_again(spending: Place, wire: tuple[Proxy, str], step: Step) -> None:
    """With the same key, before the caller is told anything: so it hears what was decided at first."""
    proxy, url = wire
    with lanes_on(url) as lanes:
        cut = proxy.arm(step, Way.RESET)
        [word] = lanes.open().send([asked("c0", "key", 3)])
        assert cut.made.wait(5)  # an answer that is passed on whole comes before it
        proxy.arm(step, Way.RESET)
        [checked] = lanes.do(lanes.decisions.check([asked("c0", "key", 3)]), 5)
        assert checked.allowed
        proxy.arm(step, Way.RESET)
        given = {"idempotencyKey": "once", "creditType": "general", "amount": "5"}
        made = lanes.do(lanes.decisions.grant("c1", given, "me"), 5)
        again = lanes.open().send([asked("c0", "key", 3)])
    assert isinstance(word, Told)
    assert again == [word]
    stands(spending, {("c0", "key"): (3, word)}, GRANTED)
    granted = "SELECT count(*), sum(amount) FROM core.credit_grant WHERE customer_id = 'c1'"
    assert (made["amount"], spending.rows(granted)) == ("5", [(2, GRANTED + 5)])


@pytest.mark.parametrize("step", Step)
def test_a_step_whose_answer_is_lost_is_taken_once(
    spending: Place, wire: tuple[Proxy, str], step: Step
) -> None:
    """By whichever of them, the lanes ask again before the holder is told anything; then the holder does."""
    proxy, url = wire
    used, given_up = Hold("c0", "used", 10), Hold("c0", "given up", 7)
    asked_for = [
        (used, Call.RESERVE, HOUR),
        (used, Call.SETTLE, 3),
        (used, Call.EXTEND, 2 * HOUR),
        (used, Call.SETTLE, 5),
        (given_up, Call.RESERVE, HOUR),
        (given_up, Call.RELEASE, 0),
    ]
    with lanes_on(url) as lanes:
        for hold, call, figure in asked_for:
            cut = proxy.arm(step, Way.RESET, call=call)
            for _ in range(2):
                ask(lanes.open(), call, {0: figure}, [hold], is_last=figure == 5)
                assert cut.made.wait(5)
    assert [is_allowed(said.word) for hold in (used, given_up) for said in hold.said] == [True] * 12
    kinds = "SELECT kind, count(*) FROM core.reservation_step GROUP BY kind"
    taken = dict(spending.rows(kinds))
    assert taken.pop("EXTEND") <= 3  # each holds from when it was asked
    assert taken == {"RESERVE": 2, "SETTLE": 2, "RELEASE": 1}
    stands(spending, {("c0", hold.key): hold for hold in (used, given_up)}, GRANTED)


def test_one_connection_that_hangs_takes_the_others_along(wire: tuple[Proxy, str]) -> None:
    """The network forgot them all: whoever asks waits for one of them, and not for one after the other."""
    proxy, url = wire
    with lanes_on(url, lanes=1, statement_timeout_ms=PATIENCE) as lanes:
        door = lanes.open(within=1.8)  # a connection is given up after one second
        assert isinstance(door.send([asked("c0", "before", 1)])[0], Told)
        proxy.silence()
        words = door.send([asked("c0", "after", 1), asked("c1", "after", 1)])
        assert all(isinstance(word, Told) and word.allowed for word in words), words


def test_cut_on_both_sides_of_the_api(spending: Place, wire: tuple[Proxy, str]) -> None:
    """Over HTTP a lost answer is the caller's, who asks again with the same key."""
    proxy, url = wire
    with (
        psycopg.connect(spending.url, autocommit=True) as connection,
        serving(url, statement_timeout_ms=PATIENCE) as served,
        Proxy(int(served.rsplit(":")[-1]), Http) as front,
    ):
        key = Api(served, connection, url).make_key()
        address = f"http://127.0.0.1:{front.port}"
        with Load(lambda _: HttpDoor(address, key, within=1.0), customers=CUSTOMERS) as load:
            for number, (step, way, seconds, call) in enumerate(IN_TURN):
                if number % 6 == 0:  # all of these are made above
                    proxy.cut(load, step, way, seconds, call)
                # Each that is swallowed costs its caller the whole time-out.
                if way is not Way.SWALLOW or step is Step.AMID:
                    front.cut(load, step, way, seconds, call)
                wait_for_answers(load)
    assert load.words["UNKNOWN"] > 0
    assert set(load.words) <= {*IN_AN_OUTAGE, "TIMEOUT"}
    stands(spending, load.told, GRANTED)
