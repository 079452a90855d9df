"""The demo beside the API that `controlplane up --demo` serves."""

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from rich.console import Console

from controlplane.client.client import Client
from controlplane.client.keys import new_key
from controlplane.db.keys import create_key, new_secret
from controlplane.db.pool import Database
from controlplane.demo.agents import Tally, spend
from controlplane.demo.screen import show
from controlplane.demo.world import ACTOR, CUSTOMER, FEATURE, GUEST, GUESTS_PRODUCT, make_world
from controlplane.graphql.access import Scope
from controlplane.settings import Settings


async def run_demo(settings: Settings, url: str, console: Console, *, program: str, psql: str) -> None:
    """Make the demo's customer and a fresh key, print what to try, and let its agents spend until cancelled.

    Args:
        settings: ``database_url`` is filled in.
        url: of the API, which answers already.
        console: where to show it.
        program: how to call ``controlplane``, in a line to paste.
        psql: how to open psql on the database, in such a line.
    """
    database = Database(
        settings.database_url or "",
        size=1,
        statement_timeout_ms=settings.statement_timeout_ms,
        behind_pooler=settings.behind_pooler,
        name="controlplane demo",
    )
    try:
        await database.open()
        await make_world(database)
        key = new_secret("ADMIN", settings.environment)
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        scopes = [scope.value for scope in Scope]
        given = {"kind": "ADMIN", "name": "demo", "scopes": scopes, "expiresAt": tomorrow}
        await create_key(database, given, key, ACTOR)
    finally:
        await database.close()
    _tell(console, url, key, program, psql)
    tally = Tally()
    with suppress(asyncio.CancelledError):
        async with Client(url, key, connections=4) as client, asyncio.TaskGroup() as group:
            group.create_task(spend(client, tally))
            group.create_task(show(console, url, key, tally))


def _tell(console: Console, url: str, key: str, program: str, psql: str) -> None:
    """Lines to paste; the key is shown here and stored nowhere."""

    def line(text: str = "") -> None:
        console.print(text, soft_wrap=True, highlight=False, markup=False)

    request = {
        "idempotencyKey": new_key(),
        "customerId": CUSTOMER,
        "featureId": FEATURE,
        "quantities": [{"name": "input", "amount": "1200"}, {"name": "output", "amount": "300"}],
        "entityIds": [GUEST, GUESTS_PRODUCT],
        "dimensions": [{"key": "model", "value": "sage"}],
    }
    wanted = (
        "allowed reason replayed credits { creditType amount } slices { walletId grantId amount }"
        " binding { kind budgetId entityId limit used }"
    )
    body = {
        "query": f"mutation($input: ConsumeInput!) {{ consume(input: $input) {{ {wanted} }} }}",
        "variables": {"input": request},
    }
    line("\nspend something; the same again is a replay:")
    line(
        f"  curl -s {url}/graphql -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json'"
        f" -d '{json.dumps(body)}'"
    )
    line("watch the balances over a WebSocket:")
    line(f"  {program} watch {CUSTOMER} --url {url} --key {key}")
    line("look at the ledger in SQL:")
    ledger = "SELECT seq, from_account, to_account, units, actor FROM report.ledger ORDER BY seq DESC LIMIT 9"
    line(f'  {psql} -c "{ledger}"')
    line()
