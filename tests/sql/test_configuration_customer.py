"""Customers, entities, suspension: one operation each, trees that stay trees."""

import pytest

from tests.sql.configuring import Configuration, small_world


@pytest.fixture
def world(connection) -> Configuration:
    return small_world(connection)


def path(world: Configuration, entity_id: str) -> list[str]:
    """Ids and types from an entity upwards, the customer left out."""
    return world.one(
        "SELECT array_agg(a.entity_id || '/' || n.type ORDER BY n.o) FROM core.entity AS e,"
        " unnest(e.path, e.path_types) WITH ORDINALITY AS n (no, type, o)"
        " JOIN core.entity AS a ON a.entity_no = n.no WHERE e.entity_id = %s AND n.no <> 0",
        entity_id,
    )


def test_a_customer_is_one_operation_and_its_own_root(world) -> None:
    made = Configuration(world.connection, "Zoë & Söhne ❤").change(
        "upsert_customer",
        name="Zoë",
        metadata={"crm": 7},
        observe=True,
        unknownEntity={"policy": "CREATE", "type": "user", "max": 5},
        wallets=[
            {"creditType": "general", "overdraftLimit": "10.5"},
            {"creditType": "promo", "walletId": "w"},
        ],
    )
    assert (made["name"], made["metadata"], made["isObserved"], made["seq"]) == ("Zoë", {"crm": 7}, True, "1")
    assert (made["unknownEntity"], made["unknownEntityType"], made["unknownEntityMaximum"]) == (
        "CREATE",
        "user",
        5,
    )
    assert world.rows(
        "SELECT wallet_id, entity_no, trim_scale(overdraft_limit)::text FROM core.wallet ORDER BY wallet_no"
    ) == [("customer:general", 0, "10.5"), ("w", 0, "0")]
    assert world.rows(
        "SELECT path, path_types FROM core.entity WHERE entity_no = 0 AND customer_id LIKE 'Zo%%'"
    ) == [([0], ["customer"])]


def test_absent_leaves_and_null_clears(world) -> None:
    world.change("upsert_customer", metadata={"a": 1})
    seq = world.seq
    assert world.change("upsert_customer")["name"] == "Acme"
    assert world.change("upsert_customer", name="Acme", metadata={"a": 1}, observe=False)["metadata"] == {
        "a": 1
    }
    assert world.seq == seq
    assert world.change("upsert_customer", name=None)["name"] is None
    assert world.seq == seq + 1
    world.history_is_whole()


def test_all_faults_of_a_customer_at_once(world) -> None:
    assert world.faults(
        "upsert_customer",
        name=7,
        metadata=[],
        observe="yes",
        unknownEntity={"policy": "MAYBE", "max": -1},
        wallets=[
            {"creditType": "general", "overdraftLimit": "1e3"},
            {"creditType": "general"},
            {"overdraftLimit": "Infinity"},
        ],
        plan="x",
    ) == {
        ("name", "WRONG_TYPE"),
        ("metadata", "WRONG_TYPE"),
        ("observe", "WRONG_TYPE"),
        ("unknownEntity.policy", "UNKNOWN_VALUE"),
        ("unknownEntity.max", "NEGATIVE"),
        ("wallets[0].overdraftLimit", "NOT_A_NUMBER"),
        ("wallets[1].creditType", "DUPLICATE"),
        ("wallets[2].creditType", "REQUIRED"),
        ("wallets[2].overdraftLimit", "NOT_A_NUMBER"),
        ("plan", "UNKNOWN_FIELD"),
    }
    assert world.faults(
        "upsert_customer",
        unknownEntity={"policy": "CREATE", "parentId": "nobody"},
        wallets=[{"creditType": "gold"}, {"creditType": "promo", "overdraftLimit": "0.5"}],
    ) == {
        ("unknownEntity.parentId", "NOT_FOUND"),
        ("unknownEntity.type", "REQUIRED"),
        ("wallets[0].creditType", "NOT_FOUND"),
        ("wallets[1].overdraftLimit", "TOO_MANY_DECIMALS"),
    }
    for bad in ("", "x" * 129, "tab\tbed", "bell\u0085"):
        assert {field for field, _ in Configuration(world.connection, bad).faults("upsert_customer")} == {
            "customerId"
        }
    assert world.one("SELECT count(*) FROM core.gate") == 1


def test_a_wallet_is_one_per_owner_and_type(world) -> None:
    world.change("upsert_entity", entityId="ada", wallets=[{"creditType": "general", "overdraftLimit": "5"}])
    assert world.faults(
        "upsert_entity", entityId="ada", wallets=[{"creditType": "general", "walletId": "other"}]
    ) == {("wallets[0].walletId", "IMMUTABLE")}
    assert world.faults(
        "upsert_entity", entityId="bob", wallets=[{"creditType": "general", "walletId": "ada:general"}]
    ) == {("wallets[0].walletId", "DUPLICATE")}
    world.connection.execute("UPDATE core.wallet SET owed = 3")
    assert world.faults(
        "upsert_entity", entityId="ada", wallets=[{"creditType": "general", "overdraftLimit": "2.9"}]
    ) == {("wallets[0].overdraftLimit", "BELOW_OWED")}
    seq = world.seq
    world.change("upsert_entity", entityId="ada", wallets=[{"creditType": "general", "overdraftLimit": "3"}])
    assert world.seq == seq + 1


def test_an_entity_keeps_its_type(world) -> None:
    assert world.faults("upsert_entity", entityId="new") == {("type", "REQUIRED")}
    assert world.faults("upsert_entity", entityId="ada", type="agent") == {("type", "IMMUTABLE")}
    assert world.faults("upsert_entity", entityId="new", type="SESSION") == {("type", "RESERVED")}
    assert world.faults("upsert_entity", entityId="new", type="user", parentId="nobody") == {
        ("parentId", "NOT_FOUND")
    }
    assert world.faults("upsert_entity", type="user") == {("entityId", "REQUIRED")}
    assert Configuration(world.connection, "nobody").faults("upsert_entity", entityId="x", type="y") == {
        ("customerId", "NOT_FOUND")
    }


def test_a_moved_entity_takes_everything_below_it_along(world) -> None:
    world.change("upsert_entity", entityId="bot", type="agent", parentId="ada")
    world.change("upsert_entity", entityId="dept", type="department")
    world.change("upsert_entity", entityId="team", parentId="dept", name="Team")
    assert path(world, "bot") == ["bot/agent", "ada/user", "team/team", "dept/department"]
    seq = world.seq
    moved = world.change("upsert_entity", entityId="ada", parentId=None)
    assert moved["parentId"] is None
    assert path(world, "bot") == ["bot/agent", "ada/user"]
    assert path(world, "bob") == ["bob/user", "team/team", "dept/department"]
    world.change("upsert_entity", entityId="ada")  # no parent named: it stays
    assert world.seq == seq + 1
    assert world.one("SELECT kind FROM core.change ORDER BY seq DESC LIMIT 1") == "ENTITY_MOVED"
    world.history_is_whole()


def test_no_cycle_and_no_tree_without_end(world) -> None:
    assert world.faults("upsert_entity", entityId="team", parentId="ada") == {("parentId", "CYCLE")}
    assert world.faults("upsert_entity", entityId="team", parentId="team") == {("parentId", "CYCLE")}
    parent = None
    for depth in range(1, 17):
        world.change("upsert_entity", entityId=f"d{depth}", type="level", parentId=parent)
        parent = f"d{depth}"
    assert world.faults("upsert_entity", entityId="d17", type="level", parentId="d16") == {
        ("parentId", "TOO_DEEP")
    }
    assert world.faults("upsert_entity", entityId="team", parentId="d15") == {("parentId", "TOO_DEEP")}
    world.change("upsert_entity", entityId="team", parentId="d14")
    assert len(path(world, "ada")) == 16


def test_suspension(world) -> None:
    seq = world.seq
    assert world.suspend("ada")["isSuspended"] is True
    world.suspend("ada")
    world.suspend(None)
    assert world.seq == seq + 2
    assert world.rows(
        "SELECT is_suspended, cardinality(suspended_entities), entity_count FROM core.gate"
    ) == [(True, 1, 3)]
    world.suspend("ada", suspended=False)
    world.suspend(None, suspended=False)
    assert world.rows("SELECT is_suspended, suspended_entities FROM core.gate") == [(False, [])]
    world.history_is_whole()
