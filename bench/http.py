"""GraphQL over HTTP: wrk on one process of ours, and on a Strawberry schema that decides nothing.

One thread and 64 connections. Ours gets 2 000 customers, the yardstick its own document; both servers stand
all the time, and only one of them is asked.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from bench import pairs as pairing
from bench.figure import Figure
from bench.pairs import Pair
from bench.world import HERE, World

CONNECTIONS = 64
#: Share of the yardstick's rate that is wanted.
TARGET = 0.6

#: Seconds until a server answers.
_START_SECONDS = 60.0

_ANSWERS = re.compile(r"^answers/s ([\d.]+)  not-200 (\d+)  unexpected (\d+)", re.MULTILINE)
_REQUESTS = re.compile(r"^ *(\d+) requests in", re.MULTILINE)


def missing() -> str | None:
    """Why this cannot be run here; None if it can."""
    return None if shutil.which("wrk") else "wrk is not installed: apt-get install wrk (Debian, Ubuntu)"


@dataclass(frozen=True, slots=True)
class Wrk:
    """wrk on a URL, with a script that says how many answers there were.

    Attributes:
        database: where it leaves what it does.
        url: to post to.
        script: of wrk.
        environment: of the script.
    """

    database: str
    url: str
    script: Path
    environment: Mapping[str, str]

    def rate(self, world: World, seconds: int) -> tuple[int, float]:
        """Drive it; answers that came, and in a second; all of them must be as expected."""
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s"]
        done = subprocess.run(
            [*command, "-s", str(self.script), self.url],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        answers, requests = _ANSWERS.search(done.stdout), _REQUESTS.search(done.stdout)
        if not answers or not requests or answers[2] != "0" or answers[3] != "0" or "Socket" in done.stdout:
            raise click.ClickException(f"wrk on {self.url}\n{done.stdout}{done.stderr}".rstrip())
        return int(requests[1]), float(answers[1])


def measure(
    world: World, seconds: int, pairs: int, *, operation: Literal["consume", "check"]
) -> list[Figure]:
    """Ours to the yardstick."""
    world.ensure("ours")
    body = f"{operation}.json"
    with _ours(world) as (url, key), _noop(world) as noop:
        theirs = Wrk("ours", noop, world.yardsticks / "post.lua", {"BODY": str(world.yardsticks / body)})
        ours = Wrk("ours", url, HERE / "post.lua", {"BODY": str(HERE / body), "AUTH": key})
        pair = Pair(f"http-{operation}", theirs, ours, TARGET, operation == "consume", unanswered=CONNECTIONS)
        for side in (theirs, ours):
            side.rate(world, 1)  # its caches are full, and its connections open
        return pairing.measure(world, seconds, pairs, pair=pair)


@contextmanager
def _ours(world: World) -> Iterator[tuple[str, str]]:
    """One process of ours, and a key for it."""
    administrator = {**os.environ, "CONTROLPLANE_DATABASE_URL": world.url("ours")}
    command = [sys.executable, "-m", "controlplane"]
    made = subprocess.run(
        [*command, "keys", "create", "bench"], env=administrator, capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise click.ClickException(f"no key for the bench\n{made.stderr}")
    port = _free_port()
    environment = {**administrator, "CONTROLPLANE_DATABASE_URL": world.app_url("ours")}
    with _served([*command, "serve", "--port", str(port)], world, environment, port):
        yield f"http://127.0.0.1:{port}/graphql", made.stdout.strip()


@contextmanager
def _noop(world: World) -> Iterator[str]:
    """The yardstick, as its README has it."""
    port = _free_port()
    how = ("--loop", "uvloop", "--http", "httptools", "--port", str(port), "--no-access-log")
    command = [sys.executable, "-m", "uvicorn", "noop:app", "--app-dir", str(world.yardsticks), *how]
    with _served(command, world, dict(os.environ), port):
        yield f"http://127.0.0.1:{port}/"


@contextmanager
def _served(command: list[str], world: World, environment: dict[str, str], port: int) -> Iterator[None]:
    """A server that listens on the port, as long as the block; what it says goes to the end of an error."""
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            command,
            env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},  # the yardsticks' folder stays as it is
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,  # Ctrl-C is for us
        ) as server,
    ):
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not _listens(port):
                if server.poll() is not None or time.monotonic() > deadline:
                    said.seek(0)
                    raise click.ClickException(f"{' '.join(command)} does not serve\n{said.read()}")
                time.sleep(0.1)
            yield
        finally:
            server.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
