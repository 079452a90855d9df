"""Lists: pages by cursor, filters, orders; things by id; balances as of now."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from controlplane.db.pool import Database
from tests.api.serving import Api

LEDGER = """
query ($c: ID, $first: Int, $after: String, $order: SeqOrder!, $filter: LedgerFilter) {
  ledgerEntries(customerId: $c, first: $first, after: $after, orderBy: $order, filter: $filter) {
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { seq leg kind amount fromAccount toAccount toBalanceAfter grantId creditType } }
  }
}
"""


def pages(api: Api, variables: dict[str, Any]) -> list[list[str]]:
    found, after = [], None
    while True:
        page = api.data(LEDGER, {**variables, "after": after})["ledgerEntries"]
        found.append([edge["node"]["seq"] for edge in page["edges"]])
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


def test_pages_in_both_orders(api: Api) -> None:
    customer = api.customer()
    for _ in range(5):
        api.consume(customer)
    given = {"c": customer, "first": 2}
    assert pages(api, {**given, "order": "NEWEST_FIRST"}) == [["9", "8"], ["7", "6"], ["5", "4"]]
    assert pages(api, {**given, "order": "OLDEST_FIRST"}) == [["4", "5"], ["6", "7"], ["8", "9"]]
    only = {"kind": "CONSUME", "fromSeq": "6", "toSeq": "8"}
    assert pages(api, {**given, "order": "OLDEST_FIRST", "filter": only}) == [["6", "7"], ["8"]]


@pytest.mark.parametrize("after", ["nonsense", "e30", "WzEsMl0", "WzIsMSwxXQ", "x" * 5000])
def test_foreign_cursors(api: Api, after: str) -> None:
    given = {"c": api.customer(), "after": after, "order": "NEWEST_FIRST"}
    extensions = api.error(LEDGER, given)
    assert (extensions["code"], extensions["field"]) == ("INVALID_INPUT", "after")


@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1])
def test_size_of_a_page(api: Api, first: int) -> None:
    given = {"c": api.customer(), "first": first, "order": "NEWEST_FIRST"}
    assert api.error(LEDGER, given) == {"code": "BAD_USER_INPUT", "field": "first"}


def test_every_list(api: Api) -> None:
    customer = api.customer("30")
    api.consume(customer, entityIds=["user"], sessionId="s")
    api.consume(customer, quantities=[{"name": "input", "amount": "1000"}])
    found = api.data(
        """
        query ($c: ID!) {
          customer(customerId: $c) { customerId name metadata isSuspended unknownEntity { policy max }
                                     version { seq } wallets { available } }
          customers(first: 100) { nodes { customerId } }
          entities(customerId: $c) { nodes { entityId type parentId path isBlocked } }
          teams: entities(customerId: $c, filter: { type: "team" }) { nodes { entityId } }
          below: entities(customerId: $c, filter: { parentId: "team" }) { nodes { entityId } }
          wallets(customerId: $c) { nodes { walletId entityId available settled displayDecimals } }
          none: wallets(customerId: $c, filter: { entityId: "team" }) { nodes { walletId } }
          grants(customerId: $c) { nodes { grantId kind state remaining amount expiresAt features } }
          budgets(customerId: $c) {
            nodes { budgetId entityId limit window usage { entityId used resetsAt } } }
          usageEvents(customerId: $c, filter: { entityId: "user", sessionId: "s" }) {
            nodes { seq entityIds sessionId quantities { name amount } credits { amount } } }
          decisions(customerId: $c, filter: { allowed: false }) { nodes { reason seq allowed } }
          features { nodes { featureId quantities dimensions creditTypes } }
          creditTypes { nodes { creditType decimals } }
          rates(filter: { featureId: "chat", quantity: "input" }) {
            nodes { amount perUnits dimensions { key } } }
          apiKeys(filter: { customerId: $c }) { nodes { keyId } }
        }
        """,
        {"c": customer},
    )
    assert found["customer"] == {
        "customerId": customer,
        "name": "N",
        "metadata": {"a": 1},
        "isSuspended": False,
        "unknownEntity": {"policy": "DENY", "max": 10000},
        "version": {"seq": "5"},
        "wallets": [{"available": "29"}],
    }
    assert {"customerId": customer} in found["customers"]["nodes"]
    assert found["entities"]["nodes"] == [
        {"entityId": "team", "type": "team", "parentId": None, "path": ["team"], "isBlocked": False},
        {
            "entityId": "user",
            "type": "user",
            "parentId": "team",
            "path": ["user", "team"],
            "isBlocked": False,
        },
    ]
    assert found["teams"]["nodes"] == [{"entityId": "team"}]
    assert found["below"]["nodes"] == [{"entityId": "user"}]
    assert found["wallets"]["nodes"][0]["available"] == "29"
    assert found["none"]["nodes"] == []
    assert found["grants"]["nodes"][0]["remaining"] == "29"
    assert found["budgets"]["nodes"][0]["usage"] == [{"entityId": "team", "used": "1", "resetsAt": None}]
    assert found["usageEvents"]["nodes"] == [
        {
            "seq": "5",
            "entityIds": ["user"],
            "sessionId": "s",
            "quantities": [{"name": "input", "amount": "1"}],
            "credits": [{"amount": "1"}],
        }
    ]
    assert found["decisions"]["nodes"] == [{"reason": "INSUFFICIENT_CREDITS", "seq": "5", "allowed": False}]
    assert found["features"]["nodes"][0]["creditTypes"] == ["general"]
    assert found["rates"]["nodes"][0] == {"amount": "1", "perUnits": "1", "dimensions": []}
    assert found["apiKeys"]["nodes"] == []


def test_every_node_by_its_id(api: Api) -> None:
    customer = api.customer()
    api.consume(customer)
    api.make_key(customer=customer)
    lists = {
        "entities": "(customerId: $c)",
        "wallets": "(customerId: $c)",
        "grants": "(customerId: $c)",
        "budgets": "(customerId: $c)",
        "ledgerEntries": "(customerId: $c)",
        "usageEvents": "(customerId: $c)",
        "decisions": "(customerId: $c)",
        "features": "",
        "creditTypes": "",
        "rates": "",
        "apiKeys": "(filter: { customerId: $c })",
    }
    query = " ".join(f"{name}{given} {{ nodes {{ id __typename }} }}" for name, given in lists.items())
    found = api.data(
        f"query ($c: ID!) {{ {query} customer(customerId: $c) {{ id __typename }} }}", {"c": customer}
    )
    things = [found.pop("customer")] + [page["nodes"][0] for page in found.values()]
    for thing in things:
        again = api.data("query ($id: ID!) { node(id: $id) { id __typename } }", {"id": thing["id"]})
        assert again["node"] == thing
    for wrong in ("", "nonsense", things[0]["id"][:-3], "WyJXYWxsZXQiLCJhIl0", "WzFd"):
        assert api.data("query ($id: ID!) { node(id: $id) { id } }", {"id": wrong})["node"] is None


def test_things_that_are_not_there(api: Api) -> None:
    customer = api.customer()
    query = """
    query ($c: ID!) {
      customer(customerId: "nobody") { id } entity(customerId: $c, entityId: "x") { id }
      wallet(customerId: $c, walletId: "x") { id } grant(customerId: $c, grantId: "x") { id }
      usageEvent(customerId: $c, usageEventId: "99") { id }
    }
    """
    assert set(api.data(query, {"c": customer}).values()) == {None}
    usage = 'query ($c: ID!) { usageEvent(customerId: $c, usageEventId: "x") { id } }'
    assert api.error(usage, {"c": customer})["field"] == "usageEventId"


def test_due_grants_count_before_they_are_booked(api: Api) -> None:
    customer = api.customer("10")
    api.connection.execute(
        "UPDATE core.credit_grant SET effective_at = now() - interval '2 s',"
        " expires_at = now() - interval '1 s' WHERE customer_id = %s",
        (customer,),
    )
    query = """
    query ($c: ID) {
      wallets(customerId: $c) { nodes { available } } grants(customerId: $c) { nodes { state remaining } }
    }
    """
    gate = "UPDATE core.gate SET next_due_at = now() - interval '1 s' WHERE customer_id = %s"
    api.connection.execute(gate, (customer,))
    assert api.data(query, {"c": customer}) == {
        "wallets": {"nodes": [{"available": "0"}]},
        "grants": {"nodes": [{"state": "EXPIRED", "remaining": "0"}]},
    }


PAST = """
query ($c: ID!, $at: HistoryPoint!) {
  customer(customerId: $c) {
    balancesAt(at: $at) {
      seq isFinal
      wallets { walletId entityId creditType available held leased settled scheduled owed shortfall decimals }
    }
  }
}
"""


def test_what_wallets_held_before(api: Api) -> None:
    customer = api.customer("10")
    for _ in range(2):
        api.consume(customer)
    [[seq, recorded]] = api.connection.execute(
        "SELECT seq, recorded_at FROM core.ledger_entry WHERE customer_id = %s ORDER BY seq OFFSET 1 LIMIT 1",
        (customer,),
    )
    for at in (
        {"seq": str(seq)},
        {"recordedAt": recorded.isoformat()},
        {"effectiveAt": recorded.isoformat()},
    ):
        found = api.data(PAST, {"c": customer, "at": at})["customer"]["balancesAt"]
        assert (found["seq"], found["isFinal"]) == (str(seq), True)
        [wallet] = found["wallets"]
        assert wallet == {
            "walletId": "customer:general",
            "entityId": None,
            "creditType": "general",
            "available": "9",
            "settled": "9",
            "decimals": 6,
            **dict.fromkeys(("held", "leased", "scheduled", "owed", "shortfall"), "0"),
        }
    for at, field, problem in (
        ({}, "at", "ONE_OF"),
        ({"seq": "1", "recordedAt": recorded.isoformat()}, "at", "ONE_OF"),
        ({"seq": "99999"}, "seq", "IN_THE_FUTURE"),
        ({"effectiveAt": "2999-01-01T00:00:00Z"}, "effectiveAt", "IN_THE_FUTURE"),
    ):
        error = api.error(PAST, {"c": customer, "at": at})
        assert (error["code"], error["field"], error["problem"]) == ("INVALID_INPUT", field, problem)


def test_ledger_entries_of_an_account(api: Api) -> None:
    customer = api.customer("10")
    api.consume(customer)

    def kinds(**filter_: str) -> list[str]:
        page = api.data(LEDGER, {"c": customer, "order": "OLDEST_FIRST", "filter": filter_})["ledgerEntries"]
        return [edge["node"]["kind"] for edge in page["edges"]]

    assert kinds(account="AVAILABLE") == ["GRANT", "CONSUME"]
    assert kinds(account="ISSUED") == ["GRANT"]
    assert kinds(account="CONSUMED", walletId="customer:general") == ["CONSUME"]
    assert kinds(account="OWED") == []


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Any]]]:
    """What the server asks the database meanwhile, with the parameters."""
    asked: list[tuple[str, Any]] = []
    rows = Database.rows

    async def counted(self: Database, query: Any, parameters: Any = ()) -> Any:
        asked.append((query, parameters))
        return await rows(self, query, parameters)

    with monkeypatch.context() as patched:
        patched.setattr(Database, "rows", counted)
        yield asked


MONEY = """
query ($c: ID, $with: Boolean!) {
  ledgerEntries(customerId: $c, first: 100, orderBy: OLDEST_FIRST) {
    edges { node { ...Paid @include(if: $with) } } nodes { id actor source amount currency }
  }
}
fragment Paid on LedgerEntry { money }
"""


def test_who_paid_what_for_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Actor, source and money of a whole page come with it: one statement, however many entries it has."""
    customer = api.customer("10")
    api.connection.execute(
        "UPDATE core.credit_grant SET cost_basis = 0.333333333, currency = 'EUR' WHERE customer_id = %s",
        (customer,),
    )
    for place in range(3):
        api.consume(customer, entityIds=["user"] if place else None)
    with statements(monkeypatch) as asked:
        found = api.data(MONEY, {"c": customer, "with": True})["ledgerEntries"]
    assert [query for query, _ in asked if "api.read_" in query] == [
        "SELECT api.read_ledger_entries(%s, %s, %s, %s)"
    ]
    shown = [(each["actor"], each["source"], each["amount"], each["currency"]) for each in found["nodes"]]
    assert shown == [
        (None, None, "10", "EUR"),
        ("customer", "usage:5", "1", "EUR"),
        ("entity:user", "usage:6", "1", "EUR"),
        ("entity:user", "usage:7", "1", "EUR"),
    ]
    assert [each["node"]["money"] for each in found["edges"]] == ["3.33", "0.33", "0.34", "0.33"]
    query = "query ($id: ID!) { node(id: $id) { ... on LedgerEntry { money actor } } }"
    assert api.data(query, {"id": found["nodes"][2]["id"]})["node"] == {
        "money": "0.34",
        "actor": "entity:user",
    }


def test_who_does_not_ask_for_money_does_not_wait_for_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = api.customer()
    for wanted in (False, True):
        query = "query ($c: ID) { ledgerEntries(customerId: $c) { nodes { amount %s } } }"
        with statements(monkeypatch) as asked:
            api.data(query % ("money" * wanted), {"c": customer})
        [given] = [parameters for query, parameters in asked if "read_ledger_entries" in query]
        assert f'"withMoney":{str(wanted).lower()}' in str(given).replace(" ", "")
