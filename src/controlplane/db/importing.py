"""``api.import_rows``: rows of customers, each undone alone if it is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import LiteralString

from controlplane.db.pool import Database

#: Who made it, in the history.
_ACTOR = "import"
_CALL: LiteralString = (
    "SELECT outcome, errors, credit_type, granted FROM api.import_rows(%s, %s, %s) ORDER BY place"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one row.

    Attributes:
        outcome: CREATED, CHANGED, UNCHANGED or REFUSED; or DEFERRED, for a call with its customer alone.
        errors: field, code and message of each, of what was refused.
        granted: credit type and amount as the ledger has them, of a balance.
    """

    outcome: str
    errors: Sequence[tuple[str, str, str]] = ()
    granted: tuple[str, Decimal] | None = None


async def import_rows(database: Database, kind: str, rows: str, *, dry_run: bool = False) -> list[Verdict]:
    """Import rows, in one transaction.

    Args:
        database: where.
        kind: customers, entities or balances.
        rows: a JSON list of inputs, each with its ``customerId``.
        dry_run: roll it all back; the answer is what it would have been.

    Raises:
        DatabaseError: nothing was written, or, ``OutcomeUnknown``, perhaps all: the same again is right then.
    """
    run = database.tried if dry_run else database.rows
    found = await run(_CALL, (kind, rows, _ACTOR))
    return [
        Verdict(
            outcome,
            [(each["field"], each["code"], each["message"]) for each in errors or ()],
            None if granted is None else (credit_type, granted),
        )
        for outcome, errors, credit_type, granted in found
    ]
