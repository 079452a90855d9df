"""A small world to begin a test with, and a few words to change it by."""

from typing import Any

from tests.conformance.forms import (
    SET_UP_BEFORE,
    Answer,
    BudgetForm,
    EntityForm,
    FeatureForm,
    GrantForm,
    Item,
    RateForm,
    WalletForm,
    World,
)
from tests.conformance.model_backend import ModelBackend


def world(**changes: Any) -> World:
    """A customer with one general wallet, and a feature that costs one credit for one input."""
    plain: dict[str, Any] = {
        "creditTypes": [{"creditType": "general", "decimals": 6}],
        "entities": [],
        "features": [feature("chat", rate("general", "input", "1"))],
        "wallets": [wallet("general")],
        "grants": [],
        "budgets": [],
    }
    return plain | changes  # type: ignore[return-value]


def feature(name: str, *rates: RateForm, **changes: Any) -> FeatureForm:
    types = list(dict.fromkeys(each["creditType"] for each in rates))
    quantities = list(dict.fromkeys(each["quantity"] for each in rates))
    plain = {
        "featureId": name,
        "quantities": quantities,
        "step": "1",
        "creditTypes": types,
        "rates": [*rates],
    }
    return plain | changes  # type: ignore[return-value]


def rate(credit_type: str, quantity: str, amount: str, per: str = "1", **changes: Any) -> RateForm:
    plain = {"creditType": credit_type, "quantity": quantity, "amount": amount, "perUnits": per}
    return plain | changes  # type: ignore[return-value]


def entity(name: str, parent: str | None = None) -> EntityForm:
    """Its type is what stands before the hyphen."""
    return {"entityId": name, "type": name.partition("-")[0], "parentId": parent}


def wallet(credit_type: str, owner: str | None = None, overdraft: str = "0") -> WalletForm:
    return {
        "walletId": f"{owner or 'customer'}:{credit_type}",
        "entityId": owner,
        "creditType": credit_type,
        "overdraftLimit": overdraft,
    }


def grant(name: str, amount: str, wallet_id: str = "customer:general", **changes: Any) -> GrantForm:
    plain = {
        "grantId": name,
        "walletId": wallet_id,
        "amount": amount,
        "kind": "PAID",
        "priority": 50,
        "effectiveAt": -SET_UP_BEFORE,
        "expiresAt": None,
        "features": None,
    }
    return plain | changes  # type: ignore[return-value]


def budget(name: str, limit: str, owner: str | None = None, **changes: Any) -> BudgetForm:
    """A hard one on general credits, in total."""
    plain = {
        "budgetId": name,
        "entityId": owner,
        "each": None,
        "window": "TOTAL",
        "mode": "HARD",
        "measure": "CREDITS",
        "creditType": "general",
        "featureId": None,
        "quantity": None,
        "limit": limit,
    }
    return plain | changes  # type: ignore[return-value]


def on_input(name: str, limit: str, owner: str | None = None, **changes: Any) -> BudgetForm:
    """A hard budget on the input of chat."""
    measured = {"measure": "QUANTITY", "creditType": None, "featureId": "chat", "quantity": "input"}
    return budget(name, limit, owner, **(measured | changes))


def ask(key: str, amount: str | dict[str, str] = "1", *entity_ids: str, **changes: Any) -> Item:
    """So much input, or so much of each, of chat."""
    amounts = {"input": amount} if isinstance(amount, str) else amount
    plain = {
        "idempotencyKey": key,
        "featureId": "chat",
        "quantities": [{"name": name, "amount": each} for name, each in amounts.items()],
        "entityIds": [*entity_ids],
    }
    return plain | changes  # type: ignore[return-value]


def started(**changes: Any) -> ModelBackend:
    """The model in this world."""
    backend = ModelBackend()
    backend.set_up(world(**changes))
    return backend


def consume(backend: ModelBackend, *items: Item) -> list[Answer]:
    return backend.consume(items)


def reasons(answers: list[Answer]) -> list[str | None]:
    return [answer["reason"] for answer in answers]


def slices(answer: Answer) -> dict[str | None, str]:
    """What each grant paid; None drew on the overdraft."""
    return {piece["grantId"]: piece["amount"] for piece in answer["slices"]}


def reserve(backend: ModelBackend, *items: Item) -> list[Answer]:
    return backend.reserve(items)


def settle(backend: ModelBackend, key: str, amount: str | dict[str, str], **changes: Any) -> Answer:
    """To so much input, or so much of each, in all; finally, unless it says otherwise."""
    amounts = {"input": amount} if isinstance(amount, str) else amount
    step = {
        "reservation": key,
        "quantities": [{"name": name, "amount": each} for name, each in amounts.items()],
    }
    [answer] = backend.settle([step | changes])  # type: ignore[list-item]
    return answer


def settle_so_far(backend: ModelBackend, key: str, amount: str | dict[str, str]) -> Answer:
    return settle(backend, key, amount, final=False)


def release(backend: ModelBackend, key: str) -> Answer:
    [answer] = backend.release([{"reservation": key}])
    return answer


def extend(backend: ModelBackend, key: str, seconds: int) -> Answer:
    [answer] = backend.extend([{"reservation": key, "ttlSeconds": seconds}])
    return answer
