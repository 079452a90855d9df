"""Who changed what, page by page, for people as for reports; and which rule of a budget was in force."""

from datetime import datetime
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from controlplane.types import Role
from tests.sql.configuring import Configuration
from tests.sql.test_installation import KEY
from tests.sql.test_reservations import World
from tests.sql.test_reservations import world as _reserving

world = _reserving


def page(
    world: Configuration, customer: str | None = "acme", after: Any = None, limit: int = 100, **asked: Any
) -> list[Any]:
    return [
        row
        for (row,) in world.rows(
            "SELECT api.read_audit_events(%s, %s, %s, %s)",
            customer,
            Jsonb(asked),
            None if after is None else Jsonb(after),
            limit,
        )
    ]


def everything(world: Configuration, customer: str | None, limit: int, **asked: Any) -> list[Any]:
    """All pages, one after the other."""
    found: list[Any] = []
    while True:
        rows = page(world, customer, found[-1]["key"] if found else None, limit, **asked)
        found += rows
        if len(rows) < limit:
            return found


def governed(world: World) -> None:
    """One change of every kind that an administrator makes."""
    world.cap("b", "10", "DAY", entityId="team")
    world.cap("b", "20.5", "DAY", mode="SOFT")
    world.change(
        "raise_budget", idempotencyKey="r1", budgetId="b", amount="5", until=world.clock("1 h"), reason="x"
    )
    world.suspend("ada")
    world.suspend(None)
    world.suspend(None, False)
    world.change("upsert_entity", entityId="ada", name="Ada", wallets=[{"creditType": "general"}])
    world.change("move_entity", entityId="ada", parentId=None)
    world.change("pause_budget", budgetId="b", paused=True)
    world.change("archive_entity", entityId="ada")
    world.change("upsert_entity", entityId="ada", archived=False)
    world.advance("2 hours")
    world.change("archive_budget", budgetId="b")


def test_what_is_told_of_a_change(world: World) -> None:
    governed(world)
    events = page(world)
    assert [int(e["seq"]) for e in events] == sorted((int(e["seq"]) for e in events), reverse=True)
    assert {e["customerId"] for e in events} == {"acme"}
    by_kind = {e["kind"]: e for e in reversed(events)}
    moved = by_kind["ENTITY_MOVED"]
    assert (moved["subjectType"], moved["subject"], moved["actor"]) == ("ENTITY", "ada", "test")
    assert (moved["before"], moved["after"]) == (
        {"entityId": "ada", "parentId": "team"},
        {"entityId": "ada", "parentId": None, "type": "user"},
    )
    assert by_kind["RAISE_ENDED"]["actor"] == "clock"
    assert by_kind["RAISE_ENDED"]["effectiveAt"] < by_kind["RAISE_ENDED"]["recordedAt"]
    [first, second, paused, archived] = reversed([e for e in events if e["kind"] == "BUDGET"])
    assert first["before"] is None
    assert (first["after"]["baseLimit"], first["after"]["entityId"], first["after"]["mode"]) == (
        "10",
        "team",
        "HARD",
    )
    assert second["before"] == first["after"]
    assert (second["after"]["baseLimit"], second["after"]["mode"]) == ("20.5", "SOFT")
    assert (paused["after"]["isActive"], archived["after"]["isActive"]) == (False, False)
    assert archived["after"]["archivedAt"] is not None
    assert by_kind["CUSTOMER"]["subject"] == "acme"
    suspensions = [(e["subject"], e["before"], e["after"]) for e in page(world, kind="SUSPENSION")]
    on, off = {"suspended": True}, {"suspended": False}
    assert suspensions == [("acme", on, off), ("acme", off, on), ("ada", off, on)]
    types = [e["subjectType"] for e in page(world, kind="SUSPENSION")]
    assert types == ["CUSTOMER", "CUSTOMER", "ENTITY"]
    assert by_kind["ENTITY"]["after"]["wallets"][0]["walletId"] == "ada:general"
    assert "Ada" not in str(events)


def test_a_raise_says_what_it_makes_of_the_limit_and_why(world: World) -> None:
    world.cap("b", "10", "DAY")
    for key, amount, hours in (("r1", "5.5", 1), ("r2", "2", 2)):
        until = world.clock(f"{hours} h")
        world.change(
            "raise_budget", idempotencyKey=key, budgetId="b", amount=amount, until=until, reason=f"for {key}"
        )
    world.advance("1 day")
    world.one("SELECT api.book_due(10)")
    told = [(e["kind"], e["before"], e["after"]) for e in reversed(page(world, subject="b"))][1:]
    assert told[0][2].pop("until") < told[1][2].pop("until")
    first, second = told[0][2]["raiseId"], told[1][2]["raiseId"]
    made = [e["seq"] for e in reversed(page(world, kind="RAISE"))]
    assert [first, second] == made

    def raised(to: str, **more: str) -> dict[str, str]:
        return {"budgetId": "b", "raised": to, **more}

    assert told == [
        ("RAISE", raised("0"), raised("5.5", raiseId=first, amount="5.5", reason="for r1")),
        ("RAISE", raised("5.5"), raised("7.5", raiseId=second, amount="2", reason="for r2")),
        ("RAISE_ENDED", raised("7.5"), raised("2", raiseId=first, amount="5.5")),
        ("RAISE_ENDED", raised("2"), raised("0", raiseId=second, amount="2")),
    ]
    assert world.rows(
        "SELECT after ->> 'reason' FROM report.audit_events WHERE kind = 'RAISE' ORDER BY seq"
    ) == [("for r1",), ("for r2",)]
    assert world.one("SELECT count(*) FROM core.change WHERE after::text LIKE '%%for r%%'") == 0


def test_why_a_budget_was_raised_is_forgotten_with_its_entity(world: World) -> None:
    world.cap("b", "10", "DAY", entityId="ada")
    until = world.clock("1 h")
    world.change("raise_budget", idempotencyKey="r", budgetId="b", amount="5", until=until, reason="for Ada")
    world.change("erase_entity", entityId="ada")
    [event] = page(world, kind="RAISE")
    assert event["after"]["reason"] == "erased"
    shown = "SELECT after ->> 'reason' FROM report.audit_events WHERE kind = 'RAISE'"
    assert world.one(shown) == "erased"


def test_what_users_gave_is_shown_as_they_gave_it(world: World) -> None:
    """Advice is theirs, with keys like our columns'; a share is an amount, and so a string."""
    advice = [{"entityNo": 1, "parentNo": 2, "budgetNo": 3, "walletNo": 4, "amount_limit": 0.5, "raised": 7}]
    world.cap("b", "10", "DAY", mode="SOFT", advice=advice, thresholds=["0.5", "0.825", "1"])
    world.cap("b", "10", "DAY", mode="SOFT", advice={"wait": advice})
    changed, made = page(world, kind="BUDGET")
    assert made["after"]["advice"] == changed["before"]["advice"] == advice
    assert changed["after"]["advice"] == {"wait": advice}
    assert made["after"]["thresholds"] == ["0.5", "0.825", "1"]


def test_what_is_archived_with_one_above_it_is_found_by_each(world: World) -> None:
    world.change("upsert_entity", entityId="bob", type="user", parentId="team")
    world.change("archive_entity", entityId="bob")
    under = (
        "SELECT entity_id FROM core.entity WHERE archived_at IS NULL"
        " AND path && ARRAY(SELECT entity_no FROM core.entity WHERE entity_id = 'team')"
    )
    below = [entity for (entity,) in world.rows(under)]
    assert {"team", "ada"} <= set(below)
    world.change("archive_entity", entityId="team", includeDescendants=True)
    [event] = page(world, kind="ENTITY_ARCHIVED", subject="team")
    assert (event["subject"], event["after"]["descendants"]) == ("team", len(below) - 1)
    assert sorted(event["after"]["entityIds"]) == sorted(below)
    for entity in below:
        assert page(world, kind="ENTITY_ARCHIVED", subject=entity) == [event]
        assert page(world, None, kind="ENTITY_ARCHIVED", subject=entity) == [event]
    [alone] = page(world, kind="ENTITY_ARCHIVED", subject="bob")
    assert alone["after"]["entityIds"] == ["bob"]


def test_every_kind_is_explained(world: World) -> None:
    governed(world)
    world.catalog("create_api_key", **KEY)
    world.one("SELECT api.recover('drill')")
    kinds = {kind for (kind,) in world.rows("SELECT kind FROM report.audit_event_kinds")}
    seen = {e["kind"] for e in page(world, None, withKeys=True, limit=1000)}
    assert {"BUDGET", "RATES", "FEATURE", "CREDIT_TYPE", "API_KEY", "INCARNATION", "RAISE_ENDED"} <= seen
    assert seen <= kinds
    written = {
        kind
        for (text,) in world.rows(
            "SELECT prosrc FROM pg_proc WHERE pronamespace IN ('api'::regnamespace, 'core'::regnamespace)"
            " AND prosrc ~ 'end_change\\(|INTO core.(installation_)?change|record_catalog_change'"
        )
        for kind in kinds
        if f"'{kind}'" in text
    }
    assert written == kinds


@pytest.mark.parametrize("customer", ["acme", None])
@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_pages_are_the_whole_in_order(world: World, customer: str | None, limit: int) -> None:
    governed(world)
    other = Configuration(world.connection, "other")
    other.change("upsert_customer", name="Other")
    other.change("upsert_entity", entityId="ada", type="user")
    world.catalog("create_api_key", **KEY, customerId="acme")
    found = everything(world, customer, limit, withKeys=True)
    assert len({(e["customerId"], e["seq"], e["changeId"]) for e in found}) == len(found)
    at = [e["key"][1] for e in found]
    assert at == sorted(at, reverse=True)
    counted = "SELECT count(*) FROM report.audit_events WHERE %s::text IS NULL OR customer_id = %s"
    assert len(found) == world.one(counted, customer, customer)
    assert ({e["customerId"] for e in found} == {"acme"}) == (customer is not None)


def test_filters(world: World) -> None:
    governed(world)
    assert {e["kind"] for e in page(world, subject="b")} == {"BUDGET", "RAISE", "RAISE_ENDED"}
    assert {e["subject"] for e in page(world, subject="ada")} == {"ada"}
    assert page(world, subject="ada", kind="BUDGET") == []
    assert {e["kind"] for e in page(world, actor="clock")} == {"RAISE_ENDED"}
    [moved] = page(world, kind="ENTITY_MOVED")
    at = moved["recordedAt"]
    assert all(e["recordedAt"] >= at for e in page(world, recordedFrom=at))
    assert moved in page(world, recordedFrom=at)
    assert moved not in page(world, recordedBefore=at)
    assert len(page(world, recordedFrom=at)) + len(page(world, recordedBefore=at)) == len(page(world))
    assert page(world, seq=moved["seq"]) == [moved]
    assert page(world, "nobody") == []


def test_keys_are_shown_to_who_may_see_keys(world: World) -> None:
    mine = world.catalog("create_api_key", **KEY, customerId="acme")["keyId"]
    others = KEY | {"secretHash": 64 * "0"}
    shared = world.catalog("create_api_key", **others)["keyId"]
    world.catalog("revoke_api_key", keyId=mine)
    assert page(world, kind="API_KEY") == page(world, None, kind="API_KEY") == []
    assert [e["subject"] for e in page(world, kind="API_KEY", withKeys=True)] == [mine, mine]
    found = page(world, None, kind="API_KEY", withKeys=True)
    assert [(e["subject"], e["customerId"]) for e in found] == [
        (mine, "acme"),
        (shared, None),
        (mine, "acme"),
    ]
    assert KEY["secretHash"] not in str(found)
    assert page(world, None, changeId=found[0]["changeId"], withKeys=True) == [found[0]]


def test_rates_tell_what_they_supersede(world: World) -> None:
    world.charge("2.5")
    [second, first] = page(world, None, kind="RATES")
    assert (first["before"], second["before"][0]["amount"]) == (None, "1")
    assert (second["after"][0]["amount"], second["subject"]) == ("2.5", "chat")


def test_reports_have_the_same(world: World) -> None:
    governed(world)
    shown = [(e["seq"], e["kind"], e["subjectType"], e["subject"], e["actor"]) for e in page(world)]
    rows = world.rows(
        "SELECT seq::text, kind, subject_type, subject, actor FROM report.audit_events AS a"
        " WHERE customer_id = 'acme' ORDER BY a.seq DESC"
    )
    assert rows == shown


def test_which_rule_of_a_budget_was_in_force(world: World) -> None:
    world.cap("b", "10", "TOTAL")
    assert world.consume("c1", "6")["allowed"]
    world.change(
        "raise_budget", idempotencyKey="r2", budgetId="b", amount="5", until=world.clock("1 h"), reason="x"
    )
    assert world.consume("c2", "8")["allowed"]
    world.cap("b", "2", mode="SOFT")
    assert world.consume("c3", "1")["allowed"]
    world.change("pause_budget", budgetId="b", paused=True)
    world.advance("2 hours")
    assert world.consume("c4", "1")["allowed"]
    world.change("archive_budget", budgetId="b")
    rule = (
        "SELECT trim_scale(limit_in_force)::text, mode, is_active, version FROM report.budget_versions"
        " WHERE customer_id = 'acme' AND budget_id = 'b' AND %s BETWEEN from_seq AND coalesce(to_seq, %s)"
    )
    events = [seq for (seq,) in world.rows("SELECT seq FROM core.usage_event ORDER BY seq")]
    found = [world.rows(rule, seq, world.seq) for seq in [*events, world.seq]]
    assert found == [
        [("10", "HARD", True, 1)],
        [("15", "HARD", True, 1)],
        [("7", "SOFT", True, 2)],
        [("2", "SOFT", False, 3)],
        [("2", "SOFT", False, 4)],
    ]
    assert world.rows(
        "SELECT version, changed_by, trim_scale(raised)::text, archived_at IS NOT NULL"
        " FROM report.budget_versions ORDER BY from_seq"
    ) == [
        (1, "BUDGET", "0", False),
        (1, "RAISE", "5", False),
        (2, "BUDGET", "5", False),
        (3, "BUDGET", "5", False),
        (3, "RAISE_ENDED", "0", False),
        (4, "BUDGET", "0", True),
    ]
    versions = world.rows(
        "SELECT max(version), (SELECT budget_version FROM core.budget) FROM report.budget_versions"
    )
    assert versions == [(4, 4)]


def test_a_raise_is_in_force_until_its_end_booked_or_not(world: World) -> None:
    world.cap("b", "10", "TOTAL")
    first, second = world.clock("1 h"), world.clock("2 h")
    world.change("raise_budget", idempotencyKey="r1", budgetId="b", amount="5", until=first, reason="x")
    world.change("raise_budget", idempotencyKey="r2", budgetId="b", amount="2", until=second, reason="y")
    spans = (
        "SELECT from_seq, to_seq, in_force_from, in_force_until, trim_scale(limit_in_force)::text"
        " FROM report.budget_versions ORDER BY in_force_from"
    )
    made = world.rows(spans)
    assert [row[4] for row in made] == ["10", "15", "17"]
    assert made[-1][3] is None
    world.advance("61 minutes")
    one = world.rows(spans)
    assert one[:2] == made[:2]
    assert [(row[0], row[1], row[4]) for row in one[2:]] == [(made[2][0], None, "17"), (None, None, "12")]
    assert one[2][3] == one[3][2] == datetime.fromisoformat(first)
    world.advance("1 hour")
    both = world.rows(spans)
    assert [row[4] for row in both] == ["10", "15", "17", "12", "10"]
    seq = world.seq
    world.one("SELECT api.book_due(10)")
    booked = world.rows(spans)
    assert [row[2:] for row in booked] == [row[2:] for row in both]
    assert [row[:2] for row in booked[2:]] == [(seq, seq), (seq + 1, seq + 1), (seq + 2, None)]


RAISES = (
    "SELECT raise_id, trim_scale(amount)::text, raised_by, reason, ended_at = until FROM report.budget_raises"
)


def test_raises_are_read_by_who_and_why(world: World) -> None:
    world.cap("b", "10", "TOTAL")
    world.cap("other", "10", "TOTAL")
    for key, budget, hours in (("r1", "b", 1), ("r2", "b", 3), ("r3", "other", 1)):
        until = world.clock(f"{hours} h")
        world.change(
            "raise_budget", idempotencyKey=key, budgetId=budget, amount="1.5", until=until, reason=key
        )
    found = {
        row["budgetId"]: row["raises"]
        for (row,) in world.rows(
            "SELECT api.read_budget_raises(%s, %s)", 4 * ["acme"], ["b", "other", "nobody", "b2"]
        )
    }
    assert [(r["reason"], r["endedAt"]) for r in found["b"]] == [("r2", None), ("r1", None)]
    assert [r["reason"] for r in found["other"]] == ["r3"]
    assert set(found) == {"b", "other"}
    for booked in (False, True):
        world.advance("1 hour" if not booked else "1 second")
        if booked:
            assert world.one("SELECT api.book_due(10)") == 2
        [row] = [row for (row,) in world.rows("SELECT api.read_budget_raises('{acme}', '{b}')")]
        second, first = row["raises"]
        assert first == {
            "raiseId": first["raiseId"],
            "amount": "1.5",
            "until": first["endedAt"],
            "raisedBy": "test",
            "reason": "r1",
            "createdAt": first["createdAt"],
            "endedAt": first["until"],
        }
        assert second["endedAt"] is None
        assert world.rows(f"{RAISES} WHERE budget_id = 'b' ORDER BY raise_id::bigint") == [
            (first["raiseId"], "1.5", "test", "r1", True),
            (second["raiseId"], "1.5", "test", "r2", None),
        ]


def test_the_newest_hundred_raises_are_read(world: World) -> None:
    world.cap("b", "10", "TOTAL")
    until = world.clock("1 h")
    for n in range(102):
        world.change(
            "raise_budget", idempotencyKey=f"r{n}", budgetId="b", amount="1", until=until, reason=str(n)
        )
    [row] = [row for (row,) in world.rows("SELECT api.read_budget_raises('{acme}', '{b}')")]
    assert [r["reason"] for r in row["raises"]] == [str(n) for n in range(101, 1, -1)]
    assert world.one("SELECT count(*) FROM report.budget_raises") == 102


@pytest.mark.parametrize("role", [Role.ANALYST, Role.FINANCE, Role.AUDITOR])
def test_people_read_raises_and_versions(world: World, login_url: Any, role: Role) -> None:
    world.cap("b", "10", "TOTAL")
    until = world.clock("1 h")
    world.change("raise_budget", idempotencyKey="r", budgetId="b", amount="1", until=until, reason="x")
    world.advance("2 hours")
    with psycopg.connect(login_url(role)) as reader:
        assert reader.execute("SELECT ended_at = until FROM report.budget_raises").fetchall() == [(True,)]
        assert reader.execute("SELECT count(*) FROM report.budget_versions").fetchone() == (3,)


def test_who_is_made_by_the_policy_is_told_of_as_by_an_administrator(world: World) -> None:
    policy = {"policy": "CREATE", "type": "user", "parentId": "team"}
    world.change("upsert_customer", unknownEntity=policy)
    assert world.consume("c", "1", entityIds=["carl"])["allowed"]
    [made] = page(world, subject="carl")
    assert (made["actor"], made["before"]) == ("unknownEntity", None)
    assert made["after"] == {"entityId": "carl", "type": "user", "parentId": "team"}
