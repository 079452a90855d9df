"""Worlds and lanes from a seed: the same operations each time, though not in the same order."""

from random import Random

from tests.concurrency.racing import CONNECTIONS, Lane, Step
from tests.conformance import forms
from tests.model.governing import PatientGovernor
from tests.model.worlds import DAY, HOUR, Chance, make_world

#: The first customer is in most of what happens.
WORLDS = 3


def make_worlds(seed: int) -> list[forms.World]:
    """Customers that share an instant."""
    random = Random(seed)
    worlds = [make_world(random) for _ in range(WORLDS)]
    for world in worlds:
        world["instant"] = worlds[0].get("instant", forms.INSTANT)
    return worlds


def make_lanes(seed: int, worlds: list[forms.World], length: int) -> list[Lane]:
    """So many steps for each connection, dealt like cards: what one lane sends again, another has sent."""
    chance = Chance(Random(seed))
    makers = [RaceMaker(chance, world) for world in worlds]
    steps = [make_step(chance, makers) for _ in range(CONNECTIONS * length)]
    return [steps[lane::CONNECTIONS] for lane in range(CONNECTIONS)]


def make_step(chance: Chance, makers: list["RaceMaker"]) -> Step:
    """A call for several customers, in any order; or one operation, most of them on the first."""
    if chance.rarely() and chance.often():
        return [(chance.upto(len(makers) - 1), {"op": "seal"})]
    if not chance.sometimes():
        world = 0 if chance.often() else chance.upto(len(makers) - 1)
        return [(world, makers[world].operation())]
    worlds = chance.one([0, 1, 2], [2, 1, 0], [1, 0], [0, 2])
    observe = chance.rarely()
    step: Step = [(w, {"op": "consume", "items": makers[w].batch(), "observe": observe}) for w in worlds]
    for world, operation in step:
        for item in operation["items"]:
            if item.get("group"):
                item["group"] = f"together-{world}"
    return step


class RaceMaker(PatientGovernor):
    """Operations whose time is the start of the race: the clock moves by itself, and not far."""

    SIZES = (1, 1, 1, 2, 3, 5, 8)

    def make(self) -> forms.Operation:
        made = super().make()
        if made["op"] == "advance":
            self.now = 0
            made["seconds"] = self.chance.one(1, 1, 30, 60, 60, HOUR, DAY)
        return made

    def taken_back(self) -> forms.Item:
        """Mostly what is charged if all happens as it was dealt; what is last may be under way."""
        answers, charged = self.model.customer.answers, {each.origin for each in self.model.customer.charged}
        paid = {key for key, (_, told) in answers.items() if told["allowed"] and int(told["seq"]) in charged}
        known = [item for item in self.sent if item["idempotencyKey"] in paid]
        return self.chance.one(*known[-12:]) if known and not self.chance.rarely() else super().taken_back()
