"""``api.read_decisions``: what was answered, denials in the order of time, and how much a page reads."""

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.sql.test_reservations import World, request
from tests.sql.test_reservations import world as _reserving

world = _reserving


def page(world: World, after: Any = None, limit: int = 100, **filter_: Any) -> list[dict[str, Any]]:
    rows = world.rows(
        "SELECT api.read_decisions('acme', %s, %s, %s)",
        Jsonb(filter_),
        None if after is None else Jsonb(after),
        limit,
    )
    return [row for (row,) in rows]


def keys(world: World, **filter_: Any) -> list[str]:
    return [row["idempotencyKey"] for row in page(world, **filter_)]


@pytest.mark.parametrize("verb", ["consume", "reserve"])
def test_what_is_shown_is_what_was_answered(world: World, verb: str) -> None:
    """Every kind of answer, by the same key: a replay says the same."""
    world.cap("hard", "30", entityId="ada")
    world.cap("soft", "10", mode="SOFT", advice={"model": "small"})
    asked = {
        "fits": request("fits", "20", entityIds=["ada"]),
        "denied": request("denied", "11", entityIds=["ada"]),
        "poor": request("poor", "81"),
        "less": request("less", "15", entityIds=["ada"], overage="CAP"),
    }
    answered = {key: world.call(verb, each)[0] for key, each in asked.items()}
    shown = {row["idempotencyKey"]: row for row in page(world)}
    assert set(shown) == set(asked)
    told = ("credits", "slices", "wallets", "shortfall", "binding", "warnings")
    for key, answer in answered.items():
        for name in ("allowed", "reason", "recordedAt", "seq"):
            given = {"recordedAt": "recorded_at"}.get(name, name)
            assert str(shown[key][name]) == str(answer[given]), (key, name)
        for name in told:
            assert shown[key]["answer"].get(name) == answer["answer"].get(name), (key, name)
    assert [shown[key]["quantities"] for key in asked] == [{"input": "20"}, None, None, {"input": "10"}]
    assert [shown[key]["entityIds"] for key in asked] == [["ada"], None, None, ["ada"]]
    assert {row["featureId"] for row in shown.values()} == {"chat"}
    made = "reservationId" if verb == "reserve" else "usageEventId"
    assert [shown[key][made] for key in asked] == [shown["fits"]["seq"], None, None, shown["less"]["seq"]]


def test_each_names_the_catalogue_it_was_judged_by(world: World) -> None:
    """Denials too, whatever denied them, and whatever the catalogue has become since (KERNEL §3)."""
    world.cap("hard", "30", entityId="ada")

    def version() -> str:
        return str(world.one("SELECT catalog_version FROM core.installation"))

    world.call(
        "consume",
        request("fits", "1"),
        request("budget", "31", entityIds=["ada"]),
        request("poor", "500"),
        request("nobody", "1", entityIds=["unheard-of"]),
        request("innocent", "1", group="g"),
        request("guilty", "500", group="g"),
    )
    before = version()
    world.catalog("upsert_feature", featureId="other", quantities=["calls"], creditTypes=["general"])
    assert version() != before
    world.call("reserve", request("later", "500"))
    shown = {row["idempotencyKey"]: row["catalogVersion"] for row in page(world)}
    assert shown.pop("later") == version()
    assert set(shown) == {"fits", "budget", "poor", "nobody", "innocent", "guilty"}
    assert set(shown.values()) == {before}


def test_denials_stand_in_the_order_of_time(world: World) -> None:
    """Whatever their keys; and many of one instant, which one call makes, are each shown once."""
    world.cap("hard", "10")
    for key in ("m", "z", "a"):
        world.consume(key, "11")
        world.consume(f"{key}-fits", "1")
        world.advance("1 second")
    assert keys(world, wouldAllow=False) == ["a", "z", "m"]
    assert keys(world) == ["z-fits", "z", "m-fits", "m", "a-fits", "a"]
    world.call("consume", *(request(f"{n:02}", "11") for n in range(30)))
    expected = [f"{n:02}" for n in reversed(range(30))] + ["a", "z", "m"]
    for limit in (1, 7, 100):
        found, after = [], None
        while rows := page(world, after, limit, allowed=False):
            found += [row["idempotencyKey"] for row in rows]
            after = rows[-1]["key"]
        assert found == expected


def test_a_cursor_is_of_its_order(world: World) -> None:
    world.consume("a", "1")
    world.consume("b", "1000")
    [(by_key,), (denied,)] = [(page(world)[0]["key"],), (page(world, wouldAllow=False)[0]["key"],)]
    for after, filter_ in ((by_key, {"wouldAllow": False}), (denied, {})):
        with pytest.raises(Exception, match="not one of this list"):
            page(world, after, **filter_)


def test_only_decisions_are_decisions(world: World) -> None:
    """Grants, transfers, raises and reversals have keys, and answers of their own."""
    world.cap("hard", "50")
    spent = world.consume("spent", "2")
    side = {"creditType": "general"}
    world.change(
        "transfer_credits",
        idempotencyKey="moved",
        amount="1",
        to={"entityId": "ada", **side},
        **{"from": side},
    )
    world.change(
        "raise_budget",
        idempotencyKey="more",
        budgetId="hard",
        amount="1",
        until=world.clock("1 day"),
        reason="r",
    )
    world.change("reverse_consumption", idempotencyKey="back", usageEventId=str(spent["seq"]), reason="r")
    assert world.one("SELECT count(*) FROM core.idempotency") == 5
    assert keys(world) == ["spent"]
    assert keys(world, idempotencyKey="moved") == []
    assert keys(world, idempotencyKey="spent") == ["spent"]


def test_filters(world: World) -> None:
    world.cap("hers", "5", entityId="ada")
    world.catalog(
        "upsert_feature",
        featureId="draw",
        name="Draw",
        quantities=["input"],
        creditTypes=["general"],
    )
    world.consume("by-budget", "6", entityIds=["ada"])
    between = world.clock("1 second")
    world.advance("2 seconds")
    world.consume("poor", "101")
    world.consume("unpriced", "1", featureId="draw")
    world.consume("unknown", "1", featureId="nothing")
    world.consume("nobody", "1", entityIds=["carl"])
    world.consume("fits", "1", entityIds=["ada"])

    assert keys(world, wouldAllow=False) == ["nobody", "unknown", "unpriced", "poor", "by-budget"]
    assert keys(world, wouldAllow=True) == ["fits"]
    assert keys(world, allowed=True, wouldAllow=False) == []
    assert keys(world, reason="NO_RATE") == ["unpriced"]
    assert keys(world, wouldAllow=False, featureId="draw") == ["unpriced"]
    assert keys(world, featureId="nothing") == ["unknown"]
    assert keys(world, budgetId="hers") == ["fits", "by-budget"]
    assert keys(world, wouldAllow=False, budgetId="hers") == ["by-budget"]
    assert keys(world, budgetId="none") == []
    assert keys(world, entityId="ada") == ["fits", "by-budget"]
    assert keys(world, entityId="") == ["poor"]
    assert keys(world, entityId="carl") == []
    assert keys(world, wouldAllow=False, recordedBefore=between) == ["by-budget"]
    assert keys(world, recordedFrom=between, allowed=True) == ["fits"]
    shown = {row["idempotencyKey"]: row["featureId"] for row in page(world)}
    assert (shown["unpriced"], shown["unknown"]) == ("draw", None)


def test_what_is_observed_would_have_been_denied(world: World) -> None:
    world.change("upsert_customer", name="Acme", observe=True)
    world.cap("hard", "5")
    world.consume("fits", "1")
    world.consume("observed", "6")
    [row] = page(world, wouldAllow=False)
    assert (row["idempotencyKey"], row["allowed"], row["reason"]) == ("observed", True, "BUDGET_EXCEEDED")
    assert row["quantities"] == {"input": "6"}
    assert row["answer"]["binding"] | {"resetsAt": None} == {
        "kind": "BUDGET",
        "budgetId": "hard",
        "entityId": None,
        "limit": "5",
        "used": "7",
        "held": "0",
        "resetsAt": None,
    }
    assert keys(world, allowed=True, wouldAllow=False) == ["observed"]
    assert keys(world, allowed=False) == []


def test_an_entity_that_was_not_there_yet(world: World) -> None:
    """The budget of one that a denial did not make: it has no number, and is not taken for the customer."""
    world.change("upsert_customer", name="Acme", unknownEntity={"policy": "CREATE", "type": "user", "max": 9})
    world.cap("each", "5", each="user")
    assert world.consume("new", "6", entityIds=["carl"])["reason"] == "BUDGET_EXCEEDED"
    world.cap("all", "5")
    assert world.consume("own", "6")["reason"] == "BUDGET_EXCEEDED"
    assert {row["idempotencyKey"]: row["isOfNewcomer"] for row in page(world)} == {"new": True, "own": False}


@pytest.mark.parametrize(
    ("filter_", "at_most"),
    [({}, 330), ({"allowed": True}, 330), ({"wouldAllow": False}, 100), ({"allowed": False}, 100)],
)
def test_a_page_reads_no_more_for_what_is_before_and_after(
    world: World, filter_: dict[str, bool], at_most: int
) -> None:
    """Pages of the database that a page of the list touches, with 10 000 denials, then as many others."""
    insert = (
        "INSERT INTO core.idempotency (customer_id, key_month, key, fingerprint, recorded_at, seq, answer,"
        " allowed, reason) SELECT 'acme', '1970-01-01', core.key_bytes(%s || n), '',"
        " now() + n * interval '1 ms', 1, '[]', %s, %s FROM generate_series(1, 10000) AS n"
    )

    def blocks(after: Any) -> int:
        [plan] = world.one(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT api.read_decisions('acme', %s, %s, 100)",
            Jsonb(filter_),
            None if after is None else Jsonb(after),
        )
        return int(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])

    def touched(after: Any) -> int:
        """Without those of the catalogue, which is read anew where others have changed much of theirs."""
        return min(blocks(after) for _ in range(3))

    with world.connection.transaction(force_rollback=True):
        world.connection.execute(insert, ("b", False, "BUDGET_EXCEEDED"))
        world.connection.execute(insert, ("c", True, ""))
        world.connection.execute("ANALYZE core.idempotency")
        rows = page(world, **filter_)
        assert len(rows) == 100
        assert touched(None) < at_most
        assert touched(rows[-1]["key"]) < at_most


def test_who_is_unknown_is_no_newcomer(world: World) -> None:
    """Both have a negative number; the decisions of the one are not those of the other."""
    world.change("upsert_customer", name="Acme", unknownEntity={"policy": "CREATE", "type": "user", "max": 9})
    world.cap("each", "5", each="user")
    assert world.consume("new", "6", entityIds=["carl"])["reason"] == "BUDGET_EXCEEDED"
    assert keys(world, entityId="dora") == []
    assert keys(world, entityId="dora", wouldAllow=False) == []
    assert keys(world, wouldAllow=False) == ["new"]
