"""Judges what happened in a race: in the order of ``seq``, the model must have answered the same.

An operation's place is the last ``seq`` that it took or was judged after, then its instant. One that left no
trace (a replay, a conflict, a change that changed nothing, a reversal refused) has none: it must fit some
moment between its call and its answer. What was booked because it was due, by an operation without a place,
is an operation too.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from tests.concurrency.pricing import Pricing, sets_rates
from tests.concurrency.racing import Arena, Done
from tests.conformance.agreement import standing, whole, without
from tests.conformance.compare import first_difference
from tests.conformance.forms import Answer, Operation
from tests.conformance.model_backend import CUSTOMER, ModelBackend
from tests.conformance.replay import apply

#: What SQL leaves to the doors.
LEFT_TO_DOORS = {"retryAfter"}
BOOK_DUE: Operation = {"op": "bookDue"}


@dataclass
class Placed:
    """An operation at its place; ``done`` is None for what came due by itself."""

    seq: int
    at: datetime
    done: Done | None
    answers: list[dict[str, object]]

    @property
    def operation(self) -> Operation:
        return self.done.operation if self.done else BOOK_DUE


def judge(arena: Arena, done: Sequence[Done]) -> str | None:
    """Says what is wrong first, with any customer, or in what ``verify`` and ``verify_seals`` find."""
    wrong = [
        f"{name}: {offender}"
        for name, offender in arena.rows(
            "SELECT check_name, offender FROM api.verify(%s) WHERE offender IS NOT NULL", arena.customers
        )
    ]
    wrong += broken_seals(arena)
    for world in range(len(arena.sql)):
        own = [each for each in done if each.world == world]
        if fault := Judge(arena, world).judge(own):
            wrong.append(f"world {world}: {fault}")
    return wrong[0] if wrong else None


def broken_seals(arena: Arena) -> list[str]:
    """Seals what is left to seal; then every row must fit, and every head that was told before."""
    for customer in arena.customers:
        arena.seal(arena.admin, customer)
    return [
        f"{name}: {offender}"
        for name, offender in arena.rows(
            "SELECT check_name, offender FROM api.verify_seals(%s, %s) WHERE offender IS NOT NULL",
            arena.customers,
            Jsonb(arena.heads),
        )
    ]


class Judge:
    """Judges one customer's history."""

    def __init__(self, arena: Arena, world: int) -> None:
        self.arena, self.world = arena, world
        self.model, self.sql = arena.models[world], arena.sql[world]
        self.model_seq, self.sql_seq = arena.started[world]

    def judge(self, done: Sequence[Done]) -> str | None:
        self.pricing = Pricing(self.arena, self.world, done)
        placed, loose = self.place([each for each in done if not sets_rates(each)])
        places = [(each, *self.between(each, placed)) for each in loose if each.operation["op"] != "bookDue"]
        if fault := out_of_order(placed):
            return fault
        for place in range(len(placed) + 1):
            places = [
                (each, first, last)
                for each, first, last in places
                if not (first <= place <= last and self.fits(each))
            ]
            if gone := [each for each, _, last in places if last <= place]:
                return f"at no moment so: {gone[0]}: {[self.told(row) for row in answers_of(self, gone[0])]}"
            if place < len(placed) and (fault := self.step(placed[place])):
                return f"after {placed[place - 1].seq if place else 'nothing'}, {placed[place].done}: {fault}"
        return self.end()

    # Places

    def place(self, done: Sequence[Done]) -> tuple[list[Placed], list[Done]]:
        """Whatever has a place, in order; and the rest."""
        changes = {
            actor: (seq, at)
            for actor, seq, at in self.arena.rows(
                "SELECT actor, seq, recorded_at FROM core.change WHERE customer_id = %s AND seq > %s"
                " AND kind <> 'RAISE_ENDED' AND actor <> 'unknownEntity'"
                " UNION ALL SELECT actor, seq, recorded_at FROM core.reversal"
                " WHERE customer_id = %s AND seq > %s",
                self.sql._customer,
                self.sql_seq,
                self.sql._customer,
                self.sql_seq,
            )
        }
        grants = {
            self.sql._grant_id(str(no)): (no, at)
            for no, at in self.arena.rows(
                "SELECT grant_no, created_at FROM core.credit_grant WHERE customer_id = %s",
                self.sql._customer,
            )
        }
        placed, loose = [], []
        for each in done:
            given = answers_of(self, each)
            recorded = [row for row in each.rows if row["seq"] is not None and not row["replayed"]]
            where = changes.pop(each.actor, None)
            if each.operation["op"] == "grant":
                where = grants.get(each.operation["grant"]["grantId"])
            elif recorded:
                where = max((row["seq"], row["recorded_at"]) for row in recorded)
            if each.error is not None:
                assert where is None, f"refused, and has an effect: {each}"
                if each.operation["op"] == "reverse":
                    loose.append(each)  # others are refused by the clock too, which nobody has read
            elif where is not None:
                placed.append(Placed(*where, each, given))
            else:
                loose.append(each)
        assert not changes, f"nobody did this: {changes}"
        known = {each.at for each in placed if each.operation["op"] != "check"}
        placed += [Placed(seq, at, None, []) for seq, at in self.due() if at not in known]
        return sorted(placed, key=lambda each: (each.seq, each.at)), loose

    def due(self) -> list[tuple[int, datetime]]:
        """The last ``seq`` of each time that due operations were booked."""
        return [
            (seq, at)
            for seq, at in self.arena.rows(
                "SELECT max(seq), recorded_at FROM ("
                " SELECT seq, recorded_at FROM core.ledger_entry WHERE customer_id = %s"
                " AND kind IN ('GRANT_EFFECTIVE', 'GRANT_EXPIRED') AND from_account <> 'HELD'"
                " UNION ALL SELECT seq, recorded_at FROM core.reservation_step WHERE customer_id = %s"
                " AND kind = 'EXPIRE'"
                " UNION ALL SELECT seq, recorded_at FROM core.change WHERE customer_id = %s"
                " AND kind = 'RAISE_ENDED') AS due WHERE seq > %s GROUP BY recorded_at",
                self.sql._customer,
                self.sql._customer,
                self.sql._customer,
                self.sql_seq,
            )
        ]

    def between(self, done: Done, placed: Sequence[Placed]) -> tuple[int, int]:
        """Before which of the placed it may have been: after all that had ended by then."""
        before = [p for p, each in enumerate(placed) if each.done and each.done.ended < done.started]
        after = [p for p, each in enumerate(placed) if each.done and each.done.started > done.ended]
        return (max(before) + 1 if before else 0, min(after) if after else len(placed))

    # One operation

    def step(self, placed: Placed) -> str | None:
        """The model does it at the same instant, by one catalogue that there was then."""
        options = self.pricing.options(placed.done)
        if not options:
            return "by no catalogue that there was, or by an older one than what stands before it"
        faults = []
        for known in options:
            model = self.model
            leaves_nothing = placed.operation["op"] == "check"
            if leaves_nothing or len(options) > 1 or known < self.pricing.applied:
                model = copy.deepcopy(self.model)
            fault = self.compare(model, placed, known)
            if fault is None:
                if not leaves_nothing:
                    self.model, self.pricing.applied = model, known
                return None
            faults.append(fault)
        return faults[0]

    def compare(self, model: ModelBackend, placed: Placed, known: int) -> str | None:
        """Where it differs, if so many changes of rates were known."""
        self.pricing.tell(model, known)
        model.kernel.clock = placed.at
        given = act(model, placed.operation)
        expected = [self.told(answer, self.model_seq) for answer in given]
        actual = [self.told(answer) for answer in placed.answers]
        if difference := first_difference(expected, actual):
            return difference
        took, stands = placed.seq - self.sql_seq, model.customer.seq - self.model_seq
        if placed.operation["op"] != "check" and took != stands:
            return f"seq: expected {stands}, got {took}"
        return None

    def fits(self, loose: Done) -> bool:
        """Whether the model, as it stands now, would do the same, leaving no trace either."""
        return any(self.fits_by(loose, known) for known in self.pricing.options(loose))

    def fits_by(self, loose: Done, known: int) -> bool:
        """The same, if so many changes of rates were known."""
        model = copy.deepcopy(self.model)
        self.pricing.tell(model, known)
        model.book_due()
        seq, last_at = model.customer.seq, model.customer.last_at
        try:
            answers = act(model, loose.operation)
        except KeyError:
            return False  # it names an entity that a policy has yet to make
        given = [self.told(answer, self.model_seq) for answer in answers]
        actual = [self.told(answer) for answer in answers_of(self, loose)]
        same = first_difference(given, actual) is None
        return same and (model.customer.seq, model.customer.last_at) == (seq, last_at)

    def told(self, answer: dict[str, object], started: int | None = None) -> dict[str, object]:
        seen = whole(answer, self.sql_seq if started is None else started)
        return {name: value for name, value in seen.items() if name not in LEFT_TO_DOORS}

    def end(self) -> str | None:
        """The state that is left, at one instant."""
        now = self.arena.now()
        self.model.kernel.clock = self.sql._clock = now
        states = (self.model.state(), self.model_seq), (self.sql.state(), self.sql_seq)
        expected, actual = (
            without(LEFT_TO_DOORS, {"answers": [], "state": standing(state, started)})
            for state, started in states
        )
        return first_difference(expected, actual)


def act(model: ModelBackend, operation: Operation) -> list[Answer]:
    """As ``apply``; but an entity to be made may be there meanwhile, by a policy, and then only moves."""
    known = model.customer.entities.get(operation["entity"]["entityId"]) if "entity" in operation else None
    if known is None:
        return apply(model, operation)
    parent_id = operation["entity"]["parentId"]
    parent = None if parent_id is None else model.customer.entities[parent_id]
    model.kernel.configure(CUSTOMER, "entity", known.parent is not parent)
    known.parent = parent
    return []


def answers_of(judge: Judge, done: Done) -> list[dict[str, object]]:
    """The rows as answers; now that all grants have their names. A change answers only if it is refused."""
    if done.refused is not None:
        return [{"malformed": done.refused}]
    if not done.rows:
        return []
    if "steps" in done.operation:
        return [judge.sql._step_answer(row) for row in done.rows]
    return [
        judge.sql._answer(item, row) for item, row in zip(done.operation["items"], done.rows, strict=True)
    ]


def out_of_order(placed: Sequence[Placed]) -> str | None:
    """What ended before another began stands before it; and time never runs backwards."""
    latest: Done | None = None
    recorded = None
    for each in placed:
        if each.operation["op"] != "check":
            if recorded is not None and each.at < recorded:
                return f"recorded before what stands before it: {each.done}"
            recorded = each.at
        if each.done is None:
            continue
        if latest is not None and each.done.ended < latest.started:
            return f"ended before {latest} began, and stands after it: {each.done}"
        if latest is None or each.done.started > latest.started:
            latest = each.done
    return None
