"""Behind PgBouncer: transaction mode is refused for migrations, with or without a spare connection."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from controlplane.errors import PoolerRefused
from tests.commands import controlplane
from tests.poolers import needs_pgbouncer, pgbouncer
from tests.servers import Server

pytestmark = needs_pgbouncer


@pytest.fixture
def pooled(server: Server, folder: Path, empty_url: str) -> Iterator[Callable[..., str]]:
    """Makes the URL of ``empty_url``'s database through a PgBouncer in some mode."""
    from psycopg.conninfo import conninfo_to_dict

    from controlplane.db.urls import changed_url

    with ExitStack() as stack:

        def make(mode: str, *, size: int = 5) -> str:
            url = stack.enter_context(pgbouncer(server, folder, mode, size=size))
            return changed_url(url, dbname=str(conninfo_to_dict(empty_url)["dbname"]))

        yield make


@pytest.mark.parametrize("size", [5, 1])
def test_transaction_mode_is_refused(house, ask, pooled, size: int) -> None:
    with pytest.raises(PoolerRefused) as refused:
        house.migrate(pooled("transaction", size=size))
    assert "CONTROLPLANE_DATABASE_DIRECT_URL" in str(refused.value.hint)
    assert ask("SELECT to_regnamespace('core')") is None


def test_session_mode_is_fine(house, ask, pooled) -> None:
    house.migrate(pooled("session"))
    assert ask("SELECT count(*) FROM core.schema_migration") == 1


def test_with_a_direct_url_migrations_go_around_the_pooler(pooled, empty_url, ask) -> None:
    env = {"CONTROLPLANE_DATABASE_URL": pooled("transaction")}
    refused = controlplane("migrate", env=env)
    assert refused.returncode == 1
    assert "POOLER_IN_THE_WAY" in refused.stderr
    assert "CONTROLPLANE_DATABASE_DIRECT_URL" in refused.stderr
    env["CONTROLPLANE_DATABASE_DIRECT_URL"] = empty_url
    done = controlplane("migrate", env=env)
    assert done.returncode == 0, done.stderr
    assert ask("SELECT to_regclass('core.schema_state')::text") == "core.schema_state"


def test_doctor_sees_the_pooler(database_url, pooled, empty_url) -> None:
    through = pooled("transaction")
    only = controlplane("doctor", "--json", env={"CONTROLPLANE_DATABASE_URL": through})
    assert only.returncode == 1
    findings = {each["check"]: each for each in json.loads(only.stdout)["findings"]}
    assert findings["pooling"]["level"] == "fail"
    assert "CONTROLPLANE_DATABASE_DIRECT_URL" in findings["pooling"]["mend"]
    different = {"CONTROLPLANE_DATABASE_URL": through, "CONTROLPLANE_DATABASE_DIRECT_URL": database_url}
    both = controlplane("doctor", "--json", env=different)
    findings = {each["check"]: each for each in json.loads(both.stdout)["findings"]}
    assert "different databases" in findings["pooled_url"]["says"]
