"""``controlplane recover`` as its users run it, on a database that looks like a restored one."""

import psycopg
import pytest

from tests.commands import controlplane
from tests.sql.configuring import small_world


def incarnation(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT incarnation FROM core.installation").fetchone()
    assert row is not None
    return int(row[0])


def test_after_a_restore(connection: psycopg.Connection, database_url: str) -> None:
    world = small_world(connection)
    connection.execute("UPDATE core.installation SET identity = 'another'")
    before = incarnation(connection)
    with pytest.raises(psycopg.DatabaseError, match="recover"):
        world.change("grant_credits", idempotencyKey="k", creditType="general", amount="10")
    env = {"CONTROLPLANE_DATABASE_URL": database_url}
    done = controlplane("recover", "--reason", "restored a dump", env=env)
    assert done.returncode == 0, done.stderr
    assert f"incarnation {before + 1} begins here" in done.stdout
    world.change("grant_credits", idempotencyKey="k", creditType="general", amount="10")
    row = connection.execute("SELECT reason FROM core.incarnation ORDER BY incarnation DESC").fetchone()
    assert row == ("restored a dump",)


def test_nothing_to_recover_and_by_force(connection: psycopg.Connection, database_url: str) -> None:
    before = incarnation(connection)
    env = {"CONTROLPLANE_DATABASE_URL": database_url}
    done = controlplane("recover", env=env)
    assert done.returncode == 0, done.stderr
    assert "nothing to recover" in done.stdout
    assert incarnation(connection) == before
    assert controlplane("recover", "--force", env=env).returncode == 0
    assert incarnation(connection) == before + 1


def test_what_cannot_be_recovered(empty_url: str, database_url: str) -> None:
    done = controlplane("recover", env={"CONTROLPLANE_DATABASE_URL": empty_url})
    assert done.returncode == 1
    assert "controlplane migrate" in done.stderr
    env = {"CONTROLPLANE_DATABASE_URL": database_url}
    done = controlplane("recover", "--force", "--reason", "", env=env)
    assert done.returncode == 1
    assert "INVALID_INPUT" in done.stderr
    done = controlplane("recover", "--force", "--reason", "\udcff", env=env)
    assert done.returncode == 1
    assert "cannot be stored" in done.stderr


def test_what_a_new_timeline_means_is_declared_beforehand(
    connection: psycopg.Connection, database_url: str
) -> None:
    """CONTROLPLANE_FAILOVER reaches the database by ``migrate``, but not once it has failed over."""

    def migrated(failover: str) -> str:
        env = {"CONTROLPLANE_DATABASE_URL": database_url, "CONTROLPLANE_FAILOVER": failover}
        done = controlplane("migrate", env=env)
        assert done.returncode == 0, done.stderr
        row = connection.execute("SELECT failover FROM core.installation").fetchone()
        assert row is not None
        return str(row[0])

    assert migrated("synchronous") == "synchronous"
    assert migrated("asynchronous") == "asynchronous"
    connection.execute("UPDATE core.installation SET identity = 'another'")
    assert migrated("synchronous") == "asynchronous"
    controlplane("recover", env={"CONTROLPLANE_DATABASE_URL": database_url})
    assert migrated("synchronous") == "synchronous"
    connection.execute("UPDATE core.installation SET identity = 'another'")
    assert migrated("asynchronous") == "asynchronous"
