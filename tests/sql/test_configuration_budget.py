"""Budgets and raises: what they take, what never changes, and when a raise ends."""

from decimal import Decimal

import pytest

from tests.sql.configuring import Configuration, small_world


@pytest.fixture
def world(connection) -> Configuration:
    return small_world(connection)


CREDITS = {"budgetId": "b", "measure": "CREDITS", "creditType": "general", "window": "MONTH", "limit": "100"}
QUANTITY = {
    "budgetId": "q",
    "measure": "QUANTITY",
    "featureId": "chat",
    "quantity": "input",
    "window": "DAY",
    "limit": "5",
}


def test_whom_a_budget_counts(world) -> None:
    made = world.change("set_budget", **CREDITS, timeZone="Europe/Berlin", anchorAt="2026-01-31T00:00:00Z")
    assert (made["subject"], made["entityId"], made["limit"], made["mode"]) == ("ENTITY", None, "100", "HARD")
    each = world.change("set_budget", **QUANTITY, entityId="team", each="user", dimensions={"model": "a"})
    assert (each["subject"], each["eachType"], each["entityId"], each["dimensions"]) == (
        "EACH",
        "user",
        "team",
        {"model": "a"},
    )
    assert world.rows("SELECT counts_sessions FROM core.gate") == [(False,)]
    assert world.change("set_budget", **(CREDITS | {"budgetId": "s"}), each="SESSION")["subject"] == "SESSION"
    assert world.rows("SELECT counts_sessions FROM core.gate") == [(True,)]
    assert world.rows(
        "SELECT budget_id, counts_from_seq, window_rank FROM core.budget ORDER BY budget_no"
    ) == [
        ("b", 5, 5),
        ("q", 6, 3),
        ("s", 7, 5),
    ]
    world.history_is_whole()


def test_limit_mode_and_advice_change_in_place(world) -> None:
    world.change("set_budget", **CREDITS)
    seq = world.seq
    world.change("set_budget", **CREDITS)
    world.change("set_budget", budgetId="b", limit="100.0")
    assert world.seq == seq
    changed = world.change("set_budget", budgetId="b", limit="7", mode="SOFT", advice={"avoid": ["large"]})
    assert (changed["limit"], changed["mode"], changed["advice"]) == ("7", "SOFT", {"avoid": ["large"]})
    assert world.change("set_budget", budgetId="b", advice=None)["advice"] is None
    assert world.rows("SELECT budget_version, counts_from_seq FROM core.budget") == [(3, seq)]
    assert world.seq == seq + 2
    world.history_is_whole()


def test_what_it_counts_never_changes(world) -> None:
    world.change("set_budget", **CREDITS, entityId="team")
    assert world.faults(
        "set_budget",
        budgetId="b",
        entityId=None,
        each="user",
        measure="QUANTITY",
        creditType="promo",
        window="DAY",
        anchorAt="2026-01-31T00:00:00Z",
        timeZone="Europe/Berlin",
        featureId="chat",
        dimensions={"model": "a"},
    ) == {
        (field, "IMMUTABLE")
        for field in (
            "entityId",
            "each",
            "measure",
            "creditType",
            "window",
            "anchorAt",
            "timeZone",
            "featureId",
            "dimensions",
        )
    }


def test_all_faults_of_a_budget_at_once(world) -> None:
    assert world.faults("set_budget", budgetId="", limit="1e9", window="FORTNIGHT", mode="MAYBE", each=7) == {
        ("budgetId", "EMPTY"),
        ("limit", "NOT_A_NUMBER"),
        ("window", "UNKNOWN_VALUE"),
        ("mode", "UNKNOWN_VALUE"),
        ("each", "WRONG_TYPE"),
    }
    assert world.faults("set_budget", budgetId="x") == {
        ("limit", "REQUIRED"),
        ("measure", "REQUIRED"),
        ("window", "REQUIRED"),
    }
    assert world.faults(
        "set_budget",
        **(CREDITS | {"creditType": "promo", "limit": "1.5", "window": "TOTAL"}),
        entityId="nobody",
        each="customer",
        anchorAt="2026-01-31T00:00:00Z",
        timeZone="EST5EDT4",
        dimensions={"colour": "a"},
    ) == {
        ("entityId", "NOT_FOUND"),
        ("each", "RESERVED"),
        ("anchorAt", "NOT_APPLICABLE"),
        ("timeZone", "NOT_FOUND"),
        ("dimensions", "UNDECLARED"),
        ("limit", "TOO_MANY_DECIMALS"),
    }
    assert world.faults("set_budget", **(QUANTITY | {"quantity": "cached"}), creditType="gold") == {
        ("creditType", "NOT_APPLICABLE"),
        ("creditType", "NOT_FOUND"),
        ("quantity", "UNDECLARED"),
    }
    assert world.faults("set_budget", **(QUANTITY | {"featureId": "none"})) == {("featureId", "NOT_FOUND")}


def test_advice_is_as_long_as_an_answer_can_bear(world) -> None:
    for advice in ("x" * 8193, {"models": 2000 * ["large"]}, [8193 * "x"]):
        assert world.faults("set_budget", **CREDITS, mode="SOFT", advice=advice) == {("advice", "TOO_LONG")}
    for advice in ("x" * 8192, {"maxTokens": 5}, ["large"], 7, None):
        assert world.change("set_budget", **CREDITS, mode="SOFT", advice=advice)["advice"] == advice


def test_a_raise_adds_until_it_ends(world) -> None:
    world.change("set_budget", **CREDITS)
    until = world.clock("1 hour")
    world.change("raise_budget", idempotencyKey="r1", budgetId="b", amount="20", until=until, reason="launch")
    until = world.clock("2 hours")
    world.change("raise_budget", idempotencyKey="r2", budgetId="b", amount="5", until=until, reason="more")
    raised = world.change("set_budget", budgetId="b")
    assert (raised["baseLimit"], raised["limit"]) == ("100", "125")
    world.advance("61 minutes")
    assert world.change("set_budget", budgetId="b")["limit"] == "105"
    world.advance("1 day")
    assert world.one("SELECT api.book_due(10)") == 1
    assert world.rows(
        "SELECT kind, effective_at > recorded_at - interval '25 hours', actor FROM core.change"
        " WHERE kind = 'RAISE_ENDED' ORDER BY seq"
    ) == [
        ("RAISE_ENDED", True, "clock"),
        ("RAISE_ENDED", True, "clock"),
    ]
    assert world.rows("SELECT raised, next_due_at = 'infinity' FROM core.budget, core.gate") == [(0, True)]
    world.history_is_whole()


def test_all_faults_of_a_raise_at_once(world) -> None:
    world.change("set_budget", **CREDITS)
    assert world.faults("raise_budget", budgetId="b") == {
        ("idempotencyKey", "REQUIRED"),
        ("amount", "REQUIRED"),
        ("until", "REQUIRED"),
        ("reason", "REQUIRED"),
    }
    assert world.faults(
        "raise_budget", idempotencyKey="r4", budgetId="b", amount="0", until=world.clock("-1 s"), reason="x"
    ) == {
        ("amount", "NOT_POSITIVE"),
        ("until", "IN_THE_PAST"),
    }
    assert world.faults(
        "raise_budget",
        idempotencyKey="r5",
        budgetId="b",
        amount="0.0000001",
        until=world.clock("1 h"),
        reason="x",
    ) == {
        ("amount", "TOO_MANY_DECIMALS"),
    }
    assert world.faults(
        "raise_budget", idempotencyKey="r6", budgetId="x", amount="1", until=world.clock("1 h"), reason="x"
    ) == {
        ("budgetId", "NOT_FOUND"),
    }


def test_a_key_raises_once(world) -> None:
    """Also when the raise has ended since, or its budget is archived."""
    world.change("set_budget", **CREDITS)
    asked = {"idempotencyKey": "k", "budgetId": "b", "amount": "20", "until": world.clock("1 hour")}
    first = world.change("raise_budget", **asked, reason="launch")
    assert first.pop("replayed") is False
    assert (first["budgetId"], first["amount"], first["seq"]) == ("b", "20", str(world.seq))
    for meanwhile in (
        lambda: None,
        lambda: world.advance("2 hours"),
        lambda: world.change("archive_budget", budgetId="b"),
    ):
        meanwhile()
        again = world.change("raise_budget", **(asked | {"amount": "20.00"}), reason="launch")
        assert again == first | {"replayed": True}
    assert world.rows("SELECT amount FROM core.budget_raise") == [(20,)]
    world.history_is_whole()


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("budgetId", "another"),
        ("amount", "21"),
        ("until", "2999-01-01T00:00:00Z"),
        ("reason", "more"),
    ],
)
def test_another_raise_under_a_used_key_is_a_conflict(world, field: str, other: str) -> None:
    world.change("set_budget", **CREDITS)
    asked = {"idempotencyKey": "k", "budgetId": "b", "amount": "20", "until": world.clock("1 hour")}
    world.change("raise_budget", **asked, reason="launch")
    conflict = {(field, "IDEMPOTENCY_CONFLICT")}
    assert world.faults("raise_budget", **(asked | {"reason": "launch", field: other})) == conflict


def test_a_key_is_of_one_operation(world) -> None:
    world.change("set_budget", **CREDITS)
    world.change("grant_credits", idempotencyKey="k", creditType="general", amount="20")
    asked = {"idempotencyKey": "k", "budgetId": "b", "amount": "20", "until": world.clock("1 hour")}
    assert world.faults("raise_budget", **asked, reason="x") == {("operation", "IDEMPOTENCY_CONFLICT")}
    future = asked | {"idempotencyKey": "ffffffff-ffff-7fff-bfff-ffffffffffff"}
    assert world.faults("raise_budget", **future, reason="x") == {("idempotencyKey", "KEY_FROM_THE_FUTURE")}


def test_thresholds_are_shares_in_order(world) -> None:
    made = world.change("set_budget", **CREDITS, thresholds=["1", "0.80", "0.5"])
    assert made["thresholds"] == ["0.5", "0.8", "1"]
    assert world.change("set_budget", budgetId="b", limit="7")["thresholds"] == ["0.5", "0.8", "1"]
    seq = world.seq
    world.change("set_budget", budgetId="b", thresholds=["0.5", "0.8", "1"])
    assert world.seq == seq
    assert world.change("set_budget", budgetId="b", thresholds=None)["thresholds"] == []
    assert world.rows("SELECT version, thresholds FROM report.budget_versions ORDER BY version") == [
        (1, [Decimal("0.5"), Decimal("0.8"), 1]),
        (2, [Decimal("0.5"), Decimal("0.8"), 1]),
        (3, []),
    ]


@pytest.mark.parametrize(
    ("thresholds", "told"),
    [
        ("0.5", ("thresholds", "WRONG_TYPE")),
        (["0.5", "half"], ("thresholds[1]", "NOT_A_NUMBER")),
        (["0"], ("thresholds[0]", "OUT_OF_RANGE")),
        (["10.000000001"], ("thresholds[0]", "OUT_OF_RANGE")),
        (["0.0000000001"], ("thresholds[0]", "TOO_MANY_DECIMALS")),
        ([None], ("thresholds[0]", "REQUIRED")),
        ([str(n) for n in range(1, 12)], ("thresholds", "TOO_MANY")),
    ],
)
def test_what_no_threshold_is(world, thresholds: object, told: tuple[str, str]) -> None:
    assert world.faults("set_budget", **CREDITS, thresholds=thresholds) == {told}


def test_a_threshold_stands_once_and_not_over_a_request(world) -> None:
    assert world.faults("set_budget", **CREDITS, thresholds=["0.5", "0.50"]) == {
        ("thresholds[0]", "DUPLICATE"),
        ("thresholds[1]", "DUPLICATE"),
    }
    per_request = CREDITS | {"window": "REQUEST"}
    not_here = {("thresholds", "NOT_APPLICABLE")}
    assert world.faults("set_budget", **per_request, thresholds=["0.5"]) == not_here
    world.change("set_budget", **per_request)
    assert world.faults("set_budget", budgetId="b", thresholds=["0.5"]) == not_here


def test_null_says_that_there_is_none(world) -> None:
    """As an absent one of a new budget is none; what a budget always has stays as it is."""
    never = "IMMUTABLE"
    anchored = CREDITS | {"anchorAt": "2026-01-31T00:00:00Z", "featureId": "chat"}
    none = {"anchorAt": None, "featureId": None, "creditType": None}
    assert world.faults("set_budget", **(CREDITS | {"creditType": None})) == {("creditType", "REQUIRED")}
    world.change("set_budget", **anchored)
    assert world.faults("set_budget", budgetId="b", **none) == {(field, never) for field in none}
    world.change("set_budget", **QUANTITY)
    assert world.faults("set_budget", budgetId="q", quantity=None) == {("quantity", never)}
    seq = world.seq
    for stays in ("measure", "window", "timeZone", "mode", "limit"):
        world.change("set_budget", budgetId="b", **{stays: None})
    world.change("set_budget", budgetId="q", anchorAt=None, creditType=None, each=None, entityId=None)
    assert world.seq == seq
