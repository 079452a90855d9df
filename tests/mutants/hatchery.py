"""Puts mutants into fresh databases and asks the suite about each."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg

from controlplane.db.sources import SqlFile, load_sources
from tests.mutants.suite import first_failure
from tests.servers import ROLE_PREFIX, Server, SharedServer


class Stillborn(Exception):
    """Postgres refuses to make this function."""


@dataclass(frozen=True, slots=True)
class Hatchery:
    """A server with a migrated template, whose copies are given mutated functions.

    Attributes:
        nursery: a copy where it is only tried whether Postgres takes a function.
    """

    server: Server
    template: str
    nursery: str

    def born(self, file: SqlFile) -> bool:
        """Whether Postgres takes the file at all; nothing of it is kept."""
        with psycopg.connect(self.server.url(self.nursery)) as connection:
            with suppress(Stillborn):
                _install(connection, file)
                connection.rollback()
                return True
            return False

    def killer(
        self, file: SqlFile | None, histories: int, statement: str | None = None, only: str | None = None
    ) -> str | None:
        """What tells a database with this file from a right one; None if the suite sees nothing.

        Args:
            file: a mutated function; None for none.
            histories: how many the suite looks at.
            statement: some other harm to do to the database.
            only: the one check of the suite to make, by its name.
        """
        with self.server.new_copy(self.template) as name:
            with psycopg.connect(self.server.url(name), autocommit=True) as connection:
                if file is not None:
                    _install(connection, file)
                if statement is not None:
                    connection.execute(statement.encode())
            return first_failure(self.server.url(name), histories, only)


def _install(connection: psycopg.Connection, file: SqlFile) -> None:
    try:
        for statement in file.statements(ROLE_PREFIX):
            connection.execute(statement.text.encode())
    except psycopg.Error as error:
        raise Stillborn(str(error)) from error


@contextmanager
def opened() -> Iterator[Hatchery]:
    """On a server of its own, which is gone afterwards."""
    folder = SharedServer.make_folder_in_memory()
    shared = SharedServer(folder)
    try:
        with hatchery_on(shared.get(), shared.template()) as hatchery:
            yield hatchery
    finally:
        shared.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def hatchery_on(server: Server, template: str) -> Iterator[Hatchery]:
    """On a server that somebody else looks after."""
    with server.new_copy(template) as nursery:
        yield Hatchery(server, template, nursery)


def functions() -> dict[str, SqlFile]:
    """The files of ``sql/functions``, by the function they make: ``core.judge``."""
    files = [file for file in load_sources().repeated if file.path.startswith("functions/")]
    return {".".join(file.path.removesuffix(".sql").split("/")[1:]): file for file in files}
