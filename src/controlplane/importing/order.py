"""Parents before children: an order in which entities can be made, whatever that of the file is."""

from array import array
from collections.abc import Sequence

#: Names of a circle that are told.
CIRCLE = 8

_NOT_SEEN, _ON_THE_WAY, _IN_A_CIRCLE = 0, -1, -2


def levels(parents: Sequence[int]) -> "tuple[array[int], list[list[int]]]":
    """How deep each stands, 1 where nothing is above it; and those that go in circles, each in its order.

    A circle has no level; what stands below one is as if nothing were above it. Memory is eight bytes a row.

    Args:
        parents: of each place from 1 that of the one above it, 0 for none; the first is not looked at.
    """
    found = array("i", bytes(4 * len(parents)))
    circles: list[list[int]] = []
    for place in range(1, len(parents)):
        way: list[int] = []
        above = place
        while above and found[above] == _NOT_SEEN:
            found[above] = _ON_THE_WAY
            way.append(above)
            above = parents[above]
        level = max(found[above], 0) if above else 0
        if above and found[above] == _ON_THE_WAY:
            circle = way[way.index(above) :]
            del way[-len(circle) :]
            for each in circle:
                found[each] = _IN_A_CIRCLE
            circles.append(circle)
        for each in reversed(way):
            level += 1
            found[each] = level
    return found, circles
