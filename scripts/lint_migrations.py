"""Run squawk over sql/migrations, as the files read for the default role prefix.

Exits with squawk's status. Rules that do not hold here stand in .squawk.toml, with their reasons.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from controlplane.db.sources import PREFIX_TOKEN, Migration, load_sources

ROOT = Path(__file__).parents[1]
SQUAWK = Path(sys.executable).with_name("squawk")


def lint(migrations: Sequence[Migration], *options: str) -> int:
    """Check some migrations; returns squawk's exit status, after it has told what is wrong."""
    if not migrations:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for migration in migrations:
            copy = Path(folder) / migration.path
            copy.parent.mkdir(exist_ok=True)
            copy.write_text(migration.text.replace(PREFIX_TOKEN, "controlplane"))
            names.append(migration.path)
        command = [SQUAWK, "--config", ROOT / ".squawk.toml", *options, *names]
        return subprocess.run(command, cwd=folder, check=False).returncode


def main() -> int:
    """Check all of them; most run in one transaction, which changes what is safe in them."""
    migrations = load_sources(ROOT / "sql").migrations
    together = [migration for migration in migrations if migration.in_transaction]
    alone = [migration for migration in migrations if not migration.in_transaction]
    return lint(together, "--assume-in-transaction") or lint(alone)


if __name__ == "__main__":
    sys.exit(main())
