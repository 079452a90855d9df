"""What the tests of ``controlplane import`` share: files, runs of the command, a database's state."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.commands import controlplane


@dataclass(frozen=True)
class Done:
    """How a run ended, and what it said."""

    status: int
    outcome: Mapping[str, Any]
    refused: Sequence[Mapping[str, Any]]
    stderr: str

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Created, changed, unchanged, refused."""
        names = ("created", "changed", "unchanged", "refused")
        created, changed, unchanged, refused = (self.outcome[name] for name in names)
        return created, changed, unchanged, refused

    @property
    def codes(self) -> list[tuple[int, str, str]]:
        """Line, field and code of everything that was refused, by line."""
        return [
            (each["line"], each["field"], each["code"])
            for each in sorted(self.refused, key=lambda each: each["line"])
        ]


def written(folder: Path, name: str, lines: Iterable[str]) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def imported(kind: str, file: Path, url: str, *options: str) -> Done:
    """Run ``controlplane import`` and read its JSON."""
    errors = file.with_name("refused.jsonl")
    done = controlplane(
        "import",
        kind,
        str(file),
        "--json",
        "--errors",
        str(errors),
        *options,
        env={"CONTROLPLANE_DATABASE_URL": url},
    )
    assert done.stdout, done.stderr
    refused = [json.loads(line) for line in errors.read_text().splitlines()]
    return Done(done.returncode, json.loads(done.stdout), refused, done.stderr)


def state(connection: psycopg.Connection) -> dict[str, tuple[int, str]]:
    """Rows and a digest of every table of ours: equal if not one byte has changed."""
    tables = connection.execute(
        "SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname IN ('core', 'pgmq') AND c.relkind = 'r' ORDER BY 1, 2"
    ).fetchall()
    query = "SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} AS t"
    found = {}
    for schema, table in tables:
        row = connection.execute(sql.SQL(query).format(sql.Identifier(schema, table))).fetchone()
        assert row is not None
        found[f"{schema}.{table}"] = (row[0], row[1])
    assert "core.gate" in found
    return found


def is_verified(url: str) -> bool:
    done = controlplane("verify", env={"CONTROLPLANE_DATABASE_URL": url})
    assert done.returncode == 0, done.stdout
    return True
