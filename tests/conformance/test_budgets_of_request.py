"""What ``api.read_budgets`` shows of a request is what the model judges it by, in random worlds.

The model's own list of limits is caught where it decides, and only what counts the feature, the quantities
and the credit types of the request is expected: all of it, and nothing else.
"""

import copy
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

import tests.model.judge as judging
from tests.conformance import forms
from tests.conformance.agreement import moment
from tests.conformance.backend import Malformed
from tests.conformance.replay import apply
from tests.conformance.sql_backend import SqlBackend, stop_clock
from tests.model.exact import plain
from tests.model.limits import Limit
from tests.model.operations import Maker
from tests.model.worlds import Chance, make_budget, make_world

STEPS = 12


class RequestBackend(SqlBackend):
    """The back end, and the budgets of a request beside it."""

    def budgets_of(self, item: forms.Item, size: int = 1_000) -> list[dict[str, Any]]:
        """All pages of so many."""
        request = Jsonb({"request": {**item, "featureId": self._own(item["featureId"])}})
        found: list[dict[str, Any]] = []
        self._stop_clock()
        while True:
            after = Jsonb(found[-1]["key"]) if found else None
            call = "SELECT api.read_budgets(%s, %s, %s, %s)"
            page = [row for (row,) in self._rows(call, self._customer, request, after, size)]
            found += page
            if len(page) < size:
                return found


@pytest.fixture(scope="module")
def backend(module_connection: psycopg.Connection) -> RequestBackend:
    stop_clock(module_connection)
    return RequestBackend(module_connection)


@pytest.mark.parametrize("seed", range(8))
def test_they_are_those_it_is_judged_by(
    backend: RequestBackend, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)
    chance = Chance(random)
    world = make_world(random)
    types = [each["creditType"] for each in world["creditTypes"]]
    for number, each in enumerate(("user", "agent", "SESSION", None)):
        budget = make_budget(chance, f"more{number}", world["entities"], world["features"], types)
        world["budgets"].append({**budget, "each": each})
    backend.set_up(world)
    maker = Maker(chance, copy.deepcopy(world))
    compared = 0
    for _ in range(STEPS):
        apply(backend, maker.operation())
        for item in (maker.new_item() for _ in range(4)):
            limits = judged_by(maker, item, monkeypatch)
            if limits is not None:
                compared += 1
                assert shown(backend.budgets_of(item)) == limits, item
                assert shown(backend.budgets_of(item, size=1)) == limits, item
    assert compared > STEPS


def judged_by(
    maker: Maker, item: forms.Item, monkeypatch: pytest.MonkeyPatch
) -> dict[tuple[str, str | None, str | None], tuple[Any, ...]] | None:
    """The limits that count the item, by budget, entity and session; None if it is refused before any."""
    rates: list[Any] = []
    limits: list[list[Limit]] = []
    with monkeypatch.context() as patched:
        for name, kept in (("rates_of", rates), ("limits_on", limits)):
            patched.setattr(judging, name, keeping(getattr(judging, name), kept))
        try:
            maker.model.check([item])
        except Malformed:
            return None
    if not limits:
        return None
    asked = {each["name"] for each in item["quantities"] or () if each["amount"] != "0"}
    return {
        (limit.subject.budget_id, limit.subject.entity_id, limit.subject.session_id): (
            plain(limit.ceiling),
            plain(limit.used),
            plain(limit.held),
            limit.span.end,
        )
        for limit in limits[0]
        if limit.budget.feature_id in (None, item["featureId"])
        and (limit.budget.quantity in asked or limit.budget.credit_type in rates[0])
    }


def keeping(function: Any, kept: list[Any]) -> Any:
    """The function, and what it answers."""

    def called(*given: Any) -> Any:
        kept.append(function(*given))
        return kept[-1]

    return called


def shown(budgets: list[dict[str, Any]]) -> dict[tuple[str, str | None, str | None], tuple[Any, ...]]:
    """The same of what was read."""
    found = {
        (budget["budgetId"], each["entityId"], each["sessionId"]): (
            budget["limit"],
            each["used"],
            each["held"],
            moment(each["resetsAt"]),
        )
        for budget in budgets
        for each in budget["usage"]
    }
    assert len(found) == sum(len(budget["usage"]) for budget in budgets), "no subject is there twice"
    assert all(budget["usage"] for budget in budgets), "no budget is there for nobody"
    return found
