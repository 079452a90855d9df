"""The server the tests run on, shared between the workers of one run."""

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from controlplane.db.embedded import EmbeddedServer
from controlplane.db.migrate import migrate
from controlplane.db.postmaster import read_postmaster
from controlplane.db.urls import changed_url
from controlplane.errors import EmbeddedServerError
from controlplane.types import Environment, PostgresMajor, Role

#: Prefix of the roles in all tests but those that are about prefixes.
ROLE_PREFIX = "controlplane"

#: Image for machines that have Docker and cannot run the embedded server.
IMAGE = "ghcr.io/pgmq/pg18-pgmq:v1.10.0"

#: The tests measure rules and not disks; what needs durability starts a server of its own.
FAST_AND_LOOSE = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "log_min_messages": "fatal",
}

#: Keeps what this process started from being collected as garbage, with warnings, while it is in use.
_STARTED: list[EmbeddedServer] = []


@dataclass(frozen=True)
class Server:
    """A running Postgres, as a superuser sees it.

    Attributes:
        admin_url: of its ``postgres`` database, as a superuser.
        template: name of the migrated database that ``database_url`` copies.
        major: its major version.
        passwords: of our roles, where logging in takes one (not on the embedded server).
    """

    admin_url: str
    template: str
    major: int
    passwords: dict[str, str] = field(default_factory=dict)

    def url(self, database: str, *, user: str | None = None, password: str | None = None) -> str:
        """URL of a database, given by its name or by another URL of it, for a superuser or ``user``."""
        name = psycopg.conninfo.conninfo_to_dict(database)["dbname"] if "/" in database else database
        without = ("password",) if user else ()
        secret = password or (self.passwords.get(user) if user else None)
        return changed_url(
            changed_url(self.admin_url, without=without), dbname=str(name), user=user, password=secret
        )

    @contextmanager
    def new_database(self, template: str = "template1") -> Iterator[str]:
        """Make a database with a name of its own, and drop it with whoever still is in it."""
        name = sql.Identifier(f"t_{secrets.token_hex(6)}")
        with psycopg.connect(self.admin_url, autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(template)))
        try:
            yield name.as_string().strip('"')
        finally:
            with psycopg.connect(self.admin_url, autocommit=True) as admin:
                admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


class SharedServer:
    """One server per run: whoever needs it first starts it, the run's first process stops it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._description = folder / "server.json"

    @staticmethod
    def make_folder() -> Path:
        """A short temporary folder that the server's account can reach too."""
        folder = Path(tempfile.mkdtemp(prefix="cp-"))
        folder.chmod(0o755)
        return folder

    def get(self) -> Server:
        """The server; started, and its template made, if this is the first to ask."""
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self._description.exists():
                self._description.write_text(json.dumps(asdict(self._start())))
            return Server(**json.loads(self._description.read_text()))

    def stop(self) -> None:
        """Stop what ``get`` started; the databases of a foreign server are dropped instead."""
        if left := read_postmaster(self._data / "postgres"):
            left.stop()
        elif self._description.exists():
            server = Server(**json.loads(self._description.read_text()))
            with suppress(psycopg.Error), psycopg.connect(server.admin_url, autocommit=True) as admin:
                name = sql.Identifier(server.template)
                admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        if (container := self._folder / "container").exists():
            _remove_container(container.read_text())

    def _start(self) -> Server:
        if url := os.environ.get("CONTROLPLANE_TEST_DATABASE_URL"):
            return _prepared(url, with_passwords=True)
        try:
            embedded = EmbeddedServer(
                self._data,
                major=wanted_major(),
                settings=FAST_AND_LOOSE,
                dies_with_parent=False,  # a worker may end before the others
            )
            embedded.start()
            _STARTED.append(embedded)
        except EmbeddedServerError as error:
            return _prepared(self._start_container(error), with_passwords=True)
        return _prepared(embedded.url(), with_passwords=False)

    def _start_container(self, reason: EmbeddedServerError) -> str:
        from testcontainers.postgres import PostgresContainer

        try:
            container = PostgresContainer(IMAGE, driver=None).start()
        except Exception as error:
            raise reason from error
        (self._folder / "container").write_text(container.get_wrapped_container().id)
        return str(container.get_connection_url())


def wanted_major() -> PostgresMajor:
    """The embedded major version this run is about."""
    return 16 if os.environ.get("CONTROLPLANE_TEST_POSTGRES") == "16" else 18


def _prepared(admin_url: str, *, with_passwords: bool) -> Server:
    template = f"template_{secrets.token_hex(4)}"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(template)))
        major = admin.info.server_version // 10000
        server = Server(admin_url, template, major)
        migrate(server.url(template), prefix=ROLE_PREFIX, environment=Environment.TEST)
        if with_passwords:
            server.passwords.update(_give_passwords(admin))
    return server


def _give_passwords(admin: psycopg.Connection) -> dict[str, str]:
    passwords = {f"{ROLE_PREFIX}_{role.value}": secrets.token_hex(8) for role in Role}
    for role, password in passwords.items():
        admin.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
        )
    return passwords


def _remove_container(identifier: str) -> None:
    import docker

    docker.from_env().containers.get(identifier).remove(force=True)
