"""GraphQL as a back end of the conformance cases: whatever the door has goes through it, the rest by SQL."""

import re
from collections.abc import Sequence
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from tests.api.serving import Api
from tests.conformance import forms
from tests.conformance.backend import Malformed
from tests.conformance.sql_backend import SqlBackend

#: What each mutation answers with; for everything else there is SQL, such as for the clock.
MUTATIONS = {
    "upsert_credit_type": "creditType { creditType }",
    "upsert_feature": "feature { featureId }",
    "set_rates": "rates { amount }",
    "upsert_customer": "customer { customerId }",
    "upsert_entity": "entity { entityId }",
    "move_entity": "entity { entityId }",
    "archive_entity": "entity { entityId }",
    "set_budget": "budget { budgetId }",
    "raise_budget": "budget { budgetId }",
    "archive_budget": "budget { budgetId }",
    "grant_credits": "grant { grantId }",
    "update_grant": "grant { grantId }",
    "void_grant": "grant { grantId }",
    "transfer_credits": "parts { grantId }",
    "reverse_consumption": "seq",
    "suspend_customer": "customer { isSuspended }",
    "resume_customer": "customer { isSuspended }",
    "suspend_entity": "entity { isSuspended }",
    "resume_entity": "entity { isSuspended }",
}
DECISION = """
  allowed reason message replayed wouldAllow seq reservationId expiresAt
  quantities { name amount } credits { creditType amount }
  slices { walletId grantId amount } shortfall { creditType amount }
  warnings { budgetId entityId limit used advice }
  wallets { walletId creditType available held leased settled owed shortfall receivable overdraftLimit }
  binding { kind entityId budgetId limit used held resetsAt }
"""
STATE = """
query ($customerId: ID!, $reservationId: ID!) {
  reservation(customerId: $customerId, reservationId: $reservationId) { state }
}
"""


def one_by_one(history: forms.History) -> forms.History:
    """The same with a call for each step, as the door has it."""
    operations: list[forms.Operation] = []
    for operation in history["operations"]:
        given: Any = operation
        operations += [{**given, "steps": [step]} for step in given["steps"]] if "steps" in given else [given]
    return {"world": history["world"], "operations": operations}


class GraphqlBackend(SqlBackend):
    """The same worlds as ``SqlBackend``, through the door."""

    def __init__(self, api: Api) -> None:
        super().__init__(api.connection)
        self._api = api
        self._observed = api.make_key(observe=True)

    def suspend_customer(self, suspended: bool) -> None:
        done = self._change("suspend_customer" if suspended else "resume_customer")
        assert done["customer"]["isSuspended"] is suspended

    def suspend_entity(self, entity_id: str, suspended: bool) -> None:
        done = self._change("suspend_entity" if suspended else "resume_entity", entityId=entity_id)
        assert done["entity"]["isSuspended"] is suspended

    def _call(self, function: str, **fields: Any) -> Any:
        return self._mutate(function, fields)

    def _change(self, function: str, **fields: Any) -> Any:
        if function not in MUTATIONS:
            return super()._change(function, **fields)
        return self._mutate(function, {"customerId": self._customer, **fields})

    def _refusable(self, function: str, **fields: Any) -> Any:
        if function not in MUTATIONS:
            return super()._refusable(function, **fields)
        answer = self._answer_of(function, {"customerId": self._customer, **fields})
        if errors := answer["userErrors"]:
            raise Malformed(", ".join(sorted(f"{each['field']} {each['code']}" for each in errors)))
        return answer.get("grant") or answer

    def _mutate(self, function: str, fields: dict[str, Any]) -> Any:
        answer = self._answer_of(function, fields)
        assert answer["userErrors"] == []
        return answer.get("grant") or answer

    def _answer_of(self, function: str, fields: dict[str, Any]) -> Any:
        self._stop_clock()
        name = to_camel_case(function)
        kind = name[0].upper() + name[1:] + "Input"
        selection = f"{MUTATIONS[function]} userErrors {{ field code message }}"
        query = f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ {selection} }} }}"
        return self._api.data(query, {"input": _with_pairs(fields)})[name]

    def _decide(self, verb: str, items: Sequence[forms.Item], observe: bool) -> list[forms.Answer]:
        if verb == "reserve" and any(item["overage"] == "RECORD" for item in items):
            return super()._decide(verb, items, observe)  # the schema has no words for it
        self._stop_clock()
        asked = [
            _without_nulls({**item, "customerId": self._customer, "featureId": self._own(item["featureId"])})
            for item in items
        ]
        kind = "query" if verb == "check" else "mutation"
        asks = "Reserve" if verb == "reserve" else "Consume"
        query = f"{kind} ($input: [{asks}Input!]!) {{ {verb}Many(input: $input) {{ {DECISION} }} }}"
        decisions = self._asked(query, {"input": asked}, observe)[f"{verb}Many"]
        for item, decision in zip(items, decisions, strict=True):
            if decision["reservationId"] is not None:
                self._reservations[item["idempotencyKey"]] = decision["reservationId"]
        return [self._seen(decision) for decision in decisions]

    def _step(
        self, verb: str, steps: Sequence[forms.Step], observe: bool | None = None
    ) -> list[forms.Answer]:
        """One by one: the door has no words for several in one call."""
        [step] = self._named(steps)
        self._stop_clock()
        name, kind = f"{verb}Reservation", f"{verb.capitalize()}ReservationInput"
        query = f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ {DECISION} }} }}"
        answer = self._asked(query, {"input": {**step, "customerId": self._customer}}, bool(observe))[name]
        assert answer["reservationId"] == step["reservationId"]  # as it was asked, whether it is there or not
        seen: Any = {**self._seen(answer), "binding": None, "state": None}
        if answer["reason"] == "RESERVATION_NOT_FOUND":
            return [{**seen, "reservationId": None}]
        of_it = {"customerId": self._customer, "reservationId": step["reservationId"]}
        return [{**seen, "state": self._api.data(STATE, of_it)["reservation"]["state"]}]

    def _asked(self, query: str, variables: Any, observe: bool) -> Any:
        """What is answered; a request that is none is ``Malformed`` with its field."""
        answer = self._api.post(query, variables, key=self._observed if observe else None)
        if errors := answer.get("errors"):
            field = re.sub(r"^\[\d+\]\.", "", errors[0]["extensions"]["field"])
            root = re.split(r"[.\[]", field)[0]
            raise Malformed("quantities" if root == "quantity" else root)
        return answer["data"]

    def _seen(self, decision: dict[str, Any]) -> forms.Answer:
        types = {own: name for name, own in self._types.items()}

        def credits_of(amounts: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [{**each, "creditType": types[each["creditType"]]} for each in amounts]

        conflict = re.search(r"with another (\w+)\.", decision["message"] or "")
        answer: Any = {
            **decision,
            "seq": None if decision["seq"] is None else int(decision["seq"]),
            "credits": credits_of(decision["credits"]),
            "shortfall": credits_of(decision["shortfall"]),
            "slices": [
                {
                    **each,
                    "walletId": self._world_id(each["walletId"]),
                    "grantId": self._grant_id(each["grantId"]),
                }
                for each in decision["slices"]
            ],
            "wallets": [
                {
                    **each,
                    "walletId": self._world_id(each["walletId"]),
                    "creditType": types[each["creditType"]],
                }
                for each in decision["wallets"]
            ],
            "field": conflict[1] if conflict else None,
            "retryAfter": None,
        }
        return answer  # type: ignore[no-any-return]


def _with_pairs(given: Any) -> Any:
    """Dimensions are objects in SQL, and lists of keys and values in GraphQL."""
    if isinstance(given, list):
        return [_with_pairs(each) for each in given]
    if not isinstance(given, dict):
        return given
    found = {name: _with_pairs(value) for name, value in given.items()}
    if isinstance(given.get("dimensions"), dict):
        found["dimensions"] = [{"key": key, "value": value} for key, value in given["dimensions"].items()]
    return found


def _without_nulls(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}
