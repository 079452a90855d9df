"""Entities that are moved with all below them, archived and brought back."""

import time

import pytest
from psycopg.types.json import Jsonb

from tests.sql.test_reservations import World
from tests.sql.test_reservations import world as _reserving

world = _reserving


def shown(world: World, entity: str) -> dict[str, object]:
    found: dict[str, object] = world.one(
        "SELECT api.read_entities('acme', %s, NULL, 1)", Jsonb({"entityId": entity})
    )
    return found


def test_a_move_takes_everything_below_along(world: World) -> None:
    world.change("upsert_entity", entityId="dept", type="department")
    world.cap("dept", "1", entityId="dept")
    world.cap("each", "5", entityId="dept", each="user")
    assert world.consume("c1", "2", entityIds=["ada"])["allowed"]
    moved = world.change("move_entity", entityId="team", parentId="dept")
    assert (moved["parentId"], moved["path"]) == ("dept", ["team", "dept"])
    assert shown(world, "ada")["path"] == ["ada", "team", "dept"]
    denied = world.consume("c2", "2", entityIds=["ada"])
    assert (denied["reason"], denied["binding"]["budgetId"]) == ("BUDGET_EXCEEDED", "dept")
    assert world.consume("c3", "1", entityIds=["ada"])["allowed"]
    back = world.change("move_entity", entityId="team", parentId=None)
    assert (back["parentId"], back["path"]) == (None, ["team"])
    assert world.consume("c4", "2", entityIds=["ada"])["allowed"]
    assert world.budget("dept") == ("1", "0")
    seq = world.seq
    world.change("move_entity", entityId="team", parentId=None)
    assert world.seq == seq
    moves = world.rows(
        "SELECT before ->> 'parentNo', after ->> 'parentNo' FROM core.change"
        " WHERE kind = 'ENTITY_MOVED' ORDER BY seq"
    )
    dept = world.one("SELECT entity_no::text FROM core.entity WHERE entity_id = 'dept'")
    assert moves == [("0", dept), (dept, "0")]


def test_a_reservation_goes_on_where_it_was_made(world: World) -> None:
    world.change("upsert_entity", entityId="dept", type="department")
    world.cap("dept", "10", entityId="dept")
    world.cap("team", "10", entityId="team")
    held = world.reserve("r", "4", entityIds=["ada"])
    world.change("move_entity", entityId="ada", parentId="dept")
    assert world.settle(held, "3")["allowed"]
    assert world.budget("team") == ("3", "0")
    assert world.one("SELECT count(*) FROM core.counter") == 1


def test_what_cannot_be_moved(world: World) -> None:
    assert world.faults("move_entity", entityId="nobody", parentId="none") == {
        ("entityId", "NOT_FOUND"),
        ("parentId", "NOT_FOUND"),
    }
    assert world.faults("move_entity", entityId="team", parentId="ada") == {("parentId", "CYCLE")}
    assert world.faults("move_entity", entityId="team", parentId="team") == {("parentId", "CYCLE")}
    assert world.faults("move_entity", entityId="ada") == {("parentId", "REQUIRED")}
    assert world.faults("move_entity", entityId="", parentId=7) == {
        ("entityId", "EMPTY"),
        ("parentId", "WRONG_TYPE"),
    }
    for depth in range(15):
        parent = {"parentId": f"d{depth - 1}"} if depth else {}
        world.change("upsert_entity", entityId=f"d{depth}", type="level", **parent)
    assert world.faults("move_entity", entityId="team", parentId="d14") == {("parentId", "TOO_DEEP")}
    world.change("move_entity", entityId="team", parentId="d13")


def test_ten_thousand_entities_move_in_one_call(world: World) -> None:
    """Beside ninety thousand that stay; a bound so wide that only another order of growth breaks it."""
    team, last = world.rows(
        "SELECT (SELECT entity_no FROM core.entity WHERE entity_id = 'team'), last_no FROM core.gate"
    )[0]
    world.change("upsert_entity", entityId="dept", type="department")
    last += 1
    world.connection.execute(
        "INSERT INTO core.entity"
        " (customer_id, entity_no, entity_id, entity_type, parent_no, path, path_types,"
        " created_at)"
        " SELECT 'acme', n, 'u' || n, 'user', p, ARRAY[n, p, 0], ARRAY['user', t, 'customer'], now()"
        " FROM (SELECT n, CASE WHEN n <= %(last)s + 10000 THEN %(team)s ELSE %(last)s END AS p,"
        " CASE WHEN n <= %(last)s + 10000 THEN 'team' ELSE 'department' END AS t"
        " FROM generate_series(%(last)s + 1, %(last)s + 100000) AS n) AS n",
        {"last": last, "team": team},
    )
    world.connection.execute(
        "UPDATE core.gate SET last_no = last_no + 100000, entity_count = entity_count + 100000"
    )
    world.connection.execute("VACUUM ANALYZE core.entity")
    began = time.monotonic()
    world.change("move_entity", entityId="team", parentId="dept")
    took = time.monotonic() - began
    print(f"10 000 of 100 000 entities moved in {took:.2f} s")
    assert took < 20
    assert (
        world.one("SELECT count(*) FROM core.entity WHERE path @> ARRAY[%s, %s]::integer[]", team, last)
        == 10_003
    )
    began = time.monotonic()
    world.change("archive_entity", entityId="team", includeDescendants=True)
    print(f"10 000 of 100 000 entities archived in {time.monotonic() - began:.2f} s")
    assert world.one("SELECT count(*) FROM core.entity WHERE archived_at IS NOT NULL") == 10_003


def test_an_archived_entity_is_not_found_by_new_requests(world: World) -> None:
    held = world.reserve("r", "4", entityIds=["ada"])
    world.change("upsert_entity", entityId="ada", wallets=[{"creditType": "general"}])
    made = world.change("archive_entity", entityId="ada")
    assert made["archivedAt"] is not None
    assert world.check("1", entityIds=["ada"])["reason"] == "ENTITY_NOT_FOUND"
    assert world.consume("c1", "1", entityIds=["ada"])["reason"] == "ENTITY_NOT_FOUND"
    assert world.consume("c2", "1", entityIds=["bob", "ada"])["reason"] == "ENTITY_NOT_FOUND"
    assert world.settle(held, "3")["allowed"]
    assert shown(world, "ada")["archivedAt"] == made["archivedAt"]
    events = world.one("SELECT api.read_usage_events('acme', %s, NULL, 1)", Jsonb({"entityId": "ada"}))
    assert events["entityIds"] == ["ada"]
    seq = world.seq
    world.change("archive_entity", entityId="ada")
    assert world.seq == seq


def test_a_policy_that_creates_makes_no_archived_one_anew(world: World) -> None:
    world.change("upsert_customer", unknownEntity={"policy": "CREATE", "type": "user", "parentId": "team"})
    assert world.faults("archive_entity", entityId="team", includeDescendants=True) == {
        ("entityId", "IN_USE")
    }
    world.change("archive_entity", entityId="ada")
    assert world.consume("c1", "1", entityIds=["ada"])["reason"] == "ENTITY_NOT_FOUND"
    assert world.consume("c2", "1", entityIds=["ada", "newcomer"])["reason"] == "ENTITY_NOT_FOUND"
    assert world.check("1", entityIds=["ada"])["reason"] == "ENTITY_NOT_FOUND"
    recorded = world.call(
        "consume",
        {
            "idempotencyKey": "c3",
            "featureId": "chat",
            "quantities": [{"name": "input", "amount": "1"}],
            "entityIds": ["ada"],
            "overage": "RECORD",
        },
    )[0]
    assert recorded["reason"] == "ENTITY_NOT_FOUND"
    assert world.consume("c4", "1", entityIds=["newcomer"])["allowed"]
    world.change("upsert_customer", unknownEntity={"policy": "DENY"})
    world.change("archive_entity", entityId="team", includeDescendants=True)
    gone = {"policy": "CREATE", "type": "user", "parentId": "team"}
    assert world.faults("upsert_customer", unknownEntity=gone) == {("unknownEntity.parentId", "ARCHIVED")}


def test_what_stands_above_others_is_archived_with_them_or_after_them(world: World) -> None:
    assert world.faults("archive_entity", entityId="team") == {("entityId", "NOT_EMPTY")}
    assert world.faults("archive_entity", entityId="team", includeDescendants=False) == {
        ("entityId", "NOT_EMPTY")
    }
    world.change("archive_entity", entityId="ada")
    first = shown(world, "ada")["archivedAt"]
    world.change("archive_entity", entityId="team", includeDescendants=True)
    assert shown(world, "ada")["archivedAt"] == first
    assert shown(world, "bob")["archivedAt"] == shown(world, "team")["archivedAt"] != first
    after = world.one(
        "SELECT after FROM core.change WHERE kind = 'ENTITY_ARCHIVED' ORDER BY seq DESC LIMIT 1"
    )
    assert (after["archived"], after["descendants"]) == (True, 1)


def test_nothing_comes_to_or_below_what_is_archived(world: World) -> None:
    world.change("upsert_entity", entityId="cid", type="user")
    world.change("grant_credits", idempotencyKey="g1", entityId="ada", creditType="general", amount="3")
    world.change("archive_entity", entityId="team", includeDescendants=True)
    below = {("parentId", "ARCHIVED")}
    assert world.faults("upsert_entity", entityId="new", type="user", parentId="team") == below
    assert world.faults("upsert_entity", entityId="cid", parentId="team") == below
    assert world.faults("move_entity", entityId="cid", parentId="team") == below
    assert world.faults("move_entity", entityId="ada", parentId=None) == {("entityId", "ARCHIVED")}
    shape = {"measure": "CREDITS", "creditType": "general", "window": "DAY", "limit": "1"}
    assert world.faults("set_budget", budgetId="b", entityId="ada", **shape) == {("entityId", "ARCHIVED")}
    more = {"creditType": "general", "amount": "1"}
    assert world.faults("grant_credits", idempotencyKey="g2", entityId="ada", **more) == {
        ("entityId", "ARCHIVED")
    }
    assert world.faults("grant_credits", idempotencyKey="g3", walletId="ada:general", amount="1") == {
        ("walletId", "ARCHIVED")
    }
    again = {"idempotencyKey": "g1", "entityId": "ada", "creditType": "general", "amount": "3"}
    assert world.change("grant_credits", **again)["replayed"] is True
    ada, cid = ({"entityId": who, "creditType": "general"} for who in ("ada", "cid"))
    move = {"idempotencyKey": "t1", "from": cid, "to": ada, "amount": "1"}
    assert ("to.entityId", "ARCHIVED") in world.faults("transfer_credits", **move)
    world.change("transfer_credits", **{"idempotencyKey": "t2", "from": ada, "to": cid, "amount": "3"})
    assert world.wallet("cid:general") == (3, 0, 0, 0)


def test_an_archived_entity_is_brought_back_on_purpose_alone(world: World) -> None:
    world.change("upsert_entity", entityId="dept", type="department")
    world.change("archive_entity", entityId="team", includeDescendants=True)
    refused = {("entityId", "ARCHIVED")}
    assert world.faults("upsert_entity", entityId="team", name="T") == refused
    assert world.faults("upsert_entity", entityId="team", archived=None) == refused
    assert world.faults("upsert_entity", entityId="ada", archived=False) == {("parentId", "ARCHIVED")}
    assert world.faults("upsert_entity", entityId="dept", archived=True) == {("archived", "NOT_APPLICABLE")}
    assert world.faults("upsert_entity", entityId="dept", archived="no") == {("archived", "WRONG_TYPE")}
    back = world.change("upsert_entity", entityId="team", archived=False)
    assert (back["archivedAt"], back["path"]) == (None, ["team"])
    moved = world.change("upsert_entity", entityId="ada", archived=False, parentId="dept")
    assert (moved["archivedAt"], moved["path"]) == (None, ["ada", "dept"])
    assert world.consume("c", "1", entityIds=["ada"])["allowed"]
    assert world.consume("d", "1", entityIds=["bob"])["reason"] == "ENTITY_NOT_FOUND"
    kinds = world.rows(
        "SELECT kind, before -> 'archived', after -> 'archived' FROM core.change ORDER BY seq DESC LIMIT 2"
    )
    assert kinds == 2 * [("ENTITY_UNARCHIVED", True, False)]
    seq = world.seq
    world.change("upsert_entity", entityId="team", archived=False)
    assert world.seq == seq


def test_verify_tells_of_one_that_works_below_an_archived_one(world: World) -> None:
    told = (
        "SELECT offender ->> 'entityNo' FROM api.verify()"
        " WHERE check_name = 'entities' AND offender IS NOT NULL"
    )
    with world.connection.transaction(force_rollback=True):
        world.connection.execute("UPDATE core.entity SET archived_at = now() WHERE entity_id = 'team'")
        below = world.rows("SELECT entity_no::text FROM core.entity WHERE entity_id IN ('ada', 'bob')")
        assert sorted(world.rows(told)) == sorted(below)
    assert world.rows(told) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"entityId": "nobody"}, {("entityId", "NOT_FOUND")}),
        (
            {"entityId": "", "includeDescendants": "all"},
            {("entityId", "EMPTY"), ("includeDescendants", "WRONG_TYPE")},
        ),
        ({"x": 1}, {("entityId", "REQUIRED"), ("x", "UNKNOWN_FIELD")}),
    ],
)
def test_what_cannot_be_archived(world: World, given: dict[str, object], told: set[tuple[str, str]]) -> None:
    assert world.faults("archive_entity", **given) == told


def test_an_archived_one_can_be_forgotten(world: World) -> None:
    world.change("archive_entity", entityId="ada")
    left = world.change("erase_entity", entityId="ada")
    assert left["archivedAt"] is not None
    world.change("upsert_entity", entityId="ada", type="user")
    assert world.consume("c", "1", entityIds=["ada"])["allowed"]


def test_what_is_done_to_one_entity_reads_no_others(world: World) -> None:
    """However many the customer has, and though the plans were made when all had few."""
    fill = """
        INSERT INTO core.entity
          (customer_id, entity_no, entity_id, entity_type, parent_no, path, path_types, created_at)
        SELECT {customer}, 1000 + n, 'other-' || n, 'user', 0, ARRAY[1000 + n, 0], '{{user,customer}}', now()
        FROM generate_series(1, 3000) AS n RETURNING 1
    """
    read = """
        SELECT sum(pg_stat_get_xact_tuples_returned(r.oid))::integer
        FROM (SELECT 'core.entity'::regclass UNION ALL
              SELECT indexrelid FROM pg_index WHERE indrelid = 'core.entity'::regclass) AS r (oid)
    """

    def make(name: str) -> None:
        given = [{"customerId": "acme", "entityId": name, "type": "user", "parentId": "team"}]
        assert world.rows("SELECT outcome FROM api.import_rows('entities', %s, 'test')", Jsonb(given)) == [
            ("CREATED",)
        ]
        world.change("move_entity", entityId=name, parentId=None)
        world.change("archive_entity", entityId=name)

    with world.connection.transaction(force_rollback=True):
        world.rows(fill.format(customer="'small-' || n / 5"))
        world.connection.execute("ANALYZE core.entity")
        for n in range(8):  # more often than Postgres thinks of a plan for each
            make(f"early-{n}")
        world.rows(fill.format(customer="'acme'"))
        before = world.one(read)
        make("late")
        assert world.one(read) - before < 100


def test_who_is_made_by_the_policy_has_room_where_its_place_is_moved(world: World) -> None:
    for depth in range(15):
        parent = {"parentId": f"d{depth - 1}"} if depth else {}
        world.change("upsert_entity", entityId=f"d{depth}", type="level", **parent)
    world.change("upsert_entity", entityId="newcomers", type="level", parentId="team")
    policy = {"policy": "CREATE", "type": "user", "parentId": "newcomers"}
    world.change("upsert_customer", unknownEntity=policy)
    for given in ({"entityId": "newcomers", "parentId": "d14"}, {"entityId": "team", "parentId": "d13"}):
        assert world.faults("move_entity", **given) == {("parentId", "TOO_DEEP")}
        assert world.faults("upsert_entity", **given) == {("parentId", "TOO_DEEP")}
    world.change("move_entity", entityId="newcomers", parentId="d13")
    assert world.consume("c", "1", entityIds=["carl"])["allowed"]
    assert len(shown(world, "carl")["path"]) == 16  # type: ignore[arg-type]
    world.change("upsert_customer", unknownEntity={"policy": "DENY"})
    world.change("archive_entity", entityId="carl")
    world.change("upsert_entity", entityId="alone", type="level")
    world.change("move_entity", entityId="alone", parentId="d14")


@pytest.mark.parametrize("others", [0, 3000])
def test_one_among_many_suspended(world: World, others: int) -> None:
    """Whom it concerns hears of it, and nobody else: on either axis, and whom the policy would make."""
    world.change("upsert_entity", entityId="crew", type="team")
    world.change("upsert_entity", entityId="eve", type="user", parentId="crew")
    world.change("upsert_customer", unknownEntity={"policy": "CREATE", "type": "user", "parentId": "crew"})
    world.one("SELECT api.set_suspension('acme', 'crew', true, 'test')")
    world.one(
        "UPDATE core.gate SET suspended_entities = suspended_entities"
        " || ARRAY(SELECT 100000 + n FROM generate_series(1, %s) AS n) RETURNING 1",
        others,
    )
    for number, (named, reason) in enumerate(
        [
            (["ada"], None),
            (["eve"], "ENTITY_SUSPENDED"),
            (["ada", "eve"], "ENTITY_SUSPENDED"),
            (["eve", "ada"], "ENTITY_SUSPENDED"),
            (["newcomer"], "ENTITY_SUSPENDED"),
            (["ada", "bob"], None),
            ([], None),
        ]
    ):
        assert world.consume(f"c{number}", "1", entityIds=named)["reason"] == reason, named
        assert world.check("1", entityIds=named)["reason"] == reason, named
    world.one("UPDATE core.gate SET suspended_entities = suspended_entities[:1] RETURNING 1")
