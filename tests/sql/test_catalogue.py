"""The catalogue says whether the rules of the tables hold: keys, amounts, names, comments.

Each test reads what is wrong, and expects to find nothing. ``test_catalogue_of_functions.py`` has the rules
of functions and privileges, ``test_catalogue_of_writing.py`` those of what a consumption changes.
"""

import psycopg
import pytest

from tests.sql.catalogue import CUSTOMERS
from tests.sql.conftest import Rows

#: What belongs to the installation: small, rarely written, the same on every node.
OF_NOBODY = {
    *("schema_migration", "schema_file", "schema_state", "installation", "incarnation"),
    *("credit_type", "feature", "rate", "installation_change"),
    "month",  # when it was opened and closed
    "api_key",  # may name a customer, and is looked up by its hash alone
    "former_secret",  # of a key, by its hash
}


def test_every_other_table_is_a_customers(rows: Rows) -> None:
    """So that a new one is distributed by its customer, or is put on the list above with a thought."""
    found = {name for (name,) in rows(TABLES)} - {name for _, name in rows(CUSTOMERS)}
    assert found == OF_NOBODY


TABLES = """
    SELECT relname::text FROM pg_class WHERE relnamespace = 'core'::regnamespace AND relkind IN ('r', 'p')
"""


def test_the_customer_leads_every_key(rows: Rows) -> None:
    """Of constraints, and of unique indexes that are none."""
    wrong = f"""
        SELECT k.conrelid::regclass::text, k.conname FROM pg_constraint AS k
        JOIN ({CUSTOMERS}) AS c ON c.oid = k.conrelid
        JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
        WHERE k.contype IN ('p', 'u', 'f', 'x') AND a.attname <> 'customer_id'
        UNION ALL
        SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text FROM pg_index AS i
        JOIN ({CUSTOMERS}) AS c ON c.oid = i.indrelid
        LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indisunique AND a.attname IS DISTINCT FROM 'customer_id'
    """
    assert rows(wrong) == []


def test_every_table_has_a_primary_key(rows: Rows) -> None:
    """Which contains the column a table is partitioned by; Postgres sees to that."""
    wrong = """
        SELECT oid::regclass::text FROM pg_class AS c
        WHERE relnamespace = 'core'::regnamespace AND relkind IN ('r', 'p')
          AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'p')
    """
    assert rows(wrong) == []


def test_a_customers_id_is_of_one_type(rows: Rows) -> None:
    types = """
        SELECT DISTINCT format_type(atttypid, atttypmod), attcollation::regcollation::text
        FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'core'::regnamespace AND c.relkind IN ('r', 'p') AND attname = 'customer_id'
    """
    assert rows(types) == [("text", '"default"')]


def test_no_foreign_key_leads_out_of_the_customer(rows: Rows) -> None:
    """Neither into the catalogue nor to another customer's rows."""
    wrong = f"""
        SELECT k.conname FROM pg_constraint AS k
        WHERE k.contype = 'f' AND k.conrelid IN (SELECT c.oid FROM ({CUSTOMERS}) AS c)
          AND (k.confrelid NOT IN (SELECT c.oid FROM ({CUSTOMERS}) AS c)
               OR 'customer_id' IS DISTINCT FROM (SELECT attname::text FROM pg_attribute
                                                  WHERE attrelid = k.confrelid AND attnum = k.confkey[1]))
    """
    assert rows(wrong) == []


def test_nothing_counts_across_customers(rows: Rows) -> None:
    """No sequence, hence no serial or identity: those are unordered across nodes."""
    sequences = """
        SELECT relname FROM pg_class WHERE relnamespace = 'core'::regnamespace AND relkind = 'S'
    """
    assert rows(sequences) == []


def test_a_customers_ids_are_not_drawn_by_lot(rows: Rows) -> None:
    """They come from its own ``seq``, or are given; a random one would scatter the pages of every index."""
    wrong = f"""
        SELECT d.adrelid::regclass::text, pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef AS d
        JOIN ({CUSTOMERS}) AS c ON c.oid = d.adrelid
        WHERE pg_get_expr(d.adbin, d.adrelid) ~ '(uuid|random|nextval)'
        UNION ALL
        SELECT a.attrelid::regclass::text, a.attname::text FROM pg_attribute AS a
        JOIN ({CUSTOMERS}) AS c ON c.oid = a.attrelid WHERE a.attidentity <> ''
    """
    assert rows(wrong) == []


AMOUNTS = """
    SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod)
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'core'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND a.attnum > 0 AND NOT a.attisdropped AND {which}
"""
NUMERIC = AMOUNTS.format(which="a.atttypid = 'numeric'::regtype")


def test_amounts_and_rates_have_one_form_each(rows: Rows) -> None:
    forms = {(table, column): form for table, column, form in rows(NUMERIC)}
    assert forms.pop(("rate", "amount")) == "numeric(38,18)"
    assert len(forms) > 15
    assert set(forms.values()) == {"numeric(38,9)"}


def test_nothing_is_stored_inexactly(rows: Rows) -> None:
    floats = AMOUNTS.format(which="a.atttypid IN ('real'::regtype, 'float8'::regtype, 'money'::regtype)")
    assert rows(floats) == []


@pytest.mark.parametrize("value", ["-0.000000001", "'NaN'"])
def test_no_amount_out_of_range_is_stored(connection: psycopg.Connection, rows: Rows, value: str) -> None:
    """Each column by itself, in a table that has its checks and nothing else; the others hold one."""
    wrong = []
    amounts = [(table, column) for table, column, _ in rows(NUMERIC)]
    for table, column in amounts:
        others = [other for own, other in amounts if own == table and other != column]
        columns = ", ".join([column, *others])
        values = ", ".join([f"{value}::numeric", *("1" for _ in others)])
        with connection.transaction(force_rollback=True):
            make_probe(connection, table)
            try:
                connection.execute(f"INSERT INTO probe ({columns}) VALUES ({values})")  # type: ignore[arg-type]
                wrong.append(f"{table}.{column}")
            except psycopg.errors.CheckViolation:
                pass
    assert wrong == []


def make_probe(connection: psycopg.Connection, table: str) -> None:
    """A table with the columns and checks of that one, none of them needed."""
    connection.execute(f"CREATE TEMPORARY TABLE probe (LIKE core.{table} INCLUDING CONSTRAINTS)")  # type: ignore[arg-type]
    needed = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'probe'::regclass AND attnum > 0 AND attnotnull"
    ).fetchall()
    for (name,) in needed:
        connection.execute(f'ALTER TABLE probe ALTER "{name}" DROP NOT NULL')  # type: ignore[arg-type]


def test_constraints_are_named_by_their_rule(rows: Rows) -> None:
    """After their table; a check, a uniqueness or a reference never as Postgres would have named it."""
    wrong = r"""
        SELECT k.conname FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid
        WHERE c.relnamespace = 'core'::regnamespace AND NOT c.relispartition
          AND k.contype IN ('p', 'u', 'c', 'f', 'x')
          AND (NOT starts_with(k.conname, c.relname || '_') OR k.conname ~ '_(check|key|fkey|excl)\d*$')
    """
    assert rows(wrong) == []


def test_a_key_stands_in_the_partition_of_its_month(rows: Rows) -> None:
    """Every partition of keys holds its month by a CHECK, but that of keys without a month of ours."""
    unchecked = """
        SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'core.idempotency'::regclass AND NOT EXISTS (
          SELECT FROM pg_constraint AS k
          WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conname = 'idempotency_month_is_the_keys')
    """
    assert rows(unchecked) == [("idempotency_undated",)]


def test_everything_has_a_comment(rows: Rows) -> None:
    wrong = """
        SELECT 'schema ' || nspname FROM pg_namespace
        WHERE nspname IN ('core', 'api', 'report') AND obj_description(oid, 'pg_namespace') IS NULL
        UNION ALL
        SELECT 'relation ' || oid::regclass FROM pg_class
        WHERE relnamespace IN ('core'::regnamespace, 'api'::regnamespace, 'report'::regnamespace)
          AND relkind IN ('r', 'p', 'v', 'm') AND NOT relispartition
          AND obj_description(oid, 'pg_class') IS NULL
        UNION ALL
        SELECT 'type ' || t.oid::regtype FROM pg_type AS t LEFT JOIN pg_class AS c ON c.oid = t.typrelid
        WHERE typnamespace = 'core'::regnamespace AND (typtype IN ('e', 'd') OR c.relkind = 'c')
          AND obj_description(t.oid, 'pg_type') IS NULL
        UNION ALL
        SELECT 'function ' || oid::regprocedure FROM pg_proc
        WHERE pronamespace IN ('core'::regnamespace, 'api'::regnamespace, 'report'::regnamespace)
          AND obj_description(oid, 'pg_proc') IS NULL
    """
    assert rows(wrong) == []
