"""Makes histories in which usage is taken back, and payments are."""

import copy
from random import Random

from tests.conformance import forms
from tests.model.operations import Maker
from tests.model.worlds import Chance, make_world


def reversing(seed: int, length: int = 40) -> forms.History:
    """The history of a seed: a third of its operations take something back."""
    random = Random(seed)
    world = make_world(random)
    maker = Reverser(Chance(random), copy.deepcopy(world))
    return {"world": world, "operations": [maker.operation() for _ in range(length)]}


def charging_back(seed: int, length: int = 40) -> forms.History:
    """The history of a seed in which what is charged back has moved, perhaps twice, and returned."""
    random = Random(seed)
    world = make_world(random)
    maker = Returner(Chance(random), copy.deepcopy(world))
    return {"world": world, "operations": [maker.operation() for _ in range(length)]}


class Reverser(Maker):
    """Knows which requests have been sent, whatever became of them."""

    def make(self) -> forms.Operation:
        chance = self.chance
        if not self.sent or chance.one(True, True, False):
            return super().make()
        match chance.one(*(8 * ["reverse"]), "setReversalOfExpired", "voidGrant", "chargeBack"):
            case "setReversalOfExpired":
                return {"op": "setReversalOfExpired", "policy": chance.one("ADJUSTMENT", "LAPSE", "LAPSE")}
            case "voidGrant" if self.grants.known:
                return {"op": "voidGrant", "grantId": self.grants.one()}
            case "chargeBack" if self.grants.known:
                return {"op": "chargeBack", "grantId": self.grants.one()}
        key = self.taken_back()["idempotencyKey"]
        return {
            "op": "reverse",
            "reversalId": self.name("v"),
            "key": key,
            "share": chance.one(
                "1", "0.5", "0.333333333", "0.25", "0.000000001", "0.7", "0" if chance.rarely() else "1"
            ),
        }

    def taken_back(self) -> forms.Item:
        """A few of them more often than once, so that their shares add up."""
        return self.chance.one(*self.sent[-8:], *self.reserved[-4:])


class Returner(Reverser):
    """Moves credits as often as it takes them back, whole or what is left of them."""

    def make(self) -> forms.Operation:
        match self.chance.one("move", "move", "chargeBack", "rest", "any", "any", "any", "any"):
            case "move" if self.world["wallets"]:
                return self.grants.transfer()
            case "chargeBack" if lots := self.divided():
                return {"op": "chargeBack", "grantId": self.chance.one(*lots)}
            case "rest" if self.sent:
                key = self.taken_back()["idempotencyKey"]
                return {"op": "reverse", "reversalId": self.name("v"), "key": key, "share": None}
        return super().make()

    def divided(self) -> list[str]:
        """Grants that others were made of; those more often that were divided again."""
        origins = [grant.origin for grant in self.model.customer.grants.values() if grant.origin]
        again = [origin.origin for origin in origins if origin.origin]
        return [grant.grant_id for grant in [*origins, *again, *again, *again]]
