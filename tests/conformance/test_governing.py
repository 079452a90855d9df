"""What administrators change between decisions, at the edges of windows: SQL is judged by the model."""

import psycopg
import pytest
from hypothesis import given

from tests.conformance.agreement import first_disagreement
from tests.conformance.forms import History
from tests.conformance.model_backend import ModelBackend
from tests.conformance.sql_backend import ManySqlBackend, SqlBackend, stop_clock
from tests.conformance.test_sql import LEFT_TO_DOORS
from tests.model.edges import EDGES, Edge
from tests.model.governing import governing
from tests.model.strategies import governed, judged


@pytest.fixture(scope="module")
def stopped(module_connection: psycopg.Connection) -> psycopg.Connection:
    stop_clock(module_connection)
    return module_connection


@judged(examples=30)
@given(history=governed())
def test_sql_agrees_with_the_model(stopped: psycopg.Connection, history: History) -> None:
    difference = first_disagreement(ModelBackend(), SqlBackend(stopped), history, leave_out=LEFT_TO_DOORS)
    assert difference is None, difference


@pytest.mark.parametrize("seed", range(8))
def test_long_histories(stopped: psycopg.Connection, seed: int) -> None:
    backend = (SqlBackend, ManySqlBackend)[seed % 2](stopped)
    difference = first_disagreement(ModelBackend(), backend, governing(seed), leave_out=LEFT_TO_DOORS)
    assert difference is None, difference
    customer = backend._customer
    offenders = stopped.execute("SELECT * FROM api.verify(%s) WHERE offender IS NOT NULL", ([customer],))
    assert offenders.fetchall() == []


@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: edge.name)
def test_edge(stopped: psycopg.Connection, edge: Edge) -> None:
    edge.play(SqlBackend(stopped))


def test_edges_agree_to_the_last_digit(stopped: psycopg.Connection) -> None:
    for edge in EDGES:
        history: History = {"world": edge.world, "operations": [step.operation for step in edge.steps]}
        difference = first_disagreement(ModelBackend(), SqlBackend(stopped), history, leave_out=LEFT_TO_DOORS)
        assert difference is None, f"{edge.name}: {difference}"
