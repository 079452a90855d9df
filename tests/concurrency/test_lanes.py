"""Many callers, few statements: nobody's request may show in what another one is told."""

import asyncio
from collections.abc import Callable

import psycopg
import pytest

from controlplane.db.lanes.ticket import Judgement
from controlplane.errors import DatabaseError, RequestError, Shed
from controlplane.types import Role
from tests.concurrency.deciding import Seen, ask, deciding, make_customers, together, told

USUAL = 30.0


@pytest.fixture
def url(connection: psycopg.Connection, login_url: Callable[[Role], str]) -> str:
    make_customers(connection, "a", "b", "c")
    return login_url(Role.APP)


def test_what_arrives_together_is_one_statement(url: str) -> None:
    seen = Seen()

    async def run() -> None:
        async with deciding(url, seen, lanes=1) as decisions:
            answers = await together(*(decisions.consume([ask("abc"[n % 3])]) for n in range(60)))
            assert [told(answer) for answer in answers] == [["ALLOWED"]] * 60

    asyncio.run(run())
    assert seen.batches == [("consume", 60)]


def test_together_they_spend_no_more_than_there_is(url: str, connection: psycopg.Connection) -> None:
    async def run() -> list[str]:
        async with deciding(url) as decisions:
            answers = await together(*(decisions.consume([ask("a", "7")]) for _ in range(40)))
            return [word for answer in answers for word in told(answer)]

    words = asyncio.run(run())
    assert (words.count("ALLOWED"), words.count("INSUFFICIENT_CREDITS")) == (14, 26)
    assert connection.execute("SELECT available FROM core.wallet WHERE customer_id = 'a'").fetchone() == (2,)


def test_one_key_from_many_callers_has_one_effect(url: str) -> None:
    async def run() -> list[Judgement]:
        async with deciding(url) as decisions:
            answers = await together(*(decisions.consume([ask("a", key="same")]) for _ in range(30)))
            return [answer for [answer] in answers]

    answers = asyncio.run(run())
    assert sorted(answer.replayed for answer in answers) == [False, *[True] * 29]
    assert len({(answer.seq, str(answer.answer)) for answer in answers}) == 1


def test_groups_of_one_name_from_two_callers_are_two_groups(url: str) -> None:
    def group(customer: str, *amounts: str) -> list[dict[str, object]]:
        return [ask(customer, amount, group="order-1") for amount in amounts]

    async def run() -> list[list[str]]:
        async with deciding(url, lanes=1) as decisions:
            answers = await together(
                decisions.consume(group("a", "1", "1000")),
                decisions.consume(group("a", "1", "2")),
                decisions.consume(group("b", "1")),
                decisions.consume([ask("a"), *group("c", "1", "1000"), ask("a")]),
            )
            return [told(answer) for answer in answers]

    denied = ["GROUP_DENIED", "INSUFFICIENT_CREDITS"]
    assert asyncio.run(run()) == [denied, ["ALLOWED"] * 2, ["ALLOWED"], ["ALLOWED", *denied, "ALLOWED"]]


def test_a_group_of_two_customers_is_refused_and_nobody_else_is(url: str) -> None:
    async def run() -> None:
        async with deciding(url, lanes=1) as decisions:
            mixed, other = await together(
                decisions.consume([ask("c"), ask("a", group="g"), ask("b", group="g")]),
                decisions.consume([ask("a")]),
            )
            assert told(mixed) == ["ALLOWED", "MALFORMED", "MALFORMED"]
            assert mixed[1].detail["code"] == "GROUP_OF_TWO_CUSTOMERS"
            assert mixed[1].detail["item"] == 1
            assert told(other) == ["ALLOWED"]

    asyncio.run(run())


def test_bad_items_fail_alone_whoever_sent_them(url: str, connection: psycopg.Connection) -> None:
    seen = Seen()

    async def run() -> None:
        async with deciding(url, seen, lanes=1) as decisions:
            good = [decisions.consume([ask("abc"[n % 3])]) for n in range(197)]
            bad = [
                decisions.consume([ask("a"), ask("a", "0"), ask("a", "1e3")]),
                decisions.consume([ask("b", "\0")]),
            ]
            answers = await together(*good, *bad)
            assert {word for answer in answers[:197] for word in told(answer)} == {"ALLOWED"}
            first, zero, exponent = answers[197]
            assert isinstance(first, Judgement)
            assert [(error.detail["item"], error.detail["code"]) for error in (zero, exponent)] == [
                (1, "ALL_ZERO"),
                (2, "NOT_A_NUMBER"),
            ]
            assert isinstance(answers[198][0], RequestError)

    asyncio.run(run())
    # All bad ones are found in one go: the statement is sent once more, not once for each of them.
    assert seen.retries == ["MALFORMED"]
    assert connection.execute("SELECT count(*) FROM core.usage_event").fetchone() == (198,)


def test_observed_and_enforced_keep_apart(url: str) -> None:
    async def run() -> None:
        async with deciding(url, lanes=1) as decisions:
            answers = await together(
                *(decisions.consume([ask("a", "1000")], observe=n % 2 == 0) for n in range(10))
            )
            for n, [answer] in enumerate(answers):
                assert (answer.allowed, answer.would_allow) == (n % 2 == 0, False)

    asyncio.run(run())


def test_a_customer_held_elsewhere_waits_and_the_others_do_not(
    url: str, connection: psycopg.Connection
) -> None:
    seen = Seen()

    async def run() -> None:
        async with deciding(url, seen, lanes=1) as decisions:
            with psycopg.connect(connection.info.dsn) as other:
                other.execute("SELECT FROM core.gate WHERE customer_id = 'a' FOR NO KEY UPDATE")
                held = [asyncio.ensure_future(decisions.consume([ask("a")], within=USUAL)) for _ in range(5)]
                grant = asyncio.ensure_future(
                    decisions.grant(
                        "a", {"idempotencyKey": "g", "creditType": "general", "amount": "5"}, "me"
                    )
                )
                for _ in range(20):
                    assert (
                        told(await decisions.consume([ask("b"), ask("c")], within=USUAL)) == ["ALLOWED"] * 2
                    )
                assert not any(each.done() for each in [*held, grant])
            answers = await together(*held)
            assert [told(answer) for answer in answers] == [["ALLOWED"]] * 5
            # In the order they came, although they waited elsewhere.
            assert [answer.seq for [answer] in answers] == sorted(answer.seq for [answer] in answers)
            assert (await grant)["amount"] == "5"

    asyncio.run(run())
    assert seen.deferrals >= 5


def test_who_fills_statements_of_its_own_leaves_the_lane_to_the_others(url: str) -> None:
    seen = Seen()

    async def run() -> None:
        async with deciding(url, seen, lanes=1) as decisions:
            crowd = [decisions.consume([ask("a", "0.5")]) for _ in range(120)]
            answers = await together(*crowd, decisions.consume([ask("b")]))
            assert [told(answer) for answer in answers] == [["ALLOWED"]] * 121
            seqs = [answer.seq for [answer] in answers[:120]]
            assert seqs == sorted(seqs)

    asyncio.run(run())
    assert sorted(seen.batches) == [("consume", 1), ("consume", 120)]


def test_held_too_long_it_is_said_that_nothing_was_written(url: str, connection: psycopg.Connection) -> None:
    async def run() -> None:
        async with deciding(url) as decisions:
            item = ask("a")
            with psycopg.connect(connection.info.dsn) as other:
                other.execute("SELECT FROM core.gate WHERE customer_id = 'a' FOR NO KEY UPDATE")
                [error] = await decisions.consume([item], within=0.5)
            assert isinstance(error, Shed)
            assert (error.code, error.retry_after) == ("LOCKED", 0.1)
            [answer] = await decisions.consume([item])
            assert (answer.allowed, answer.replayed) == (True, False)

    asyncio.run(run())


def test_a_crowd_is_shed_and_told_when_to_come_again(url: str, connection: psycopg.Connection) -> None:
    async def run() -> list[DatabaseError | Judgement]:
        async with deciding(url, lanes=1, most_waiting=100) as decisions:
            answers = await together(*(decisions.consume([ask("abc"[n % 3])]) for n in range(1_000)))
            later = await decisions.consume([ask("a")])
            assert told(later) == ["ALLOWED"]
            return [answer for [answer] in answers]

    answers = asyncio.run(run())
    shed = [answer for answer in answers if isinstance(answer, Shed)]
    assert {error.code for error in shed} == {"OVERLOADED"}
    assert all(error.retry_after is not None and 0 < error.retry_after <= 5 for error in shed)
    # What was shed left nothing, and what was not is there.
    assert connection.execute("SELECT count(*) FROM core.usage_event").fetchone() == (1_000 - len(shed) + 1,)
    assert 0 < len(shed) < 1_000


def test_crowds_of_many_customers_fill_the_siding_no_further_than_the_lane(url: str) -> None:
    """Each comes with more than its share of a statement, which goes to the siding."""

    async def run() -> None:
        async with deciding(url, lanes=1, most_waiting=200) as decisions:
            crowds = [
                asyncio.ensure_future(decisions.consume([ask(f"x{n}") for _ in range(60)])) for n in range(30)
            ]
            await asyncio.sleep(0)
            assert 200 < decisions.depth["write"] <= 400
            words = {word for answers in await together(*crowds) for word in told(answers)}
            assert words == {"CUSTOMER_NOT_FOUND", "OVERLOADED"}
            assert decisions.depth == {"write": 0, "check": 0}

    asyncio.run(run())


def test_many_who_are_held_elsewhere_keep_no_grant_waiting_beyond_its_time(
    url: str, connection: psycopg.Connection
) -> None:
    """Nor a crowd: both wait on the siding, where each of those held has its turn at the gate before them."""
    names = [f"h{n}" for n in range(100)]
    gates = "INSERT INTO core.gate (customer_id, last_at) SELECT unnest(%s::text[]), now()"
    connection.execute(gates, (names,))

    async def run() -> list[str]:
        async with deciding(url, lanes=1) as decisions:
            with psycopg.connect(connection.info.dsn) as other:
                other.execute(
                    "SELECT FROM core.gate WHERE customer_id = ANY (%s) FOR NO KEY UPDATE", (names,)
                )
                held = [asyncio.ensure_future(decisions.consume([ask(each)], within=60)) for each in names]
                await asyncio.sleep(1.0)
                given = {"idempotencyKey": "g", "creditType": "general", "amount": "5"}
                grant = decisions.grant("a", given, "me")
                made, crowd = await together(grant, decisions.consume([ask("b", "0.1") for _ in range(60)]))
                assert made["amount"] == "5"
                for each in held:
                    each.cancel()
            return told(crowd)

    assert asyncio.run(run()) == ["ALLOWED"] * 60


def test_a_grant_in_a_lane_is_made_once(url: str) -> None:
    given = {"idempotencyKey": "g", "creditType": "general", "amount": "5"}

    async def run() -> None:
        async with deciding(url) as decisions:
            made = await together(*(decisions.grant("a", given, "me") for _ in range(5)))
            assert sorted(each["replayed"] for each in made) == [False, True, True, True, True]
            with pytest.raises(RequestError) as caught:
                await decisions.grant("a", {**given, "amount": "x"}, "me")
            assert caught.value.code == "INVALID_INPUT"

    asyncio.run(run())


def test_shut_it_answers_what_is_under_way_and_sheds_the_rest(
    url: str, connection: psycopg.Connection
) -> None:
    async def run() -> list[str]:
        async with deciding(url, lanes=1) as decisions:
            under_way = asyncio.ensure_future(decisions.consume([ask("a")]))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            waiting = asyncio.ensure_future(decisions.consume([ask("b")]))
            await asyncio.sleep(0)
            decisions.shut()
            late = await decisions.consume([ask("c")])
            return [*told(await under_way), *told(await waiting), *told(late)]

    assert asyncio.run(run()) == ["ALLOWED", "SHUTTING_DOWN", "SHUTTING_DOWN"]
    assert connection.execute("SELECT count(*) FROM core.usage_event").fetchone() == (1,)


def test_whoever_goes_before_the_turn_comes_leaves_nothing(url: str, connection: psycopg.Connection) -> None:
    async def run() -> None:
        async with deciding(url, lanes=1) as decisions:
            first = asyncio.ensure_future(decisions.consume([ask("a")]))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            gone = asyncio.ensure_future(decisions.consume([ask("a", key="gone"), ask("b", key="gone")]))
            await asyncio.sleep(0)
            gone.cancel()
            assert told(await first) == ["ALLOWED"]
            assert told(await decisions.consume([ask("a")])) == ["ALLOWED"]

    asyncio.run(run())
    assert connection.execute("SELECT count(*) FROM core.idempotency WHERE key = 'gone'").fetchone() == (0,)
