"""Makes the operations of a history, one after another, as plain JSON."""

import copy
from datetime import datetime, timedelta
from fractions import Fraction
from random import Random

from tests.conformance import forms
from tests.conformance.model_backend import ModelBackend
from tests.conformance.replay import apply
from tests.model.exact import exact, plain
from tests.model.grant_operations import GRANT_KINDS, GrantMaker
from tests.model.worlds import DAY, DIMENSIONS, HOUR, Chance, make_budget, make_world

#: So often each kind of operation comes, among others.
WEIGHTS = {
    "consume": 24,
    "check": 3,
    "reserve": 12,
    "settle": 12,
    "release": 3,
    "extend": 3,
    "advance": 6,
    "grant": 2,
    "updateGrant": 2,
    "voidGrant": 1,
    "transferCredits": 2,
    "setBudget": 2,
    "raiseBudget": 2,
    "suspendEntity": 1,
    "suspendCustomer": 2,
    "setEntity": 1,
    "setPolicy": 1,
    "bookDue": 1,
}
#: A long history does not fill up its world.
MOST_BUDGETS, MOST_ENTITIES = 12, 24

KINDS = [op for op, weight in WEIGHTS.items() for _ in range(weight)]


def make_history(random: Random, length: int) -> forms.History:
    """A world and so many operations."""
    world = make_world(random)
    maker = Maker(Chance(random), copy.deepcopy(world))
    return {"world": world, "operations": [maker.operation() for _ in range(length)]}


class Maker:
    """Knows what has been sent, so that keys come again and names exist.

    A model goes along, so that it is known what has been reserved.
    """

    #: How many items a batch may have.
    SIZES = (1, 1, 1, 2, 4)

    def __init__(self, chance: Chance, world: forms.World) -> None:
        self.chance = chance
        self.world = world
        self.instant = datetime.fromisoformat(world.get("instant", forms.INSTANT))
        self.now = 0  # seconds after the instant
        self.sent: list[forms.Item] = []
        self.reserved: list[forms.Item] = []
        self.model = ModelBackend()
        self.model.set_up(world)
        self.made = 0
        self.suspended = False
        self.grants = GrantMaker(chance, world, self.name)

    def operation(self) -> forms.Operation:
        """The next one."""
        made = self.make()
        answers = apply(self.model, made)
        if made["op"] == "reserve":
            self.reserved += [
                item
                for item, answer in zip(made["items"], answers, strict=False)
                if answer.get("reservationId")
            ]
        return made

    def make(self) -> forms.Operation:
        chance = self.chance
        op = chance.one(*KINDS)
        if op == "suspendEntity" and not self.world["entities"]:
            op = "setEntity"
        if op == "setEntity" and len(self.world["entities"]) == MOST_ENTITIES:
            op = "advance"
        if op == "raiseBudget" and not self.world["budgets"]:
            op = "setBudget"
        if op in GRANT_KINDS and not self.world["wallets"]:
            op = "bookDue"
        if op in ("settle", "release", "extend") and not self.reserved:
            op = "reserve"
        if self.suspended and chance.one(True, False):
            op = "suspendCustomer"
        match op:
            case "consume":
                return {"op": "consume", "items": self.batch(), "observe": chance.rarely()}
            case "check":
                return {"op": "check", "items": self.batch(), "observe": chance.rarely()}
            case "reserve":
                items = self.batch(reserve=True)
                return {"op": "reserve", "items": items, "observe": chance.rarely()}
            case "settle":
                steps = [self.settlement() for _ in range(chance.one(1, 1, 1, 2, 3))]
                return {"op": "settle", "steps": steps, "observe": chance.rarely()}
            case "release":
                return {"op": "release", "steps": [{"reservation": self.reservation()}]}
            case "extend":
                ttl = chance.one(1, 60, HOUR, DAY)
                steps = [{"reservation": self.reservation(), "ttlSeconds": ttl}]
                return {"op": "extend", "steps": steps, "observe": chance.rarely()}
            case "advance":
                seconds = chance.one(1, 30, 60, 10 * 60, HOUR, HOUR, DAY, 8 * DAY, 31 * DAY)
                self.now += seconds
                return {"op": "advance", "seconds": seconds}
            case "grant" | "updateGrant" | "voidGrant" | "transferCredits":
                return self.grants.operation(op, self.now)
            case "setBudget":
                return {"op": "setBudget", "budget": self.budget()}
            case "raiseBudget":
                budget = chance.one(*self.world["budgets"])
                until = self.now + chance.one(1, HOUR, 2 * DAY)
                return {
                    "op": "raiseBudget",
                    "budgetId": budget["budgetId"],
                    "raiseId": self.name("r"),
                    "amount": str(chance.upto(30, least=1)),
                    "until": until,
                }
            case "suspendEntity":
                entities = self.world["entities"]
                suspended = [each for each in entities if each.get("suspended")]
                entity = chance.one(*(suspended or entities))
                entity["suspended"] = not entity.get("suspended", False)
                return {
                    "op": "suspendEntity",
                    "entityId": entity["entityId"],
                    "suspended": entity["suspended"],
                }
            case "suspendCustomer":
                self.suspended = not self.suspended
                return {"op": "suspendCustomer", "suspended": self.suspended}
            case "setEntity":
                parent = chance.one(None, *(entity["entityId"] for entity in self.world["entities"]))
                entity = {"entityId": self.name("user-new-"), "type": "user", "parentId": parent}
                self.world["entities"].append(entity)
                return {"op": "setEntity", "entity": entity.copy()}
            case "setPolicy":
                policy = chance.one("CREATE", "CREATE", "DENY")
                return {
                    "op": "setPolicy",
                    "observe": chance.rarely(),
                    "unknownEntity": {"policy": policy, "type": "user", "parentId": None, "maximum": 4},
                }
            case _:
                return {"op": "bookDue"}

    def name(self, prefix: str) -> str:
        self.made += 1
        return f"{prefix}{100 + self.made}"

    def budget(self) -> forms.BudgetForm:
        """A new budget, or an old one changed in its limit and mode."""
        chance, budgets = self.chance, self.world["budgets"]
        types = [each["creditType"] for each in self.world["creditTypes"]]
        fresh = make_budget(chance, self.name("b"), self.world["entities"], self.world["features"], types)
        if not budgets or (len(budgets) < MOST_BUDGETS and chance.rarely()):
            budgets.append(fresh)
            return fresh
        place = chance.upto(len(budgets) - 1)
        old = budgets[place]
        changed: forms.BudgetForm = {**old, "limit": fresh["limit"], "mode": fresh["mode"]}
        budgets[place] = changed
        return changed

    def batch(self, reserve: bool = False) -> list[forms.Item]:
        """One item or a few; some may share a group."""
        items = [self.item() for _ in range(self.chance.one(*self.SIZES))]
        for item in items:
            self.make_reserving(item) if reserve else item.pop("ttlSeconds", None)
        if len(items) > 1 and self.chance.sometimes():
            for item in items:
                if item["overage"] not in ("CAP", "RECORD") and self.chance.often():
                    item["group"] = "together"
        self.sent += copy.deepcopy(items)
        return items

    def make_reserving(self, item: forms.Item) -> None:
        """Holds for a second or a day; what has happened already needs no reservation."""
        if item["overage"] == "RECORD" and not self.chance.rarely():
            item |= {"overage": "REJECT", "occurredAt": None}
        item.setdefault("ttlSeconds", self.chance.one(None, 1, 60, 2 * HOUR, DAY, DAY))

    def reservation(self) -> str:
        """The key of one of the last; or one under which there is none."""
        return "nobody's" if self.chance.rarely() else self.chance.one(*self.reserved[-4:])["idempotencyKey"]

    def settlement(self) -> forms.Step:
        """To a part of what was reserved, to all of it, to more."""
        chance = self.chance
        item = chance.one(*self.reserved[-4:])
        share = chance.one(0, Fraction(1, 2), Fraction(1, 2), 1, 1, Fraction(5, 4), 10)
        quantities: list[forms.QuantityForm] = [
            {"name": each["name"], "amount": plain(exact(each["amount"]) * share)}
            for each in item["quantities"]
            if chance.often()
        ]
        if not quantities and chance.often():
            quantities.append({"name": item["quantities"][0]["name"], "amount": "0"})
        names = [each["name"] for each in quantities]
        others = [name for name in ("input", "output", "unheard-of") if name not in names and chance.rarely()]
        quantities += [{"name": name, "amount": self.amount()} for name in others]
        key = item["idempotencyKey"] if chance.often() else self.reservation()
        return {"reservation": key, "quantities": quantities, "final": chance.one(True, False, False)}

    def item(self) -> forms.Item:
        """A new request; or one sent before, as it was or not quite."""
        if not self.sent or not self.chance.rarely():
            return self.new_item()
        item = copy.deepcopy(self.chance.one(*self.sent[-20:]))
        match self.chance.one("", "", "", "featureId", "quantities", "entityIds", "sessionId"):
            case "featureId":
                item["featureId"] = "search" if item["featureId"] == "chat" else "chat"
            case "quantities":
                item["quantities"] = [{"name": each["name"], "amount": "4"} for each in item["quantities"]]
            case "entityIds":
                item["entityIds"] = self.entity_ids()
            case "sessionId":
                item["sessionId"] = "s3"
        return item

    def new_item(self) -> forms.Item:
        chance = self.chance
        feature = chance.one(*self.world["features"])
        overage = chance.one("REJECT", "REJECT", "REJECT", "CAP", "OVERDRAFT", "RECORD")
        names = feature["quantities"][: 1 if overage == "CAP" else chance.upto(2, least=1)]
        item: forms.Item = {
            "idempotencyKey": self.name("k"),
            "featureId": feature["featureId"],
            "quantities": [{"name": name, "amount": self.amount()} for name in names],
            "entityIds": self.entity_ids(),
            "sessionId": chance.one(None, None, "s1", "s2"),
            "dimensions": [
                {"key": name, "value": chance.one(*DIMENSIONS[name])}
                for name in feature["dimensions"]
                if chance.often()
            ],
            "overage": overage,
            "group": None,
            "occurredAt": self.occurred_at() if overage == "RECORD" and chance.sometimes() else None,
        }
        if chance.rarely():
            match chance.one("featureId", "quantities", ""):
                case "featureId":
                    item |= {"featureId": "unheard-of", "dimensions": []}
                case "quantities":
                    item["quantities"] = [{"name": "unheard-of", "amount": "1"}]
        return item

    def amount(self) -> str:
        return self.chance.one("1", "2", "3", "7", "0.5", "20") if self.chance.often() else "1000"

    def entity_ids(self) -> list[str]:
        known = [entity["entityId"] for entity in self.world["entities"]]
        unknown = ["user-unknown-1"] if self.chance.rarely() else []
        return unknown + self.chance.some(known, 3 - len(unknown))

    def occurred_at(self) -> str:
        """Not before the current month, not after now."""
        now = self.instant + timedelta(seconds=self.now)
        before = now - timedelta(seconds=self.chance.one(0, 60, HOUR, DAY, 3 * DAY))
        return max(before, now.replace(day=1, hour=0, minute=0, second=0)).isoformat()
