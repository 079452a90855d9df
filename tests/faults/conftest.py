"""The session's database with a world to spend in."""

import pytest

from tests.faults.standing import Place


@pytest.fixture
def place(database_url: str) -> Place:
    """A customer with 1000 credits, a credit a unit."""
    made = Place(database_url)
    made.make_world()
    return made
