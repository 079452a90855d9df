"""The SQL files: where they are, in which order they apply, and how they read for one role prefix.

The order is: ``migrations/`` by number, ``functions/core``, ``functions/api``, ``functions/report``,
``views``, ``grants.sql``, ``comments.sql``, and ``upkeep.sql`` in every run; within a folder by path.
``{{prefix}}`` stands for the role prefix, and a line ``-- part: FILE`` for a file beside, which may have
parts too: PL/pgSQL that is too long for one page, or stands in several functions.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from controlplane.db.statements import Statement, split_statements
from controlplane.errors import MigrationError

#: Stands for ``Settings.role_prefix``: ``{{prefix}}_app`` is the role ``controlplane_app``.
PREFIX_TOKEN = "{{prefix}}"  # noqa: S105

#: A first line that takes a migration out of the common transaction, for CREATE INDEX CONCURRENTLY.
NO_TRANSACTION = "-- migrate: no transaction"

_PART = re.compile(r"^ *-- part: (\S+)$", re.MULTILINE)
_MIGRATION_NAME = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")
_REPEATED_FOLDERS = ("functions/core", "functions/api", "functions/report", "views")
_CLOSING_FILES = ("grants.sql", "comments.sql")


@dataclass(frozen=True)
class SqlFile:
    """One file, by its path below ``sql/`` and its text as written, parts put in."""

    path: str
    text: str

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the text, blind to how lines end and to white space at the end."""
        normal = "\n".join(line.rstrip() for line in self.text.splitlines()).rstrip()
        return hashlib.sha256(normal.encode()).hexdigest()

    def statements(self, prefix: str) -> list[Statement]:
        """The statements, with the role prefix put in.

        Raises:
            MigrationError: the file cannot be split, or holds a token we do not know.
        """
        text = self.text.replace(PREFIX_TOKEN, prefix)
        if "{{" in text:
            line = text.count("\n", 0, text.index("{{")) + 1
            raise MigrationError(f"sql/{self.path}, line {line}: the only token is {PREFIX_TOKEN}")
        try:
            return split_statements(text)
        except MigrationError as error:
            raise MigrationError(f"sql/{self.path}, {error.message}") from error


@dataclass(frozen=True)
class Migration(SqlFile):
    """A numbered file that runs once and is never changed afterwards."""

    version: int
    name: str

    @property
    def in_transaction(self) -> bool:
        """Whether it runs in the one transaction of all."""
        return not self.text.startswith(NO_TRANSACTION)


@dataclass(frozen=True)
class Sources:
    """Everything below ``sql/`` that the runner applies, in order."""

    migrations: tuple[Migration, ...]
    repeated: tuple[SqlFile, ...]
    closing: tuple[SqlFile, ...]
    roles: SqlFile
    upkeep: SqlFile | None = None


def sql_folder() -> Path:
    """The folder ``sql/``: inside the installed package, or at the top of the checkout."""
    package = Path(__file__).parents[1]
    for candidate in (package / "sql", package.parents[1] / "sql"):
        if (candidate / "migrations").is_dir():
            return candidate
    raise MigrationError("the folder sql/ is missing; this installation is broken")


def load_sources(folder: Path | None = None) -> Sources:
    """Read the files.

    Args:
        folder: another ``sql/`` than the one we ship; tests use it.

    Raises:
        MigrationError: a migration's name is not ``NNNN_what_it_does.sql``, a number occurs twice or is left
            out, or a part is missing.
    """
    folder = folder or sql_folder()
    migrations = tuple(_migrations(folder))
    for expected, migration in enumerate(migrations, start=1):
        if migration.version != expected:
            raise MigrationError(f"sql/{migration.path}: the next number is {expected:04d}")
    repeated = [path for name in _REPEATED_FOLDERS for path in sorted((folder / name).rglob("*.sql"))]
    closing = [folder / name for name in _CLOSING_FILES if (folder / name).exists()]
    return Sources(
        migrations=migrations,
        repeated=tuple(_read(folder, path) for path in repeated),
        closing=tuple(_read(folder, path) for path in closing),
        roles=_read(folder, folder / "roles.sql"),
        upkeep=_read(folder, folder / "upkeep.sql") if (folder / "upkeep.sql").exists() else None,
    )


def _migrations(folder: Path) -> Iterator[Migration]:
    for path in sorted((folder / "migrations").glob("*.sql")):
        match = _MIGRATION_NAME.match(path.name)
        if match is None:
            raise MigrationError(f"sql/migrations/{path.name}: name it NNNN_what_it_does.sql")
        file = _read(folder, path)
        yield Migration(file.path, file.text, version=int(match[1]), name=match[2])


def _read(folder: Path, path: Path) -> SqlFile:
    name = path.relative_to(folder).as_posix()

    def put_in(text: str, within: tuple[str, ...]) -> str:
        def part(line: re.Match[str]) -> str:
            if line[1] in within:
                raise MigrationError(f"sql/{name}: its part {line[1]} is a part of itself")
            try:
                found = (path.parent / line[1]).read_text(encoding="utf-8").rstrip("\n")
            except OSError as error:
                raise MigrationError(f"sql/{name}: its part {line[1]} cannot be read") from error
            return put_in(found, (*within, line[1]))

        return _PART.sub(part, text)

    return SqlFile(name, put_in(path.read_text(encoding="utf-8"), ()))
