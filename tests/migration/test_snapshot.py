"""sql/schema.snapshot.sql is what the migrations make."""

import difflib

import pytest

from controlplane.db.snapshot import dump_schema, normalised
from controlplane.db.sources import sql_folder
from tests.servers import Server


def test_the_snapshot_is_what_migrations_make(server: Server, template: str) -> None:
    if server.major != 18:
        pytest.skip("the snapshot is that of PostgreSQL 18")
    written = (sql_folder() / "schema.snapshot.sql").read_text().splitlines()
    found = dump_schema(server.url(template)).splitlines()
    lines = list(difflib.unified_diff(written, found, "committed", "made", lineterm="", n=1))
    difference = "\n".join(lines[:40])
    assert not difference, f"run `make snapshot` and commit it:\n{difference}"


def test_what_differs_from_run_to_run_is_left_out() -> None:
    dump = """
--
-- PostgreSQL database dump
--
\\restrict aRandomWord
-- Dumped by pg_dump version 18.4
SET default_table_access_method = heap;
CREATE TABLE core.thing (
    n integer
);
CREATE TABLE core.thing_2026_11 (
    n integer
);
CREATE TABLE core.thing_y2026m12 (
    n integer
);
ALTER TABLE ONLY core.thing ATTACH PARTITION core.thing_2026_11 FOR VALUES FROM (1) TO (2);
CREATE VIEW report.v AS SELECT 1;
\\unrestrict aRandomWord
"""
    assert normalised(dump).partition("\n\n")[2] == "CREATE TABLE core.thing (\n    n integer\n);\n"
