"""Short histories at the edges of windows, raises and the tree, with what must come of them, by hand."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.conformance.backend import Backend
from tests.conformance.forms import Operation, World
from tests.conformance.replay import apply
from tests.model.examples import ask, budget, entity, grant, world

EXCEEDED = "BUDGET_EXCEEDED"
BERLIN = {"zone": "Europe/Berlin"}
ANCHORED_31ST = {"anchor": "2029-10-31T09:30:00+00:00"}
ANCHORED_29TH = {"anchor": "2028-02-29T18:15:00+00:00"}
HOUR, DAY = 3600, 86400


class Step(NamedTuple):
    """An operation; the reasons it must be answered with; and what budgets must have used after it."""

    operation: Operation
    reasons: tuple[str | None, ...] = ()
    used: dict[str, str] | None = None
    alerts: str | None = None  # every threshold that was ever told, in order


class Edge(NamedTuple):
    """A history with what must come of it."""

    name: str
    world: World
    steps: list[Step]

    def play(self, backend: Backend) -> None:
        """Fails where something else comes of it."""
        backend.set_up(self.world)
        for place, (operation, reasons, used, alerts) in enumerate(self.steps):
            answers = apply(backend, operation)
            told = f"{self.name}, step {place}: {operation}"
            assert tuple(each.get("reason") or each.get("malformed") for each in answers) == reasons, told
            if used is not None:
                assert {each["budgetId"]: each["used"] for each in backend.state()["used"]} == used, told
            if alerts is not None:
                assert " ".join(sorted(each["threshold"] for each in backend.state()["alerts"])) == alerts, (
                    told
                )


def of(instant: str, *steps: Step, name: str, entities: Any = (), budgets: Any) -> Edge:
    made = world(grants=[grant("g", "1000")], entities=[*entities], budgets=[*budgets], instant=instant)
    return Edge(name, made, [*steps])


class Script:
    """Makes steps, with new keys."""

    def __init__(self) -> None:
        self.keys = 0

    def take(self, amount: str, *who: str, no: str | None = None, **used: str) -> Step:
        self.keys += 1
        item = ask(f"k{self.keys}", amount, *who)
        return Step({"op": "consume", "items": [item]}, (no,), used or None)

    def check(self, amount: str, *who: str, no: str | None = None) -> Step:
        return Step({"op": "check", "items": [ask("check", amount, *who)]}, (no,))

    def hold(self, key: str, amount: str, *who: str) -> Step:
        return Step({"op": "reserve", "items": [ask(key, amount, *who, ttlSeconds=DAY)]}, (None,))

    def settle(self, key: str, amount: str, **used: str) -> Step:
        quantities: Any = [{"name": "input", "amount": amount}]
        step: Any = {"reservation": key, "quantities": quantities, "final": True}
        return Step({"op": "settle", "steps": [step]}, (None,), used or None)

    def undo(self, key: str, share: str = "1", **used: str) -> Step:
        return Step(
            {"op": "reverse", "reversalId": f"v-{key}-{share}", "key": key, "share": share}, (), used or None
        )

    def limit(self, name: str, to: str, owner: str | None = None, **more: Any) -> Step:
        return Step({"op": "setBudget", "budget": budget(name, to, owner, **more)})

    def more(self, name: str, amount: str, until: int, raise_id: str = "r", no: str | None = None) -> Step:
        raised: Operation = {"op": "raiseBudget", "budgetId": name, "raiseId": raise_id}
        return Step({**raised, "amount": amount, "until": until}, (no,) if no else ())

    def move(self, who: str, to: str | None) -> Step:
        return Step({"op": "moveEntity", "entityId": who, "parentId": to})

    def pause(self, name: str, paused: bool = True) -> Step:
        return Step({"op": "pauseBudget", "budgetId": name, "paused": paused})

    def suspend(self, who: str, suspended: bool = True) -> Step:
        return Step({"op": "suspendEntity", "entityId": who, "suspended": suspended})


def after(seconds: int) -> Step:
    return Step({"op": "advance", "seconds": seconds})


#: A window, two seconds before it ends: what ends, the instant, and the budget that counts over it.
ENDS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("minute", "2030-01-15T12:00:58", {"window": "MINUTE"}),
    ("hour", "2030-01-15T12:59:58", {"window": "HOUR"}),
    ("half an hour's zone", "2030-01-15T12:29:58", {"window": "HOUR", "zone": "Asia/Kolkata"}),
    ("midnight", "2030-01-15T23:59:58", {"window": "DAY"}),
    ("midnight elsewhere", "2030-01-15T22:59:58", {"window": "DAY", **BERLIN}),
    ("sunday night", "2030-01-20T23:59:58", {"window": "WEEK"}),
    ("month end", "2030-01-31T23:59:58", {"window": "MONTH"}),
    ("year end", "2030-12-31T23:59:58", {"window": "YEAR"}),
    ("a short month from the 31st", "2030-02-28T09:29:58", {"window": "MONTH", **ANCHORED_31ST}),
    ("before the leap day", "2032-02-28T23:59:58", {"window": "DAY"}),
    ("leap day", "2032-02-29T23:59:58", {"window": "DAY"}),
    ("month of the leap day", "2032-02-29T23:59:58", {"window": "MONTH"}),
    ("year from a leap day", "2030-02-28T18:14:58", {"window": "YEAR", **ANCHORED_29TH}),
    ("year to a leap day", "2032-02-29T18:14:58", {"window": "YEAR", **ANCHORED_29TH}),
    ("a day of 23 hours", "2030-03-31T21:59:58", {"window": "DAY", **BERLIN}),
    ("a day of 25 hours", "2030-10-27T22:59:58", {"window": "DAY", **BERLIN}),
    ("the hour before the one that is skipped", "2030-03-31T00:59:58", {"window": "HOUR", **BERLIN}),
    ("the first of an hour that is there twice", "2030-10-27T00:59:58", {"window": "HOUR", **BERLIN}),
    ("the second of it", "2030-10-27T01:59:58", {"window": "HOUR", **BERLIN}),
    ("half past two on the day it is skipped", "2030-03-31T01:29:58",
     {"window": "DAY", "anchor": "2030-03-01T01:30:00+00:00", **BERLIN}),
    ("half past two on the day it is there twice", "2030-10-27T00:29:58",
     {"window": "DAY", "anchor": "2030-03-01T01:30:00+00:00", **BERLIN}),
)  # fmt: skip

#: What does not end a window, though it looks like it.
GOES_ON: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("the 28th of a leap year's month", "2032-02-28T23:59:58", {"window": "MONTH"}),
    ("midnight of UTC elsewhere", "2030-01-15T23:59:58", {"window": "DAY", **BERLIN}),
    ("24 hours of a day of 25", "2030-10-27T21:59:58", {"window": "DAY", **BERLIN}),
    ("the clock goes back in a day", "2030-10-27T00:59:58", {"window": "DAY", **BERLIN}),
    ("the clock goes forward in a month", "2030-03-31T00:59:58", {"window": "MONTH", **BERLIN}),
)


def edges() -> Iterator[Edge]:
    for name, instant, shape in ENDS:
        s = Script()
        yield of(
            instant + "+00:00",
            s.take("3", b="3"),
            s.hold("held", "2"),
            s.take("1", no=EXCEEDED),
            after(1),
            s.take("1", no=EXCEEDED, b="3"),
            after(1),
            s.take("4", b="4"),
            # What was held in the window that is over counts there; what goes beyond counts now.
            s.settle("held", "2.5", b="4.5"),
            s.take("1", no=EXCEEDED),
            s.undo("k1", b="4.5"),
            s.take("0.5", b="5"),
            name=name,
            budgets=[budget("b", "5", **shape)],
        )
    for name, instant, shape in GOES_ON:
        s = Script()
        yield of(
            instant + "+00:00",
            s.take("5", b="5"),
            after(2),
            s.take("1", no=EXCEEDED, b="5"),
            s.undo("k1", "0.4", b="3"),
            s.take("2", b="5"),
            name=name,
            budgets=[budget("b", "5", **shape)],
        )
    yield from of_raises()
    yield from of_limits()
    yield from of_the_tree()


def of_raises() -> Iterator[Edge]:
    s = Script()
    yield of(
        "2030-01-15T23:00:00+00:00",
        s.take("5"),
        s.more("b", "4", HOUR + 10),
        s.more("b", "4", HOUR + 10),
        s.more("b", "5", HOUR + 10, no="amount IDEMPOTENCY_CONFLICT"),
        s.more("b", "1", HOUR, "s"),
        s.take("5"),
        s.take("1", no=EXCEEDED, b="10"),
        after(HOUR),
        s.take("9", b="9"),
        s.take("1", no=EXCEEDED),
        after(9),
        s.undo("k4", "0.111111111", b="8.000001"),
        s.take("0.999999", b="9"),
        after(1),
        s.check("0.000001", no=EXCEEDED),
        s.more("b", "4", HOUR + 10),
        s.take("0.000001", no=EXCEEDED),
        s.more("b", "5", 2 * HOUR, "t"),
        s.take("0.999998"),
        after(HOUR),
        s.take("0.1", no=EXCEEDED, b="9.999998"),
        name="raises that end with the window, and in the middle of it",
        budgets=[budget("b", "5", window="DAY")],
    )
    s = Script()
    yield of(
        "2030-01-15T12:00:00+00:00",
        s.more("b", "5", HOUR),
        s.hold("held", "8"),
        after(HOUR),
        s.take("1", no=EXCEEDED),
        s.settle("held", "4", b="4"),
        s.take("1", b="5"),
        s.take("1", no=EXCEEDED),
        name="a hold goes on when the raise has ended that it needed",
        budgets=[budget("b", "5", window="DAY")],
    )


def of_limits() -> Iterator[Edge]:
    s = Script()
    yield of(
        "2030-01-31T12:00:00+00:00",
        s.take("3", "user-a"),
        s.take("1", "user-a", no=EXCEEDED),
        s.take("3", "user-b"),
        s.take("3", "user-c", no=EXCEEDED),
        s.take("2", "user-c"),
        s.take("1", "user-c", no=EXCEEDED, a="3", b="3", c="2", t="8"),
        s.undo("k1", b="3", c="2", t="5"),
        s.take("1", "user-c", c="3", t="6", b="3"),
        name="children that add up to more than their parent has",
        entities=[entity("team-t"), *(entity(f"user-{each}", "team-t") for each in "abc")],
        budgets=[budget("t", "8", "team-t"), *(budget(each, "3", f"user-{each}") for each in "abc")],
    )
    s = Script()
    yield of(
        "2030-01-31T22:59:30+00:00",
        s.take("2", "user"),
        s.take("1", "user", no=EXCEEDED),
        after(30),
        s.take("2", "user", minute="2", hour="2", day="4", month="4"),
        after(60),
        s.take("2", "user", no=EXCEEDED, hour="2", day="4", month="4"),
        s.take("1", "user", minute="1", hour="3", day="5", month="5"),
        after(HOUR),
        s.take("1", "user", minute="1", hour="1", day="1", month="1"),
        name="several windows on one entity",
        entities=[entity("user")],
        budgets=[
            budget("minute", "2", "user", window="MINUTE"),
            budget("hour", "3", "user", window="HOUR"),
            budget("day", "5", "user", window="DAY"),
            budget("month", "5", "user", window="MONTH"),
        ],
    )
    s = Script()
    yield of(
        "2030-01-15T23:59:00+00:00",
        s.take("5"),
        s.hold("held", "3"),
        s.limit("b", "4", window="DAY"),
        s.take("0.000001", no=EXCEEDED),
        s.settle("held", "3", b="8"),
        s.undo("k1", "0.8", b="4"),
        s.take("0.000001", no=EXCEEDED, b="4"),
        s.undo("k1", "0.1", b="3.5"),
        s.take("0.5", b="4"),
        after(60),
        s.take("4", b="4"),
        s.take("1", no=EXCEEDED),
        s.limit("b", "5", window="DAY"),
        s.take("1", b="5"),
        name="a limit below what is used and held",
        budgets=[budget("b", "9", window="DAY")],
    )
    s = Script()
    yield of(
        "2030-01-15T23:59:00+00:00",
        s.take("5"),
        s.hold("held", "3"),
        s.limit("b", "4", window="DAY"),
        s.take("4", b="4"),
        s.settle("held", "5", b="4"),
        s.undo("k1", b="4"),
        s.take("1", no=EXCEEDED),
        after(60),
        s.take("4", b="4"),
        name="a budget set in mid-window counts what comes after it",
        budgets=[],
    )
    s = Script()
    yield of(
        "2030-01-15T23:59:00+00:00",
        s.take("3"),
        s.pause("b"),
        s.take("90", b="3"),
        s.hold("held", "9"),
        s.undo("k1", "0.333333333", b="2.000001"),
        s.pause("b", False),
        s.take("4", no=EXCEEDED),
        s.settle("held", "9", b="2.000001"),
        s.take("2.999999", b="5"),
        s.pause("b"),
        after(60),
        s.pause("b", False),
        s.take("5", b="5"),
        Step({"op": "archiveBudget", "budgetId": "b"}),
        s.take("90", b="5"),
        Step({"op": "pauseBudget", "budgetId": "b", "paused": False}, ("budgetId ARCHIVED",)),
        s.undo("k6", "0.5"),
        name="a pause, over the end of the window, and the end of the budget",
        budgets=[budget("b", "5", window="DAY")],
    )


def of_the_tree() -> Iterator[Edge]:
    people = [entity("team-red"), entity("team-blue"), entity("user", "team-red"), entity("agent", "user")]
    teams = [budget("red", "5", "team-red"), budget("blue", "5", "team-blue")]
    s = Script()
    yield of(
        "2030-01-15T12:00:00+00:00",
        s.take("4", "agent", red="4", each="4"),
        s.hold("held", "1", "agent"),
        s.take("1", "agent", no=EXCEEDED),
        s.move("user", "team-blue"),
        s.take("5", "agent", red="4", blue="5", each="9"),
        s.take("1", "agent", no=EXCEEDED),
        s.undo("k1", "0.5", red="2", blue="5", each="7"),
        s.settle("held", "2", red="4", blue="5", each="9"),
        s.move("user", None),
        s.take("2", "agent", no=EXCEEDED, red="4", blue="5", each="9"),
        s.undo("k3", red="4", each="4"),
        s.take("5", "agent", red="4", each="9"),
        name="what is moved between a consumption and its reversal",
        entities=people,
        budgets=[*teams, budget("each", "10", each="user")],
    )
    s = Script()
    yield of(
        "2030-01-15T12:00:00+00:00",
        s.take("3", "agent-shared", "team-red", red="3", shared="3"),
        s.take("3", "agent-shared", "team-blue", blue="3", red="3", shared="6"),
        s.take("2", "agent-shared", "team-blue", no=EXCEEDED),
        s.take("3", "agent-shared", "team-red", no=EXCEEDED),
        s.move("agent-shared", "team-red"),
        s.take("1", "agent-shared", "team-red", blue="3", red="4", shared="7"),
        s.undo("k2", "0.333333333", blue="2.000001", red="4", shared="6.000001"),
        s.take("0.999999", "agent-shared", "team-blue", blue="3", red="4.999999", shared="7"),
        name="a shared agent, which then joins one of its teams",
        entities=[entity("team-red"), entity("team-blue"), entity("agent-shared")],
        budgets=[*teams, budget("shared", "7", "agent-shared")],
    )
    s = Script()
    yield of(
        "2030-01-15T12:00:00+00:00",
        s.hold("held", "2", "agent"),
        s.suspend("team-red"),
        s.take("1", "agent", no="ENTITY_SUSPENDED"),
        s.settle("held", "3", red="3"),
        s.move("user", "team-blue"),
        s.take("1", "agent", red="3", blue="1"),
        s.move("user", "team-red"),
        s.take("1", "agent", no="ENTITY_SUSPENDED"),
        s.undo("k2", red="3"),
        s.suspend("team-red", False),
        s.take("2", "agent", red="5"),
        Step({"op": "archiveEntity", "entityId": "user", "withAllBelow": False}, ("entityId NOT_EMPTY",)),
        Step({"op": "archiveEntity", "entityId": "user", "withAllBelow": True}),
        s.take("1", "agent", no="ENTITY_NOT_FOUND"),
        s.undo("k4", "0.5", red="4"),
        Step({"op": "restoreEntity", "entityId": "agent"}, ("parentId ARCHIVED",)),
        Step({"op": "restoreEntity", "entityId": "user"}),
        Step({"op": "restoreEntity", "entityId": "agent"}),
        s.take("1", "agent", red="5"),
        s.take("1", "agent", no=EXCEEDED),
        name="what is suspended and archived above others",
        entities=people,
        budgets=teams,
    )


def of_thresholds() -> Iterator[Edge]:
    watched = budget("b", "10", window="DAY", thresholds=["0.5", "0.8", "1"])

    def told(step: Step, *thresholds: str) -> Step:
        return step._replace(alerts=" ".join(sorted(thresholds)))

    s = Script()
    yield of(
        "2030-01-15T23:00:00+00:00",
        told(s.take("4.999999")),
        told(s.take("0.000001"), "0.5"),
        told(s.take("2"), "0.5"),
        told(s.hold("held", "3"), "0.5"),
        told(s.settle("held", "3", b="10"), "0.5", "0.8", "1"),
        told(s.take("1", no=EXCEEDED), "0.5", "0.8", "1"),
        # What is taken back and comes again crosses again; so does what comes to it after a raise.
        told(s.undo("k3", b="8"), "0.5", "0.8", "1"),
        told(s.take("2"), "0.5", "0.8", "1", "1"),
        told(s.more("b", "10", HOUR - 10), "0.5", "0.8", "1", "1"),
        told(s.take("4"), "0.5", "0.8", "1", "1"),
        told(s.take("2"), "0.5", "0.8", "0.8", "1", "1"),
        # The raise ends: sixteen of ten are used.
        told(after(HOUR - 10), "0.5", "0.8", "0.8", "1", "1"),
        told(Step({"op": "bookDue"}), "0.5", "0.8", "0.8", "1", "1", "1"),
        # A new window, all at once.
        told(after(10), "0.5", "0.8", "0.8", "1", "1", "1"),
        told(s.take("10"), *(2 * ["0.5"]), *(3 * ["0.8"]), *(4 * ["1"])),
        name="each threshold once a crossing",
        budgets=[watched],
    )
    s = Script()
    yield of(
        "2030-01-15T23:00:00+00:00",
        told(s.take("6")),
        told(Step({"op": "setBudget", "budget": {**watched, "limit": "11"}}), "0.5"),
        told(Step({"op": "setBudget", "budget": {**watched, "limit": "20"}}), "0.5"),
        told(Step({"op": "setBudget", "budget": {**watched, "limit": "6"}}), "0.5", "0.5", "0.8", "1"),
        told(Step({"op": "setBudget", "budget": {**watched, "limit": "6"}}), "0.5", "0.5", "0.8", "1"),
        told(s.pause("b"), "0.5", "0.5", "0.8", "1"),
        told(s.pause("b", False), "0.5", "0.5", "0.8", "1"),
        told(after(HOUR), "0.5", "0.5", "0.8", "1"),
        told(Step({"op": "setBudget", "budget": {**watched, "limit": "1"}}), "0.5", "0.5", "0.8", "1"),
        told(s.take("0.5"), *(3 * ["0.5"]), "0.8", "1"),
        told(Step({"op": "archiveBudget", "budgetId": "b"}), *(3 * ["0.5"]), "0.8", "1"),
        name="thresholds that a change of the budget crosses",
        budgets=[budget("b", "10", window="DAY")],
    )
    s = Script()
    yield of(
        "2030-01-15T23:59:00+00:00",
        told(s.hold("held", "9")),
        told(after(60)),
        told(s.settle("held", "9")),
        told(s.take("4")),
        told(s.take("1"), "0.5"),
        name="nobody is told of a window that is over",
        budgets=[watched],
    )
    s = Script()
    yield of(
        "2030-01-15T12:00:00+00:00",
        told(s.take("5", "user-a"), "0.5"),
        told(s.take("4", "user-b"), "0.5"),
        told(s.take("4", "user-b"), "0.5", "0.5", "0.8"),
        name="each subject by itself",
        entities=[entity("user-a"), entity("user-b")],
        budgets=[{**watched, "each": "user"}],
    )
    s = Script()
    yield of(
        "2030-01-15T23:00:00+00:00",
        told(s.take("5"), "0.5"),
        s.hold("held", "3"),
        s.hold("later", "2"),
        s.pause("b"),
        told(s.settle("held", "3", b="8"), "0.5"),
        told(Step({"op": "setBudget", "budget": {**watched, "limit": "8"}}), "0.5"),
        told(Step({"op": "setBudget", "budget": {**watched, "limit": "9"}}), "0.5"),
        # What had been told before is not told again, and what is reached no more is not told at all.
        told(s.pause("b", False), "0.5", "0.8"),
        told(s.settle("later", "2", b="10"), "0.5", "0.8", "1"),
        # A raise that ends while it is paused.
        told(s.more("b", "20", HOUR - 10), "0.5", "0.8", "1"),
        s.pause("b"),
        after(HOUR - 10),
        told(Step({"op": "bookDue"}), "0.5", "0.8", "1"),
        told(s.pause("b", False), *(2 * ["0.5"]), *(2 * ["0.8"]), *(2 * ["1"])),
        # Of the next day only what is counted there.
        s.pause("b"),
        after(10),
        told(s.pause("b", False), *(2 * ["0.5"]), *(2 * ["0.8"]), *(2 * ["1"])),
        told(s.take("8"), *(3 * ["0.5"]), *(3 * ["0.8"]), *(2 * ["1"])),
        name="a paused budget tells of no threshold before it goes on",
        budgets=[watched],
    )
    s = Script()
    yield of(
        "2030-01-15T23:59:50+00:00",
        told(s.take("5"), "0.5"),
        s.hold("held", "5"),
        s.pause("b"),
        after(10),
        # The rest counts in the new day: what the pause remembers of the old one is past.
        told(s.settle("held", "10"), "0.5"),
        told(s.pause("b", False), "0.5", "0.5"),
        name="a window that begins while its budget is paused",
        budgets=[watched],
    )
    s = Script()
    yield of(
        "2030-01-15T12:00:00+00:00",
        told(s.take("6"), "0.5"),
        s.pause("b"),
        Step({"op": "setBudget", "budget": {**watched, "thresholds": []}}),
        s.pause("b", False),
        s.pause("b"),
        told(Step({"op": "setBudget", "budget": watched}), "0.5"),
        told(s.pause("b", False), "0.5", "0.5"),
        s.pause("b"),
        Step({"op": "setBudget", "budget": {**watched, "thresholds": ["0.6", "0.5"]}}),
        told(s.pause("b", False), "0.5", "0.5", "0.6"),
        s.pause("b"),
        Step({"op": "setBudget", "budget": {**watched, "thresholds": []}}),
        Step({"op": "setBudget", "budget": watched}),
        told(s.pause("b", False), "0.5", "0.5", "0.5", "0.6"),
        name="thresholds that are set while their budget is paused",
        budgets=[watched],
    )
    s = Script()
    in_session = [ask(f"s{amount}", amount, sessionId="s") for amount in ("8", "6")]
    first, again = (Step({"op": "consume", "items": [item]}, (None,)) for item in in_session)
    yield of(
        "2030-01-15T12:00:00+00:00",
        told(first, "0.5", "0.8"),
        after(30 * DAY),
        told(again, "0.5", "0.5", "0.8"),
        name="a session that was forgotten reaches its thresholds anew",
        budgets=[{**watched, "each": "SESSION", "window": "TOTAL"}],
    )


EDGES = (*edges(), *of_thresholds())
