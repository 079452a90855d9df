"""SQL is judged by the model on usage that is taken back, and on payments that were."""

import psycopg
import pytest

from tests.conformance.agreement import first_disagreement
from tests.conformance.model_backend import ModelBackend
from tests.conformance.sql_backend import SqlBackend, stop_clock
from tests.conformance.test_sql import LEFT_TO_DOORS
from tests.model.reversing import charging_back, reversing


@pytest.fixture(scope="module")
def backend(module_connection: psycopg.Connection) -> SqlBackend:
    stop_clock(module_connection)
    return SqlBackend(module_connection)


@pytest.mark.parametrize("seed", range(60))
def test_sql_agrees_with_the_model(backend: SqlBackend, seed: int) -> None:
    assert first_disagreement(ModelBackend(), backend, reversing(seed), leave_out=LEFT_TO_DOORS) is None


@pytest.mark.parametrize("seed", range(40))
def test_sql_agrees_on_what_has_moved(backend: SqlBackend, seed: int) -> None:
    assert first_disagreement(ModelBackend(), backend, charging_back(seed), leave_out=LEFT_TO_DOORS) is None


def test_what_was_judged_is_whole(backend: SqlBackend, module_connection: psycopg.Connection) -> None:
    """And something was: grants, adjustments, expired and void ones, what was owed, short and receivable."""
    for seed in range(150, 180):
        assert (
            first_disagreement(ModelBackend(), backend, reversing(seed, 60), leave_out=LEFT_TO_DOORS) is None
        )
    for seed in range(100, 115):
        assert (
            first_disagreement(ModelBackend(), backend, charging_back(seed, 60), leave_out=LEFT_TO_DOORS)
            is None
        )
    found = module_connection.execute(
        "SELECT check_name, customer_id, offender FROM api.verify() WHERE offender IS NOT NULL"
    )
    assert found.fetchall() == []
    spent_elsewhere = module_connection.execute(
        "SELECT count(*) FILTER (WHERE e.amount > 0), count(*) FILTER (WHERE o.from_grant_no IS NOT NULL)"
        " FROM core.credit_grant AS g JOIN core.credit_grant AS o"
        " ON o.customer_id = g.customer_id AND o.grant_no = g.from_grant_no"
        " LEFT JOIN core.ledger_entry AS e"
        " ON e.customer_id = g.customer_id AND e.grant_no = g.grant_no AND e.kind = 'CHARGEBACK'"
        " WHERE g.charged_back_at = o.charged_back_at"
    ).fetchall()
    assert min(spent_elsewhere[0]) > 1
    went = module_connection.execute(
        "SELECT DISTINCT to_account::text FROM core.ledger_entry WHERE kind = 'REVERSAL'"
        " UNION SELECT 'ADJUSTED' FROM core.credit_grant"
        " WHERE from_grant_no IS NOT NULL AND grant_kind = 'ADJUSTMENT'"
    ).fetchall()
    assert {account for (account,) in went} == {
        *("AVAILABLE", "OWED", "SHORTFALL", "EXPIRED", "VOIDED", "RECEIVABLE", "ADJUSTED")
    }
