"""What changes a customer: operations with their seq, ledger entries, grants, counters."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from tests.model.burn import Plan
from tests.model.customer import (
    AVAILABLE,
    CONSUMED,
    ISSUED,
    OWED,
    RECEIVABLE,
    SCHEDULED,
    SHORTFALL,
    Budget,
    Charged,
    Counted,
    Counter,
    Customer,
    Entity,
    Entry,
    Grant,
    Operation,
    Subject,
    Wallet,
)
from tests.model.exact import MOST, ZERO
from tests.model.judge import Verdict
from tests.model.limits import Limit, counts_still, keeps_count
from tests.model.memory import Memory
from tests.model.words import Mode


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
        for account, change in ((source, amount), (target, -amount)):
            if account in (SHORTFALL, RECEIVABLE):  # grows as credits leave it
                self.memory.set(wallet, account, getattr(wallet, account) + change)

    # Consumption

    def consume(self, verdict: Verdict) -> None:
        """Books what an allowed item takes."""
        self.create(verdict.newcomers)
        self.operation("usage")
        assert verdict.fit is not None
        plan = verdict.fit.plan
        self.pay(plan, verdict.wallets)
        amounts = plan.amounts()
        for limit in verdict.limits:
            self.count(limit, limit.amount(verdict.item.feature_id, verdict.fit.quantities, amounts))
        counted = [
            Counted(limit.subject, self.customer.seq, amount)
            for limit in verdict.limits
            if keeps_count(limit.budget)
            and (amount := limit.amount(verdict.item.feature_id, verdict.fit.quantities, amounts))
        ]
        seq = self.customer.seq
        self.memory.append(self.customer.charged, Charged(seq, seq, verdict.fit.quantities, amounts, counted))

    def create(self, newcomers: Iterable[Entity]) -> None:
        """Entities that a policy makes; each is an operation of its own before what named it."""
        for entity in newcomers:
            self.operation("entity")
            self.memory.put(self.customer.entities, entity.entity_id, entity)
            created = self.customer.unknown_entities_created + 1
            self.memory.set(self.customer, "unknown_entities_created", created)

    def pay(self, plan: Plan, wallets: list[Wallet]) -> None:
        """Grants, then overdraft, then what falls short, in the last of the wallets."""
        for wallet, grant, amount in plan.slices:
            if grant is None:
                self.move(wallet, None, OWED, CONSUMED, amount)
                self.memory.set(wallet, "owed", wallet.owed + amount)
            else:
                self.move(wallet, grant, AVAILABLE, CONSUMED, amount)
                self.take(grant, amount)
        if plan.shortfall > 0:
            if not wallets:
                wallets.append(self.own_wallet(plan.shortfall_type or ""))
            self.move(wallets[-1], None, SHORTFALL, CONSUMED, plan.shortfall)

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

    def give_back(self, grant: Grant, amount: Fraction) -> None:
        """It is open again, if it was not."""
        self.memory.set(grant, "available", grant.available + amount)
        if grant not in grant.wallet.grants:
            self.memory.append(grant.wallet.grants, grant)

    def count(self, limit: Limit, amount: Fraction, hold: bool = False) -> None:
        """Charges one budget's counter, or holds; an observed budget notes what it would have denied."""
        if amount == 0:
            return
        counter = self.counter(limit)
        if limit.budget.mode is Mode.OBSERVE and not limit.fits(amount):
            self.memory.set(counter, "would_deny_count", counter.would_deny_count + 1)
            self.memory.set(counter, "would_deny_amount", min(counter.would_deny_amount + amount, MOST))
        if keeps_count(limit.budget):
            self.charge(limit, used=ZERO if hold else amount, held=amount if hold else ZERO)

    def counter(self, limit: Limit) -> Counter:
        if limit.subject not in self.customer.counters:
            self.memory.put(self.customer.counters, limit.subject, Counter(*limit.span))
        return self.customer.counters[limit.subject]

    def charge(self, limit: Limit, used: Fraction = ZERO, held: Fraction = ZERO) -> None:
        """A counter whose window has passed begins anew."""
        counter = self.counter(limit)
        if counter.last_used_at is None or not counts_still(counter, limit.subject, self.instant):
            self.memory.set(counter, "began", self.customer.seq)
        self.alert(limit.subject, limit.used, limit.used + used)
        self.memory.set(counter, "window_start", limit.span.start)
        self.memory.set(counter, "window_end", limit.span.end)
        self.memory.set(counter, "used", limit.used + used)
        self.memory.set(counter, "held", limit.held + held)
        self.memory.set(counter, "last_used_at", self.instant)

    def alert(self, subject: Subject, before: Fraction, after: Fraction) -> None:
        """Each threshold is told of when what is used comes to it."""
        budget = self.customer.budgets[subject.budget_id]
        ceiling = budget.ceiling(self.instant)
        self.tell(subject, budget.reached(after, ceiling) - budget.reached(before, ceiling))

    def alert_all(self, budget: Budget, before: Mapping[Subject, set[Fraction]], ceiling: Fraction) -> None:
        """The same where it is the budget that has changed, to such a limit."""
        for subject, reached in self.all_reached(budget, ceiling).items():
            self.tell(subject, reached - before[subject])

    def all_reached(self, budget: Budget, ceiling: Fraction) -> dict[Subject, set[Fraction]]:
        """By subject, in windows that last."""
        return {
            subject: budget.reached(counter.used, ceiling)
            for subject, counter in self.customer.counters.items()
            if subject.budget_id == budget.budget_id and counts_still(counter, subject, self.instant)
        }

    def tell(self, subject: Subject, crossed: Iterable[Fraction]) -> None:
        """By a budget that binds: one that was archived counts as paused for ever."""
        if not self.customer.budgets[subject.budget_id].paused:
            for share in sorted(crossed):
                self.memory.append(self.customer.alerts, (subject, share))

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
