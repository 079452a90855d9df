"""The API as callers meet it: real sockets, on a database of the module.

``api``       a running server with helpers to ask it; its customers are made by ``api.customer()``.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.serving import Api, running
from tests.servers import Server, SharedServer


@pytest.fixture(scope="module")
def api(server: Server, template: str) -> Iterator[Api]:
    """One server for the tests of a module; each test makes customers of its own."""
    known = SharedServer(Path(os.environ["CONTROLPLANE_TEST_RUN_FOLDER"])).get()  # with the roles' passwords
    with known.new_copy(template) as name, running(known, known.url(name)) as made:
        yield made
