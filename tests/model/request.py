"""The request everybody types (KERNEL §1), read strictly; a malformed one is refused whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any

from tests.model.exact import Inexact, exact
from tests.model.words import Overage

#: A consumption names at most so many entities, one per axis.
AXES = 4
#: For how many seconds a reservation may hold at most, and holds where nothing is said.
TTL_MOST, TTL = 24 * 3600, 3600


class Verb(StrEnum):
    """What an item asks for; the names are those of the operations."""

    CONSUME = "consume"
    RESERVE = "reserve"


class Malformed(ValueError):
    """The request cannot be understood; the call that carries it does nothing at all."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


@dataclass(frozen=True)
class Item:
    """One consumption that is asked for, or one reservation."""

    verb: Verb
    idempotency_key: str
    feature_id: str
    quantities: Mapping[str, Fraction]
    entity_ids: tuple[str, ...]
    session_id: str
    dimensions: Mapping[str, str]
    overage: Overage
    group: str | None
    occurred_at: datetime | None
    detail: str | None
    ttl: int | None  # in seconds; of a reservation

    def until(self, instant: datetime) -> datetime | None:
        """How long a reservation made at the instant holds."""
        return None if self.ttl is None else instant + timedelta(seconds=self.ttl)

    def fingerprint(self) -> dict[str, Any]:
        """What a replay must repeat, field by field; metadata and detail may differ."""
        return {
            "operation": self.verb,
            "featureId": self.feature_id,
            "quantities": dict(self.quantities),
            "entityIds": self.entity_ids,
            "sessionId": self.session_id,
            "dimensions": dict(self.dimensions),
            "overage": self.overage,
            "group": self.group,
            "occurredAt": self.occurred_at,
            "ttlSeconds": self.ttl,
        }


def read_item(given: Mapping[str, Any], dry: bool = False, verb: Verb = Verb.CONSUME) -> Item:
    """Reads one item; a dry run needs no idempotency key."""
    item = Item(
        verb=verb,
        idempotency_key=given.get("idempotencyKey") or "",
        feature_id=given["featureId"],
        quantities=read_quantities(given),
        entity_ids=tuple(given.get("entityIds") or ()),
        session_id=given.get("sessionId") or "",
        dimensions=read_pairs(given.get("dimensions") or (), "dimensions", "key", "value"),
        overage=read_overage(given.get("overage")),
        group=given.get("group"),
        occurred_at=read_instant(given.get("occurredAt"), "occurredAt"),
        detail=given.get("detail"),
        ttl=read_ttl(given, TTL) if verb is Verb.RESERVE else None,
    )
    if not item.idempotency_key and not dry:
        raise Malformed("idempotencyKey", "is missing")
    if len(item.entity_ids) > AXES:
        raise Malformed("entityIds", f"are more than {AXES}")
    if item.group is not None and item.overage in (Overage.CAP, Overage.RECORD):
        raise Malformed("overage", f"{item.overage} has no place in a group")
    if item.overage is Overage.CAP and len([amount for amount in item.quantities.values() if amount]) > 1:
        raise Malformed("overage", "CAP needs a single quantity")
    if verb is Verb.RESERVE and item.overage is Overage.RECORD:
        raise Malformed("overage", "what has happened already needs no reservation")
    if item.occurred_at is not None and item.overage is not Overage.RECORD:
        raise Malformed("occurredAt", "belongs to RECORD alone")
    if verb is not Verb.RESERVE and given.get("ttlSeconds") is not None:
        raise Malformed("ttlSeconds", "belongs to reservations alone")
    return item


def read_quantities(given: Mapping[str, Any], nothing_too: bool = False) -> dict[str, Fraction]:
    """Either ``quantities`` or a single ``quantity``; each ≥ 0, one > 0 unless nothing will do too."""
    if (given.get("quantity") is None) == (given.get("quantities") is None):
        raise Malformed("quantities", "either these or quantity, and not both")
    if given.get("quantity") is not None:
        named = {"quantity": given["quantity"]}
    else:
        named = read_pairs(given["quantities"], "quantities", "name", "amount")
    try:
        quantities = {name: exact(amount) for name, amount in named.items()}
    except Inexact as error:
        raise Malformed("quantities", f"{error} is no amount") from error
    if not quantities or not (nothing_too or any(quantities.values())):
        raise Malformed("quantities", "one must be more than zero")
    return quantities


def read_ttl(given: Mapping[str, Any], otherwise: int | None = None) -> int:
    """For how many whole seconds to hold."""
    ttl = otherwise if given.get("ttlSeconds") is None else given["ttlSeconds"]
    if type(ttl) is not int or not 1 <= ttl <= TTL_MOST:
        raise Malformed("ttlSeconds", f"is no whole number from 1 to {TTL_MOST}")
    return ttl


def read_pairs(given: Any, field: str, name: str, value: str) -> dict[str, str]:
    """A list of pairs in which no name stands twice."""
    pairs = {pair[name]: pair[value] for pair in given}
    if len(pairs) < len(given):
        raise Malformed(field, f"a {name} stands twice")
    return pairs


def read_overage(given: str | None) -> Overage:
    try:
        return Overage(given or Overage.REJECT)
    except ValueError as error:
        raise Malformed("overage", f"{given} is none") from error


def read_instant(given: str | None, field: str) -> datetime | None:
    """A time with its offset; a naive one is refused."""
    if given is None:
        return None
    instant = datetime.fromisoformat(given)
    if instant.tzinfo is None:
        raise Malformed(field, "needs an offset")
    return instant.astimezone(UTC)
