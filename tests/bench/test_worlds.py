"""What the bench makes by plain SQL is what consumptions and configuration would have left."""

from pathlib import Path

import psycopg
import pytest

from bench.moving import MOVED, UNMOVED
from bench.shapes import Shape
from bench.world import HERE


@pytest.fixture
def seeded(connection: psycopg.Connection) -> psycopg.Connection:
    """2 000 customers who have consumed once."""
    if connection.info.server_version < 180000:
        pytest.skip("the bench uses uuidv7() of PostgreSQL 18")
    for name in ("seed.sql", "customers.sql"):
        run(connection, HERE / name)
    assert connection.execute("SELECT bench.consume_once(2000)").fetchone() == (2000,)
    return connection


def run(connection: psycopg.Connection, file: Path) -> None:
    connection.execute(file.read_bytes())


def offenders(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    query = "SELECT check_name, customer_id, offender FROM api.verify() WHERE offender IS NOT NULL"
    return connection.execute(query).fetchall()


def test_more_customers(seeded: psycopg.Connection) -> None:
    seeded.execute("CALL bench.add_customers(2400)")
    assert seeded.execute("SELECT bench.consume_once(2400)").fetchone() == (2400,)
    assert not offenders(seeded)


@pytest.mark.parametrize("depth", [2, 7, 12])
def test_a_deep_tree(seeded: psycopg.Connection, depth: int) -> None:
    run(seeded, HERE / "depth.sql")
    assert seeded.execute("SELECT bench.make_deep('deep', %s)", (depth,)).fetchone() == (True,)
    charged = "SELECT count(*) FROM core.counter WHERE customer_id = 'deep' AND used > 0"
    assert seeded.execute(charged).fetchone() == (depth,)
    assert not offenders(seeded)


def test_several_axes(seeded: psycopg.Connection) -> None:
    run(seeded, HERE / "depth.sql")
    assert seeded.execute("SELECT bench.make_deep('axes', 5, 3)").fetchone() == (True,)
    charged = "SELECT count(*) FROM core.counter WHERE customer_id = 'axes' AND used > 0"
    assert seeded.execute(charged).fetchone() == (13,)
    (named,) = seeded.execute("SELECT bench.agents(3)").fetchone() or ("",)
    assert named == Shape(5, axes=3).entities
    assert not offenders(seeded)


def test_branches_of_ten_thousand(seeded: psycopg.Connection) -> None:
    run(seeded, HERE / "branches.sql")
    assert seeded.execute("SELECT bench.make_branches('tree', 20002)").fetchone() == (20_002,)
    shape = """
        SELECT max(cardinality(path)), count(*) FILTER (WHERE path @> '{3}'),
               count(*) FILTER (WHERE path @> '{10003}')
        FROM core.entity WHERE customer_id = 'tree'
    """
    assert seeded.execute(shape).fetchone() == (12, 10_000, 10_000)
    moved = (
        'SELECT api.move_entity(\'tree\', \'{"entityId": "division-3", "parentId": "region-2"}\', \'test\')'
    )
    seeded.execute(moved)
    assert seeded.execute(shape).fetchone() == (12, 10_000, 10_000)
    below = "SELECT count(*) FROM core.entity WHERE customer_id = 'tree' AND path @> '{2}'"
    assert seeded.execute(below).fetchone() == (20_001,)
    for agent in MOVED[0], UNMOVED[0]:
        item = "replace(bench.item('tree', 1), 'agent-1', %s)"
        asked = f"SELECT allowed FROM api.consume('tree', ('[' || {item} || ']')::jsonb)"
        assert seeded.execute(asked, (agent,)).fetchone() == (True,)
    assert not offenders(seeded)


@pytest.mark.parametrize("own", [False, True])
def test_a_tree_of_budgets(seeded: psycopg.Connection, own: bool) -> None:
    run(seeded, HERE / "tree.sql")
    assert seeded.execute("SELECT bench.make_tree('tree', 2500, %s)", (own,)).fetchone() == (2500,)
    deepest = "SELECT max(cardinality(path)) FROM core.entity WHERE customer_id = 'tree'"
    assert seeded.execute(deepest).fetchone() == (11,)
    rows = "SELECT count(*) FROM api.read_budget_tree('tree', '{}', NULL, 9999)"
    assert seeded.execute(rows).fetchone() == (2500,)


def test_a_long_history(seeded: psycopg.Connection) -> None:
    run(seeded, HERE / "history.sql")
    seeded.execute("SELECT count(*) FROM api.consume('customer-9', bench.batch('customer-9', 199))")
    for operations in (1_000, 10_000):
        seeded.execute("CALL bench.multiply_history('customer-9', %s)", (operations,))
        seeded.execute("DISCARD TEMP")
        events = "SELECT count(*) FROM core.usage_event WHERE customer_id = 'customer-9'"
        assert seeded.execute(events).fetchone() == (operations,)
    assert not offenders(seeded)
