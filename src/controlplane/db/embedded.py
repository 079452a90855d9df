"""The embedded server: a PostgreSQL of our own in a folder the user names.

The folder holds ``postgres/`` (the cluster), ``run/`` (the Unix socket), ``postgres.log`` and ``lock``.

* Only the account that started it, and the one it runs as, get in through the socket (peer
  authentication); over TCP, off by default, a password is needed.
* It dies with us: a stop signal stops it, and when this process is killed the kernel tells it to shut
  down (``PR_SET_PDEATHSIG``, Linux). Elsewhere the next start finds the left-over and stops it.
* ``lock`` is held (flock) by the process that owns the server, so a second ``up`` on the same folder is
  refused, while a left-over without an owner is not mistaken for one.
"""

import ctypes
import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self, get_args

from controlplane.db.account import Account, account_for
from controlplane.db.binaries import Binaries, find_binaries
from controlplane.db.cluster import SUPERUSER, make_cluster, write_access_files
from controlplane.db.postmaster import Postmaster, forget_stale, read_postmaster
from controlplane.db.tuning import server_environment, server_settings
from controlplane.db.urls import socket_url
from controlplane.errors import DataDirInUse, EmbeddedServerError
from controlplane.types import PostgresMajor

#: Seconds to wait until it accepts connections; replaying a long log after a crash takes its time.
START_SECONDS = 120.0

#: Only names the socket file, and the loopback port if one is opened.
DEFAULT_PORT = 5432

#: ``sockaddr_un`` holds 108 bytes on Linux and 104 elsewhere, the file's name and a NUL included.
_LONGEST_SOCKET_PATH = 103

#: The log is put aside once when it has grown beyond this many bytes.
_LONGEST_LOG = 16 * 1024 * 1024

_PR_SET_PDEATHSIG = 1


class EmbeddedServer:
    """One server on one folder. Use it as a context manager, or call ``start`` and ``stop``."""

    def __init__(
        self,
        data_dir: Path,
        *,
        major: PostgresMajor = 18,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        dies_with_parent: bool = True,
    ) -> None:
        """Describe a server; nothing is touched before ``start``.

        Args:
            data_dir: made if it does not exist.
            major: for a new folder; an existing one keeps its major version and is refused under another.
            port: open this loopback port too; None leaves the socket only.
            settings: ``postgresql.conf`` names and values that override ours (tests turn fsync off).
            dies_with_parent: shut down when the starting process dies, however it dies.
        """
        self.data_dir = data_dir.expanduser().absolute()
        self.major: PostgresMajor = major
        self.cluster = self.data_dir / "postgres"
        self.log = self.data_dir / "postgres.log"
        self._port = port
        self._settings = dict(settings or {})
        self._dies_with_parent = dies_with_parent
        self._binaries: Binaries | None = None
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The loopback port, or what stands for it in the socket's name."""
        return self._port or DEFAULT_PORT

    @property
    def socket_dir(self) -> Path:
        """Folder of the socket: in the data folder, or, if that path is too long, in the temporary one."""
        beside = self.data_dir / "run"
        if len(os.fsencode(beside / f".s.PGSQL.{self.port}")) <= _LONGEST_SOCKET_PATH:
            return beside
        name = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"controlplane-{name}"

    @property
    def binaries(self) -> Binaries:
        """The programs, from a place the server's account can reach."""
        return self._binaries or find_binaries(self.major)

    def url(self, database: str = "postgres", user: str = SUPERUSER) -> str:
        """URL of one database over the socket; works for the account that started the server."""
        return socket_url(self.socket_dir, self.port, database=database, user=user)

    def start(self) -> None:
        """Start it, first making the cluster if the folder is new; returns once it takes connections.

        Does nothing if this object has started it already.

        Raises:
            DataDirInUse: a live process owns a server on this folder.
            EmbeddedServerError: anything else, with the end of the log.
        """
        if self._process is not None:
            return
        try:
            self._start()
        except OSError as error:
            place = f" ({error.filename})" if error.filename else ""
            raise EmbeddedServerError(
                f"cannot use {self.data_dir}: {error.strerror or error}{place}",
                hint="name another folder, CONTROLPLANE_DATA_DIR or --data, or run as whoever owns this one",
            ) from error

    def _start(self) -> None:
        account = self._prepare_folder()
        self._take_lock()
        try:
            self._binaries = self._reachable_binaries(account)
            if left_over := read_postmaster(self.cluster):
                left_over.stop()
                forget_stale(self.cluster)
            if not (self.cluster / "PG_VERSION").exists():
                make_cluster(self._binaries, self.cluster, account)
            self._refuse_other_major()
            write_access_files(self.cluster, account)
            self._start_postgres(account)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut it down and wait until it is gone; does nothing if it does not run."""
        process, self._process = self._process, None
        if process is not None:
            Postmaster(process.pid, self.cluster, "ready").stop()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster, while it runs."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare_folder(self) -> Account:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedServerError(
                f"cannot make {self.data_dir}: {error.strerror}",
                hint="name another folder: CONTROLPLANE_DATA_DIR or --data",
            ) from error
        account = account_for(self.cluster)
        self.socket_dir.mkdir(exist_ok=True)
        account.owns(self.socket_dir)
        if not account.can_reach(self.data_dir, os.X_OK):
            raise EmbeddedServerError(
                f"Postgres must run as '{account.name}' here, who cannot reach {self.data_dir}",
                hint="name a folder outside of closed ones, such as /var/lib/controlplane",
            )
        return account

    def _take_lock(self) -> None:
        lock = (self.data_dir / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            owner = lock.read().strip()
            lock.close()
            raise DataDirInUse(
                f"{self.data_dir} is in use by process {owner}",
                hint="stop that one, or name another folder: CONTROLPLANE_DATA_DIR or --data",
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _reachable_binaries(self, account: Account) -> Binaries:
        found = find_binaries(self.major)
        if found.usable_by(account):
            return found
        return found.copied_below(self.data_dir / "programs")

    def _refuse_other_major(self) -> None:
        found = (self.cluster / "PG_VERSION").read_text().strip()
        if found != str(self.major):
            raise EmbeddedServerError(
                f"{self.data_dir} holds data of PostgreSQL {found}, not {self.major}",
                hint=f"set CONTROLPLANE_POSTGRES_MAJOR={found}, or name another folder"
                if found in map(str, get_args(PostgresMajor))
                else "name another folder, or move the data to a new one with pg_dump of that version",
            )

    def _start_postgres(self, account: Account) -> None:
        """Start it; if the last one was killed, as soon as its backends, which go by themselves, are gone."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            self._process = self._spawn(account)
            try:
                self._await_ready(self._process)
            except EmbeddedServerError:
                if "pre-existing shared memory block" not in self._tail() or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def _spawn(self, account: Account) -> subprocess.Popen[bytes]:
        if self.log.exists() and self.log.stat().st_size > _LONGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        values = {
            **server_settings(),
            "listen_addresses": "127.0.0.1" if self._port else "",
            "port": str(self.port),
            "unix_socket_directories": str(self.socket_dir),
            **self._settings,
        }
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [self.binaries.program("postgres"), "-D", self.cluster, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.cluster,
                env={**os.environ, **server_environment()},
                start_new_session=True,  # Ctrl-C is for us; Postgres is told when we are done with it
                preexec_fn=_shut_down_with(os.getpid()) if self._dies_with_parent else None,
                **account.popen_arguments(),
            )

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise EmbeddedServerError(f"Postgres did not start; the end of {self.log}:\n{self._tail()}")
            found = read_postmaster(self.cluster)
            if found is not None and found.pid == process.pid and found.is_ready:
                return
            time.sleep(0.02)
        raise EmbeddedServerError(
            f"Postgres was not ready after {START_SECONDS:.0f} s; the end of {self.log}:\n{self._tail()}"
        )

    def _tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def _shut_down_with(parent: int) -> Callable[[], None] | None:
    """Make what runs in the child just before Postgres: ask the kernel for SIGINT when the parent dies.

    SIGINT is Postgres' fast shutdown. The library is loaded here, before the fork, since a child of a
    threaded process may do little; and if the parent died in between, the child must not start at all.
    Note that the kernel watches the *thread* that forks: start servers from one that lives as long.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:
            os._exit(1)

    return ask
