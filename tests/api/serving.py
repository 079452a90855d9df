"""A running API, and the ways to ask it."""

import itertools
import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
import uvicorn
from websockets.sync.client import ClientConnection, connect

from controlplane.db.keys import hash_of, new_secret, shown_prefix
from controlplane.graphql.access import Scope
from controlplane.http.app import create_app
from controlplane.settings import Settings
from controlplane.types import Environment, Role
from tests.servers import ROLE_PREFIX, Server

ALL = tuple(scope.value for scope in Scope)
_numbers = itertools.count(1)

CONSUME = """
mutation Consume($input: ConsumeInput!) {
  consume(input: $input) {
    allowed outcome reason message replayed wouldAllow usageEventId seq retryAfter
    quantities { name amount } credits { creditType amount } slices { walletId grantId amount }
    shortfall { creditType amount } wallets { walletId creditType available held leased settled owed }
    binding { kind entityId budgetId walletId quantity limit used held resetsAt } warnings { budgetId }
    budgets { budgetId }
  }
}
"""


@dataclass
class Api:
    """A server under test.

    Attributes:
        url: of the server, without a path.
        connection: a superuser's, to its database.
        login: URL of that database for the API.
        key: of an administrator who may do anything.
    """

    url: str
    connection: psycopg.Connection
    login: str
    key: str = ""
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20))

    def make_key(
        self, scopes: Sequence[str] = ALL, *, customer: str | None = None, kind: str = "ADMIN", **more: Any
    ) -> str:
        """A new key, straight into the table."""
        secret = new_secret(kind, Environment.TEST)
        self.connection.execute(
            "INSERT INTO core.api_key (key_id, prefix, secret_hash, key_kind, name, scopes, customer_id,"
            " observe, expires_at) VALUES (%s, %s, %s, %s, 'test', %s, %s, %s, %s)",
            (
                f"key_{next(_numbers)}",
                shown_prefix(secret),
                hash_of(secret),
                kind,
                list(scopes),
                customer,
                more.get("observe", False),
                more.get("expires_at", "infinity"),
            ),
        )
        return secret

    def post(self, query: str, variables: Any = None, *, key: str | None = None, **headers: str) -> Any:
        """Ask, and return what came back, whatever it is."""
        answer = self.raw(json.dumps({"query": query, "variables": variables}), key=key, **headers)
        assert answer.headers["content-type"].startswith("application/")
        return answer.json()

    def raw(self, body: str | bytes, *, key: str | None = None, **headers: str) -> httpx.Response:
        """Send a body as it is."""
        given = {"content-type": "application/json", "authorization": f"Bearer {key or self.key}"}
        given.update({name.replace("_", "-"): value for name, value in headers.items()})
        return self.client.post(f"{self.url}/graphql", content=body, headers=given)

    def data(self, query: str, variables: Any = None, *, key: str | None = None) -> Any:
        """Ask, and return the data; nothing may have gone wrong."""
        answer = self.post(query, variables, key=key)
        assert "errors" not in answer, answer
        return answer["data"]

    def error(self, query: str, variables: Any = None, *, key: str | None = None) -> Any:
        """Ask for something that goes wrong, and return the extensions of the first error."""
        answer = self.post(query, variables, key=key)
        assert answer.get("errors"), answer
        return answer["errors"][0]["extensions"]

    def consume(self, customer: str, *, key: str | None = None, **more: Any) -> Any:
        """One consumption of ``chat``."""
        return self.data(CONSUME, {"input": asked(customer, **more)}, key=key)["consume"]

    def count(self, table: str) -> int:
        """Rows of a table of ``core``."""
        row = self.connection.execute(f"SELECT count(*) FROM core.{table}").fetchone()
        assert row is not None
        return int(row[0])

    @contextmanager
    def socket(self, *, key: str | None = None, init: Any = ...) -> Iterator[ClientConnection]:
        """A socket that has said who it is; ``init=None`` says nothing yet."""
        url = self.url.replace("http", "ws", 1) + "/graphql"
        with connect(url, subprotocols=["graphql-transport-ws"], compression=None) as made:
            if init is ...:
                init = {"Authorization": f"Bearer {key or self.key}"}
            if init is not None:
                made.send(json.dumps({"type": "connection_init", "payload": init}))
                assert json.loads(made.recv(10)) == {"type": "connection_ack"}
            yield made

    def customer(self, amount: str = "100") -> str:
        """A customer with a team, a user in it, a wallet, a grant, a budget, and the catalogue."""
        customer = f"customer-{next(_numbers)}"
        for statement in _WORLD.split(";\n"):
            self.connection.execute(statement, {"c": customer, "a": amount})
        return customer


#: One grant at seq 4; a budget of 50 credits on the team. Every token costs one credit.
_WORLD = """
INSERT INTO core.credit_type (credit_type, name) VALUES ('general', 'General') ON CONFLICT DO NOTHING;
UPDATE core.installation SET catalog_version = greatest(catalog_version, 1);
INSERT INTO core.feature (feature_id, catalog_version, name, feature_type, quantities, dimensions,
                          credit_types)
VALUES ('chat', 1, 'Chat', 'METERED', '{input,output}', '{model}', '{general}') ON CONFLICT DO NOTHING;
INSERT INTO core.rate (feature_id, credit_type, quantity, specificity, effective_from, catalog_version,
                       amount)
SELECT 'chat', 'general', unnest('{input,output}'::text[]), 0, '2020-01-01', 1, 1 ON CONFLICT DO NOTHING;
INSERT INTO core.gate (customer_id, seq, last_at, last_no) VALUES (%(c)s, 4, now(), 9);
INSERT INTO core.customer (customer_id, name, metadata, created_at)
VALUES (%(c)s, 'N', '{"a": 1}', now());
INSERT INTO core.entity (customer_id, entity_no, entity_id, entity_type, parent_no, path, path_types,
                         created_at)
VALUES (%(c)s, 0, NULL, 'customer', NULL, '{0}', '{customer}', now()),
       (%(c)s, 1, 'team', 'team', 0, '{1,0}', '{team,customer}', now()),
       (%(c)s, 2, 'user', 'user', 1, '{2,1,0}', '{user,team,customer}', now());
INSERT INTO core.wallet (customer_id, wallet_no, wallet_id, entity_no, credit_type, available, created_at)
VALUES (%(c)s, 3, 'customer:general', 0, 'general', %(a)s, now());
INSERT INTO core.credit_grant (customer_id, grant_no, wallet_no, grant_kind, effective_at, amount, remaining,
                               created_at)
VALUES (%(c)s, 4, 3, 'PAID', now(), %(a)s, %(a)s, now());
INSERT INTO core.ledger_entry (customer_id, seq, leg, recorded_at, kind, from_wallet_no, to_wallet_no,
                               from_account, to_account, grant_no, amount, to_balance_after)
VALUES (%(c)s, 4, 1, now(), 'GRANT', 3, 3, 'ISSUED', 'AVAILABLE', 4, %(a)s, %(a)s);
INSERT INTO core.budget (customer_id, budget_no, budget_id, entity_no, measure, credit_type, budget_window,
                         amount_limit, window_rank, counts_from_seq, created_at)
VALUES (%(c)s, 5, 'team-total', 1, 'CREDITS', 'general', 'TOTAL', 50, 9, 1, now())
"""


def asked(customer: str, **more: Any) -> dict[str, Any]:
    """An input of ``consume``: one input token, unless told otherwise."""
    usual = {
        "idempotencyKey": str(uuid.uuid4()),
        "customerId": customer,
        "featureId": "chat",
        "quantities": [{"name": "input", "amount": "1"}],
    }
    return {name: value for name, value in {**usual, **more}.items() if value is not None}


@contextmanager
def running(server: Server, database_url: str, **settings: Any) -> Iterator[Api]:
    """A server on a free port, in a thread of its own."""
    login = server.url(database_url, user=f"{ROLE_PREFIX}_{Role.APP.value}")
    with psycopg.connect(database_url, autocommit=True) as connection, serving(login, **settings) as url:
        api = Api(url, connection, login)
        api.key = api.make_key()
        try:
            yield api
        finally:
            api.client.close()


@contextmanager
def serving(url: str, **settings: Any) -> Iterator[str]:
    """The application over real sockets; yields its URL."""
    app = create_app(Settings(database_url=url, pool_size=4, **settings))
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2)
    uvicorn_server = uvicorn.Server(config)
    thread = threading.Thread(target=uvicorn_server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not uvicorn_server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        uvicorn_server.should_exit = True
        thread.join(15)
        listener.close()
        assert not thread.is_alive()
