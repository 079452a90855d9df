"""The outcome of an import: a table for people, and JSON for machines."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from controlplane.errors import DatabaseError
from controlplane.importing.rows import BadRow
from controlplane.importing.tally import Tally

#: Characters of a message that are shown.
_LONGEST = 200
_OUTCOMES = ("CREATED", "CHANGED", "UNCHANGED")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything about one run.

    Attributes:
        file: its name.
        kind: what it holds.
        rows: that it has.
        seconds: that sending them took.
        interrupted: whether a signal ended it.
        failure: why it ended early by itself.
    """

    file: str
    kind: str
    dry_run: bool
    rows: int
    tally: Tally
    seconds: float
    interrupted: bool
    failure: DatabaseError | None

    @property
    def is_whole(self) -> bool:
        """Whether every row was taken, and every credit is accounted for."""
        return self.tally.is_tied and self.tally.refusals.count == 0 and self.tally.done == self.rows

    def as_json(self) -> dict[str, Any]:
        """Amounts are strings."""
        tally = self.tally
        return {
            "file": self.file,
            "kind": self.kind,
            "dryRun": self.dry_run,
            "rows": self.rows,
            **{outcome.lower(): tally.outcomes[outcome] for outcome in _OUTCOMES},
            "refused": tally.refusals.count,
            "notSent": self.rows - tally.done,
            "interrupted": self.interrupted,
            "credits": [
                {
                    "creditType": credit_type,
                    "inFile": _amount(in_file),
                    "refused": _amount(refused),
                    "notSent": _amount(not_sent),
                    "granted": _amount(granted),
                    "difference": _amount(difference),
                }
                for credit_type, in_file, refused, not_sent, granted, difference in self._credits()
            ],
            "tied": tally.is_tied,
            "seconds": round(self.seconds, 3),
            "rowsPerSecond": round(tally.done / self.seconds, 1) if self.seconds else 0.0,
        }

    def show(self, console: Console) -> None:
        """Print what was refused, the counts, and how the totals are tied."""
        for line in self._bad_lines():
            console.print(line, soft_wrap=True, markup=False, highlight=False)
        counts = Table(
            show_header=False, box=None, padding=(0, 2), title=escape(_plain(self.file)), title_justify="left"
        )
        counts.add_column(style="dim")
        counts.add_column(justify="right", no_wrap=True)
        counts.add_column()
        for row in self._counts():
            counts.add_row(*row)
        console.print(counts)

    def _counts(self) -> Iterator[tuple[str, str, str]]:
        tally = self.tally
        yield "rows", f"{self.rows:,}", self.kind
        would = "would be " if self.dry_run else ""
        for outcome in _OUTCOMES:
            yield f"{would}{outcome.lower()}", f"{tally.outcomes[outcome]:,}", ""
        yield f"{would}refused", f"{tally.refusals.count:,}", ""
        if self.rows > tally.done:
            yield "not sent", f"{self.rows - tally.done:,}", "run it again: it goes on from there"
        yield from self._tied()
        if self.seconds:
            yield "rows per second", f"{tally.done / self.seconds:,.0f}", f"in {self.seconds:,.1f} s"
        if self.dry_run:
            yield "written", "nothing", "a dry run"

    def _tied(self) -> Iterator[tuple[str, str, str]]:
        for credit_type, in_file, refused, not_sent, granted, difference in self._credits():
            yield escape(_plain(credit_type)), _amount(in_file, ",f"), "in the file"
            if refused:
                yield "", _amount(refused, ",f"), "refused"
            if not_sent:
                yield "", _amount(not_sent, ",f"), "not sent"
            yield "", _amount(granted, ",f"), "the ledger would get" if self.dry_run else "in the ledger"
            yield "", _amount(difference, ",f"), "difference"
        if self.tally.uncounted:
            yield "not counted", f"{self.tally.uncounted:,}", "amounts cannot be read"

    def _credits(self) -> Iterator[tuple[str, Decimal, Decimal, Decimal, Decimal, Decimal]]:
        tally, zero = self.tally, Decimal(0)
        for credit_type, difference in tally.difference.items():
            sums = (tally.in_file, tally.refused, tally.not_sent, tally.granted)
            in_file, refused, not_sent, granted = (each.get(credit_type, zero) for each in sums)
            yield credit_type, in_file, refused, not_sent, granted, difference

    def _bad_lines(self) -> Iterator[str]:
        refusals = self.tally.refusals
        for row in refusals.first:
            yield from _told(row)
        if (more := refusals.count - len(refusals.first)) > 0:
            where = f"in {refusals.path}" if refusals.path else "--errors FILE lists them all"
            yield f"{more:,} more are refused: {where}"


def _amount(value: Decimal, form: str = "f") -> str:
    text = format(value, form)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _told(row: BadRow) -> Iterator[str]:
    for fault in row.faults:
        about = f"{fault.field}: " if fault.field else ""
        yield f"line {row.line:,}: {_plain(about + fault.message)} [{fault.code}]"


def _plain(text: str) -> str:
    """Text of a file for a terminal, which must not take it for commands."""
    shown = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
