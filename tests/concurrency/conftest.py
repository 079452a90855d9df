"""One database for all races of a module, and sixteen connections to it as the application."""

from collections.abc import Iterator

import psycopg
import pytest

from controlplane.types import Role
from tests.concurrency.racing import connected
from tests.servers import ROLE_PREFIX, Server


@pytest.fixture(scope="module")
def place(server: Server, template: str) -> Iterator[str]:
    """A migrated database of this module, as a superuser."""
    with server.new_copy(template) as name:
        yield server.url(name)


@pytest.fixture(scope="module")
def admin(place: str) -> Iterator[psycopg.Connection]:
    """A superuser's connection, in autocommit."""
    with psycopg.connect(place, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def connections(server: Server, place: str) -> Iterator[list[psycopg.Connection]]:
    """Sixteen of the application's, in autocommit."""
    with connected(server.url(place, user=f"{ROLE_PREFIX}_{Role.APP.value}")) as opened:
        yield opened
