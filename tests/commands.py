"""Running the command line as its users do: real processes, with an environment of their own."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

ROOT = Path(__file__).parents[1]
#: Seconds a command may take; starting an embedded server makes a cluster first.
SECONDS = 60.0


def environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours without our settings, and what a test gives."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CONTROLPLANE_")}
    return {**kept, "PYTHONUNBUFFERED": "1", "CONTROLPLANE_LOG_FORMAT": "json", **(given or {})}


def run_module(
    module: str, *arguments: str, env: Mapping[str, str] | None = None, seconds: float = SECONDS
) -> "subprocess.CompletedProcess[str]":
    """Run a module of ours to its end, in the repository's folder."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environment(env),
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
        stdin=subprocess.DEVNULL,
    )


def controlplane(*arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end."""
    return run_module("controlplane", *arguments, env=env)


class Up:
    """``controlplane up`` as a process; what it prints is read all the time.

    Use it as a context manager: at the end the process is gone, whatever the test did.
    """

    def __init__(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        command: tuple[str, ...] = (sys.executable, "-m", "controlplane", "up"),
        user: int | None = None,
    ) -> None:
        identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        self.process = subprocess.Popen(
            [*command, *arguments],
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **identity,  # type: ignore[call-overload]
        )
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, text: str, seconds: float = SECONDS) -> str:
        """The first line that holds ``text``."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                if found := next((line for line in self.lines if text in line), None):
                    return found
                left = deadline - time.monotonic()
                assert left > 0, f"no {text!r} after {seconds} s in:\n{self.output}"
                assert self._reader.is_alive(), f"it ended without {text!r}:\n{self.output}"
                self._changed.wait(min(left, 0.5))

    def postgres(self) -> psutil.Process:
        """The postmaster, a child of the process."""
        children = psutil.Process(self.process.pid).children()
        (found,) = [child for child in children if child.name() == "postgres"]
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = SECONDS) -> int:
        """Send a signal and wait; the exit code."""
        self.process.send_signal(number)
        status = self.process.wait(seconds)
        self._reader.join(seconds)
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()  # Postgres goes with it; a test shows so
            self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()


def is_gone(process: psutil.Process, seconds: float = 20.0) -> bool:
    """Whether the process ends within the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False
