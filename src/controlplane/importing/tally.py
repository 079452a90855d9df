"""Counting what became of the rows, and whether what the file grants is what the ledger got."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact

from controlplane.db.importing import Verdict
from controlplane.importing.records import Fault
from controlplane.importing.refusals import Refusals
from controlplane.importing.rows import BadRow, Row

_WALLET = re.compile(r"wallets\[(\d+)\](?:\.\w+)?")

#: Sums are exact, or an error: an amount has at most 38 digits, and the rest is for how many there are.
_EXACT = Context(prec=60, traps=[Inexact])


class Sums(dict[str, Decimal]):
    """Credits by their type."""

    def add(self, credit_type: str, amount: Decimal) -> None:
        """Add an amount, exactly."""
        self[credit_type] = _EXACT.add(self.get(credit_type, Decimal(0)), amount)

    def less(self, *others: "Sums") -> "Sums":
        """What is left without the others; of every type that any of them has."""
        left = Sums()
        for credit_type in sorted({*self, *(name for each in others for name in each)}):
            value = self.get(credit_type, Decimal(0))
            for each in others:
                value = _EXACT.subtract(value, each.get(credit_type, Decimal(0)))
            left[credit_type] = value
        return left


@dataclass(slots=True)
class Tally:
    """Counts of one run.

    Attributes:
        refusals: rows that were refused, here or by the database.
        outcomes: rows that were sent: CREATED, CHANGED, UNCHANGED.
        in_file: credits of all rows whose amount can be read.
        refused: those among them that were refused.
        not_sent: those that were not reached.
        granted: what the ledger says of the grants of these rows.
        counts_credits: whether the rows are balances at all.
    """

    refusals: Refusals = field(default_factory=Refusals)
    outcomes: Counter[str] = field(default_factory=Counter)
    in_file: Sums = field(default_factory=Sums)
    refused: Sums = field(default_factory=Sums)
    not_sent: Sums = field(default_factory=Sums)
    granted: Sums = field(default_factory=Sums)
    counts_credits: bool = False

    @property
    def uncounted(self) -> int:
        """Refused balances whose amount cannot be read."""
        return self.refusals.uncounted if self.counts_credits else 0

    @property
    def done(self) -> int:
        """Rows that are over, refused ones too."""
        return self.outcomes.total() + self.refusals.count

    @property
    def difference(self) -> Sums:
        """What the file grants, without what was refused or not reached, less what the ledger got."""
        return self.in_file.less(self.refused, self.not_sent, self.granted)

    @property
    def is_tied(self) -> bool:
        """Whether every credit of the file is accounted for."""
        return not any(self.difference.values())

    def expect(self, row: Row) -> None:
        """Count what is to be sent."""
        if row.credits is not None:
            credit_type, amount = row.credits
            self.in_file.add(credit_type, Decimal(amount))
            self.not_sent.add(credit_type, Decimal(amount))

    def refuse(self, bad: BadRow) -> None:
        """Count a row that is not sent at all, which ``expect`` has not seen."""
        self.refusals.add(bad)
        if bad.credits is not None:
            credit_type, amount = bad.credits
            self.in_file.add(credit_type, Decimal(amount))
            self.refused.add(credit_type, Decimal(amount))

    def add(self, rows: Sequence[Row], verdicts: Sequence[Verdict]) -> list[Row]:
        """Count a call's answer, one verdict a row; returns the rows that are DEFERRED, and not over."""
        deferred = []
        for row, verdict in zip(rows, verdicts, strict=True):
            if verdict.outcome == "DEFERRED":
                deferred.append(row)
                continue
            if row.credits is not None:
                credit_type, amount = row.credits
                self.not_sent.add(credit_type, Decimal(amount).copy_negate())  # a minus would round
                if verdict.outcome == "REFUSED":
                    self.refused.add(credit_type, Decimal(amount))
            if verdict.granted is not None:
                self.granted.add(*verdict.granted)
            if verdict.outcome == "REFUSED":
                faults = tuple(
                    Fault(_column(name, row), code, message) for name, code, message in verdict.errors
                )
                self.refusals.add(BadRow(row.line, row.customer, faults, row.credits))
            else:
                self.outcomes[verdict.outcome] += 1
        return deferred


def _column(field_name: str, row: Row) -> str:
    """The column that a field of the input came from."""
    if field_name == "idempotencyKey":
        return "reference"
    if wallet := _WALLET.fullmatch(field_name):
        return f"overdraftLimit.{json.loads(row.given)['wallets'][int(wallet[1])]['creditType']}"
    return field_name
