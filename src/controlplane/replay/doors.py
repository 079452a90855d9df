"""The two ways in: GraphQL over HTTP, and SQL. Both take the same changes and the same items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from controlplane.client.client import Client
from controlplane.db import configuration
from controlplane.db.decisions import Decisions
from controlplane.db.pool import Database
from controlplane.errors import CallFailed, DatabaseError, RequestError

#: Wallet, grant (None: overdraft), amount in plain notation.
Slice = tuple[str, str | None, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door said to one consumption."""

    allowed: bool
    reason: str | None
    slices: Sequence[Slice]


class Door(Protocol):
    """A way in."""

    async def change(self, function: str, customer: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
        """Configure something or grant credits.

        Raises:
            CallFailed: it was refused, or cannot be reached.
        """

    async def consume(self, item: Mapping[str, Any]) -> Answer:
        """Ask for one consumption.

        Raises:
            CallFailed: there was no decision.
        """


#: Function of the database: field of the API, type of its input, what is wanted back.
_MUTATIONS: Mapping[str, tuple[str, str, str]] = {
    "upsert_credit_type": ("upsertCreditType", "UpsertCreditTypeInput", "creditType { creditType }"),
    "upsert_feature": ("upsertFeature", "UpsertFeatureInput", "feature { featureId }"),
    "set_rates": ("setRates", "SetRatesInput", "rates { quantity }"),
    "upsert_customer": ("upsertCustomer", "UpsertCustomerInput", "customer { customerId }"),
    "upsert_entity": ("upsertEntity", "UpsertEntityInput", "entity { entityId }"),
    "set_budget": ("setBudget", "SetBudgetInput", "budget { budgetId }"),
    "grant_credits": ("grantCredits", "GrantCreditsInput", "grant { grantId walletId }"),
}

_CONSUME = """
mutation Consume($input: ConsumeInput!) {
  consume(input: $input) { allowed reason slices { walletId grantId amount } }
}
"""


class GraphqlDoor:
    """Over HTTP, with an administrator's key."""

    def __init__(self, client: Client) -> None:
        """Through this client."""
        self._client = client

    async def change(self, function: str, customer: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
        """See ``Door``."""
        field, kind, wanted = _MUTATIONS[function]
        query = (
            f"mutation Change($input: {kind}!) {{ {field}(input: $input)"
            f" {{ {wanted} userErrors {{ field message code }} }} }}"
        )
        asked = _as_input(given)
        if customer is not None:
            asked["customerId"] = customer
        payload = (await self._client.execute(query, {"input": asked}))[field]
        if payload["userErrors"]:
            wrong = payload["userErrors"][0]
            raise CallFailed(
                f"{field}: {wrong['field']}: {wrong['message']}", answered=wrong["code"], retryable=False
            )
        found = payload[wanted.split(" ")[0]]
        return found if isinstance(found, dict) else {}

    async def consume(self, item: Mapping[str, Any]) -> Answer:
        """See ``Door``."""
        decision = (await self._client.execute(_CONSUME, {"input": item}))["consume"]
        slices = [(each["walletId"], each["grantId"], each["amount"]) for each in decision["slices"]]
        return Answer(decision["allowed"], decision["reason"], slices)


class SqlDoor:
    """Straight to the functions of ``api``, through lanes as the API itself does."""

    def __init__(self, database: Database, decisions: Decisions) -> None:
        """Configure through this pool, and spend through these lanes."""
        self._database = database
        self._decisions = decisions

    async def change(self, function: str, customer: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
        """See ``Door``."""
        call = getattr(configuration, function)
        leading = () if customer is None else (customer,)
        try:
            found: dict[str, Any] = await call(self._database, *leading, given, "replay")
        except RequestError as error:
            raise CallFailed(f"{function}: {error.message}", answered=error.code, retryable=False) from error
        except DatabaseError as error:
            raise CallFailed(error.message, answered=error.code, retryable=True) from error
        return found

    async def consume(self, item: Mapping[str, Any]) -> Answer:
        """See ``Door``."""
        [outcome] = await self._decisions.consume([item])
        if isinstance(outcome, DatabaseError):
            raise CallFailed(outcome.message, answered=outcome.code, retryable=False) from outcome
        slices = [(wallet, grant, given) for wallet, grant, given in outcome.answer.get("slices", [])]
        return Answer(outcome.allowed, outcome.reason, slices)


def _as_input(given: Mapping[str, Any]) -> dict[str, Any]:
    """GraphQL has no maps: labels become lists of keys and values."""
    made: dict[str, Any] = {}
    for name, value in given.items():
        if name == "dimensions" and isinstance(value, Mapping):
            made[name] = [{"key": key, "value": each} for key, each in value.items()]
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            made[name] = [_as_input(each) for each in value]
        else:
            made[name] = value
    return made
