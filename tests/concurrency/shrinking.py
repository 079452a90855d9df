"""A race that failed, made smaller for whoever has to understand it.

A race never happens the same twice, so what is left has some tries to fail again before it counts as well;
what was not seen to fail may fail still. So the result is small, and not the smallest.
"""

import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from tests.concurrency.racing import Lane

#: Runs these lanes once, and says what is wrong.
Fault: TypeAlias = Callable[[list[Lane]], str | None]
#: Number of a lane, and of a step in it.
Place: TypeAlias = tuple[int, int]


def shrink(lanes: Sequence[Lane], fault: Fault, seconds: float, tries: int = 3) -> tuple[list[Lane], str]:
    """Takes away steps, ever smaller portions of them, as long as the rest goes wrong; first what is last.

    Returns what is left after so many seconds, or when no single step can be spared, with its fault; an
    empty fault if not even the whole goes wrong again.
    """
    until = time.monotonic() + seconds
    left = [(lane, step) for lane, steps in enumerate(lanes) for step in range(len(steps))]
    left.sort(key=lambda place: place[1])
    said = ""

    def fails(places: Sequence[Place]) -> bool:
        nonlocal said
        for _ in range(tries):
            if time.monotonic() > until:
                return False
            if wrong := fault(taken(lanes, places)):
                said = wrong
                return True
        return False

    if not fails(left):
        return taken(lanes, left), said
    portion = len(left) // 2
    while portion and time.monotonic() < until:
        for end in range(len(left), 0, -portion):
            fewer = left[: max(end - portion, 0)] + left[end:]
            if fewer and fails(fewer):
                left = fewer
        portion = min(portion // 2, len(left) // 2)
    return taken(lanes, left), said


def taken(lanes: Sequence[Lane], places: Sequence[Place]) -> list[Lane]:
    """These steps of them, each in its lane; lanes that have none are left out."""
    kept = set(places)
    few = [
        [step for number, step in enumerate(steps) if (lane, number) in kept]
        for lane, steps in enumerate(lanes)
    ]
    return [steps for steps in few if steps]
