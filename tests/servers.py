"""The server the tests run on, shared between the workers of one run."""

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from shutil import disk_usage

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
    "max_prepared_transactions": "10",
    "log_min_messages": "fatal",
}

#: What the run's server may grow to, in bytes.
ROOM = 2 << 30

#: Keeps what this process started from being collected as garbage, with warnings, while it is in use.
_STARTED: list[EmbeddedServer] = []


@dataclass(frozen=True)
class Server:
    """A running Postgres, as a superuser sees it.

    Attributes:
        admin_url: of its ``postgres`` database, as a superuser.
        major: its major version.
        passwords: of our roles, where logging in takes one (not on the embedded server).
    """

    admin_url: str
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
    def new_copy(self, template: str) -> Iterator[str]:
        """Make a copy of a migrated database, and say of it what copying does not say."""
        owner = sql.Identifier(f"{ROLE_PREFIX}_{Role.OWNER.value}")
        with self.new_database(template) as name:
            with psycopg.connect(self.url(name), autocommit=True) as admin:
                grant = sql.SQL("GRANT CREATE, TEMPORARY ON DATABASE {} TO {}")
                admin.execute(grant.format(sql.Identifier(name), owner))
                # A copy is another database, where nothing is decided until somebody says that it may be.
                admin.execute("UPDATE core.installation SET identity = core.identity()")
            yield name

    @contextmanager
    def new_database(self, template: str = "template1") -> Iterator[str]:
        """Make a database with a name of its own, and drop it with whoever still is in it.

        Its files are copied as files: page by page through the log takes ten times as long.
        """
        name = sql.Identifier(f"t_{secrets.token_hex(6)}")
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        with psycopg.connect(self.admin_url, autocommit=True) as admin:
            admin.execute(create.format(name, sql.Identifier(template)))
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
        self._template = folder / "template"

    @staticmethod
    def make_folder(parent: Path | None = None) -> Path:
        """A short temporary folder that the server's account can reach too."""
        folder = Path(tempfile.mkdtemp(prefix="cp-", dir=parent))
        folder.chmod(0o755)
        return folder

    @classmethod
    def make_folder_in_memory(cls) -> Path:
        """The same in memory, where there is room: a database for each test keeps a disk busy."""
        parent = Path(os.environ.get("CONTROLPLANE_TEST_MEMORY", "/dev/shm"))
        has_room = parent.is_dir() and os.access(parent, os.W_OK) and disk_usage(parent).free > ROOM
        return cls.make_folder(parent if has_room else None)

    def get(self) -> Server:
        """The server; started if this is the first to ask."""
        with self._locked():
            if not self._description.exists():
                self._description.write_text(json.dumps(asdict(self._start())))
            return Server(**json.loads(self._description.read_text()))

    def template(self) -> str:
        """Name of the migrated database that tests copy; made if this is the first to ask."""
        server = self.get()
        with self._locked():
            if not self._template.exists():
                name = f"template_{secrets.token_hex(4)}"
                server = _with_template(server, name)
                self._description.write_text(json.dumps(asdict(server)))
                self._template.write_text(name)
            return self._template.read_text()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def stop(self) -> None:
        """Stop what ``get`` started; the databases of a foreign server are dropped instead."""
        if left := read_postmaster(self._data / "postgres"):
            left.stop()
        elif self._description.exists():
            server = Server(**json.loads(self._description.read_text()))
            template = self._template.read_text() if self._template.exists() else "template_none"
            with suppress(psycopg.Error), psycopg.connect(server.admin_url, autocommit=True) as admin:
                name = sql.Identifier(template)
                admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        if (container := self._folder / "container").exists():
            _remove_container(container.read_text())

    def _start(self) -> Server:
        if url := os.environ.get("CONTROLPLANE_TEST_DATABASE_URL"):
            return _described(url)
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
            return _described(self._start_container(error))
        return _described(embedded.url())

    def _start_container(self, reason: EmbeddedServerError) -> str:
        from testcontainers.community.postgres import PostgresContainer

        try:
            container = PostgresContainer(IMAGE, driver=None).start()
        except Exception as error:
            raise reason from error
        (self._folder / "container").write_text(container.get_wrapped_container().id)
        return str(container.get_connection_url())


def wanted_major() -> PostgresMajor:
    """The embedded major version this run is about."""
    return 16 if os.environ.get("CONTROLPLANE_TEST_POSTGRES") == "16" else 18


def _described(admin_url: str) -> Server:
    with psycopg.connect(admin_url) as admin:
        return Server(admin_url, admin.info.server_version // 10000)


def _with_template(server: Server, name: str) -> Server:
    """Make the template; where logging in takes passwords, the roles get some."""
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            migrate(server.url(name), prefix=ROLE_PREFIX, environment=Environment.TEST)
        except BaseException:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            raise
        if "/" in str(psycopg.conninfo.conninfo_to_dict(server.admin_url).get("host", "")):
            return server
        return replace(server, passwords=_give_passwords(admin))


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
