"""The catalogue says whether the rules of functions and privileges hold.

What a catalogue cannot show of a function is read in its text: statements, and names that are followed by a
parenthesis.
"""

import re

import pytest

from tests.servers import ROLE_PREFIX
from tests.sql.catalogue import FUNCTIONS, statements, uncommented
from tests.sql.conftest import Rows

#: What looks like a call and is a word of the language.
WORDS = {"if", "in", "and", "or", "not", "coalesce", "nullif", "bit", "numeric"}


def test_these_are_the_functions(rows: Rows) -> None:
    """So that none of the tests below looks at nothing."""
    names = {name for (name,) in rows(f"SELECT schema || '.' || proname FROM ({FUNCTIONS}) AS f")}
    assert {"api.consume", "api.check", "api.verify", "core.judge", "core.consume_batch"} <= names


def test_what_touches_tables_is_plpgsql(rows: Rows) -> None:
    """LANGUAGE sql over distributed tables fails; one expression may be, and stands where it is called."""
    others = f"SELECT name, settings, prosecdef, prosrc FROM ({FUNCTIONS}) AS f WHERE lanname <> 'plpgsql'"
    for name, settings, is_definer, source in rows(others):
        assert not re.search(r"\bFROM\b", uncommented(source)), f"{name} reads something"
        assert (settings, is_definer) == ("", False), f"{name} is called all the same"


def test_definers_look_where_they_are_told(rows: Rows) -> None:
    """And the last place they look is their caller's temporary one."""
    wrong = f"""
        SELECT name, settings FROM ({FUNCTIONS}) AS f
        WHERE prosecdef AND settings !~ 'search_path=.*pg_temp( |$)'
    """
    assert rows(wrong) == []


def test_without_a_search_path_a_function_names_every_schema(rows: Rows) -> None:
    """Settings of the session do not travel to another node; a function without its own reads no table."""
    for name, source in rows(f"SELECT name, prosrc FROM ({FUNCTIONS}) AS f WHERE settings !~ 'search_path='"):
        text = uncommented(source)
        assert not re.search(r"\b(FROM|JOIN|INTO|UPDATE)\s+(core|api|report)\.", text), f"{name} reads tables"
        called = set(re.findall(r"(?<![.\w])([a-z_0-9]+)\s?\(", text)) - WORDS
        assert called == set(), f"{name} calls {called} wherever they are"


def test_a_customers_id_is_never_changed(rows: Rows) -> None:
    for name, source in rows(f"SELECT name, prosrc FROM ({FUNCTIONS}) AS f"):
        for update in statements(source, "UPDATE core"):
            assert not re.search(r"(\bSET|,)\s+customer_id\s*=", update), name


def test_no_update_calls_what_is_volatile(rows: Rows) -> None:
    """Nor an insert's ON CONFLICT; a variable takes the value beforehand."""
    volatile = {name for (name,) in rows("SELECT proname::text FROM pg_proc WHERE provolatile = 'v'")}
    assert {"clock_timestamp", "random", "begin_incarnation"} <= volatile
    for name, source in rows(f"SELECT name, prosrc FROM ({FUNCTIONS}) AS f"):
        for update in statements(source, "UPDATE"):
            called = set(re.findall(r"(\w+)\s?\(", update))
            assert called & volatile == set(), name


def test_nothing_is_used_that_does_not_distribute(rows: Rows) -> None:
    """No MERGE, no cursor that writes, no CASE with an operand where rows are chosen to be inserted."""
    for name, source in rows(f"SELECT name, prosrc FROM ({FUNCTIONS}) AS f"):
        assert not re.search(r"\bMERGE INTO\b|\bCURRENT OF\b", uncommented(source)), name
        for insert in statements(source, "INSERT INTO core"):
            assert not re.search(r"\bSELECT\b.*\bCASE\s+(?!WHEN\b)", insert, re.DOTALL), name


def test_a_second_column_is_matched_by_a_join(rows: Rows) -> None:
    """``unnest(customers, keys)``, and never a second ``= ANY``: that was half of a batch's time."""
    for name, source in rows(f"SELECT name, prosrc FROM ({FUNCTIONS}) AS f"):
        for clause in re.split(r"\b(?:SELECT|FROM|WHERE|JOIN|ON|UNION)\b|;", uncommented(source)):
            matched = set(re.findall(r"([\w.]+) = ANY \([pv]_\w+\)", clause))
            assert len(matched) <= 1, f"{name}: {clause}"


def test_the_decider_only_reads(rows: Rows) -> None:
    """So that all it reads is one snapshot, and a check cannot charge."""
    wrong = f"""
        SELECT name FROM ({FUNCTIONS}) AS f
        WHERE provolatile = 'v' AND (proname IN ('judge', 'check', 'check_many')
                                     OR schema = 'api' AND starts_with(proname, 'read_'))
    """
    assert rows(wrong) == []


def test_the_doors_are_definers_and_nothing_else_is_open(rows: Rows) -> None:
    assert rows(f"SELECT name FROM ({FUNCTIONS}) AS f WHERE schema = 'api' AND NOT prosecdef") == []
    for role in ("app", "worker"):
        opened = (
            f"SELECT DISTINCT schema FROM ({FUNCTIONS}) AS f WHERE has_function_privilege(%s, oid, 'EXECUTE')"
        )
        assert rows(opened, f"{ROLE_PREFIX}_{role}") == [("api",)]
    to_all = """
        SELECT p.oid::regprocedure::text FROM pg_proc AS p
        CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
        WHERE p.pronamespace IN ('core'::regnamespace, 'api'::regnamespace, 'report'::regnamespace)
          AND a.grantee = 0
    """
    assert rows(to_all) == []


@pytest.mark.parametrize("role", ["app", "worker", "tenant", "query", "analyst", "finance", "auditor"])
def test_nobody_touches_a_table(rows: Rows, role: str) -> None:
    """But to ask what the schema is."""
    wrong = """
        SELECT c.oid::regclass::text, privilege FROM pg_class AS c
        CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
          AS privilege
        WHERE c.relnamespace IN ('core'::regnamespace, 'api'::regnamespace)
          AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
          AND has_table_privilege(%s, c.oid, privilege)
          AND NOT (privilege = 'SELECT' AND c.relname IN ('schema_state', 'schema_migration', 'schema_file'))
        UNION ALL
        SELECT nspname::text, 'CREATE' FROM pg_namespace
        WHERE nspname IN ('core', 'api', 'report') AND has_schema_privilege(%s, oid, 'CREATE')
    """
    assert rows(wrong, *(2 * [f"{ROLE_PREFIX}_{role}"])) == []
