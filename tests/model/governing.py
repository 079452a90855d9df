"""Makes histories in which the tree, budgets and rates change between decisions, at the edges of windows."""

import copy
from random import Random

from tests.conformance import forms
from tests.model.operations import Maker
from tests.model.reversing import Reverser
from tests.model.worlds import DAY, HOUR, PRICES, Chance, make_world

#: So often each change comes, among others.
WEIGHTS = {
    "setBudget": 5,
    "raiseBudget": 4,
    "again": 1,
    "pauseBudget": 4,
    "archiveBudget": 1,
    "moveEntity": 5,
    "archiveEntity": 1,
    "restoreEntity": 2,
    "suspendEntity": 3,
    "setRates": 2,
}
CHANGES = [op for op, weight in WEIGHTS.items() for _ in range(weight)]


class Governor(Maker):
    """Every third operation changes something of the tree, of a budget or of what a feature costs."""

    def __init__(self, chance: Chance, world: forms.World) -> None:
        super().__init__(chance, world)
        self.raises: list[forms.Operation] = []

    def make(self) -> forms.Operation:
        chance, entities = self.chance, self.world["entities"]
        budgets = list(self.model.customer.budgets)
        if chance.one(True, False, False):
            match chance.one(*CHANGES):
                case "setBudget":
                    return {"op": "setBudget", "budget": self.watched(self.budget())}
                case "raiseBudget" if budgets:
                    return self.raise_budget(chance.one(*budgets))
                case "again" if self.raises:
                    made = copy.deepcopy(chance.one(*self.raises))
                    return {**made, "amount": "99"} if chance.sometimes() else made
                case "pauseBudget" if budgets:
                    named = chance.one(*budgets)
                    return {"op": "pauseBudget", "budgetId": named, "paused": chance.one(True, False)}
                case "archiveBudget" if budgets:
                    return {"op": "archiveBudget", "budgetId": chance.one(*budgets)}
                case "moveEntity" if entities:
                    return self.move()
                case "archiveEntity" if entities:
                    below = chance.often()
                    return {"op": "archiveEntity", "entityId": self.entity(), "withAllBelow": below}
                case "restoreEntity" if entities:
                    gone = [each.entity_id for each in self.model.customer.entities.values() if each.archived]
                    return {"op": "restoreEntity", "entityId": chance.one(*gone, self.entity())}
                case "suspendEntity" if entities:
                    suspended = chance.one(True, False, False)
                    return {"op": "suspendEntity", "entityId": self.entity(), "suspended": suspended}
                case "setRates":
                    return self.rates()
        return super().make()

    def watched(self, budget: forms.BudgetForm) -> forms.BudgetForm:
        """Mostly with thresholds; over a request nothing adds up."""
        if budget["window"] != "REQUEST" and self.chance.often():
            budget["thresholds"] = self.chance.one([], ["0.5"], ["0.8", "1"], ["0.1", "0.5", "0.9", "1", "2"])
        return budget

    def entity(self) -> str:
        return self.chance.one(*self.world["entities"])["entityId"]

    def move(self) -> forms.Operation:
        """Of one with everything below it, perhaps where it cannot stand."""
        parents = [None, *(each["entityId"] for each in self.world["entities"])]
        return {"op": "moveEntity", "entityId": self.entity(), "parentId": self.chance.one(*parents)}

    def raise_budget(self, budget_id: str) -> forms.Operation:
        made: forms.Operation = {
            "op": "raiseBudget",
            "budgetId": budget_id,
            "raiseId": self.name("r"),
            "amount": str(self.chance.upto(30, least=1)),
            "until": self.now + self.chance.one(1, 30, HOUR, HOUR, 2 * DAY),
        }
        self.raises.append(made)
        return made

    def rates(self) -> forms.Operation:
        """All that a feature costs, at once: from now on, or as if it had long been so."""
        feature = self.chance.one(*self.world["features"])
        since = self.chance.one(self.now, self.now, -DAY)
        kinds = {
            (each["creditType"], each["quantity"], str(each.get("dimensions"))): each
            for each in feature["rates"]
        }
        rates: list[forms.RateForm] = [
            {**each, "amount": self.chance.one(*PRICES), "effectiveFrom": since} for each in kinds.values()
        ]
        if not rates:
            return {"op": "bookDue"}
        return {"op": "setRates", "featureId": feature["featureId"], "rates": rates}


class PatientGovernor(Governor, Reverser):
    """Takes usage back too; and its clock mostly stops beside the next edge: of a window, a raise, a hold."""

    def make(self) -> forms.Operation:
        made = super().make()
        if made["op"] == "advance" and self.chance.often():
            edges = sorted(self.edges())
            if edges:
                self.now -= made["seconds"]
                edge = self.chance.one(*edges[:3])
                made["seconds"] = max(edge - self.now + self.chance.one(-1, 0, 0, 0, 1), 0)
                self.now += made["seconds"]
        return made

    def edges(self) -> set[int]:
        """Seconds after the world's instant, of what is to come."""
        customer = self.model.customer
        moments = [
            *(counter.window_end for counter in customer.counters.values()),
            *(extra.until for budget in customer.budgets.values() for extra in budget.raises),
            *(each.expires_at for each in customer.reservations.values()),
        ]
        now = self.model.kernel.clock
        return {int((moment - self.instant).total_seconds()) for moment in moments if moment and moment > now}


def governing(seed: int, length: int = 50) -> forms.History:
    """The history of a seed."""
    return made_by(Random(seed), length)


def made_by(random: Random, length: int) -> forms.History:
    """From any source of chance."""
    world, chance = make_world(random), Chance(random)
    for budget in world["budgets"]:
        if budget["window"] != "REQUEST" and chance.often():
            budget["thresholds"] = chance.one(["0.5"], ["0.8", "1"], ["0.1", "0.5", "0.9", "1", "2"])
    maker = PatientGovernor(chance, copy.deepcopy(world))
    return {"world": world, "operations": [maker.operation() for _ in range(length)]}
