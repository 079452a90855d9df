"""One batch of one customer's items, under its gate (KERNEL §2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tests.model.answer import Answer, answer, refusal
from tests.model.booking import Booking
from tests.model.catalog import Catalog
from tests.model.customer import Customer, path_of
from tests.model.due import book_due
from tests.model.holding import reserve
from tests.model.judge import Verdict, judge
from tests.model.memory import Memory
from tests.model.request import Item, Verb
from tests.model.words import Reason, UnknownEntity


@dataclass
class Call:
    """Items are judged in order, at one instant; nothing stands until ``end``."""

    customer: Customer
    catalog: Catalog
    instant: datetime
    observe: bool = False
    dry: bool = False
    recorded: bool = False
    memory: Memory = field(default_factory=Memory)

    def decide(self, items: Sequence[Item]) -> list[Answer]:
        """What is due comes first; a group is judged at the place of its first item."""
        seq = self.customer.seq
        book_due(self.booking, self.holders(items))
        self.recorded = self.memory.mark > 0
        answers: dict[int, Answer] = {}
        for place, item in enumerate(items):
            if place in answers:
                continue
            together = [place]
            if item.group is not None:
                together = [other for other, fellow in enumerate(items) if fellow.group == item.group]
            answers |= zip(together, self.decide_together([items[other] for other in together]), strict=True)
        if self.dry:
            answers = {place: given | {"seq": seq} for place, given in answers.items()}
        return [answers[place] for place in range(len(items))]

    def end(self) -> None:
        """A dry run leaves nothing behind; what was recorded moves the customer's time."""
        if self.dry:
            self.memory.undo()
        elif self.recorded:
            self.customer.last_at = self.instant

    def holders(self, items: Sequence[Item]) -> set[str | None]:
        """Whose wallets the items may burn, and those above whom the policy may make."""
        customer = self.customer
        named = {entity_id for item in items for entity_id in item.entity_ids}
        if customer.unknown_entity is UnknownEntity.CREATE:
            named.add(customer.unknown_entity_parent or "")
        found = [customer.entities[name] for name in named if name in customer.entities]
        return {node.entity_id if node else None for node in path_of(found)}

    @property
    def booking(self) -> Booking:
        return Booking(self.customer, self.memory, self.instant)

    def decide_together(self, items: Sequence[Item]) -> list[Answer]:
        """A group, or a single item. Its keys are all new, and differ, or all replays."""
        if self.dry:
            return self.judge_together(items)
        keys = [item.idempotency_key for item in items]
        known = self.customer.answers.keys() & set(keys)
        if known == set(keys):
            return [self.replay(item) for item in items]
        if known or len(set(keys)) < len(keys):
            return [self.conflict() for _ in items]
        answers = self.judge_together(items)
        for item, given in zip(items, answers, strict=True):
            self.record(item, given)
        return answers

    def judge_together(self, items: Sequence[Item]) -> list[Answer]:
        """Each item against what those before it left; if one is denied, all are, and nothing was taken."""
        mark = self.memory.mark
        verdicts, answers = [], []
        for item in items:
            verdict = judge(self.customer, self.catalog, item, self.instant, self.observe)
            if verdict.allowed and item.verb is Verb.RESERVE:
                reserve(self.booking, verdict, self.observe)
            elif verdict.allowed:
                self.booking.consume(verdict)
            verdicts.append(verdict)
            answers.append(self.answer(verdict))
        if all(verdict.reason is None for verdict in verdicts) or len(items) == 1:
            return answers
        if all(verdict.allowed for verdict in verdicts):  # observed: charged, and told what would have been
            return [given | would_be_denied(given) for given in answers]
        self.memory.undo(mark)
        unrecorded = any(verdict.unrecorded for verdict in verdicts)
        seq = None if unrecorded else self.customer.seq
        return [
            self.answer(verdict.taken_back(Reason.GROUP_DENIED, unrecorded))
            if verdict.allowed
            else given | {"seq": seq}
            for verdict, given in zip(verdicts, answers, strict=True)
        ]

    def answer(self, verdict: Verdict) -> Answer:
        return answer(verdict, self.customer.seq, self.instant)

    def record(self, item: Item, given: Answer) -> None:
        """The first answer to a key is its answer for ever."""
        if given["seq"] is not None:
            self.memory.put(self.customer.answers, item.idempotency_key, (item.fingerprint(), given))
            self.recorded = True

    def replay(self, item: Item) -> Answer:
        """The recorded answer, if the request is the same in every field."""
        first, given = self.customer.answers[item.idempotency_key]
        different = [name for name, value in item.fingerprint().items() if first.get(name) != value]
        return self.conflict(different[0]) if different else given | {"replayed": True}

    def conflict(self, field: str = "group") -> Answer:
        return refusal(Reason.IDEMPOTENCY_CONFLICT, field)


def would_be_denied(given: Answer) -> Answer:
    """An observed item of a group of which another would have been denied."""
    return {"wouldAllow": False, "reason": given["reason"] or Reason.GROUP_DENIED.name}
