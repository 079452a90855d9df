"""What a usage event keeps of a request, read back through its door."""

from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration, small_world


def item(key: str, amount: str = "2", **more: Any) -> dict[str, Any]:
    quantities = [{"name": "input", "amount": amount}, {"name": "output", "amount": "0.5"}]
    return {"idempotencyKey": key, "featureId": "chat", "quantities": quantities, **more}


def events(world: Configuration) -> list[dict[str, Any]]:
    """The oldest first."""
    read = "SELECT * FROM api.read_usage_events('acme', '{\"ascending\": true}', NULL, 100)"
    return [row[0] for row in world.rows(read)]


def test_an_event_says_what_was_asked_and_taken(connection: psycopg.Connection) -> None:
    """Of each allowed request, and of nothing else: not of a denial, nor of a replay."""
    world = small_world(connection)
    rates = [{"creditType": "general", "quantity": name, "amount": "1"} for name in ("input", "output")]
    world.catalog("set_rates", featureId="chat", rates=rates)
    world.change("grant_credits", idempotencyKey="g", creditType="general", amount="100")
    asked = [
        item("bare"),
        item("denied", amount="1000", metadata={"of": "nothing"}),
        item("bare", metadata={"of": "a replay"}),
        item(
            "full",
            entityIds=["ada", "team"],
            sessionId="s-1",
            dimensions=[{"key": "model", "value": "large"}],
            metadata={"trace": "abc", "tags": [1, None]},
        ),
    ]
    consumed = world.rows("SELECT allowed, replayed FROM api.consume('acme', %s)", Jsonb(asked))
    assert consumed == [(True, False), (False, False), (True, True), (True, False)]
    bare, full = events(world)
    told = (
        "entityIds",
        "sessionId",
        "dimensions",
        "metadata",
        "quantities",
        "credits",
        "shortfall",
        "reason",
    )
    taken = ({"input": "2", "output": "0.5"}, {"general": "2.5"}, None, None)
    assert tuple(bare[name] for name in told) == ([], None, bare["dimensions"], None, *taken)
    assert not bare["dimensions"]
    assert tuple(full[name] for name in told) == (
        ["ada", "team"],
        "s-1",
        {"model": "large"},
        {"trace": "abc", "tags": [1, None]},
        *taken,
    )


def test_what_is_recorded_afterwards_keeps_when_it_happened_and_why_it_was_too_much(
    connection: psycopg.Connection,
) -> None:
    world = small_world(connection)
    world.catalog(
        "set_rates",
        featureId="chat",
        rates=[
            {
                "creditType": "general",
                "quantity": name,
                "amount": "1",
                "effectiveFrom": "1970-01-01T00:00:00Z",
            }
            for name in ("input", "output")
        ],
    )
    world.change("grant_credits", idempotencyKey="g", creditType="general", amount="1")
    moment = world.one(
        "SELECT to_char(date_trunc('month', core.clock(), 'UTC'), 'YYYY-MM-DD\"T\"HH24:MI:SSTZH:TZM')"
    )
    asked = [item("late", overage="RECORD", occurredAt=moment)]
    assert world.rows("SELECT allowed FROM api.consume('acme', %s)", Jsonb(asked)) == [(True,)]
    [event] = events(world)
    assert (event["credits"], event["shortfall"]) == ({"general": "1"}, {"general": "1.5"})
    assert event["reason"] == "INSUFFICIENT_CREDITS"
    assert event["occurredAt"] < event["recordedAt"]
