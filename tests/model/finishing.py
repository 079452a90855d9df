"""Makes histories in which many reservations end in one call, nearly all of them within what they hold.

Random worlds seldom come to that. Whoever ends so is taken with one statement, all of a customer's or none:
here most calls are such, and some have one that is not (beyond the hold, not the last word, said twice, of an
unknown quantity).
"""

import copy
from fractions import Fraction
from random import Random

from tests.conformance import forms
from tests.model.exact import exact, plain
from tests.model.operations import Maker
from tests.model.worlds import DAY, HOUR, Chance, make_world


def finishing(seed: int, length: int = 30) -> forms.History:
    """The history of a seed."""
    random = Random(seed)
    world = make_world(random)
    chance = Chance(random)
    # Somebody has enough, mostly in one piece.
    for wallet in world["wallets"]:
        wallet["overdraftLimit"] = "0" if chance.often() else wallet["overdraftLimit"]
    for grant in world["grants"]:
        grant["amount"] = str(chance.one(1, 40, 400, 4000))
        grant["effectiveAt"] = min(grant["effectiveAt"], chance.one(-DAY, -DAY, DAY))
    for budget in world["budgets"]:
        budget["limit"] = str(chance.one(20, 4000, 4000))
    for feature in world["features"]:
        for rate in feature["rates"]:
            rate["perUnits"] = chance.one("1", "3", "3")
    maker = Finisher(chance, copy.deepcopy(world))
    return {"world": world, "operations": [maker.operation() for _ in range(length)]}


class Finisher(Maker):
    """Knows which reservations nobody has ended yet."""

    SIZES = (2, 3, 5, 8)

    def __init__(self, chance: Chance, world: forms.World) -> None:
        super().__init__(chance, world)
        self.ended: set[str] = set()

    def make(self) -> forms.Operation:
        chance = self.chance
        match chance.one("reserve", "reserve", "finish", "finish", "finish", "advance", "else"):
            case "advance":
                seconds = chance.one(30, 60, HOUR, 2 * HOUR, 12 * HOUR)
                self.now += seconds
                return {"op": "advance", "seconds": seconds}
            case "reserve":
                return {"op": "reserve", "items": self.batch(reserve=True), "observe": chance.rarely()}
            case "finish" if under_way := self.under_way():
                steps = [self.end(item) for item in under_way]
                if chance.one(False, False, True):
                    self.spoil(steps)
                return {"op": "settle", "steps": steps, "observe": chance.rarely()}
        return super().make()

    def under_way(self) -> list[forms.Item]:
        """Some, in any order."""
        keys = {item["idempotencyKey"]: item for item in self.reserved[-16:]}
        left = [item for key, item in keys.items() if key not in self.ended]
        return self.chance.some(left, 8)

    def end(self, item: forms.Item) -> forms.Step:
        """All that will come: a part of what was reserved, or all."""
        self.ended.add(item["idempotencyKey"])
        shares = [self.chance.one(0, Fraction(1, 3), Fraction(1, 2), 1, 1) for _ in item["quantities"]]
        quantities: list[forms.QuantityForm] = [
            {"name": each["name"], "amount": plain(Fraction(int(exact(each["amount"]) * share * 2), 2))}
            for each, share in zip(item["quantities"], shares, strict=True)
        ]
        return {"reservation": item["idempotencyKey"], "quantities": quantities, "final": True}

    def spoil(self, steps: list[forms.Step]) -> None:
        """One of them is not like the others."""
        chance = self.chance
        step = chance.one(*steps)
        match chance.one("beyond", "not the last", "twice", "unknown", "nobody's"):
            case "beyond":
                step["quantities"][0]["amount"] = plain(1 + exact(step["quantities"][0]["amount"]) * 5)
            case "not the last":
                step["final"] = False
            case "twice":
                steps.append(copy.deepcopy(step))
            case "unknown":
                step["quantities"].append({"name": "unheard-of", "amount": "1"})
            case _:
                steps.append({**copy.deepcopy(step), "reservation": "nobody's"})
