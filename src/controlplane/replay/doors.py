"""The two ways in: GraphQL over HTTP, and SQL. Both take the same changes and the same items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from controlplane.client.client import Client
from controlplane.db import configuration
from controlplane.db.decisions import Decisions
from controlplane.db.lanes.ticket import Judgement
from controlplane.db.pool import Database
from controlplane.errors import CallFailed, DatabaseError, RequestError

#: Wallet, grant (None: overdraft), amount in plain notation.
Slice = tuple[str, str | None, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door said to one consumption, or one step of a reservation."""

    allowed: bool
    reason: str | None
    slices: Sequence[Slice]
    #: What was reserved, if it was; and, of a settlement, whether something fell short.
    reservation: str | None = None
    is_short: bool = False


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

    async def reserve(self, item: Mapping[str, Any]) -> Answer:
        """Hold what it would charge. Raises as ``consume``."""

    async def settle(self, step: Mapping[str, Any]) -> Answer:
        """Say what a reservation has used. Raises as ``consume``."""


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

_STEP = "allowed reason reservationId slices { walletId grantId amount } shortfall { amount }"
_RESERVE = f"mutation Reserve($input: ReserveInput!) {{ answer: reserve(input: $input) {{ {_STEP} }} }}"
_SETTLE = f"""
mutation Settle($input: SettleReservationInput!) {{
  answer: settleReservation(input: $input) {{ {_STEP} }}
}}
"""
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

    async def reserve(self, item: Mapping[str, Any]) -> Answer:
        """See ``Door``."""
        return await self._stepped(_RESERVE, item)

    async def settle(self, step: Mapping[str, Any]) -> Answer:
        """See ``Door``."""
        return await self._stepped(_SETTLE, step)

    async def _stepped(self, query: str, given: Mapping[str, Any]) -> Answer:
        told = (await self._client.execute(query, {"input": given}))["answer"]
        slices = [(each["walletId"], each["grantId"], each["amount"]) for each in told["slices"]]
        return Answer(told["allowed"], told["reason"], slices, told["reservationId"], bool(told["shortfall"]))


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
        return _answer(await self._decisions.consume([item]))

    async def reserve(self, item: Mapping[str, Any]) -> Answer:
        """See ``Door``."""
        return _answer(await self._decisions.reserve([item]))

    async def settle(self, step: Mapping[str, Any]) -> Answer:
        """See ``Door``."""
        return _answer(await self._decisions.settle([step]))


def _answer(outcomes: Sequence[Judgement | DatabaseError]) -> Answer:
    [outcome] = outcomes
    if isinstance(outcome, DatabaseError):
        raise CallFailed(outcome.message, answered=outcome.code, retryable=False) from outcome
    told = outcome.answer
    slices = [(wallet, grant, given) for wallet, grant, given in told.get("slices", [])]
    return Answer(
        outcome.allowed, outcome.reason, slices, told.get("reservationId"), bool(told.get("shortfall"))
    )


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
