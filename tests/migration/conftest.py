"""Fixtures for the runner: a small ``sql/`` of the test's own, and roles that the test may drop."""

import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from controlplane.db.migrate import migrate
from controlplane.db.plan import Plan
from controlplane.db.sources import load_sources, sql_folder
from controlplane.types import Environment, Role
from tests.servers import ROLE_PREFIX, Server


class House:
    """A small ``sql/``: the real roles and the real first migration, and what a test adds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "migrations").mkdir(parents=True)
        shutil.copy(sql_folder() / "roles.sql", folder / "roles.sql")
        for first in (sql_folder() / "migrations").glob("0001_*.sql"):
            shutil.copy(first, folder / "migrations" / first.name)

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def remove(self, path: str) -> None:
        (self.folder / path).unlink()

    def migrate(
        self,
        url: str,
        *,
        prefix: str = ROLE_PREFIX,
        environment: Environment = Environment.TEST,
        dry_run: bool = False,
        reapply: bool = False,
        code_version: str = "0.1.0",
    ) -> Plan:
        return migrate(
            url,
            prefix=prefix,
            environment=environment,
            dry_run=dry_run,
            reapply=reapply,
            sources=load_sources(self.folder),
            code_version=code_version,
        )


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "sql")


@pytest.fixture
def ask(empty_url: str) -> Callable[..., object]:
    """First column of the first row of a query on ``empty_url``."""

    def first(query: str, *parameters: object) -> object:
        with psycopg.connect(empty_url, autocommit=True) as connection:
            row = connection.execute(query.encode(), parameters or None).fetchone()
        return None if row is None else row[0]

    return first


@pytest.fixture(autouse=True)  # so that it is made first, and ends after the databases
def drop_roles(server: Server) -> Iterator[Callable[[str], None]]:
    """Tell it the names of logins and prefixes; their roles are dropped when the databases are gone."""
    names: list[str] = []
    yield names.append
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        for name in names:
            for role in [*(f"{name}_{role.value}" for role in Role), name]:
                admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


@pytest.fixture
def prefix(drop_roles: Callable[[str], None]) -> str:
    """A role prefix of this test alone."""
    name = f"p{secrets.token_hex(4)}"
    drop_roles(name)
    return name
