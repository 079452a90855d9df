"""Who else uses an embedded server, so that whoever started it for a moment does not stop it under them."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import structlog

_log = structlog.get_logger(__name__)


class GuestBook:
    """A file beside the cluster, locked by whoever uses a server that is not their own."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def sign(self) -> None:
        """Stay until the book is closed. Waits while a server is being stopped."""
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def wait(self) -> None:
        """Return once nobody is left; whoever comes waits until the book is closed."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.info("waiting for another command, which uses the database that this one started")
            fcntl.flock(self._file, fcntl.LOCK_EX)


@contextmanager
def open_guest_book(folder: Path) -> Iterator[GuestBook]:
    """The book of a folder of data; closing it takes one's name out, however a process ends."""
    with (folder / "guests").open("a") as file:
        yield GuestBook(file)
