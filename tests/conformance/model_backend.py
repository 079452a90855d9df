"""The model as a back end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from tests.conformance import backend, forms
from tests.model import governance, grants, reversals, setup
from tests.model.booking import Booking
from tests.model.customer import RECEIVABLE, SHORTFALL, Customer, Raise, Subject, Wallet
from tests.model.exact import exact, plain
from tests.model.kernel import Kernel
from tests.model.limits import counts_still
from tests.model.memory import Memory
from tests.model.request import Malformed
from tests.model.words import UnknownEntity

CUSTOMER = "customer"


class ModelBackend:
    """See ``backend.Backend``."""

    kernel: Kernel
    instant: datetime

    @property
    def customer(self) -> Customer:
        return self.kernel.customers[CUSTOMER]

    def set_up(self, world: forms.World) -> None:
        self.instant = datetime.fromisoformat(world.get("instant", forms.INSTANT))
        self.kernel = Kernel(self.instant - timedelta(seconds=forms.SET_UP_BEFORE))
        now, catalog = self.kernel.clock, self.kernel.catalog
        for credit_type in world["creditTypes"]:
            catalog.credit_types[credit_type["creditType"]] = setup.credit_type(credit_type)
        for feature in world["features"]:
            catalog.features[feature["featureId"]] = setup.feature(feature, self.instant)
        self.kernel.customers[CUSTOMER] = Customer(CUSTOMER, created_at=now, last_at=now)
        for entity in world["entities"]:
            self.set_entity({**entity, "suspended": False})
        for wallet in world["wallets"]:
            limit = exact(wallet["overdraftLimit"])
            self.kernel.set_wallet(
                CUSTOMER, Wallet(wallet["walletId"], wallet["entityId"], wallet["creditType"], limit)
            )
        for budget in world["budgets"]:
            self.set_budget(budget)
        for grant in world["grants"]:
            self.grant(grant)
        for entity in world["entities"]:
            if entity.get("suspended"):
                self.suspend_entity(entity["entityId"], True)
        if "unknownEntity" in world or "observe" in world:
            self.set_policy(world.get("observe"), world.get("unknownEntity"))
        self.advance(forms.SET_UP_BEFORE)

    def consume(self, items: Sequence[forms.Item], observe: bool = False) -> list[forms.Answer]:
        with fields_named():
            return self.kernel.consume(CUSTOMER, items, observe)

    def check(self, items: Sequence[forms.Item], observe: bool = False) -> list[forms.Answer]:
        with fields_named():
            return self.kernel.check(CUSTOMER, items, observe)

    def reserve(self, items: Sequence[forms.Item], observe: bool = False) -> list[forms.Answer]:
        with fields_named():
            return self.kernel.reserve(CUSTOMER, items, observe)

    def settle(self, steps: Sequence[forms.Step], observe: bool = False) -> list[forms.Answer]:
        with fields_named():
            return self.kernel.settle(CUSTOMER, self.named(steps), observe)

    def release(self, steps: Sequence[forms.Step]) -> list[forms.Answer]:
        with fields_named():
            return self.kernel.release(CUSTOMER, self.named(steps))

    def extend(self, steps: Sequence[forms.Step], observe: bool = False) -> list[forms.Answer]:
        with fields_named():
            return self.kernel.extend(CUSTOMER, self.named(steps), observe)

    def named(self, steps: Sequence[forms.Step]) -> list[dict[str, object]]:
        """With the reservation's own id."""
        return [{**step, "reservationId": self.reservation_id(step["reservation"])} for step in steps]

    def reservation_id(self, key: str) -> str:
        """That of the reservation that was made under this key."""
        _, answer = self.customer.answers.get(key, ({}, {}))
        return answer.get("reservationId") or "0"

    def grant(self, grant: forms.GrantForm) -> None:
        decimals = {each.credit_type: each.decimals for each in self.kernel.catalog.credit_types.values()}
        made = setup.grant(self.customer, grant, self.instant, decimals)
        self._change(lambda booking: governance.grant(booking, made))

    def update_grant(self, grant_id: str, change: forms.GrantChangeForm) -> None:
        terms: dict[str, object] = {"priority": change["priority"]} if "priority" in change else {}
        if "effectiveAt" in change:
            terms["effective_at"] = self._time(change["effectiveAt"])
        if "expiresAt" in change:
            terms["expires_at"] = self._time(change["expiresAt"])
        told = grants.Change(terms, change.get("paymentReceived", False))
        self._change(lambda booking: grants.update(booking, grant_id, told))

    def void_grant(self, grant_id: str) -> None:
        self._change(lambda booking: grants.void(booking, grant_id))

    def transfer_credits(
        self, transfer_id: str, source: forms.HoldingForm, target: forms.HoldingForm, amount: str
    ) -> None:
        decimals = self.kernel.catalog.decimals(source["creditType"])
        giver, taker = (grants.Holding(each["entityId"], each["creditType"]) for each in (source, target))
        self._change(
            lambda booking: grants.transfer(booking, transfer_id, giver, taker, exact(amount), decimals)
        )

    def reverse(self, reversal_id: str, key: str, share: str | None, event: int = -1) -> None:
        _, answer = self.customer.answers.get(key, ((), {"allowed": False}))
        events = [
            each for each in self.customer.charged if answer["allowed"] and each.origin == int(answer["seq"])
        ]
        used = events[event] if event < len(events) and events else None
        decimals = {each.credit_type: each.decimals for each in self.kernel.catalog.credit_types.values()}
        part = None if share is None else exact(share)
        self._change(lambda booking: reversals.reverse(booking, reversal_id, used, part, decimals))

    def set_reversal_of_expired(self, policy: str) -> None:
        self.kernel.set_policy(CUSTOMER, reversal_lapses=policy == "LAPSE")

    def charge_back(self, grant_id: str) -> None:
        self._change(lambda booking: reversals.charge_back(booking, grant_id))

    def _change(self, change: Callable[[Booking], None]) -> None:
        with refusals_told():
            self.kernel.change(CUSTOMER, change)

    def _time(self, seconds: int | None) -> datetime | None:
        return None if seconds is None else self.instant + timedelta(seconds=seconds)

    def set_entity(self, entity: forms.EntityForm) -> None:
        self._change(lambda booking: governance.set_entity(booking, setup.entity(self.customer, entity)))

    def set_budget(self, budget: forms.BudgetForm) -> None:
        self._change(lambda booking: governance.set_budget(booking, setup.budget(budget)))

    def raise_budget(self, budget_id: str, raise_id: str, amount: str, until: int) -> None:
        extra = Raise(raise_id, exact(amount), self.instant + timedelta(seconds=until))
        self._change(lambda booking: governance.raise_budget(booking, budget_id, extra))

    def pause_budget(self, budget_id: str, paused: bool) -> None:
        self._change(lambda booking: governance.pause(booking, budget_id, paused))

    def archive_budget(self, budget_id: str) -> None:
        self._change(lambda booking: governance.archive_budget(booking, budget_id))

    def move_entity(self, entity_id: str, parent_id: str | None) -> None:
        self._change(lambda booking: governance.move(booking, entity_id, parent_id))

    def archive_entity(self, entity_id: str, with_all_below: bool) -> None:
        self._change(lambda booking: governance.archive(booking, entity_id, with_all_below))

    def restore_entity(self, entity_id: str) -> None:
        self._change(lambda booking: governance.restore(booking, entity_id))

    def set_rates(self, feature_id: str, rates: Sequence[forms.RateForm]) -> None:
        self.kernel.catalog.features[feature_id].set_rates(setup.rate(each, self.instant) for each in rates)

    def suspend_customer(self, suspended: bool) -> None:
        self.kernel.suspend_customer(CUSTOMER, suspended)

    def suspend_entity(self, entity_id: str, suspended: bool) -> None:
        with refusals_told():
            self.kernel.suspend_entity(CUSTOMER, entity_id, suspended)

    def set_policy(self, observe: bool | None, unknown_entity: forms.UnknownEntityForm | None) -> None:
        policy: dict[str, object] = {} if observe is None else {"observe": observe}
        if unknown_entity is not None:
            policy |= {
                "unknown_entity": UnknownEntity(unknown_entity["policy"]),
                "unknown_entity_type": unknown_entity["type"],
                "unknown_entity_parent": unknown_entity["parentId"],
                "unknown_entity_maximum": unknown_entity["maximum"],
            }
        self.kernel.set_policy(CUSTOMER, **policy)

    def book_due(self) -> None:
        self.kernel.book_due(CUSTOMER)

    def advance(self, seconds: int) -> None:
        self.kernel.advance(timedelta(seconds=seconds))

    def _standing_on(self, account: str) -> dict[str, str]:
        found = reversals.standing_on(self.customer, account)
        return {wallet_id: plain(amount) for wallet_id, amount in found.items()}

    def state(self) -> forms.State:
        customer, instant = self.customer, self.kernel.instant(self.customer)
        return {
            "seq": customer.seq,
            "left": {grant.grant_id: plain(grant.left) for grant in customer.grants.values()},
            "grants": {
                grant_id: {"status": status, "remaining": plain(left)}
                for grant_id, (status, left) in grants.standing(Booking(customer, Memory(), instant)).items()
            },
            "owed": {
                wallet.wallet_id: plain(wallet.owed) for wallet in customer.wallets.values() if wallet.owed
            },
            "short": self._standing_on(SHORTFALL),
            "receivable": self._standing_on(RECEIVABLE),
            "held": {
                wallet.wallet_id: plain(wallet.held) for wallet in customer.wallets.values() if wallet.held
            },
            "heldFor": [
                {**name(subject), "held": plain(counter.held)}
                for subject, counter in customer.counters.items()
                if counter.held and counts_still(counter, subject, instant)
            ],
            "used": [
                {**name(subject), "used": plain(counter.used)}
                for subject, counter in customer.counters.items()
                if counter.used and counts_still(counter, subject, instant)
            ],
            "alerts": [{**name(subject), "threshold": plain(share)} for subject, share in customer.alerts],
            "wouldDeny": [
                {
                    **name(subject),
                    "count": counter.would_deny_count,
                    "amount": plain(counter.would_deny_amount),
                }
                for subject, counter in customer.counters.items()
                if counter.would_deny_count
            ],
        }


@contextmanager
def fields_named() -> Iterator[None]:
    """What is malformed, in the words of the protocol."""
    try:
        yield
    except Malformed as error:
        raise backend.Malformed(error.field) from error


@contextmanager
def refusals_told() -> Iterator[None]:
    """What is refused, in the words of the protocol."""
    try:
        yield
    except grants.Refused as error:
        raise backend.Malformed(str(error)) from error


def name(subject: Subject) -> dict[str, str | None]:
    return {"budgetId": subject.budget_id, "entityId": subject.entity_id, "sessionId": subject.session_id}
