"""Migrations: applied once, in order, all or nothing, and never edited afterwards."""

import threading

import psycopg
import pytest

from controlplane.db.sources import load_sources
from controlplane.db.status import read_status
from controlplane.errors import CodeTooOld, ConfigurationError, MigrationChanged, MigrationError
from controlplane.types import Environment

TABLE = "CREATE TABLE core.thing (thing_id text CONSTRAINT thing_pkey PRIMARY KEY);\n"


def test_the_real_schema_is_applied_once(empty_url, ask) -> None:
    from controlplane.db.migrate import migrate

    first = migrate(empty_url, prefix="controlplane", environment=Environment.TEST)
    applied = ask("SELECT array_agg(applied_at ORDER BY version) FROM core.schema_migration")
    second = migrate(empty_url, prefix="controlplane", environment=Environment.TEST)
    assert [migration.version for migration in first.migrations] == list(range(1, len(applied) + 1))
    assert second.is_empty
    assert ask("SELECT array_agg(applied_at ORDER BY version) FROM core.schema_migration") == applied


def test_a_migration_is_recorded_with_its_checksum_and_owned_by_the_owner(house, empty_url, ask) -> None:
    house.write("migrations/0002_thing.sql", TABLE)
    house.migrate(empty_url)
    checksum = load_sources(house.folder).migrations[1].checksum
    assert ask("SELECT checksum FROM core.schema_migration WHERE version = 2") == checksum
    assert ask("SELECT tableowner FROM pg_tables WHERE tablename = 'thing'") == "controlplane_owner"


def test_a_failure_leaves_everything_as_it_was_and_names_the_line(house, empty_url, ask) -> None:
    house.migrate(empty_url)
    house.write("migrations/0002_thing.sql", TABLE)
    house.write("migrations/0003_wrong.sql", "-- a comment\nSELECT 1;\n\nSELECT nothing\n  FROM nowhere;\n")
    with pytest.raises(MigrationError, match=r'sql/migrations/0003_wrong.sql, line 5: .*"nowhere"'):
        house.migrate(empty_url)
    assert ask("SELECT to_regclass('core.thing')") is None
    assert ask("SELECT max(version) FROM core.schema_migration") == 1


def test_an_edited_migration_is_refused(house, empty_url, ask) -> None:
    house.write("migrations/0002_thing.sql", TABLE)
    house.migrate(empty_url)
    house.write("migrations/0002_thing.sql", TABLE.replace("text", "bigint"))
    house.write("functions/core/f.sql", "CREATE FUNCTION core.f() RETURNS int LANGUAGE plpgsql AS '';")
    with pytest.raises(MigrationChanged, match=r"0002_thing\.sql"):
        house.migrate(empty_url)
    assert ask("SELECT to_regproc('core.f')") is None


def test_how_lines_end_is_no_edit(house, empty_url) -> None:
    house.write("migrations/0002_thing.sql", TABLE)
    house.migrate(empty_url)
    house.write("migrations/0002_thing.sql", TABLE.replace("\n", "  \r\n") + "\n\n")
    assert house.migrate(empty_url).is_empty


def test_a_dry_run_tells_and_changes_nothing(house, empty_url, ask) -> None:
    house.write("migrations/0002_thing.sql", TABLE)
    plan = house.migrate(empty_url, dry_run=True)
    assert [migration.name for migration in plan.migrations] == ["house", "thing"]
    assert ask("SELECT to_regnamespace('core')") is None


def test_status_tells_what_is_applied_pending_changed_and_foreign(house, empty_url) -> None:
    house.write("migrations/0002_thing.sql", TABLE)
    house.migrate(empty_url)
    house.write("migrations/0002_thing.sql", TABLE + "SELECT 1;")
    house.write("migrations/0003_more.sql", "SELECT 1;")
    with psycopg.connect(empty_url) as connection:
        connection.execute(
            "INSERT INTO core.schema_migration (version, name, checksum) VALUES (9, 'later', '')"
        )
    lines = read_status(empty_url, "controlplane", load_sources(house.folder)).migrations
    assert [(line.version, line.applied_at is not None, line.is_ours, line.is_changed) for line in lines] == [
        (1, True, True, False),
        (2, True, True, True),
        (3, False, True, False),
        (9, True, False, False),
    ]


def test_two_racing_runners_apply_everything_once(house, empty_url, ask) -> None:
    house.write("migrations/0002_slow.sql", "SELECT pg_sleep(0.5);\n" + TABLE)
    results: list[object] = []
    gate = threading.Barrier(3)

    def run() -> None:
        gate.wait()
        try:
            results.append(len(house.migrate(empty_url).migrations))
        except MigrationError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, results)) == ["0", "0", "2"]
    assert ask("SELECT count(*) FROM core.schema_migration") == 2


def test_a_migration_may_leave_the_transaction(house, empty_url, ask) -> None:
    house.write("migrations/0002_thing.sql", TABLE)
    house.write(
        "migrations/0003_index.sql",
        "-- migrate: no transaction\nCREATE INDEX CONCURRENTLY thing_by_id ON core.thing (thing_id);\n",
    )
    house.write("migrations/0004_after.sql", "CREATE TABLE core.after (n int);")
    house.migrate(empty_url)
    assert ask("SELECT tableowner FROM pg_tables WHERE tablename = 'after'") == "controlplane_owner"
    assert ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'core.thing_by_id'::regclass") is True
    assert ask("SELECT count(*) FROM core.schema_migration") == 4


def test_only_code_below_min_code_version_is_refused(house, empty_url) -> None:
    raise_it = "UPDATE core.schema_state SET min_code_version = '0.3.0';"
    house.write("migrations/0002_raise.sql", raise_it)
    house.migrate(empty_url, code_version="0.3.1")
    with pytest.raises(CodeTooOld, match=r"0\.2\.9.*0\.3\.0"):
        house.migrate(empty_url, code_version="0.2.9")
    for version in ("0.3.0", "0.3.1", "0.10.0", "1.0.0.dev3"):
        house.migrate(empty_url, code_version=version)


def test_older_code_leaves_a_newer_schema_as_it_is(house, empty_url, ask) -> None:
    house.write("migrations/0002_thing.sql", TABLE)
    body = "CREATE OR REPLACE FUNCTION core.f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN {}; END';"
    house.write("functions/core/f.sql", body.format(2))
    house.migrate(empty_url, code_version="0.2.0")
    house.remove("migrations/0002_thing.sql")
    house.write("functions/core/f.sql", body.format(1))
    plan = house.migrate(empty_url, code_version="0.1.0")
    assert plan.newer_code
    assert plan.unknown == ("0002_thing",)
    assert ask("SELECT core.f()") == 2


def test_a_database_belongs_to_one_prefix_and_one_environment(house, empty_url) -> None:
    house.migrate(empty_url)
    with pytest.raises(ConfigurationError, match="CONTROLPLANE_ROLE_PREFIX"):
        house.migrate(empty_url, prefix="other")
    with pytest.raises(ConfigurationError, match="CONTROLPLANE_ENVIRONMENT"):
        house.migrate(empty_url, environment=Environment.LIVE)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("0003_gap.sql", "the next number is 0002"),
        ("2_short.sql", "name it"),
        ("0001_again.sql", "the next number is 0002"),
        ("0002_Upper.sql", "name it"),
    ],
)
def test_names_of_migrations_are_numbers_without_gaps(house, name: str, said: str) -> None:
    house.write(f"migrations/{name}", "SELECT 1;")
    with pytest.raises(MigrationError, match=said):
        load_sources(house.folder)


def test_an_unknown_token_is_refused(house, empty_url) -> None:
    house.write("migrations/0002_token.sql", "SELECT 1;\nSELECT '{{prefx}}_app';")
    with pytest.raises(MigrationError, match=r"0002_token\.sql, line 2"):
        house.migrate(empty_url)
