"""Parents before children: an order in which entities can be made, whatever that of the file is."""

from collections.abc import Sequence

from controlplane.importing.records import Fault
from controlplane.importing.rows import BadRow, Row

#: Names of a circle that are told.
_TOLD = 8


def parents_first(rows: Sequence[Row]) -> tuple[list[Row], list[BadRow]]:
    """The rows with each after the one it stands below, if that is among them; and those that go in circles.

    Args:
        rows: entities of one customer, no two of one id.
    """
    by_id = {row.entity: row for row in rows}
    placed: set[str] = set()
    ordered: list[Row] = []
    bad: list[BadRow] = []
    for row in rows:
        way: dict[str, Row] = {}
        above: Row | None = row
        while above is not None and above.entity not in placed and above.entity not in way:
            way[above.entity] = above
            above = None if above.parent is None else by_id.get(above.parent)
        if above is not None and above.entity in way:
            names = list(way)
            circle = names[names.index(above.entity) :]
            bad += [_goes_in_circles(way.pop(name), circle) for name in circle]
            placed.update(circle)
        ordered.extend(reversed(way.values()))
        placed.update(way)
    return ordered, bad


def _goes_in_circles(row: Row, circle: Sequence[str]) -> BadRow:
    told = [*circle[:_TOLD], *(["…"] if len(circle) > _TOLD else []), circle[0]]
    fault = Fault("parentId", "CYCLE", f"stands below itself: {' → '.join(told)}")
    return BadRow(row.line, row.customer, (fault,))
