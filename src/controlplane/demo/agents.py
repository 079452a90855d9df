"""The demo's agents: each asks for what it needs, through GraphQL as any backend would."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from controlplane.client.client import Client
from controlplane.client.keys import new_key
from controlplane.demo.world import AGENTS, CUSTOMER, FEATURE, MODELS, top_up
from controlplane.errors import CallFailed

_CONSUME = """
mutation Consume($input: ConsumeInput!) {
  consume(input: $input) { allowed reason credits { creditType amount } binding { budgetId } }
}
"""
_GRANT = """
mutation Grant($input: GrantCreditsInput!) {
  grantCredits(input: $input) { grant { grantId } userErrors { field message } }
}
"""
#: Seconds between two requests of an agent of eagerness one.
_PAUSE = 1.8


@dataclass(slots=True)
class Tally:
    """What has been answered since the demo began, and by agent what came last."""

    answers: Counter[str] = field(default_factory=Counter)
    last: dict[str, str] = field(default_factory=dict)


async def spend(client: Client, tally: Tally) -> None:
    """Let all agents spend until cancelled."""
    async with asyncio.TaskGroup() as group:
        for agent, (product, eagerness) in AGENTS.items():
            group.create_task(_work(client, tally, agent, product, eagerness))


async def _work(client: Client, tally: Tally, agent: str, product: str, eagerness: int) -> None:
    chance = random.Random()  # noqa: S311  # no secret
    while True:
        await asyncio.sleep(chance.uniform(0.5, 1.5) * _PAUSE / eagerness)
        try:
            request = _request(chance, agent, product)
            decision = (await client.execute(_CONSUME, {"input": request}))["consume"]
            if decision["reason"] == "INSUFFICIENT_CREDITS":
                await client.execute(_GRANT, {"input": top_up(new_key())})
        except CallFailed as error:
            tally.answers[error.answered] += 1
            tally.last[agent] = error.message
            await asyncio.sleep(1)
            continue
        tally.answers[decision["reason"] or "ALLOWED"] += 1
        tally.last[agent] = _told(decision)


def _request(chance: random.Random, agent: str, product: str) -> dict[str, Any]:
    [model] = chance.choices(list(MODELS), (6, 3, 1))
    amounts = {"input": chance.randint(100, 1500), "output": chance.randint(10, 300)}
    return {
        "idempotencyKey": new_key(),
        "customerId": CUSTOMER,
        "featureId": FEATURE,
        "quantities": [{"name": name, "amount": str(tokens)} for name, tokens in amounts.items()],
        "entityIds": [agent, product],
        "dimensions": [{"key": "model", "value": model}],
    }


def _told(decision: Mapping[str, Any]) -> str:
    if not decision["allowed"]:
        binding = decision["binding"] or {}
        return f"{decision['reason']} {binding.get('budgetId') or ''}".rstrip()
    return ", ".join(f"{each['amount']} {each['creditType']}" for each in decision["credits"]) or "free"
