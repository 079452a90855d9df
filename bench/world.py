"""The server of one run, its databases, and ``pgbench`` and ``psql`` on them.

Databases, each made when a row first asks for it:

``ours``     migrated, with the world of seed.sql, where every customer has consumed once (warm.sql)
``floor``    the yardstick's tables
``pgbench``  those of pgbench, scale 10
"""

import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click
from psycopg import sql

from controlplane.db.embedded import EmbeddedServer
from controlplane.db.migrate import migrate
from controlplane.db.sessions import Session, open_session
from controlplane.types import Environment, Role

HERE = Path(__file__).parent

#: What seed.sql and warm.sql made, copied for what needs a fresh start. Nobody stays connected to it.
TEMPLATE = "seeded"

#: Of the roles.
_PREFIX = "controlplane"


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of pgbench said: transactions in all, and in a second."""

    transactions: int
    rate: float


class World:
    """One embedded server in a folder, durable and tuned as ``controlplane up`` has it."""

    def __init__(self, folder: Path, yardsticks: Path, tell: Callable[[str], None]) -> None:
        """Describe it: it runs inside a ``with`` block.

        Args:
            folder: of its data.
            yardsticks: where their files are.
            tell: shows what is being done just now.
        """
        self.yardsticks = yardsticks
        self.tell = tell
        self._folder = folder
        self._server = EmbeddedServer(folder / "data", major=18)
        self._made: set[str] = set()
        self._make: Mapping[str, Callable[[str], None]] = {
            TEMPLATE: self._seed,
            "floor": self._load_floor,
            "pgbench": self._load_pgbench,
        }

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    def restart(self, settings: Mapping[str, str]) -> None:
        """The same data under other settings."""
        self._server.stop()
        self._server = EmbeddedServer(self._folder / "data", major=18, settings=settings)
        self._server.start()

    def ensure(self, database: str) -> None:
        """Make a database unless it is there; one that has no load of its own is a copy of the seeded one."""
        if database in self._made:
            return
        if database in self._make:
            self._create(database, "template1")
            self._make[database](database)
        else:
            self.copy(TEMPLATE, database)
        self._made.add(database)

    def copy(self, source: str, database: str) -> None:
        """Copy a database of ours; nobody may be connected to the source."""
        if source == TEMPLATE:
            self.ensure(TEMPLATE)
        self._create(database, source)
        with self.session(database) as session:
            # A copy is another database, where nothing is decided until somebody says that it may be.
            session.execute("UPDATE core.installation SET identity = core.identity()")

    @contextmanager
    def fresh(self, database: str, source: str = TEMPLATE) -> Iterator[str]:
        """A copy that goes again after the block."""
        self.copy(source, database)
        try:
            yield database
        finally:
            self._admin("DROP DATABASE {} WITH (FORCE)", database)

    def session(self, database: str) -> Session:
        """A session of a superuser, in autocommit."""
        return open_session(self.url(database), name="bench")

    def url(self, database: str) -> str:
        """Of a database, for a superuser."""
        return self._server.url(database)

    def app_url(self, database: str) -> str:
        """Of a database of ours, for the role that the API has."""
        return self._server.url(database, user=f"{_PREFIX}_{Role.APP.value}")

    def value(self, database: str, query: str) -> Any:
        """First column of the first row."""
        with self.session(database) as session:
            row = session.execute(query.encode()).fetchone()
        return None if row is None else row[0]

    def script(self, database: str, file: Path) -> None:
        """Run a file with psql; its first error ends it."""
        self._run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(file), self.url(database))

    def pgbench(self, database: str, *arguments: str) -> Run:
        """Drive a database; every transaction must pass."""
        said = self._run("pgbench", "-n", *arguments, self.url(database))
        found = dict(line.split(" = " if " = " in line else ": ", 1) for line in said.splitlines()[1:])
        done = int(found["number of transactions actually processed"].split("/")[0])
        failed = int(found["number of failed transactions"].split()[0])
        if failed or not done:
            raise click.ClickException(f"pgbench {' '.join(arguments)}: {done} done, {failed} failed")
        return Run(done, float(found["tps"].split()[0]))

    def batch_seconds(self, database: str, batches: int, script: Path, *, skip: int) -> float:
        """Mean time of one transaction over one connection, without the first ones, which fill caches."""
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            log = ("-l", f"--log-prefix={folder}/log")
            self.pgbench(database, "-M", "prepared", "-c", "1", "-t", str(batches), *log, "-f", str(script))
            (file,) = Path(folder).iterdir()
            times = [int(line.split()[2]) for line in file.read_text().splitlines()]
        return statistics.fmean(times[skip:]) / 1e6

    def _create(self, database: str, source: str) -> None:
        self._admin("CREATE DATABASE {} TEMPLATE {}", database, source)

    def _admin(self, statement: str, *names: str) -> None:
        with self.session("postgres") as session:
            session.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _seed(self, database: str) -> None:
        migrate(self.url(database), prefix=_PREFIX, environment=Environment.TEST)
        for name in ("seed.sql", "warm.sql"):
            self.script(database, HERE / name)

    def _load_floor(self, database: str) -> None:
        self.script(database, self.yardsticks / "floor.sql")

    def _load_pgbench(self, database: str) -> None:
        self._run("pgbench", "-q", "-i", "-s", "10", self.url(database))

    def _run(self, program: str, *arguments: str) -> str:
        command = [str(self._server.binaries.program(program)), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"{program} {' '.join(arguments)}\n{done.stderr.strip()}")
        return done.stdout
