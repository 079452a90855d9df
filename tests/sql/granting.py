"""A few words about grants, for the tests of what becomes of them."""

from typing import Any
from uuid import uuid4

from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration


def grant(world: Configuration, amount: str = "10", **more: Any) -> str:
    """A grant of general credits; its id."""
    given = {"idempotencyKey": str(uuid4()), "creditType": "general", "amount": amount}
    made: str = world.change("grant_credits", **(given | more))["grantId"]
    return made


def read(world: Configuration, grant_id: str) -> dict[str, Any]:
    """A grant as a reader sees it now."""
    shown: dict[str, Any] = world.one(
        "SELECT row FROM api.read_grants(%s, %s, NULL, 1) AS row",
        world.customer_id,
        Jsonb({"grantId": grant_id}),
    )
    return shown


def wallet(world: Configuration, wallet_id: str = "customer:general") -> dict[str, str]:
    """The accounts of a wallet that are not empty."""
    shown = world.one(
        "SELECT row FROM api.read_wallets(%s, %s, NULL, 1) AS row",
        world.customer_id,
        Jsonb({"walletId": wallet_id}),
    )
    accounts = ("scheduled", "available", "held", "owed", "shortfall", "receivable")
    return {account: shown[account] for account in accounts if shown[account] != "0"}


def entries(world: Configuration, since: int = 0) -> list[tuple[Any, ...]]:
    """The ledger: seq, leg, kind, grant, accounts, amount."""
    return world.rows(
        "SELECT seq, leg, kind::text, grant_no::text, from_account::text, to_account::text,"
        " trim_scale(amount)::text FROM core.ledger_entry WHERE customer_id = %s AND seq > %s"
        " ORDER BY seq, leg",
        world.customer_id,
        since,
    )


def consume(world: Configuration, amount: str, *entities: str) -> list[tuple[str, str]]:
    """So much input of chat, of which each costs one credit; which grants paid how much."""
    item = {
        "idempotencyKey": str(uuid4()),
        "featureId": "chat",
        "entityIds": list(entities),
        "quantities": [{"name": "input", "amount": amount}],
    }
    [(allowed, reason, answer)] = world.rows(
        "SELECT allowed, reason, answer FROM api.consume(%s, %s)", world.customer_id, Jsonb([item])
    )
    assert allowed, reason
    return [(grant_id, paid) for _, grant_id, paid in answer["slices"]]


def priced(world: Configuration) -> Configuration:
    """The same world, where an input costs one general credit."""
    rates = [{"creditType": "general", "quantity": "input", "amount": "1"}]
    world.catalog("set_rates", featureId="chat", rates=rates)
    return world


def reserve(world: Configuration, amount: str, *entities: str, ttl: int = 3600) -> str:
    """Holds so much input of chat; the reservation's id."""
    item = {
        "idempotencyKey": str(uuid4()),
        "featureId": "chat",
        "entityIds": list(entities),
        "quantities": [{"name": "input", "amount": amount}],
        "ttlSeconds": ttl,
    }
    [(allowed, reason, answer)] = world.rows(
        "SELECT allowed, reason, answer FROM api.reserve(%s, %s)", world.customer_id, Jsonb([item])
    )
    assert allowed, reason
    held: str = answer["reservationId"]
    return held


def step(world: Configuration, verb: str, reservation_id: str, **more: Any) -> None:
    """Settles or releases."""
    given = Jsonb([{"reservationId": reservation_id, **more}])
    [(allowed, reason)] = world.rows(
        f"SELECT allowed, reason FROM api.{verb}(%s, %s)", world.customer_id, given
    )
    assert allowed, reason


def verified(world: Configuration) -> None:
    """The whole history is what it says."""
    assert world.rows("SELECT check_name, offender FROM api.verify() WHERE offender IS NOT NULL") == []
    if not world.one("SELECT (SELECT count(*) FROM core.reservation) + (SELECT count(*) FROM core.reversal)"):
        world.history_is_whole()
