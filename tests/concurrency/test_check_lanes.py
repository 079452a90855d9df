"""Checks of many callers in one statement: each is told what it would be told alone."""

import asyncio
from collections.abc import Callable

import psycopg
import pytest

from controlplane.errors import RequestError
from controlplane.types import Role
from tests.concurrency.deciding import Seen, ask, deciding, make_customers, together, told


@pytest.fixture
def url(connection: psycopg.Connection, login_url: Callable[[Role], str]) -> str:
    make_customers(connection, "a", "b", "c")
    return login_url(Role.APP)


def test_checks_of_two_callers_do_not_count_against_each_other(url: str) -> None:
    async def run() -> None:
        async with deciding(url) as decisions:
            answers = await together(*(decisions.check([ask("a", str(60 + n))]) for n in range(8)))
            assert [told(answer) for answer in answers] == [["ALLOWED"]] * 8
            # … but those of one request do, in its order.
            assert told(await decisions.check([ask("a", "60"), ask("b", "60"), ask("a", "60")])) == [
                "ALLOWED",
                "ALLOWED",
                "INSUFFICIENT_CREDITS",
            ]

    asyncio.run(run())


def test_customers_share_statements_and_equal_requests_an_answer(url: str) -> None:
    seen = Seen()

    async def run() -> None:
        async with deciding(url, seen) as decisions:
            answers = await together(*(decisions.check([ask("abc"[n % 3])]) for n in range(60)))
            assert [told(answer) for answer in answers] == [["ALLOWED"]] * 60

    asyncio.run(run())
    assert seen.batches == [("check", 3)]


def test_nothing_is_written(url: str, connection: psycopg.Connection) -> None:
    async def run() -> None:
        async with deciding(url) as decisions:
            await together(*(decisions.check([ask("a", str(n))]) for n in range(1, 20)))

    before = connection.execute("SELECT seq, last_at FROM core.gate WHERE customer_id = 'a'").fetchone()
    asyncio.run(run())
    assert (
        connection.execute("SELECT seq, last_at FROM core.gate WHERE customer_id = 'a'").fetchone() == before
    )
    assert connection.execute("SELECT count(*) FROM core.usage_event").fetchone() == (0,)


def test_a_check_waits_for_no_gate(url: str, connection: psycopg.Connection) -> None:
    async def run() -> None:
        async with deciding(url) as decisions:
            with psycopg.connect(connection.info.dsn) as other:
                other.execute("SELECT FROM core.gate WHERE customer_id = 'a' FOR NO KEY UPDATE")
                assert told(await decisions.check([ask("a")])) == ["ALLOWED"]

    asyncio.run(run())


def test_a_bad_check_fails_alone_and_names_its_place(url: str) -> None:
    async def run() -> None:
        async with deciding(url, lanes=1) as decisions:
            good = [decisions.check([ask("b", str(n))]) for n in range(1, 5)]

            async def bad() -> RequestError:
                with pytest.raises(RequestError) as caught:
                    await decisions.check([ask("a"), ask("c"), ask("c", "0")])
                return caught.value

            *answers, error = await together(*good, bad())
            assert [told(answer) for answer in answers] == [["ALLOWED"]] * 4
            assert (error.detail["item"], error.detail["code"]) == (2, "ALL_ZERO")

    asyncio.run(run())


def test_one_caller_who_goes_takes_no_answer_along(url: str) -> None:
    async def run() -> None:
        async with deciding(url) as decisions:
            first = asyncio.ensure_future(decisions.check([ask("a")]))
            second = asyncio.ensure_future(decisions.check([ask("a")]))
            await asyncio.sleep(0)
            first.cancel()
            assert told(await second) == ["ALLOWED"]

    asyncio.run(run())
