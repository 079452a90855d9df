"""``controlplane doctor``: each illness is made on a database of its own, and named with its cure."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from controlplane.db.doctor import Finding, Level, examine
from controlplane.db.doctor import server as server_checks
from controlplane.db.embedded import EmbeddedServer
from controlplane.db.local import DATABASE, ensure_database
from controlplane.db.migrate import migrate
from controlplane.settings import Settings
from controlplane.types import Environment, Role
from tests.commands import controlplane
from tests.servers import ROLE_PREFIX


def findings(url: str, **settings: Any) -> Mapping[str, tuple[Level, str, str]]:
    """What doctor finds at ``url``: the worst of each check, with what it says and how to mend it."""
    order = [Level.OK, Level.WARN, Level.FAIL]
    worst: dict[str, tuple[Level, str, str]] = {}
    for found in examine(Settings(database_url=url, **settings)):
        if found.check not in worst or order.index(found.level) > order.index(worst[found.check][0]):
            worst[found.check] = (found.level, found.says, found.mend or "")
    return worst


@pytest.fixture
def run(connection: psycopg.Connection) -> Callable[[str], object]:
    return lambda statement: connection.execute(statement.encode())


def test_a_healthy_database_has_nothing_but_ok(folder: Path) -> None:
    data = folder / "data"
    assert controlplane("migrate", "--data", str(data)).returncode == 0
    done = controlplane("doctor", "--data", str(data))
    assert done.returncode == 0, done.stdout
    levels = {line.split()[0] for line in done.stdout.splitlines()}
    assert levels == {"ok"}, done.stdout
    assert len(done.stdout.splitlines()) >= 13


def test_no_folder_no_server_is_started(folder: Path) -> None:
    done = controlplane("doctor", "--data", str(folder / "data"))
    assert done.returncode == 1
    assert "controlplane up" in done.stdout
    assert not (folder / "data").exists()


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("verify", []),
        ("recover", ["--force"]),
        ("psql", ["-c", "SELECT 1"]),
        ("keys", ["list"]),
        ("migrate", ["--dry-run"]),
        ("migrate", ["status"]),
    ],
)
def test_whoever_only_looks_makes_no_database(folder: Path, command: str, more: list[str]) -> None:
    done = controlplane(command, "--data", str(folder / "mistyped"), *more)
    assert (done.returncode, done.stdout) == (1, "")
    assert str(folder / "mistyped") in done.stderr
    assert "controlplane up" in done.stderr
    assert not (folder / "mistyped").exists()


def test_an_unreachable_database() -> None:
    done = controlplane("doctor", "--json", env={"CONTROLPLANE_DATABASE_URL": "postgresql://127.0.0.1:1/x"})
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["ok"] is False
    assert [each["check"] for each in report["findings"]] == ["connection"]
    assert "CONTROLPLANE_DATABASE_URL" in report["findings"][0]["mend"]


def test_a_database_that_was_never_migrated(empty_url: str) -> None:
    level, says, mend = findings(empty_url)["schema"]
    assert (level, says) == (Level.FAIL, "not migrated yet")
    assert "controlplane migrate" in mend
    assert findings(empty_url)["pgmq"][0] is Level.FAIL


def test_a_warning_alone_is_no_failure(database_url: str) -> None:
    """The tests' server is fast and loose, which only a live database must not be."""
    assert findings(database_url)["durability"][0] is Level.WARN
    done = controlplane("doctor", env={"CONTROLPLANE_DATABASE_URL": database_url})
    assert done.returncode == 0, done.stdout


def test_lost_commits_are_a_failure_where_real_credits_are_decided(empty_url: str) -> None:
    migrate(empty_url, prefix="controlplane", environment=Environment.LIVE)
    level, says, mend = findings(empty_url, environment=Environment.LIVE)["durability"]
    assert level is Level.FAIL
    assert "fsync" in says
    assert "ALTER SYSTEM SET fsync = on" in mend


def test_a_schema_that_is_behind(database_url: str, run: Callable[[str], object]) -> None:
    run("DELETE FROM core.schema_file WHERE path = 'functions/core/enqueue.sql'")
    level, says, mend = findings(database_url)["schema"]
    assert level is Level.FAIL
    assert "behind: 3 files" in says  # the function, and with it grants and comments
    assert "controlplane migrate" in mend


def test_a_schema_that_is_ahead(database_url: str, run: Callable[[str], object]) -> None:
    run("UPDATE core.schema_state SET code_version = '99.0.0'")
    assert findings(database_url)["schema"][0] is Level.WARN
    run("UPDATE core.schema_state SET min_code_version = '99.0.0'")
    level, says, mend = findings(database_url)["schema"]
    assert level is Level.FAIL
    assert "needs 99.0.0" in says
    assert "upgrade controlplane" in mend


def test_an_edited_migration(database_url: str, run: Callable[[str], object]) -> None:
    run("UPDATE core.schema_migration SET checksum = 'other' WHERE version = 1")
    level, says, _ = findings(database_url)["schema"]
    assert level is Level.FAIL
    assert "0001" in says


def test_another_environment_or_prefix(database_url: str) -> None:
    level, says, mend = findings(database_url, environment=Environment.LIVE)["schema"]
    assert level is Level.FAIL
    assert "CONTROLPLANE_ENVIRONMENT" in says
    assert "CONTROLPLANE_ENVIRONMENT=test" in mend
    level, says, _ = findings(database_url, role_prefix="nobodys")["roles"]
    assert level is Level.FAIL
    assert "nobodys_app" in says


def test_a_queue_is_missing(database_url: str, run: Callable[[str], object]) -> None:
    run("SELECT pgmq.drop_queue('alert')")
    level, says, mend = findings(database_url)["pgmq"]
    assert level is Level.FAIL
    assert "alert" in says
    run(mend)
    assert findings(database_url)["pgmq"][0] is Level.OK


def test_a_grant_is_missing_and_the_cure_works(database_url: str, run: Callable[[str], object]) -> None:
    run("REVOKE USAGE ON SCHEMA api FROM controlplane_app")
    level, says, mend = findings(database_url)["grants"]
    assert level is Level.FAIL
    assert "controlplane_app may not use schema api" in says
    assert "controlplane migrate --reapply" in mend
    done = controlplane("migrate", "--reapply", env={"CONTROLPLANE_DATABASE_URL": database_url})
    assert done.returncode == 0, done.stderr
    assert findings(database_url)["grants"][0] is Level.OK


def test_the_apps_own_login_is_told_that_it_cannot_migrate(login_url: Callable[[Role], str]) -> None:
    found = findings(login_url(Role.APP))
    level, says, mend = found["roles"]
    assert level is Level.WARN
    assert "controlplane_owner" in says
    assert "--print-roles" in mend
    assert found["schema"][0] is Level.OK
    assert Level.FAIL not in [level for level, _, _ in found.values()]


@pytest.mark.parametrize(
    ("statement", "check", "says"),
    [
        (
            "ALTER TABLE core.wallet DROP CONSTRAINT wallet_never_overdrawn",
            "tables",
            "core.wallet lacks CONSTRAINT wallet_never_overdrawn",
        ),
        ("ALTER TABLE core.ledger_entry DISABLE TRIGGER USER", "tables", "DISABLE TRIGGER"),
        ("DROP TABLE core.seal CASCADE", "schema", "behind"),
        ("ALTER TABLE core.wallet OWNER TO postgres", "functions", "core.wallet"),
        (
            "CREATE OR REPLACE FUNCTION core.clock() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'",
            "functions",
            "core.clock()",
        ),
        (
            "ALTER FUNCTION api.consume(text, jsonb, boolean) SECURITY INVOKER",
            "functions",
            "edited by hand: api.consume(",
        ),
        ("GRANT UPDATE ON core.ledger_entry TO PUBLIC", "grants", "may write core.ledger_entry"),
    ],
)
def test_what_was_changed_by_hand(
    database_url: str, run: Callable[[str], object], statement: str, check: str, says: str
) -> None:
    before = findings(database_url)
    assert {found[0] for found in before.values()} <= {Level.OK, Level.WARN}
    run(statement)
    level, said, mend = findings(database_url)[check]
    assert level is Level.FAIL
    assert says in said
    assert mend


def test_a_schema_is_missing_and_the_cure_works(database_url: str, run: Callable[[str], object]) -> None:
    run("DROP SCHEMA api CASCADE")
    level, says, mend = findings(database_url)["grants"]
    assert (level, says) == (Level.FAIL, "there is no schema api")
    run(mend.partition(",")[0])
    assert "migrate --reapply" in mend
    migrate(database_url, prefix=ROLE_PREFIX, environment=Environment.TEST, reapply=True)
    assert findings(database_url)["grants"][0] is Level.OK
    assert findings(database_url)["functions"][0] is Level.OK


def test_what_was_granted_by_hand_is_taken_back(database_url: str, run: Callable[[str], object]) -> None:
    app = f"{ROLE_PREFIX}_app"
    run(f"GRANT SELECT, DELETE ON core.ledger_entry TO {app} WITH GRANT OPTION")
    run(f"GRANT UPDATE (amount) ON core.ledger_entry TO {app}")
    run(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA core TO {app}, {ROLE_PREFIX}_tenant")
    assert findings(database_url, role_prefix=ROLE_PREFIX)["grants"][0] is Level.FAIL
    migrate(database_url, prefix=ROLE_PREFIX, environment=Environment.TEST, reapply=True)
    assert findings(database_url, role_prefix=ROLE_PREFIX)["grants"][0] is Level.OK
    with psycopg.connect(database_url) as fresh:
        row = fresh.execute(
            "SELECT has_any_column_privilege(%s, 'core.ledger_entry', 'SELECT, UPDATE'),"
            " has_function_privilege(%s, 'core.clock()', 'EXECUTE'),"
            " has_function_privilege(%s, 'api.read_installation()', 'EXECUTE')",
            (app, app, app),
        ).fetchone()
    assert row == (False, False, True)


def test_more_than_ours(database_url: str, run: Callable[[str], object]) -> None:
    run("CREATE INDEX of_mine ON core.wallet (created_at)")
    level, says, _ = findings(database_url)["tables"]
    assert (level, "of_mine" in says) == (Level.WARN, True)


def test_settings_under_which_nothing_can_be_looked_at(
    database_url: str, run: Callable[[str], object]
) -> None:
    database = conninfo_to_dict(database_url)["dbname"]
    run(f"ALTER DATABASE {database} SET session_replication_role = replica")
    level, says, mend = findings(database_url)["defaults"]
    assert (level, "session_replication_role" in says) == (Level.FAIL, True)
    assert database in mend
    run(f"ALTER DATABASE {database} SET statement_timeout = 1")
    found = findings(database_url)
    assert any("statement timeout" in says for _, says, _ in found.values())
    assert all(mend for level, _, mend in found.values() if level is Level.FAIL)


def test_a_default_of_the_role_that_serves(database_url: str, run: Callable[[str], object]) -> None:
    database = conninfo_to_dict(database_url)["dbname"]
    run(f"ALTER ROLE {ROLE_PREFIX}_app IN DATABASE {database} SET default_transaction_read_only = on")
    level, says, mend = findings(database_url, role_prefix=ROLE_PREFIX)["defaults"]
    assert (level, f"{ROLE_PREFIX}_app" in says) == (Level.FAIL, True)
    run(mend)
    assert findings(database_url, role_prefix=ROLE_PREFIX)["defaults"][0] is Level.OK


def test_a_time_out_of_the_role_that_serves(database_url: str, run: Callable[[str], object]) -> None:
    database = conninfo_to_dict(database_url)["dbname"]
    for name, value in (("statement_timeout", "20s"), ("lock_timeout", "0"), ("search_path", "x")):
        run(f"ALTER ROLE {ROLE_PREFIX}_app IN DATABASE {database} SET {name} = '{value}'")
    assert findings(database_url, role_prefix=ROLE_PREFIX)["defaults"][0] is Level.OK
    for value in ("1", "0.5s"):
        run(f"ALTER ROLE {ROLE_PREFIX}_app IN DATABASE {database} SET lock_timeout = '{value}'")
        level, says, mend = findings(database_url, role_prefix=ROLE_PREFIX)["defaults"]
        assert (level, "lock_timeout" in says) == (Level.WARN, True)
        run(mend)
        assert findings(database_url, role_prefix=ROLE_PREFIX)["defaults"][0] is Level.OK


def test_the_api_cannot_connect_and_the_cure_works(folder: Path) -> None:
    with EmbeddedServer(folder / "data") as server:
        ensure_database(server.url())
        migrate(server.url(DATABASE), prefix="controlplane", environment=Environment.TEST)
        settings = Settings(data_dir=folder / "data")

        def found() -> Finding:
            [one] = [each for each in examine(settings) if each.check == "login"]
            return one

        assert found().level is Level.OK
        with psycopg.connect(server.url(DATABASE), autocommit=True) as admin:
            for illness in (
                "ALTER ROLE controlplane_app NOLOGIN",
                "ALTER ROLE controlplane_app CONNECTION LIMIT 0",
                "REVOKE CONNECT ON DATABASE controlplane FROM PUBLIC, controlplane_app",
            ):
                admin.execute(illness.encode())
                ill = found()
                assert (ill.level, "controlplane_app" in ill.says) == (Level.FAIL, True), illness
                admin.execute((ill.mend or "").encode())
                assert found().level is Level.OK


def test_an_old_transaction(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("BEGIN")
        other.execute("CREATE TABLE public.locked (n int)")
        other.execute("PREPARE TRANSACTION 'left_over'")
        try:
            assert findings(database_url)["transactions"][0] is Level.OK  # it is young yet
            monkeypatch.setattr(server_checks, "OLD_TRANSACTION_MINUTES", 0)
            level, says, mend = findings(database_url)["transactions"]
            assert level is Level.WARN
            assert "left_over" in says
            assert "ROLLBACK PREPARED 'left_over'" in mend
        finally:
            other.execute("ROLLBACK PREPARED 'left_over'")


def test_defaults_that_no_function_works_with(database_url: str, run: Callable[[str], object]) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    run(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    level, says, mend = findings(database_url)["defaults"]
    assert level is Level.FAIL
    assert "serializable" in says
    run(mend)
    assert findings(database_url)["defaults"][0] is Level.OK


def test_a_month_is_missing(database_url: str, run: Callable[[str], object]) -> None:
    run("CREATE TABLE core.thing (at timestamptz NOT NULL) PARTITION BY RANGE (at)")
    run("CREATE TABLE core.thing_default PARTITION OF core.thing DEFAULT")
    run("ALTER TABLE core.thing OWNER TO controlplane_owner")
    run("ALTER TABLE core.thing_default OWNER TO controlplane_owner")
    level, says, _ = findings(database_url)["partitions"]
    assert level is Level.FAIL
    assert says.startswith("core.thing has no partition for 20")
    run(
        "CREATE TABLE core.thing_all PARTITION OF core.thing FOR VALUES FROM ('2000-01-01') TO ('2100-01-01')"
    )
    assert findings(database_url)["partitions"][0] is Level.OK
    run("INSERT INTO core.thing VALUES ('2150-01-01')")
    level, says, _ = findings(database_url)["partitions"]
    assert level is Level.WARN
    assert says.startswith("core.thing_default holds rows")


def test_another_incarnation(database_url: str, run: Callable[[str], object]) -> None:
    assert findings(database_url)["incarnation"][0] is Level.OK
    run("UPDATE core.installation SET identity = 'restored from elsewhere'")
    level, says, mend = findings(database_url)["incarnation"]
    assert level is Level.FAIL
    assert "nothing is decided" in says
    assert "controlplane recover" in mend


def test_a_replica(folder: Path) -> None:
    with EmbeddedServer(folder / "data") as server:
        migrate(server.url(), prefix="controlplane", environment=Environment.TEST)
    (server.cluster / "standby.signal").touch()
    with EmbeddedServer(folder / "data", settings={"hot_standby": "on"}) as replica:
        level, says, _ = findings(replica.url())["primary"]
    assert level is Level.FAIL
    assert "replica" in says
