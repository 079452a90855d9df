"""The model keeps the promises, whatever happens, and everything that can be answered is."""

from collections import Counter, defaultdict
from datetime import datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given

from tests.conformance.forms import Answer, History, Operation
from tests.conformance.model_backend import ModelBackend
from tests.conformance.replay import apply
from tests.model.counting import HeldUse, Total, Use, assert_counted, assert_within, path_ids
from tests.model.customer import HELD
from tests.model.exact import exact, plain
from tests.model.finishing import finishing
from tests.model.indebted import indebted
from tests.model.invariants import (
    assert_balanced,
    assert_burned_in_order,
    assert_none_stranded,
    assert_ordered,
)
from tests.model.request import Verb, read_item
from tests.model.strategies import histories, history, judged, kept
from tests.model.words import Reason

#: The reasons that need no plan or second customer.
REASONS = {
    Reason.IDEMPOTENCY_CONFLICT,
    Reason.CUSTOMER_SUSPENDED,
    Reason.RESERVATION_NOT_FOUND,
    Reason.RESERVATION_ENDED,
    Reason.FEATURE_NOT_FOUND,
    Reason.ENTITY_NOT_FOUND,
    Reason.ENTITY_SUSPENDED,
    Reason.FEATURE_TYPE_MISMATCH,
    Reason.NO_RATE,
    Reason.BUDGET_EXCEEDED,
    Reason.INSUFFICIENT_CREDITS,
    Reason.GROUP_DENIED,
}


class Witness:
    """Plays a history on the model and asks for the promises after every operation."""

    def __init__(self) -> None:
        self.backend = ModelBackend()
        self.uses: list[Use] = []
        self.held: dict[str, HeldUse] = {}
        self.short: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self.ended: dict[str, str] = {}
        self.first: dict[str, tuple[str, Any, Answer]] = {}
        self.answers: list[Answer] = []

    def play(self, history: History) -> None:
        self.backend.set_up(history["world"])
        for operation in history["operations"]:
            self.step(operation)
        self.replay_everything()

    def step(self, operation: Operation) -> None:
        customer = self.backend.customer
        dry = self.dry_run(operation)
        answers = apply(self.backend, operation)
        if answers and "malformed" not in answers[0]:
            self.note(operation, dry, answers)
        assert_ordered(customer)
        assert_balanced(customer)
        assert_none_stranded(customer)
        assert_counted(customer, self.uses, self.backend.kernel.instant(customer))
        self.note_ends()

    def dry_run(self, operation: Operation) -> list[Any] | None:
        """What ``check`` says of a batch of new keys, which must be what a decision will say."""
        if operation["op"] not in ("consume", "reserve"):
            return None
        keys = [item["idempotencyKey"] for item in operation["items"]]
        if self.first.keys() & keys or len(set(keys)) < len(keys):
            return None
        before = self.backend.state()
        items: Any = [{**item, "ttlSeconds": None} for item in operation["items"]]
        checked = apply(self.backend, {**operation, "op": "check", "items": items})
        assert self.backend.state() == before
        return checked

    def note(self, operation: Operation, dry: list[Any] | None, answers: list[Answer]) -> None:
        self.answers += answers
        observed = operation.get("observe") or self.backend.customer.observe
        match operation["op"]:
            case "consume":
                assert dry is None or [plain_answer(a) for a in dry] == [plain_answer(a) for a in answers]
                self.note_uses(operation, answers)
            case "reserve":  # where nothing denies, a consumption's shortfall may make a wallet for the next
                alike = [[judged_alike(answer) for answer in each] for each in (dry or [], answers)]
                assert dry is None or observed or alike[0] == alike[1]
                self.note_uses(operation, answers)
            case "settle":
                self.note_totals(answers)

    def note_uses(self, operation: Operation, answers: list[Answer]) -> None:
        """Believes the answers to what is new, and asks whether they kept the promises."""
        customer, now = self.backend.customer, self.backend.kernel.instant(self.backend.customer)
        observed = operation.get("observe") or customer.observe
        fresh = []
        for form, answer in zip(operation["items"], answers, strict=True):
            if answer["replayed"] or answer["seq"] is None:
                continue
            self.first[form["idempotencyKey"]] = operation["op"], form, answer
            if answer["allowed"]:
                fresh.append(self.use_of(Verb(operation["op"]), form, now, answer, bool(observed)))
        for use in sorted(fresh, key=lambda use: use.seq):
            self.uses.append(use)
            feature = self.backend.kernel.catalog.features[use.item.feature_id]
            assert_burned_in_order(customer, feature, use, use)
            if not observed and use.item.overage != "RECORD":
                assert_within(customer, use, self.uses)

    def use_of(self, verb: Verb, form: Any, now: datetime, answer: Answer, observed: bool) -> Use:
        item = read_item(form, verb=verb)
        path = path_ids(self.backend.customer, item)
        use = answer["seq"], now, item, path, amounts(answer["quantities"]), costs(answer)
        if verb is Verb.CONSUME:
            return Use(*use)
        charges = self.backend.customer.reservations[answer["reservationId"]].charges
        held = HeldUse(*use, first={c.subject: c.amount for c in charges}, observed=observed)
        self.held[answer["reservationId"]] = held
        return held

    def note_totals(self, answers: list[Answer]) -> None:
        """Settlements never take back; up to the hold they cannot fail, and beyond it they burn in order."""
        customer, now = self.backend.customer, self.backend.kernel.instant(self.backend.customer)
        for answer in answers:
            if answer["seq"] is None:
                continue
            use = self.held[answer["reservationId"]]
            before = use.totals[-1] if use.totals else Total(use.seq, now, {}, {}, late=False)
            late = answer["state"] == "EXPIRED"
            total = Total(answer["seq"], now, amounts(answer["quantities"]), costs(answer), late)
            use.totals.append(total)
            paid = Counter(before.costs) - self.short[use.seq] + self.paid_now(answer)
            assert paid == amounts(answer["credits"], "creditType")
            short = amounts(answer["shortfall"], "creditType")
            assert short >= self.short[use.seq], "what fell short is told until the end"
            self.short[use.seq] = short
            assert all(total.quantities[name] >= amount for name, amount in before.quantities.items())
            if not late and all(
                amount <= use.quantities.get(name, 0) for name, amount in total.quantities.items()
            ):
                assert answer["wouldAllow"] or use.observed
                assert use.observed or all(
                    entry.source == HELD for entry in customer.entries if entry.seq == total.seq
                )
            feature = self.backend.kernel.catalog.features[use.item.feature_id]
            assert_burned_in_order(customer, feature, use, total)

    def paid_now(self, answer: Answer) -> "Counter[str]":
        """By credit type, what one settlement charges."""
        costs: Counter[str] = Counter()
        for piece in answer["slices"]:
            wallet = self.backend.customer.wallets[piece["walletId"]]
            costs[wallet.credit_type] += exact(piece["amount"])  # type: ignore[assignment]
        return costs

    def note_ends(self) -> None:
        """P2: one end is all that a reservation has."""
        for reservation in self.backend.customer.reservations.values():
            if reservation.state != "HELD":
                state = self.ended.setdefault(reservation.reservation_id, reservation.state)
                assert state == reservation.state

    def replay_everything(self) -> None:
        """P6: every key answers as it did first, and nothing happens; a group must come whole."""
        alone = [each for each in self.first.values() if each[1].get("group") is None]
        self.backend.book_due()
        before = self.backend.state()
        for op, form, answer in alone:
            again = apply(self.backend, {"op": op, "items": [form]})  # type: ignore[typeddict-item]
            assert again == [answer | {"replayed": True}]
        for key, (op, _, answer) in self.first.items():
            if op == "reserve" and answer["allowed"]:
                use = self.held[answer["reservationId"]]
                quantities = dict.fromkeys(use.quantities, Fraction(0))
                quantities |= use.totals[-1].quantities if use.totals else {}
                said = [{"name": name, "amount": plain(amount)} for name, amount in quantities.items()]
                self.backend.settle([{"reservation": key, "quantities": said, "final": False}])  # type: ignore[typeddict-item]
        assert self.backend.state() == before


def amounts(rows: list[dict[str, str]], name: str = "name") -> "Counter[str]":
    found: Counter[str] = Counter()
    for row in rows:
        found[row[name]] += exact(row["amount"])  # type: ignore[assignment]
    return found


def costs(answer: Answer) -> "Counter[str]":
    return amounts(answer["credits"] + answer["shortfall"], "creditType")


def judged_alike(answer: Answer) -> Answer:
    """What a reservation has in common with the consumption in its place.

    What those before it took is held and not used, which their warnings tell apart.
    """
    names = ("allowed", "reason", "wouldAllow", "quantities", "credits", "slices", "retryAfter")
    warnings = [{**warning, "used": None} for warning in answer["warnings"]]
    return {name: answer[name] for name in names} | {"warnings": warnings}


def plain_answer(answer: Answer) -> Answer:
    """Without what a dry run has not got."""
    return {name: value for name, value in answer.items() if name != "seq"}


def test_promises_hold_and_everything_is_answered() -> None:
    reasons: Counter[str | None] = Counter()
    allowed: Counter[bool] = Counter()

    @judged(examples=200)
    @given(histories(length=30))
    def play(history: History) -> None:
        witness = Witness()
        witness.play(history)
        reasons.update(answer["reason"] for answer in witness.answers)
        allowed.update(answer["allowed"] for answer in witness.answers if "state" not in answer)

    play()
    assert {reason.name for reason in REASONS} <= reasons.keys()
    assert 0.25 <= allowed[False] / allowed.total() <= 0.75, "neither all nor nothing is denied"


@pytest.mark.parametrize("seed", range(150))
def test_promises_hold_for_seeds(seed: int) -> None:
    Witness().play(history(seed, length=30))


@pytest.mark.parametrize("seed", range(60))
def test_promises_hold_for_the_indebted(seed: int) -> None:
    Witness().play(indebted(seed))


@pytest.mark.parametrize("name", kept())
def test_promises_hold_for_kept_histories(name: str) -> None:
    Witness().play(kept()[name])


@pytest.mark.parametrize("seed", range(20))
def test_promises_hold_for_who_ends_within_what_is_held(seed: int) -> None:
    Witness().play(finishing(seed))
