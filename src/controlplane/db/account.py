"""The operating-system account that runs the embedded server.

Postgres refuses to run as root. An ordinary user runs it as himself; for root we pick an account that
exists already (none is created) and hand the data folder to it.
"""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from controlplane.errors import EmbeddedServerError

#: Tried in this order when root starts a server on a new folder.
UNPRIVILEGED_ACCOUNTS = ("postgres", "nobody")


class PopenArguments(TypedDict, total=False):
    """The arguments of ``subprocess`` that change the user of a child."""

    user: int
    group: int
    extra_groups: list[str | int]


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server: a name with its numeric user and group."""

    name: str
    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether processes must change their user to become this account."""
        return self.uid != os.geteuid()

    def owns(self, path: Path) -> None:
        """Hand one file or folder to the account (not what is below it)."""
        if self.is_other:
            os.chown(path, self.uid, self.gid)

    def popen_arguments(self) -> "PopenArguments":
        """What ``subprocess`` needs to start a program as this account."""
        if not self.is_other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_reach(self, path: Path, wanted: int) -> bool:
        """Whether the account may use ``path``, every folder above it included.

        Args:
            path: an existing file or folder.
            wanted: bits of ``os.R_OK``, ``os.W_OK`` and ``os.X_OK``, asked of ``path`` itself.
        """
        resolved = path.resolve()
        if not all(self._permits(folder, os.X_OK) for folder in resolved.parents):
            return False
        return self._permits(resolved, wanted)

    def _permits(self, path: Path, wanted: int) -> bool:
        found = path.stat()
        if found.st_uid == self.uid:
            granted = stat.S_IMODE(found.st_mode) >> 6
        elif found.st_gid == self.gid:
            granted = stat.S_IMODE(found.st_mode) >> 3
        else:
            granted = stat.S_IMODE(found.st_mode)
        return granted & wanted == wanted


def _named(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def account_for(cluster: Path) -> Account:
    """Choose the account for a cluster's folder: its owner if it exists, else ourselves or a stand-in.

    Raises:
        EmbeddedServerError: this process has no name (initdb needs one), or it is root and no
            unprivileged account exists, or the folder belongs to somebody else.
    """
    me = os.geteuid()
    owner = cluster.stat().st_uid if cluster.exists() else None
    if me != 0:
        if owner not in (None, me):
            raise EmbeddedServerError(
                f"{cluster} belongs to user {owner}, this is user {me}",
                hint="name a folder of your own: CONTROLPLANE_DATA_DIR or --data",
            )
        try:
            entry = pwd.getpwuid(me)
        except KeyError as error:
            raise EmbeddedServerError(
                f"user {me} has no name on this machine, which initdb insists on",
                hint="add the user to /etc/passwd, or set CONTROLPLANE_DATABASE_URL to a server of yours",
            ) from error
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    if owner:
        entry = pwd.getpwuid(owner)
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in UNPRIVILEGED_ACCOUNTS:
        if account := _named(name):
            return account
    raise EmbeddedServerError(
        f"Postgres refuses to run as root, and none of {', '.join(UNPRIVILEGED_ACCOUNTS)} exists here",
        hint="add one (useradd --system postgres), or run as an ordinary user",
    )
