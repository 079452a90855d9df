"""What changes a customer: operations with their seq, ledger entries, counters, and what time has brought."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from tests.model.customer import (
    AVAILABLE,
    CONSUMED,
    EXPIRED,
    ISSUED,
    OWED,
    SCHEDULED,
    SHORTFALL,
    Budget,
    Charged,
    Counter,
    Customer,
    Entry,
    Grant,
    Operation,
    Raise,
    Wallet,
)
from tests.model.exact import ZERO
from tests.model.judge import Verdict
from tests.model.limits import Limit, keeps_count
from tests.model.memory import Memory
from tests.model.words import Mode

#: So many due operations are booked by one call.
DUE_AT_ONCE = 500


@dataclass
class Booking:
    """Writes for one customer at one instant, all of it through ``memory``."""

    customer: Customer
    memory: Memory
    instant: datetime

    def operation(self, name: str, effective_at: datetime | None = None) -> None:
        """Takes the next ``seq``."""
        self.memory.set(self.customer, "seq", self.customer.seq + 1)
        done = Operation(self.customer.seq, name, self.instant, effective_at or self.instant)
        self.memory.append(self.customer.operations, done)

    def move(self, wallet: Wallet, grant: Grant | None, source: str, target: str, amount: Fraction) -> None:
        """One ledger entry of the current operation."""
        assert amount > 0
        grant_id = grant.grant_id if grant else None
        entry = Entry(
            self.customer.seq, wallet.wallet_id, wallet.credit_type, grant_id, source, target, amount
        )
        self.memory.append(self.customer.entries, entry)

    # Consumption

    def consume(self, verdict: Verdict) -> None:
        """Books what an allowed item takes; an entity it creates is an operation of its own before it."""
        for entity in verdict.newcomers:
            self.operation("entity")
            self.memory.put(self.customer.entities, entity.entity_id, entity)
            created = self.customer.unknown_entities_created + 1
            self.memory.set(self.customer, "unknown_entities_created", created)
        self.operation("usage")
        assert verdict.fit is not None
        plan = verdict.fit.plan
        for wallet, grant, amount in plan.slices:
            if grant is None:
                self.move(wallet, None, OWED, CONSUMED, amount)
                self.memory.set(wallet, "owed", wallet.owed + amount)
            else:
                self.move(wallet, grant, AVAILABLE, CONSUMED, amount)
                self.take(grant, amount)
        if plan.shortfall > 0:
            if not verdict.wallets:
                verdict.wallets.append(self.own_wallet(plan.shortfall_type or ""))
            wallet = verdict.wallets[-1]
            self.move(wallet, None, SHORTFALL, CONSUMED, plan.shortfall)
        amounts = plan.amounts()
        for limit in verdict.limits:
            self.count(limit, limit.amount(verdict.item.feature_id, verdict.fit.quantities, amounts))
        subjects = {
            limit.subject: (limit.span.start, limit.span.end)
            for limit in verdict.limits
            if keeps_count(limit.budget)
            and limit.amount(verdict.item.feature_id, verdict.fit.quantities, amounts)
        }
        charged = Charged(self.customer.seq, self.instant, verdict.fit.quantities, amounts, subjects)
        self.memory.append(self.customer.charged, charged)

    def own_wallet(self, credit_type: str) -> Wallet:
        """The customer's own, which a shortfall makes where nothing acceptable has a wallet."""
        wallet = Wallet(f"customer:{credit_type}", None, credit_type)
        if wallet.wallet_id not in self.customer.wallets:
            self.memory.put(self.customer.wallets, wallet.wallet_id, wallet)
        return self.customer.wallets[wallet.wallet_id]

    def take(self, grant: Grant, amount: Fraction) -> None:
        """A grant with nothing left is no longer open."""
        assert amount <= grant.available
        self.memory.set(grant, "available", grant.available - amount)
        if grant.available == 0:
            self.memory.remove(grant.wallet.grants, grant)

    def count(self, limit: Limit, amount: Fraction) -> None:
        """Charges one budget's counter; an observed budget also notes what it would have denied."""
        if amount == 0:
            return
        counter = self.customer.counters.get(limit.subject)
        if counter is None:
            counter = Counter(*limit.span)
            self.memory.put(self.customer.counters, limit.subject, counter)
        if limit.budget.mode is Mode.OBSERVE and not limit.fits(amount):
            self.memory.set(counter, "would_deny_count", counter.would_deny_count + 1)
            self.memory.set(counter, "would_deny_amount", counter.would_deny_amount + amount)
        if keeps_count(limit.budget):
            self.memory.set(counter, "window_start", limit.span.start)
            self.memory.set(counter, "window_end", limit.span.end)
            self.memory.set(counter, "used", limit.used + amount)
            self.memory.set(counter, "last_used_at", self.instant)

    # Grants

    def grant(self, grant: Grant) -> None:
        """One whose payment is pending is not issued yet."""
        self.operation("grant")
        self.memory.put(self.customer.grants, grant.grant_id, grant)
        if not grant.pending:
            self.issue(grant)

    def issue(self, grant: Grant) -> None:
        """It waits in ``scheduled`` until its effectiveness is booked."""
        self.memory.append(grant.wallet.grants, grant)
        if self.instant < grant.effective_at:
            self.move(grant.wallet, grant, ISSUED, SCHEDULED, grant.amount)
            self.memory.set(grant, "scheduled", grant.amount)
        else:
            self.move(grant.wallet, grant, ISSUED, AVAILABLE, grant.amount)
            self.make_available(grant)

    def make_available(self, grant: Grant) -> None:
        """What the wallet owes is paid first."""
        self.memory.set(grant, "available", grant.amount)
        repaid = min(grant.available, grant.wallet.owed)
        if repaid > 0:
            self.move(grant.wallet, grant, AVAILABLE, OWED, repaid)
            self.memory.set(grant.wallet, "owed", grant.wallet.owed - repaid)
            self.take(grant, repaid)

    # What time has brought

    def due(self) -> list[tuple[datetime, int, int, Grant | tuple[Budget, Raise]]]:
        """Grants expired, grants effective, raises ended: by due time, then in that order, then the older."""
        return sorted(self._due(), key=lambda each: each[:3])

    def _due(self) -> Iterator[tuple[datetime, int, int, Grant | tuple[Budget, Raise]]]:
        for wallet in self.customer.wallets.values():
            for grant in wallet.grants:
                if grant.expires_at is not None and grant.expires_at <= self.instant:
                    yield grant.expires_at, 0, grant.number, grant
                if grant.scheduled > 0 and grant.effective_at <= self.instant:
                    yield grant.effective_at, 1, grant.number, grant
        for budget in self.customer.budgets.values():
            for extra in budget.raises:
                if extra.until <= self.instant:
                    yield extra.until, 2, extra.number, (budget, extra)

    def book_due(self) -> None:
        """Books what is due, each as an operation; what is more than enough for one call stays due."""
        booked = 0
        for due_at, order, _, thing in self.due():
            if booked == DUE_AT_ONCE:
                return
            if isinstance(thing, tuple):
                budget, extra = thing
                self.operation("raise ended", due_at)
                self.memory.remove(budget.raises, extra)
            elif order == 1:
                self.operation("grant effective", due_at)
                self.move(thing.wallet, thing, SCHEDULED, AVAILABLE, thing.scheduled)
                self.memory.set(thing, "scheduled", ZERO)
                self.make_available(thing)
            elif thing.available > 0:
                self.operation("grant expired", due_at)
                self.move(thing.wallet, thing, AVAILABLE, EXPIRED, thing.available)
                self.memory.set(thing, "expired", thing.available)
                self.take(thing, thing.available)
            else:  # it became effective and paid what was owed, so nothing is left to expire
                continue
            booked += 1
