"""Fixtures for all levels: one server per session, one migrated template, a fresh copy of it per test.

``server``       the session's Postgres: an embedded one with fsync off, or what
                 ``CONTROLPLANE_TEST_DATABASE_URL`` names, or a container where neither can be had.
``database_url`` a fresh migrated database of this test, as a superuser; dropped afterwards.
``connection``   a synchronous psycopg connection to it, in autocommit.
``login_url``    makes the URL of the same database for one of our roles: ``login_url(Role.APP)``.
``empty_url``    a fresh database without our schema, as a superuser; dropped afterwards.

``CONTROLPLANE_TEST_POSTGRES=16`` runs everything on the embedded 16 instead of 18.
``CONTROLPLANE_TEST_MEMORY`` names the folder for the session's server if that is not ``/dev/shm``.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from controlplane.types import Role
from tests.servers import ROLE_PREFIX, Server, SharedServer

#: Where the workers of one run find their common server; set by the process that starts the run.
_RUN_FOLDER = "CONTROLPLANE_TEST_RUN_FOLDER"


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of the run; the workers of xdist inherit its name.

    Settings of whoever runs the tests must not reach what is tested.
    """
    for name in list(os.environ):
        if name.startswith("CONTROLPLANE_") and not name.startswith("CONTROLPLANE_TEST_"):
            del os.environ[name]
    if not hasattr(config, "workerinput"):
        os.environ[_RUN_FOLDER] = str(SharedServer.make_folder_in_memory())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server, once all workers are done with it."""
    if not hasattr(config, "workerinput") and (folder := os.environ.pop(_RUN_FOLDER, None)):
        SharedServer(Path(folder)).stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server() -> Server:
    """The session's server."""
    return SharedServer(Path(os.environ[_RUN_FOLDER])).get()


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """Name of the migrated database that ``database_url`` copies."""
    return SharedServer(Path(os.environ[_RUN_FOLDER])).template()


@pytest.fixture
def database_url(server: Server, template: str) -> Iterator[str]:
    """A fresh migrated database of this test alone, as a superuser."""
    with server.new_copy(template) as name:
        yield server.url(name)


@pytest.fixture
def empty_url(server: Server) -> Iterator[str]:
    """A fresh database of this test alone, without our schema."""
    with server.new_database() as name:
        yield server.url(name)


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A superuser's connection to ``database_url``, in autocommit."""
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def login_url(database_url: str) -> Callable[[Role], str]:
    """Makes the URL of the test's database for one of our roles, which then really logs in."""

    server = SharedServer(Path(os.environ[_RUN_FOLDER])).get()  # with the passwords of the template's roles

    def make(role: Role) -> str:
        return server.url(database_url, user=f"{ROLE_PREFIX}_{role.value}")

    return make


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder that other accounts can reach; a server's data and socket fit below it.

    pytest's ``tmp_path`` is closed to other accounts, and too long for a socket. In memory if there is
    room: a killed server leaves there what it would leave on a disk; only a machine that stops loses more.
    """
    made = SharedServer.make_folder_in_memory()
    yield made
    shutil.rmtree(made, ignore_errors=True)
