"""Cursors: each is of one list of one customer, and any other text is refused with the field it stands in.

The lists are those that the schema says there are, so that a new one is in here the day it is made.
"""

import base64
import json
import uuid
from typing import Any

import pytest

from tests.api.serving import Api, asked

LISTS = """
{ __schema { types { name fields(includeDeprecated: true) {
  name args { name } type { ofType { name } }
} } } }
"""
#: What no key has at the place of a number, and what none has at that of a text.
WRONG = (
    None,
    True,
    1.5,
    2**31,
    -(2**63) - 1,
    10**40,
    "x",
    "1",
    "\0",
    "\ud800",
    "infinity",
    [],
    {},
    {"a": [1]},
)


class Lists:
    """All lists, and cursors of each that are in use."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.owned: dict[str, bool] = {}
        for each in api.data(LISTS)["__schema"]["types"]:
            for field in each["fields"] or ():
                if ((field["type"]["ofType"] or {}).get("name") or "").endswith("Connection"):
                    assert each["name"] == "Query", "a list within a thing has cursors of that thing alone"
                    self.owned[field["name"]] = "customerId" in [given["name"] for given in field["args"]]
        assert len(self.owned) >= 15
        self.mine, self.other = self.world(), self.world()
        self.cursors = {name: self.first(name, self.mine) for name in self.owned}

    def world(self) -> str:
        """A customer with something in every list."""
        customer = self.api.customer()
        self.api.consume(customer, entityIds=["user"])
        reserve = "mutation ($i: ReserveInput!) { reserve(input: $i) { allowed } }"
        assert self.api.data(reserve, {"i": asked(customer)})["reserve"]["allowed"]
        pause = "mutation ($i: PauseBudgetInput!) { pauseBudget(input: $i) { userErrors { code } } }"
        resume = pause.replace("PauseBudget", "ResumeBudget").replace("pauseBudget", "resumeBudget")
        for change in (pause, resume):
            self.api.data(change, {"i": {"customerId": customer, "budgetId": "team-total"}})
        return customer

    def ask(self, name: str, customer: str, after: str | None, key: str | None = None) -> Any:
        """The answer to a page of such a list, whatever it is."""
        whose = "customerId: $c, " if self.owned[name] else ""
        query = f"query ($c: ID, $a: String) {{ {name}({whose}after: $a) {{ edges {{ cursor }} }} }}"
        given = {"c": customer, "a": after} if whose else {"a": after}
        return self.api.post(query if whose else query.replace("$c: ID, ", ""), given, key=key)

    def first(self, name: str, customer: str) -> str:
        """The first cursor of such a list."""
        edges = self.ask(name, customer, None)["data"][name]["edges"]
        assert edges, f"nothing is in {name}, so nothing is tested of it"
        return str(edges[0]["cursor"])


@pytest.fixture(scope="module")
def lists(api: Api) -> Lists:
    return Lists(api)


def refusal(answer: Any) -> tuple[str, str, str]:
    """What a page was refused for."""
    [error] = answer["errors"]
    told = error["extensions"]
    return told["code"], told.get("field", ""), told.get("problem", "")


FOREIGN = ("INVALID_INPUT", "after", "CURSOR_INVALID")


def test_each_list_goes_on_from_its_own(lists: Lists) -> None:
    for name, cursor in lists.cursors.items():
        edges = lists.ask(name, lists.mine, cursor)["data"][name]["edges"]
        assert cursor not in [edge["cursor"] for edge in edges], name


def test_no_list_takes_a_cursor_of_another(lists: Lists) -> None:
    for name in lists.owned:
        for other, cursor in lists.cursors.items():
            if other != name:
                assert refusal(lists.ask(name, lists.mine, cursor)) == FOREIGN, f"{other}'s to {name}"


def test_no_list_takes_a_cursor_of_another_customer(lists: Lists) -> None:
    for name in (name for name, is_owned in lists.owned.items() if is_owned):
        assert refusal(lists.ask(name, lists.other, lists.cursors[name])) == FOREIGN, name


def test_what_one_customer_sees_of_all_has_cursors_of_its_own(lists: Lists) -> None:
    """Of customers, keys and changes a bound key sees its customer's alone, and goes on in nobody else's."""
    key = lists.api.make_key(customer=lists.mine)
    for name in ("customers", "apiKeys", "auditEvents"):
        everybodys = lists.ask(name, "", None) if name != "auditEvents" else lists.api.post(AUDIT)
        cursor = everybodys["data"][name]["edges"][0]["cursor"]
        assert refusal(lists.ask(name, lists.mine, cursor, key)) == FOREIGN, name
    own = lists.ask("customers", lists.mine, None, key)["data"]["customers"]["edges"][0]["cursor"]
    assert lists.ask("customers", lists.mine, own, key)["data"]["customers"]["edges"] == []


AUDIT = "{ auditEvents { edges { cursor } } }"


def parts_of(cursor: str) -> list[Any]:
    return list(json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))))


def made(parts: Any) -> str:
    text = json.dumps(parts).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def test_handmade_cursors(lists: Lists) -> None:
    """Whatever stands in it, a cursor is taken or refused by name: it never becomes a fault."""
    for name, cursor in lists.cursors.items():
        parts = parts_of(cursor)
        assert made(parts_of(made(parts))) == made(parts)
        broken: list[Any] = [parts[:-1], [*parts, 1], parts[:2], [], {}, None, "x", [parts]]
        broken += [
            [*parts[:place], wrong, *parts[place + 1 :]]
            for place in range(len(parts))
            for wrong in WRONG
            if wrong != parts[place]
        ]
        for each in broken:
            answer = lists.ask(name, lists.mine, made(each))
            if "errors" in answer:
                code, field, problem = refusal(answer)
                assert (code, field) == ("INVALID_INPUT", "after"), (name, each, code)
                assert problem in ("CURSOR_INVALID", "CURSOR_STALE"), (name, each)
            else:
                assert each[:3] == parts[:3], (name, each)
                assert list(map(type, each)) == list(map(type, parts)), (name, each)


def test_cursors_from_before_a_recovery(lists: Lists) -> None:
    for name, cursor in lists.cursors.items():
        parts = parts_of(cursor)
        assert isinstance(parts[2], int), "the incarnation"
        stale = made([*parts[:2], parts[2] + 1, *parts[3:]])
        assert refusal(lists.ask(name, lists.mine, stale)) == (*FOREIGN[:2], "CURSOR_STALE"), name


def test_the_key_of_a_row_of_nobody(lists: Lists) -> None:
    """A cursor says nothing of who may read: it is refused as any other's, known customer or not."""
    stranger = str(uuid.uuid4())
    assert refusal(lists.ask("entities", stranger, lists.cursors["entities"])) == FOREIGN
    assert lists.ask("entities", stranger, None)["data"]["entities"]["edges"] == []
