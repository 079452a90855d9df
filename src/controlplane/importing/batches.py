"""What goes into one call: rows in their order, so few that the gates are held only for a moment."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from controlplane.importing.rows import Row

#: Rows of a call. Each is a subtransaction, and only of 64 does Postgres keep the numbers at hand for
#: everybody's snapshots; and a gate, at which live requests of its customer wait, is held for some 30 ms.
MOST = 60
#: A tree is no deeper than this, so nobody needs more rows above his own.
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one call: of several customers, each as a whole, or of one.

    Attributes:
        above: entities that ``rows`` may need and nobody counts here: only a dry run has any, since what
            the call before it made is gone again.
        rows: the others.
    """

    above: Sequence[Row]
    rows: Sequence[Row]

    @property
    def given(self) -> str:
        """The inputs, as one JSON list."""
        return f"[{','.join(row.given for row in (*self.above, *self.rows))}]"


def batches(customers: Iterable[Sequence[Row]], *, dry_run: bool) -> Iterator[list[Batch]]:
    """Lists of calls; those of a list go one after the other, and no customer is in two lists.

    Args:
        customers: the rows of each, in the order in which they can be made.
        dry_run: whether each call is undone before the next.
    """
    gathered: list[Row] = []
    # Nobody can help with a customer of many rows, so the longest begin.
    for rows in sorted(customers, key=lambda each: -len(each)):
        if len(rows) > MOST:
            by_id = {row.entity: row for row in rows} if dry_run else {}
            cuts = [rows[begin : begin + MOST] for begin in range(0, len(rows), MOST)]
            yield [Batch(_above(cut, by_id), cut) for cut in cuts]
            continue
        if len(gathered) + len(rows) > MOST:
            yield [Batch((), gathered)]
            gathered = []
        gathered = [*gathered, *rows]
    if gathered:
        yield [Batch((), gathered)]


def alone(rows: Iterable[Row]) -> list[Batch]:
    """A call for each customer of these rows, which are in the order in which they can be made."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.customer, []).append(row)
    return [Batch((), each) for each in found.values()]


def _above(cut: Sequence[Row], by_id: dict[str, Row]) -> list[Row]:
    known = {row.entity for row in cut}
    above: list[Row] = []
    for row in cut:
        way: list[Row] = []
        while (
            row.parent is not None and row.parent in by_id and row.parent not in known and len(way) < _DEEPEST
        ):
            row = by_id[row.parent]
            known.add(row.entity)
            way.append(row)
        above.extend(reversed(way))
    return above
