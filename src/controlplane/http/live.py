"""The hub and the database, put together: neither knows the other."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from controlplane.db.pool import Database
from controlplane.db.reading import Record, read_balances, read_newer_versions
from controlplane.live.hub import Hub, Look, Snapshot, Version


def make_hub(database: Database) -> Hub[dict[str, Any]]:
    """A hub of balances."""

    async def look(customers: Sequence[str], seqs: Sequence[int] | None) -> Look:
        found = await read_newer_versions(database, customers, seqs)
        incarnation = found["incarnation"]
        return Look(
            incarnation,
            datetime.fromisoformat(found["asOf"]),
            {
                customer: Version(incarnation, int(seq), datetime.fromisoformat(as_of))
                for customer, seq, as_of in found["versions"]
            },
            found["all"],
        )

    async def compute(customers: Sequence[str]) -> Mapping[str, Snapshot[dict[str, Any]]]:
        found = await read_balances(database, customers)
        return {
            customer: Snapshot(_version(record), record, _instant(record.get("nextDueAt")))
            for customer, record in found.items()
        }

    return Hub(look, compute)


def _version(record: Record) -> Version:
    return Version(record["incarnation"], int(record["seq"]), datetime.fromisoformat(record["asOf"]))


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
