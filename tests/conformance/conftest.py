"""One database for all histories of a module: worlds share nothing but the catalogue."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.servers import Server


@pytest.fixture(scope="module")
def module_connection(server: Server, template: str) -> Iterator[psycopg.Connection]:
    """A superuser's connection, in autocommit, to a migrated database of this module."""
    with (
        server.new_copy(template) as name,
        psycopg.connect(server.url(name), autocommit=True) as connection,
    ):
        yield connection
