"""What goes into one call: rows of one customer in their order, so few that its gate is held for a moment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from controlplane.importing.rows import Row

#: Rows of a call. Each is a subtransaction, and only of 64 does Postgres keep the numbers at hand for
#: everybody's snapshots; and the gate, at which live requests of the customer wait, is held for some 30 ms.
MOST = 60
#: A tree is no deeper than this, so nobody needs more rows above his own.
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one call.

    Attributes:
        customer: whose they are.
        above: entities that ``rows`` may need and nobody counts here: only a dry run has any, since what
            the call before it made is gone again.
        rows: the others.
    """

    customer: str
    above: Sequence[Row]
    rows: Sequence[Row]

    @property
    def given(self) -> str:
        """The inputs, as one JSON list."""
        return f"[{','.join(row.given for row in (*self.above, *self.rows))}]"


def batches(customer: str, rows: Sequence[Row], *, dry_run: bool) -> Iterator[Batch]:
    """A customer's rows, cut into calls.

    Args:
        customer: whose they are.
        rows: each after what it needs.
        dry_run: whether each call is undone before the next.
    """
    by_id = {row.entity: row for row in rows} if dry_run else {}
    for begin in range(0, len(rows), MOST):
        cut = rows[begin : begin + MOST]
        yield Batch(customer, _above(cut, by_id), cut)


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
