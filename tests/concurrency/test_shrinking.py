"""Shrinking leaves what goes wrong; and a race that really goes wrong is made smaller."""

import time
from collections.abc import Callable

import psycopg

from tests.concurrency.judging import judge
from tests.concurrency.racing import Arena, Lane
from tests.concurrency.scripts import make_lanes, make_worlds
from tests.concurrency.shrinking import shrink

Part = tuple[int, dict[str, str]]


def lanes_of(*names: str) -> list[Lane]:
    """Each letter a step."""
    return [[[(0, {"op": letter})] for letter in lane] for lane in names]  # type: ignore[typeddict-item,list-item]


def letters(lanes: list[Lane]) -> list[str]:
    return ["".join(step[0][1]["op"] for step in lane) for lane in lanes]


def has(*needed: str) -> Callable[[list[Lane]], str | None]:
    def fault(lanes: list[Lane]) -> str | None:
        return "together" if set(needed) <= set("".join(letters(lanes))) else None

    return fault


def test_what_goes_wrong_together_is_left() -> None:
    lanes, said = shrink(lanes_of("abcdefgh", "ijklmnop", "qrstuvwx"), has("c", "p", "q"), 10)
    assert (letters(lanes), said) == (["c", "p", "q"], "together")
    lanes, _ = shrink(lanes_of("abcdefgh", "ijklmnop"), has("f", "b"), 10)
    assert letters(lanes) == ["bf"]


def test_it_has_some_tries() -> None:
    runs = 0

    def sometimes(lanes: list[Lane]) -> str | None:
        nonlocal runs
        runs += 1
        return has("e")(lanes) if runs % 3 == 0 else None

    lanes, said = shrink(lanes_of("abcdefgh"), sometimes, 10)
    assert (letters(lanes), said) == (["e"], "together")


def test_what_does_not_happen_again_stays_whole() -> None:
    given = lanes_of("abc", "de")
    assert shrink(given, lambda _: None, 10) == (given, "")


def test_it_ends_in_time() -> None:
    def slow(lanes: list[Lane]) -> str | None:
        time.sleep(0.05)
        return "slow"

    begun = time.monotonic()
    lanes, _ = shrink(lanes_of("a" * 64), slow, 0.3)
    assert time.monotonic() - begun < 2
    assert 0 < len(lanes[0]) < 64


def test_a_real_race(admin: psycopg.Connection, connections: list[psycopg.Connection]) -> None:
    """A balance is moved by hand after a race that consumed: few steps are left, and one that consumes."""
    worlds = make_worlds(0)

    def fault(lanes: list[Lane]) -> str | None:
        arena = Arena(admin, worlds)
        done = arena.race(connections, lanes)
        if any(row.get("allowed") for each in done if each.operation["op"] == "consume" for row in each.rows):
            admin.execute(
                "UPDATE core.wallet SET available = available + 1 WHERE customer_id = ANY (%s)",
                (arena.customers,),
            )
        return judge(arena, done)

    lanes, said = shrink(make_lanes(0, worlds, 1), fault, 20)
    assert said.startswith("balances: ")
    left = [step for lane in lanes for step in lane]
    assert any(operation["op"] == "consume" for step in left for _, operation in step)
    assert len(left) < 8
