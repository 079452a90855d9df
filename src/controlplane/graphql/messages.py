"""Reasons as sentences for people. Machines read ``reason`` and ``binding``; these may change any time."""

from collections.abc import Mapping, Sequence
from typing import Any

from controlplane.db.lanes.ticket import Judgement
from controlplane.graphql.failures import cut
from controlplane.graphql.inputs import asked_quantities

_FINAL = " This answer is final for its key; a new attempt needs a new one."

#: Characters of a name that are given back: no entity has a longer one, but callers may ask for it.
_LONGEST_NAME = 128

_SENTENCES = {
    "CUSTOMER_NOT_FOUND": "There is no customer {customer}.",
    "CUSTOMER_SUSPENDED": "The customer {customer} is suspended.",
    "RESERVATION_NOT_FOUND": "The customer {customer} has no reservation {reservation}.",
    "FEATURE_NOT_FOUND": "There is no feature {feature}.",
    "ENTITY_NOT_FOUND": "{entities} unknown to the customer {customer}, or archived, and its policy does not"
    " create it.",
    "ENTITY_SUSPENDED": "{entities} suspended, or something above it is.",
    "NO_ACTIVE_SUBSCRIPTION": "The customer {customer} has no active subscription.",
    "NOT_ENTITLED": "The plan of the customer {customer} does not have the feature {feature}.",
    "FEATURE_TYPE_MISMATCH": "The feature {feature} does not count all of {quantities}.",
    "VALUE_NOT_ALLOWED": "The value is not among those allowed.",
    "REQUEST_LIMIT_EXCEEDED": "That is more than one request may ask.",
    "NO_RATE": "No rate says what {feature} costs{dimensions}.",
    "USAGE_LIMIT_EXCEEDED": "The period's quota is used up.",
    "GROUP_DENIED": "Another item of the group was denied, so this one was too.",
}


def message_for(judgement: Judgement, item: Mapping[str, Any], *, recorded: bool = True) -> str | None:
    """The sentence; None if there is no reason.

    Args:
        judgement: of the request.
        item: the request as the kernel took it, for the names that the sentence is about.
        recorded: whether it was to be written down, or only looked at.
    """
    reason = judgement.reason
    if reason is None:
        return None
    sentence = _sentence(reason, judgement, item)
    if judgement.allowed:
        return f"It was allowed although it does not fit: {sentence}"
    # What nobody wrote down, now or before, may come again with its key. A step of a reservation has none.
    is_final = recorded and judgement.idempotency_key is not None and judgement.seq is not None
    return sentence + _FINAL if is_final else sentence


def _balance(wallet: Sequence[str]) -> str:
    """Of a wallet of an answer: id, credit type, available, held, leased, owed, and perhaps three more."""
    identity, _, available, held, _, owed, *rest = wallet
    shortfall, receivable, limit = rest or ("0", "0", "0")
    figures = {"held": held, f"of {limit} owed": owed, "shortfall": shortfall, "receivable": receivable}
    more = [f"{amount} {name}" for name, amount in figures.items() if amount != "0"]
    return f"{identity} has {available}" + (f" ({', '.join(more)})" if more else "")


def _sentence(reason: str, judgement: Judgement, item: Mapping[str, Any]) -> str:
    answer = judgement.answer
    binding: dict[str, Any] = answer.get("binding") or {}
    if reason == "IDEMPOTENCY_CONFLICT":
        return f"The key was used before with another {answer.get('field') or 'request'}."
    if reason == "BUDGET_EXCEEDED" and binding:
        whose = binding.get("entityId", "an entity that was not there yet") or judgement.customer_id
        held = f" and {binding['held']} held" if binding.get("held") not in (None, "0") else ""
        until = f", until {binding['resetsAt']}" if binding.get("resetsAt") else ""
        return (
            f"The budget {binding.get('budgetId')} of {whose} allows {binding.get('limit')}{until};"
            f" {binding.get('used')} used{held}."
        )
    if reason == "REQUEST_LIMIT_EXCEEDED" and binding:
        return f"One request may ask {binding['limit']} of {binding['quantity']} at most."
    if reason == "INSUFFICIENT_CREDITS":
        balances = ", ".join(map(_balance, answer.get("wallets") or ()))
        return (
            f"The wallets do not hold enough: {balances}." if balances else "There is no wallet to pay from."
        )
    if reason == "RESERVATION_ENDED":
        # Asked to settle, to extend, to release: what is left to do.
        more = (
            " What it used all the same is recorded with recordUsage."
            if asked_quantities(item)
            else (" To go on, reserve anew." if "ttlSeconds" in item else "")
        )
        return f"The reservation {item.get('reservationId')} has ended: {answer.get('state')}.{more}"
    # A recorded denial does not say who asked for how much, and names its feature only if there is one.
    entities: list[str] = [cut(each, _LONGEST_NAME) for each in item.get("entityIds") or []]
    named = f"One of {', '.join(entities)}" if entities else "An entity that was named"
    dimensions = " and ".join(f"{each['key']} {each['value']}" for each in item.get("dimensions") or ())
    return _SENTENCES.get(reason, "It was denied.").format(
        customer=judgement.customer_id,
        feature=item.get("featureId", "of the reservation" if "reservationId" in item else "of that name"),
        reservation=item.get("reservationId"),
        entities=f"The entity {entities[0]} is" if len(entities) == 1 else f"{named} is",
        quantities=", ".join(each["name"] for each in asked_quantities(item)) or "what was asked for",
        dimensions=f" with {dimensions}" if dimensions else "",
    )
