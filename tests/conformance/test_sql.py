"""SQL is judged by the vectors and by the model."""

import psycopg
import pytest
from hypothesis import given

from tests.conformance.agreement import first_disagreement
from tests.conformance.cases import load_cases, replay_case
from tests.conformance.forms import History
from tests.conformance.model_backend import ModelBackend
from tests.conformance.sql_backend import SqlBackend, stop_clock
from tests.model.finishing import finishing
from tests.model.generous import generous
from tests.model.indebted import indebted
from tests.model.strategies import histories, judged, kept

#: What SQL leaves to the doors.
LEFT_TO_DOORS = {"retryAfter"}


@pytest.fixture(scope="module")
def backend(module_connection: psycopg.Connection) -> SqlBackend:
    """One database for all: worlds share nothing but the catalogue, where their names differ."""
    stop_clock(module_connection)
    return SqlBackend(module_connection)


def test_sql_agrees_with_every_case(backend: SqlBackend) -> None:
    differences = [difference for case in load_cases() if (difference := replay_case(backend, case))]
    assert differences == []


#: Settings of a session that must not reach what is decided: they do not travel to another node either.
STRANGE = (
    "SET TimeZone = 'Asia/Kathmandu'",
    "SET DateStyle = 'ISO, DMY'",
    "SET IntervalStyle = 'sql_standard'",
    "SET search_path = pg_temp",
    "SET bytea_output = 'escape'",
    "SET extra_float_digits = 0",
)


def test_settings_of_the_session_do_not_matter(module_connection: psycopg.Connection) -> None:
    for setting in STRANGE:
        module_connection.execute(setting.encode())
    try:
        backend = SqlBackend(module_connection)
        differences = [difference for case in load_cases() if (difference := replay_case(backend, case))]
        assert differences == []
        history = kept()["many-reasons"]
        assert first_disagreement(ModelBackend(), backend, history, leave_out=LEFT_TO_DOORS) is None
    finally:
        module_connection.execute("RESET ALL")


@pytest.mark.parametrize("name", sorted(kept()))
def test_sql_agrees_with_the_model_on_what_once_failed(backend: SqlBackend, name: str) -> None:
    assert first_disagreement(ModelBackend(), backend, kept()[name], leave_out=LEFT_TO_DOORS) is None


@judged(examples=150)
@given(history=histories())
def test_sql_agrees_with_the_model(backend: SqlBackend, history: History) -> None:
    difference = first_disagreement(ModelBackend(), backend, history, leave_out=LEFT_TO_DOORS)
    assert difference is None, difference


@pytest.mark.parametrize("seed", range(40))
def test_sql_agrees_with_the_model_on_repaid_overdrafts(backend: SqlBackend, seed: int) -> None:
    assert first_disagreement(ModelBackend(), backend, indebted(seed), leave_out=LEFT_TO_DOORS) is None


@pytest.mark.parametrize("seed", range(40))
def test_sql_agrees_with_the_model_on_who_fits(backend: SqlBackend, seed: int) -> None:
    assert first_disagreement(ModelBackend(), backend, generous(seed), leave_out=LEFT_TO_DOORS) is None


@pytest.mark.parametrize("seed", range(60))
def test_sql_agrees_with_the_model_on_who_ends_within_what_is_held(backend: SqlBackend, seed: int) -> None:
    assert first_disagreement(ModelBackend(), backend, finishing(seed), leave_out=LEFT_TO_DOORS) is None
