"""The examples of the README do what the README says, on the customer that the demo makes."""

import asyncio
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from controlplane.db.pool import Database
from controlplane.db.statements import split_statements
from controlplane.demo.world import make_world
from tests.api.serving import Api, running
from tests.commands import controlplane
from tests.servers import ROLE_PREFIX, Server

README = (Path(__file__).parents[2] / "README.md").read_text()


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def demo(server: Server, database_url: str) -> Iterator[Api]:
    """The API on a database with the demo's customer."""
    with running(server, database_url) as api:
        asyncio.run(make(api.login))
        yield api


async def make(url: str) -> None:
    database = Database(url, size=1, statement_timeout_ms=20_000, behind_pooler=False)
    await database.open()
    try:
        await make_world(database)
    finally:
        await database.close()


def test_the_consumption_and_its_answer(demo: Api) -> None:
    asked = examples("graphql")[0]
    [answer] = examples("json")
    found = demo.data(asked)["consume"]
    assert found == json.loads(answer)
    assert demo.data(asked)["consume"] == {**found, "replayed": True}


def test_the_reservation(demo: Api) -> None:
    [asked] = [example for example in examples("graphql") if "reserve(" in example]
    [settled] = [example for example in examples("graphql") if "settleReservation" in example]
    held = demo.data(asked)["reserve"]
    assert held["allowed"], held
    before, after = (
        answer["wallets"][0]
        for answer in (
            held,
            demo.data(settled.replace('"31"', f'"{held["reservationId"]}"'))["settleReservation"],
        )
    )
    assert Decimal(before["held"]) > 0
    assert after["held"] == "0"
    assert Decimal(after["available"]) == Decimal(before["available"]) + Decimal(before["held"]) - 3


def test_the_budget(demo: Api) -> None:
    [asked] = [example for example in examples("graphql") if "setBudget" in example]
    made = demo.data(asked)["setBudget"]
    assert made == {"budget": {"budgetId": "agents-a-day", "limit": "250"}, "userErrors": []}


def test_moving_in(demo: Api, tmp_path: Path) -> None:
    """The three files in their order; the last ends as it is shown."""
    shown, _ = examples("text")
    kinds = ("customers", "entities", "balances")
    for kind, text in zip(kinds, examples("csv"), strict=True):
        (tmp_path / f"{kind}.csv").write_text(text)
        done = controlplane(
            "import", kind, str(tmp_path / f"{kind}.csv"), env={"CONTROLPLANE_DATABASE_URL": demo.login}
        )
        assert done.returncode == 0, done.stdout + done.stderr
    told = [line.split() for line in done.stdout.splitlines()]
    assert told[1:-1] == [line.split() for line in shown.splitlines()]


def test_the_transfer(demo: Api) -> None:
    [asked] = [example for example in examples("graphql") if "transferCredits" in example]
    made = demo.data(asked)["transferCredits"]
    assert made["userErrors"] == []
    assert sum(Decimal(part["amount"]) for part in made["parts"]) == 5


def test_who_follows_the_page_types_no_key_twice() -> None:
    keys = re.findall(r'idempotencyKey"?: "([^"]+)"', README)
    assert len(keys) == len(set(keys)) > 2


def test_sql(demo: Api, connection: psycopg.Connection) -> None:
    asked, looked, books = examples("sql")
    [(allowed, reason, answer)] = connection.execute(asked).fetchall()
    assert allowed
    assert reason is None
    assert answer["credits"]
    connection.execute(f"SET ROLE {ROLE_PREFIX}_finance")  # type: ignore[arg-type]
    wallets = {row[0]: row[2] for row in connection.execute(looked)}
    assert wallets["guest:credits"] == 300 - Decimal(answer["credits"]["credits"])
    ledger, month, lots, grants, held, past = (
        connection.execute(each.text.encode()).fetchall() for each in split_statements(books)
    )
    assert [row[1] for row in ledger if row[0] > 20][-1] == "CONSUME"
    assert (month, held) == ([], [])
    assert {row[0] for row in lots} == {row[0] for row in grants}
    assert "guest:credits" in {row[0] for row in past}
