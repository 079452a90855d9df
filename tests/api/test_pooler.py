"""The API behind a pooler in transaction mode: every statement may meet another session."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from controlplane.db.urls import changed_url
from tests.api.serving import Api, serving
from tests.poolers import needs_pgbouncer, pgbouncer
from tests.servers import Server


@pytest.fixture
def pooled(server: Server, database_url: str, folder: Path) -> Iterator[Api]:
    """The API through two sessions that it shares out among all its connections."""
    database = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    with (
        pgbouncer(server, folder, "transaction", size=2) as through,
        psycopg.connect(database_url, autocommit=True) as connection,
        serving(changed_url(through, dbname=str(database)), database_direct_url=database_url) as url,
    ):
        api = Api(url, connection, database_url)
        api.key = api.make_key()
        yield api
        api.client.close()


@needs_pgbouncer
def test_it_decides_as_without_one(pooled: Api) -> None:
    customers = [pooled.customer("30") for _ in range(4)]
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda n: pooled.consume(customers[n % 4]), range(160)))
    assert [answer["reason"] for answer in answers].count(None) == 120
    assert {answer["reason"] for answer in answers} == {None, "INSUFFICIENT_CREDITS"}
    for customer in customers:
        query = "query ($c: ID) { wallets(customerId: $c) { nodes { available } } }"
        assert pooled.data(query, {"c": customer})["wallets"]["nodes"] == [{"available": "0"}]
    with pooled.socket() as socket:
        socket.send(
            '{"id": "1", "type": "subscribe", "payload": {"query":'
            f' "subscription {{ balanceChanged(customerId: \\"{customers[0]}\\") {{ customerId }} }}"}}}}'
        )
        assert customers[0] in str(socket.recv(10))
