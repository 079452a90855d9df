"""Write sql/schema.snapshot.sql from the migrations, by way of a throw-away embedded server.

With --check write nothing, and exit with 1 if the file would change.
"""

import sys
import tempfile
from pathlib import Path

from controlplane.db.embedded import EmbeddedServer
from controlplane.db.migrate import migrate
from controlplane.db.snapshot import dump_schema
from controlplane.types import Environment

SNAPSHOT = Path(__file__).parents[1] / "sql" / "schema.snapshot.sql"


def main() -> int:
    """Dump, and write or compare."""
    with tempfile.TemporaryDirectory(prefix="cp-") as folder:
        Path(folder).chmod(0o755)  # the server may run as another account
        with EmbeddedServer(Path(folder) / "data", settings={"fsync": "off"}) as server:
            migrate(server.url(), prefix="controlplane", environment=Environment.TEST)
            text = dump_schema(server.url())
    if "--check" in sys.argv[1:]:
        return int(not SNAPSHOT.exists() or SNAPSHOT.read_text() != text)
    SNAPSHOT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
