"""The database that the settings name: somebody's server, or the embedded one, started if need be."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from psycopg import sql

from controlplane.db.binaries import Binaries, find_binaries
from controlplane.db.cluster import SUPERUSER
from controlplane.db.embedded import EmbeddedServer
from controlplane.db.guests import open_guest_book
from controlplane.db.postmaster import Postmaster, read_postmaster
from controlplane.db.sessions import open_session, scalar
from controlplane.db.urls import socket_url
from controlplane.errors import DataDirInUse, EmbeddedServerError
from controlplane.settings import Settings
from controlplane.types import Role

#: Name of our database in an embedded cluster.
DATABASE = "controlplane"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is.

    Attributes:
        url: for whatever needs a session of its own: migrations, doctor, psql.
        serving_url: for the API's requests; of the role ``app`` on an embedded server.
        server: the embedded server, if this process started it.
    """

    url: str
    serving_url: str
    server: EmbeddedServer | None = None


@contextmanager
def open_place(settings: Settings, *, share: bool = False) -> Iterator[Place]:
    """Find the database, starting the embedded server for as long as the block runs if nobody has.

    Args:
        settings: name a URL or a folder.
        share: use an embedded server that another process runs; without it that is refused.

    Raises:
        EmbeddedServerError: the embedded server does not start; DataDirInUse if another process has it.
    """
    if settings.database_url is not None:
        yield Place(settings.migration_url or settings.database_url, settings.database_url)
        return
    if share:
        with _shared_place(settings) as place:
            if place is not None:
                yield place
                return
    server = EmbeddedServer(settings.data_dir, major=settings.postgres_major, port=settings.postgres_port)
    try:
        server.start()
    except DataDirInUse:
        # Whoever has it may still have been starting when we looked.
        with _shared_place(settings) as place:
            if not share or place is None:
                raise
            yield place
            return
    with open_guest_book(server.data_dir) as book, server:
        ensure_database(server.url())
        try:
            yield Place(server.url(DATABASE), server.url(DATABASE, user=settings.role_name(Role.APP)), server)
        finally:
            if share:
                book.wait()


@contextmanager
def _shared_place(settings: Settings) -> Iterator[Place | None]:
    """The embedded server of another process; one that runs it for a moment does not stop it under us."""
    with ExitStack() as stack:
        with suppress(FileNotFoundError, PermissionError):
            stack.enter_context(open_guest_book(settings.data_dir.expanduser().absolute())).sign()
        yield running_place(settings)


@contextmanager
def open_existing_place(settings: Settings) -> Iterator[Place]:
    """The same, for whatever only looks: a mistyped folder gets no empty database.

    Raises:
        EmbeddedServerError: there is none, or it does not start.
    """
    if not is_there(settings):
        raise EmbeddedServerError(
            f"no database in {settings.data_dir} yet",
            hint="run `controlplane up`; or name another folder: CONTROLPLANE_DATA_DIR or --data",
        )
    with open_place(settings, share=True) as place:
        yield place


def is_there(settings: Settings) -> bool:
    """Whether the folder holds a database that we may look at; of a URL, nobody knows before connecting."""
    return (
        not settings.embedded
        or running_place(settings) is not None
        or os.access(settings.data_dir / "postgres" / "PG_VERSION", os.F_OK)
    )


def running_place(settings: Settings) -> Place | None:
    """The embedded server that another process runs on the folder of the settings; None if there is none."""
    found = running_postmaster(settings)
    if found is None:
        return None

    def url(user: str) -> str:
        return socket_url(found.socket_dir, found.port, database=DATABASE, user=user)

    return Place(url(SUPERUSER), url(settings.role_name(Role.APP)))


def running_postmaster(settings: Settings) -> Postmaster | None:
    """The live postmaster on the folder of the settings.

    Raises:
        EmbeddedServerError: the folder is closed to this user.
    """
    cluster = settings.data_dir.expanduser().absolute() / "postgres"
    try:
        found = read_postmaster(cluster)
    except PermissionError as error:
        raise EmbeddedServerError(
            f"{cluster} is closed to this user",
            hint="run as whoever runs `controlplane up`, or name another folder: CONTROLPLANE_DATA_DIR",
        ) from error
    return found if found is not None and found.is_ready and found.is_alive else None


def client_programs(settings: Settings) -> Binaries:
    """The programs of the wheel, for psql and pg_dump against any server.

    Raises:
        EmbeddedServerError: there is no wheel for this platform.
    """
    return find_binaries(settings.postgres_major)


def ensure_database(url: str) -> None:
    """Make our database in an embedded cluster unless it is there."""
    with open_session(url) as session:
        if scalar(session, "SELECT 1 FROM pg_database WHERE datname = %(name)s", {"name": DATABASE}) is None:
            session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
