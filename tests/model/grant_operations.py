"""Makes the operations on grants of a history: given, paid, changed, voided, moved."""

from collections.abc import Callable

from tests.conformance import forms
from tests.model.worlds import DAY, DECIMALS, HOUR, Chance, make_grant

#: What ``GrantMaker`` makes.
GRANT_KINDS = ("grant", "updateGrant", "voidGrant", "transferCredits")


class GrantMaker:
    """Knows the grants there may be; of a transfer, its first part."""

    def __init__(self, chance: Chance, world: forms.World, name: Callable[[str], str]) -> None:
        self.chance = chance
        self.world = world
        self.name = name
        self.known = [grant["grantId"] for grant in world["grants"]]
        self.waiting: list[str] = []

    def operation(self, op: str, now: int) -> forms.Operation:
        """The next one of a kind, so many seconds after the world's instant."""
        match op:
            case "grant":
                return self.grant(now)
            case "updateGrant":
                return self.update(now)
            case "voidGrant":
                return {"op": "voidGrant", "grantId": self.one()}
            case _:
                return self.transfer()

    def grant(self, now: int) -> forms.Operation:
        grant = make_grant(self.chance, self.name("g"), self.world, now, now)
        if self.chance.sometimes():
            grant["pendingPayment"] = True
            self.waiting.append(grant["grantId"])
        self.known.append(grant["grantId"])
        return {"op": "grant", "grant": grant}

    def update(self, now: int) -> forms.Operation:
        chance = self.chance
        if self.waiting and chance.often():
            change: forms.GrantChangeForm = {"paymentReceived": True}
            return {"op": "updateGrant", "grantId": chance.one(*self.waiting), "change": change}
        change = {}
        if chance.often():
            change["priority"] = chance.one(10, 50, 90, None, 101 if chance.rarely() else 30)
        if chance.sometimes():
            change["effectiveAt"] = chance.one(None, now, now + HOUR, now + DAY, now - HOUR)
        if chance.sometimes():
            change["expiresAt"] = chance.one(None, now + 60, now + 2 * HOUR, now + 2 * DAY, now)
        return {"op": "updateGrant", "grantId": self.one(), "change": change}

    def transfer(self) -> forms.Operation:
        """Mostly between two of the world's wallets; perhaps to one that is not there yet."""
        chance = self.chance
        wallet = chance.one(*self.world["wallets"])
        source: forms.HoldingForm = {"entityId": wallet["entityId"], "creditType": wallet["creditType"]}
        owners = [None, *(entity["entityId"] for entity in self.world["entities"])]
        target: forms.HoldingForm = {"entityId": chance.one(*owners), "creditType": wallet["creditType"]}
        if chance.rarely():
            target["creditType"] = chance.one(*(each["creditType"] for each in self.world["creditTypes"]))
        if chance.rarely():
            source, target = target, source
        transfer_id = self.name("t")
        self.known.append(f"{transfer_id}.0")
        decimals = DECIMALS[source["creditType"]]
        amount = chance.one("1", "3", "7", "20", "40", "0.5" if decimals or chance.rarely() else "2")
        return {
            "op": "transferCredits",
            "transferId": transfer_id,
            "source": source,
            "target": target,
            "amount": amount,
        }

    def one(self) -> str:
        """One of those made last, mostly; perhaps one that is not there."""
        if not self.known or self.chance.rarely():
            return self.chance.one("unheard-of", *self.known)
        return self.chance.one(*self.known[-12:])
