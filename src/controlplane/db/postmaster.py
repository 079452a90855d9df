"""The process that runs a cluster: finding it by its pid file, and stopping it.

``postmaster.pid`` is written by Postgres: line 1 the pid, 4 the port, 5 the socket's folder, 8 the status.
A pid file may outlive its process, and the number may have gone to a stranger since, so a pid counts only
while its process really is a Postgres on that folder.
"""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

#: Seconds a fast shutdown may take before it becomes an immediate one, and that before a kill.
FAST_SECONDS = 60.0
IMMEDIATE_SECONDS = 10.0

_PORT_LINE, _SOCKET_LINE, _STATUS_LINE = 3, 4, 7


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A postmaster as its pid file describes it."""

    pid: int
    cluster: Path
    status: str
    port: int = 5432
    socket_dir: Path = Path("/tmp")  # noqa: S108  # Postgres' own default; never used once it is ready

    @property
    def is_ready(self) -> bool:
        """Whether it accepts connections."""
        return self.status == "ready"

    @property
    def is_alive(self) -> bool:
        """Whether the pid still is a Postgres that works in this folder."""
        return _is_postgres_in(self.pid, self.cluster)

    def stop(self) -> None:
        """Shut it down: fast (rolls clients back, writes a checkpoint), then immediate, then killed.

        An immediate shutdown or a kill loses nothing either; the next start replays the log.
        """
        ladder = (
            (signal.SIGINT, FAST_SECONDS),
            (signal.SIGQUIT, IMMEDIATE_SECONDS),
            (signal.SIGKILL, IMMEDIATE_SECONDS),
        )
        for number, seconds in ladder:
            if not self.is_alive:
                return
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
            deadline = time.monotonic() + seconds
            while _is_postgres_in(self.pid, self.cluster) and time.monotonic() < deadline:
                _reap(self.pid)
                time.sleep(0.02)


def read_postmaster(cluster: Path) -> Postmaster | None:
    """Read ``postmaster.pid``; None if there is none, or only half of one, or something else."""
    try:
        lines = (cluster / "postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    if not lines or not _is_number(lines[0]):
        return None
    if len(lines) <= _STATUS_LINE or not _is_number(lines[_PORT_LINE]):
        return Postmaster(int(lines[0]), cluster, "starting")
    return Postmaster(
        pid=int(lines[0]),
        cluster=cluster,
        status=lines[_STATUS_LINE].strip(),
        port=int(lines[_PORT_LINE]),
        socket_dir=Path(lines[_SOCKET_LINE]),
    )


def _is_number(line: str) -> bool:
    return line.strip().isascii() and line.strip().isdigit()


def forget_stale(cluster: Path) -> None:
    """Remove a pid file whose process is gone; a stranger may have got its number since.

    Postgres would only look whether a process with that number lives. Call it with the folder's lock held
    and any left-over stopped. Backends that outlived their postmaster still work in the folder; then the
    file stays, and Postgres refuses to start until they are gone.
    """
    found = read_postmaster(cluster)
    if found is None or found.is_alive or _somebody_works_in(cluster):
        return
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _somebody_works_in(cluster: Path) -> bool:
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # not ours to look at, so not ours
            if process.name().startswith("postgres") and Path(process.cwd()) == cluster.resolve():
                return True
    return False


def _reap(pid: int) -> None:
    """Collect the exit status if it is a child of ours, so that it does not stay behind as a zombie."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _is_postgres_in(pid: int, cluster: Path) -> bool:
    try:
        process = psutil.Process(pid)
        command = process.cmdline()
        program = command[0] if command else ""  # a zombie has no command
        return Path(program).name == "postgres" and str(cluster) in command
    except psutil.Error:
        return False
