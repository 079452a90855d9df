"""The pgmq extension of a server is used as it is found.

The embedded server has no such extension, so one is put together from the packaged SQL: PostgreSQL 18 takes
extensions from any folder (``extension_control_path``).
"""

from importlib import resources
from pathlib import Path

import psycopg
import pytest

from controlplane.db.embedded import EmbeddedServer
from controlplane.db.schema_state import read_recorded
from tests.servers import FAST_AND_LOOSE, wanted_major


@pytest.mark.skipif(wanted_major() < 18, reason="extensions of other folders come with PostgreSQL 18")
def test_the_extension_is_used_and_keeps_its_members(house, folder: Path) -> None:
    extension = folder / "share" / "extension"
    extension.mkdir(parents=True)
    (extension / "pgmq.control").write_text(
        "default_version = '9.9.9'\nschema = pgmq\nrelocatable = false\nsuperuser = false\n"
    )
    text = resources.files("pgmq.sql").joinpath("pgmq.sql").read_text()
    (extension / "pgmq--9.9.9.sql").write_text(text)
    settings = FAST_AND_LOOSE | {"extension_control_path": f"$system:{folder / 'share'}"}
    with EmbeddedServer(folder / "data", settings=settings) as server:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute("CREATE EXTENSION pgmq")
        house.write("functions/core/enqueue.sql", _enqueue())
        house.migrate(server.url())
        with psycopg.connect(server.url(), autocommit=True) as admin:
            state = read_recorded(admin, "controlplane").state
            admin.execute("SELECT core.enqueue('acme', 'alert', '{}')")
            (waiting,) = admin.execute("SELECT count(*) FROM pgmq.q_alert").fetchone() or (0,)
    assert state is not None
    assert (state.queue_source, state.queue_version) == ("found", "9.9.9")
    assert waiting == 1


def _enqueue() -> str:
    from controlplane.db.sources import sql_folder

    return (sql_folder() / "functions" / "core" / "enqueue.sql").read_text()
