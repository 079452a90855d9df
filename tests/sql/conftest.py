"""Reading the catalogue."""

from collections.abc import Callable
from typing import Any, TypeAlias

import psycopg
import pytest

Rows: TypeAlias = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def rows(connection: psycopg.Connection) -> Rows:
    """Runs a statement, as a superuser, and gives all its rows."""
    return lambda statement, *arguments: connection.execute(statement, arguments or None).fetchall()
