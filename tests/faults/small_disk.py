"""A file system that is soon full, mounted where nobody else sees it.

    with small_disk(folder, megabytes=64) as disk:
        disk.fill()
        disk.make_room()

It is mounted in a namespace of the calling thread, so that it is gone with the thread, however that ends;
what the thread starts, a server for instance, is in there too.
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_CLONE_NEWNS = 0x00020000


@dataclass(frozen=True)
class Disk:
    path: Path

    def fill(self) -> None:
        """Take all the room that is left."""
        with (self.path / "ballast").open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError:
                return

    def make_room(self) -> None:
        (self.path / "ballast").unlink()


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[Disk]:
    """Skips the test where this is not allowed, since it takes the right to mount."""
    if sys.platform != "linux":
        pytest.skip("mount namespaces are Linux's")
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.unshare(_CLONE_NEWNS):
            pytest.skip(f"a small file system cannot be mounted here: {os.strerror(ctypes.get_errno())}")
        try:
            path.mkdir()
            _mount("--make-rprivate", "/")
            _mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", path)
            try:
                yield Disk(path)
            finally:
                subprocess.run(["umount", "--lazy", path], check=True)
        finally:
            assert libc.setns(before, _CLONE_NEWNS) == 0
    finally:
        os.close(before)


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)
