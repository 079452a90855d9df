"""What goes into one call: rows in their order, so few that the gates are held only for a moment."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from controlplane.importing.rows import Row
from controlplane.importing.spool import Spool

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


def batches(spool: Spool, *, dry_run: bool) -> Iterator[Iterator[Batch]]:
    """Series of calls; those of one go one after the other, and no customer is in two of them.

    Args:
        spool: the rows.
        dry_run: whether each call is undone before the next.
    """
    # Nobody can help with a customer of many rows, so the longest begin.
    for customer in spool.long(MOST):
        yield (Batch(_above(cut, spool) if dry_run else (), cut) for cut in spool.cuts(customer, MOST))
    gathered: list[Row] = []
    for rows in spool.short(MOST):
        if len(gathered) + len(rows) > MOST:
            yield iter([Batch((), gathered)])
            gathered = []
        gathered = [*gathered, *rows]
    if gathered:
        yield iter([Batch((), gathered)])


def alone(rows: Iterable[Row]) -> list[Batch]:
    """A call for each customer of these rows, which are in the order in which they can be made."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.customer, []).append(row)
    return [Batch((), each) for each in found.values()]


def _above(cut: Sequence[Row], spool: Spool) -> list[Row]:
    known = {row.entity for row in cut}
    above: list[Row] = []
    for row in cut:
        way: list[Row] = []
        below = row
        while below.parent is not None and below.parent not in known and len(way) < _DEEPEST:
            found = spool.find(below.customer, below.parent)
            if found is None:
                break
            below = found
            known.add(below.entity)
            way.append(below)
        above.extend(reversed(way))
    return above
