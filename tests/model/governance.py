"""What administrators change of the tree and of budgets (KERNEL §4): each an operation, or refused.

Suspensions, which are never refused, are in ``kernel.py``.
"""

from collections.abc import Iterator

from tests.model.booking import Booking
from tests.model.customer import Budget, Customer, Entity, Grant, Raise
from tests.model.grants import Refused
from tests.model.words import UnknownEntity

#: From an entity up to the customer there are at most so many steps.
DEEPEST = 16


def refuse(*faults: str | None) -> None:
    """All of them at once, if there are any."""
    if found := [fault for fault in faults if fault]:
        raise Refused(*found)


# Budgets


def set_budget(booking: Booking, budget: Budget) -> None:
    """A new one, or the limit, mode and advice of one: it keeps its count, its raises and its pause."""
    customer, before = booking.customer, booking.customer.budgets.get(budget.budget_id)
    if before is None:
        owner = None if budget.entity_id is None else known(customer, budget.entity_id)
        refuse("entityId ARCHIVED" if owner is not None and owner.archived else None)
        booking.operation("budget")
        budget.counts_from_seq = customer.seq
        booking.memory.put(customer.budgets, budget.budget_id, budget)
        return
    refuse("budgetId ARCHIVED" if before.archived else None)
    assert before.shape == budget.shape
    if before.rule != budget.rule:
        booking.operation("budget")
        reached = booking.all_reached(before, before.ceiling(booking.instant))
        for name in ("limit", "mode", "advice", "thresholds"):
            booking.memory.set(before, name, getattr(budget, name))
        if not budget.thresholds:
            booking.memory.set(before, "reached_before_pause", {})
        booking.alert_all(before, reached, before.ceiling(booking.instant))


def pause(booking: Booking, budget_id: str, paused: bool) -> None:
    """While it is paused it binds nobody, counts nothing and tells of no threshold; its count stays.

    Then it tells of what has been reached since.
    """
    budget = working(booking.customer, budget_id)
    if budget.paused != paused:
        booking.operation("budget")
        reached = booking.all_reached(budget, budget.ceiling(booking.instant))
        counters = booking.customer.counters
        booking.memory.set(budget, "paused", paused)
        if paused:
            now = {subject: (counters[subject].began, shares) for subject, shares in reached.items()}
            booking.memory.set(budget, "reached_before_pause", now)
            return
        for subject, shares in reached.items():
            began, before = budget.reached_before_pause.get(subject, (None, set()))
            booking.tell(subject, shares - before if began == counters[subject].began else shares)


def archive_budget(booking: Booking, budget_id: str) -> None:
    """For good; again changes nothing."""
    budget = booking.customer.budgets.get(budget_id)
    if budget is None:
        raise Refused("budgetId NOT_FOUND")
    if not budget.archived:
        booking.operation("budget")
        booking.memory.set(budget, "archived", True)
        booking.memory.set(budget, "paused", True)


def raise_budget(booking: Booking, budget_id: str, extra: Raise) -> None:
    """Once: the same again changes nothing, whatever has become of it, and another one is a conflict."""
    raised = booking.customer.raised
    asked = (budget_id, extra.amount, extra.until)
    if extra.raise_id in raised:
        names = zip(("budgetId", "amount", "until"), asked, raised[extra.raise_id], strict=True)
        refuse(*[f"{name} IDEMPOTENCY_CONFLICT" for name, given, first in names if given != first][:1])
        return
    refuse(
        ended(booking.customer, budget_id),
        "until IN_THE_PAST" if extra.until <= booking.instant else None,
    )
    booking.operation("raise")
    extra.number = booking.customer.seq
    booking.memory.append(booking.customer.budgets[budget_id].raises, extra)
    booking.memory.put(raised, extra.raise_id, asked)


def working(customer: Customer, budget_id: str) -> Budget:
    refuse(ended(customer, budget_id))
    return customer.budgets[budget_id]


def ended(customer: Customer, budget_id: str) -> str | None:
    """What speaks against changing it; one that was refused when it was to be set is not there."""
    budget = customer.budgets.get(budget_id)
    if budget is None:
        return "budgetId NOT_FOUND"
    return "budgetId ARCHIVED" if budget.archived else None


# The tree


def grant(booking: Booking, made: Grant) -> None:
    """What comes to an archived entity's wallet could not be spent."""
    owner = made.wallet.entity_id
    archived = owner is not None and booking.customer.entities[owner].archived
    refuse("walletId ARCHIVED" if archived else None)
    booking.grant(made)


def set_entity(booking: Booking, entity: Entity) -> None:
    """A new one."""
    above = [] if entity.parent is None else list(entity.parent.upwards())
    refuse(
        "parentId ARCHIVED" if above and above[0].archived else None,
        "parentId TOO_DEEP" if len(above) >= DEEPEST else None,
    )
    booking.operation("entity")
    booking.memory.put(booking.customer.entities, entity.entity_id, entity)


def move(booking: Booking, entity_id: str, parent_id: str | None) -> None:
    """With everything below it. What has been charged stays where it was."""
    entity, parent = known(booking.customer, entity_id), parent_of(booking.customer, parent_id)
    moves = entity.parent is not parent
    refuse(
        "entityId ARCHIVED" if entity.archived else None,
        against(booking.customer, entity, parent) if moves else None,
    )
    if moves:
        booking.operation("entity moved")
        booking.memory.set(entity, "parent", parent)


def against(customer: Customer, entity: Entity, parent: Entity | None) -> str | None:
    """Why it cannot stand there."""
    above = [] if parent is None else list(parent.upwards())
    if parent is not None and parent.archived:
        return "parentId ARCHIVED"
    if entity in above:
        return "parentId CYCLE"
    depth = max(list(each.upwards()).index(entity) + 1 for each in below(customer, entity))
    return "parentId TOO_DEEP" if len(above) + depth > DEEPEST else None


def archive(booking: Booking, entity_id: str, with_all_below: bool) -> None:
    """New requests do not find it any more; nothing that works stands below it."""
    customer, entity = booking.customer, known(booking.customer, entity_id)
    if entity.archived:
        return
    gone = [each for each in below(customer, entity) if not each.archived]
    creates = customer.unknown_entity is UnknownEntity.CREATE
    takes_newcomers = creates and customer.unknown_entity_parent in {each.entity_id for each in gone}
    refuse(
        "entityId NOT_EMPTY" if len(gone) > 1 and not with_all_below else None,
        "entityId IN_USE" if takes_newcomers else None,
    )
    booking.operation("entity archived")
    for each in gone:
        booking.memory.set(each, "archived", True)


def restore(booking: Booking, entity_id: str) -> None:
    """It alone, where it stood; not below what is archived."""
    entity = known(booking.customer, entity_id)
    if entity.archived:
        refuse("parentId ARCHIVED" if entity.parent is not None and entity.parent.archived else None)
        booking.operation("entity")
        booking.memory.set(entity, "archived", False)


def below(customer: Customer, entity: Entity) -> Iterator[Entity]:
    """Itself and everything under it."""
    return (each for each in customer.entities.values() if entity in each.upwards())


def known(customer: Customer, entity_id: str, field: str = "entityId") -> Entity:
    """One that was refused when it was to be made is not there."""
    refuse(f"{field} NOT_FOUND" if entity_id not in customer.entities else None)
    return customer.entities[entity_id]


def parent_of(customer: Customer, parent_id: str | None) -> Entity | None:
    return None if parent_id is None else known(customer, parent_id, "parentId")
