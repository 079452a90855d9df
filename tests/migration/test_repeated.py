"""Functions and views: applied again when their file changes, gone when it is gone."""

import psycopg
import pytest

from controlplane.errors import MigrationError


def function(name: str, returns: int, arguments: str = "") -> str:
    return (
        f"CREATE OR REPLACE FUNCTION core.{name}({arguments}) RETURNS int LANGUAGE plpgsql"
        f" AS 'BEGIN RETURN {returns}; END';"
    )


def test_only_a_changed_function_is_applied_again(house, empty_url, ask) -> None:
    house.write("functions/core/f.sql", function("f", 1))
    house.write("functions/core/g.sql", function("g", 1))
    house.migrate(empty_url)
    g_before = ask("SELECT xmin::text FROM pg_proc WHERE oid = 'core.g'::regproc")
    house.write("functions/core/f.sql", function("f", 2))
    plan = house.migrate(empty_url)
    assert [file.path for file in plan.repeated] == ["functions/core/f.sql"]
    assert ask("SELECT core.f()") == 2
    assert ask("SELECT xmin::text FROM pg_proc WHERE oid = 'core.g'::regproc") == g_before


def test_a_function_of_several_parts_is_one_file(house, empty_url, ask) -> None:
    whole = "CREATE OR REPLACE FUNCTION core.f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n{}\nEND\n$$;"
    house.write("functions/core/f.sql", whole.format("  -- part: f/body.plpgsql"))
    house.write("functions/core/f/body.plpgsql", "  RETURN 1;\n")
    house.migrate(empty_url)
    assert ask("SELECT core.f()") == 1
    house.write("functions/core/f/body.plpgsql", "  RETURN 2;\n")
    plan = house.migrate(empty_url)
    assert [file.path for file in plan.repeated] == ["functions/core/f.sql"]
    assert ask("SELECT core.f()") == 2
    house.remove("functions/core/f/body.plpgsql")
    with pytest.raises(MigrationError, match=r"functions/core/f\.sql: its part f/body\.plpgsql"):
        house.migrate(empty_url)


def test_a_part_has_parts(house, empty_url, ask) -> None:
    body = "RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  -- part: shared.plpgsql\nEND\n$$;"
    house.write("functions/core/f.sql", f"CREATE OR REPLACE FUNCTION core.f() {body}")
    house.write("functions/core/g.sql", f"CREATE OR REPLACE FUNCTION core.g() {body}")
    house.write("functions/core/shared.plpgsql", "  -- part: inner.plpgsql\n")
    house.write("functions/core/inner.plpgsql", "  RETURN 1;\n")
    house.migrate(empty_url)
    assert ask("SELECT core.f() + core.g()") == 2
    house.write("functions/core/inner.plpgsql", "  RETURN 2;\n")
    plan = house.migrate(empty_url)
    assert [file.path for file in plan.repeated] == ["functions/core/f.sql", "functions/core/g.sql"]
    assert ask("SELECT core.f() + core.g()") == 4
    house.write("functions/core/inner.plpgsql", "  -- part: shared.plpgsql\n")
    with pytest.raises(MigrationError, match=r"its part shared\.plpgsql is a part of itself"):
        house.migrate(empty_url)


def test_what_a_removed_file_made_is_dropped(house, empty_url, ask) -> None:
    house.write("functions/core/f.sql", function("f", 1) + function("f", 2, "p_n int"))
    house.write("functions/core/g.sql", function("g", 1))
    house.write("views/v.sql", "CREATE OR REPLACE VIEW report.v AS SELECT 1 AS one;")
    house.migrate(empty_url)
    house.remove("functions/core/f.sql")
    house.remove("views/v.sql")
    plan = house.migrate(empty_url)
    assert plan.removed == ("functions/core/f.sql", "views/v.sql")
    assert ask("SELECT count(*) FROM pg_proc WHERE oid::regproc::text = 'core.f'") == 0
    assert ask("SELECT to_regclass('report.v')") is None
    assert ask("SELECT core.g()") == 1
    assert house.migrate(empty_url).is_empty


def test_a_renamed_file_keeps_its_function(house, empty_url, ask) -> None:
    house.write("functions/core/f.sql", function("f", 1))
    house.migrate(empty_url)
    house.remove("functions/core/f.sql")
    house.write("functions/core/better.sql", function("f", 1))
    house.migrate(empty_url)
    assert ask("SELECT core.f()") == 1


def test_a_changed_signature_leaves_no_overload_behind(house, empty_url, ask) -> None:
    house.write("functions/core/f.sql", function("f", 1, "p_n int"))
    house.migrate(empty_url)
    house.write("functions/core/f.sql", function("f", 2, "p_n int, p_more text DEFAULT NULL"))
    house.migrate(empty_url)
    assert ask("SELECT core.f(1)") == 2  # two candidates would be ambiguous


def test_a_function_may_change_what_it_returns(house, empty_url, ask) -> None:
    house.write("functions/core/f.sql", function("f", 1))
    house.migrate(empty_url)
    house.write("functions/core/f.sql", function("f", 1).replace("RETURNS int", "RETURNS text"))
    house.migrate(empty_url)
    assert ask("SELECT core.f()") == "1"


def test_a_view_may_lose_a_column_that_no_other_view_needs(house, empty_url, ask) -> None:
    house.write("views/a.sql", "CREATE OR REPLACE VIEW report.a AS SELECT 1 AS x, 2 AS y;")
    house.write("views/b.sql", "CREATE OR REPLACE VIEW report.b AS SELECT y FROM report.a;")
    house.write("grants.sql", "GRANT SELECT ON ALL TABLES IN SCHEMA report TO {{prefix}}_analyst;")
    house.migrate(empty_url)
    house.write("views/a.sql", "CREATE OR REPLACE VIEW report.a AS SELECT 3 AS y;")
    house.migrate(empty_url)
    assert ask("SELECT y FROM report.b") == 3
    assert ask("SELECT has_table_privilege('controlplane_analyst', 'report.b', 'SELECT')") is True


def test_a_view_that_others_built_upon_is_not_taken_from_them(house, empty_url, ask) -> None:
    house.write("views/a.sql", "CREATE OR REPLACE VIEW report.a AS SELECT 1 AS x, 2 AS y;")
    house.migrate(empty_url)
    with psycopg.connect(empty_url) as connection:
        connection.execute("CREATE VIEW public.theirs AS SELECT x FROM report.a")
    house.write("views/a.sql", "CREATE OR REPLACE VIEW report.a AS SELECT 1 AS x, 2 AS y, 3 AS z;")
    house.migrate(empty_url)
    assert ask("SELECT z FROM report.a") == 3
    house.write("views/a.sql", "CREATE OR REPLACE VIEW report.a AS SELECT 3 AS z;")
    with pytest.raises(MigrationError, match=r"view public\.theirs depends on view report\.a"):
        house.migrate(empty_url)
    assert ask("SELECT x FROM public.theirs") == 1


def test_a_view_that_a_migration_dropped_is_made_again(house, empty_url, ask) -> None:
    house.write("migrations/0002_thing.sql", "CREATE TABLE core.thing (n int);")
    house.write("views/v.sql", "CREATE OR REPLACE VIEW report.v AS SELECT n FROM core.thing;")
    house.migrate(empty_url)
    house.write(
        "migrations/0003_wider.sql",
        "DROP VIEW report.v; ALTER TABLE core.thing ALTER COLUMN n TYPE bigint;",
    )
    house.migrate(empty_url)
    wider = "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'report.v'::regclass"
    assert ask(wider) == "bigint"


def test_a_trigger_lives_and_dies_with_its_file(house, empty_url, ask) -> None:
    house.write("migrations/0002_thing.sql", "CREATE TABLE core.thing (n int);")
    house.write(
        "functions/core/stamp.sql",
        "CREATE OR REPLACE FUNCTION core.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE OR REPLACE TRIGGER stamped BEFORE INSERT ON core.thing"
        " FOR EACH ROW EXECUTE FUNCTION core.stamp();",
    )
    house.migrate(empty_url)
    house.remove("functions/core/stamp.sql")
    house.migrate(empty_url)
    assert ask("SELECT count(*) FROM pg_trigger WHERE tgname = 'stamped'") == 0
    assert ask("SELECT to_regproc('core.stamp')") is None


def test_files_need_no_order_among_themselves_but_bodies_are_checked(house, empty_url, ask) -> None:
    house.write(
        "functions/core/a.sql",
        "CREATE FUNCTION core.a() RETURNS int LANGUAGE sql AS 'SELECT core.b()';",
    )
    house.write("functions/core/b.sql", function("b", 7))
    house.migrate(empty_url)
    assert ask("SELECT core.a()") == 7
    house.write("functions/core/c.sql", function("c", 1).replace("RETURN 1", "RETURN FROM WHERE"))
    with pytest.raises(MigrationError, match=r"core\.c\(\)"):
        house.migrate(empty_url)
    assert ask("SELECT to_regproc('core.c')") is None


def test_what_was_changed_by_hand_is_mended_by_reapplying(house, empty_url, ask) -> None:
    house.write("functions/core/f.sql", function("f", 1))
    house.write("grants.sql", "GRANT EXECUTE ON FUNCTION core.f() TO {{prefix}}_app;")
    house.migrate(empty_url)
    with psycopg.connect(empty_url) as connection:
        connection.execute(function("f", 99))
        connection.execute("REVOKE EXECUTE ON FUNCTION core.f() FROM controlplane_app")
    assert house.migrate(empty_url).is_empty
    house.migrate(empty_url, reapply=True)
    assert ask("SELECT core.f()") == 1
    assert ask("SELECT has_function_privilege('controlplane_app', 'core.f()', 'EXECUTE')") is True


def test_upkeep_runs_every_time(house, empty_url, ask) -> None:
    house.write("migrations/0002_run.sql", "CREATE TABLE core.run (at timestamptz);")
    house.write("upkeep.sql", "INSERT INTO core.run VALUES (clock_timestamp());")
    for _ in range(3):
        house.migrate(empty_url)
    assert ask("SELECT count(*) FROM core.run") == 3
