"""A cluster's own files: made by initdb once, and the two that say who gets in, written at each start."""

import getpass
import os
import shutil
import subprocess
from pathlib import Path

from controlplane.db.account import Account
from controlplane.db.binaries import Binaries
from controlplane.errors import EmbeddedServerError

#: The bootstrap superuser of an embedded cluster.
SUPERUSER = "postgres"

#: Seconds that initdb may take.
_INITDB_SECONDS = 120

_ACCESS = """\
# Written at each start. Whoever started the server gets in through the socket; over TCP with a password.
local   all          all                  peer map=owner
local   replication  all                  peer map=owner
host    all          all   127.0.0.1/32   scram-sha-256
host    replication  all   127.0.0.1/32   scram-sha-256
"""


def make_cluster(binaries: Binaries, cluster: Path, account: Account) -> None:
    """Run initdb.

    UTF-8 with the C collation: ids sort by their bytes, the same everywhere, whatever the machine's
    locales are. Made under another name and renamed, so that an interrupted initdb leaves no half cluster.

    Raises:
        EmbeddedServerError: initdb failed; its own words are in the message.
    """
    unfinished = cluster.with_name(cluster.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    account.owns(unfinished)
    try:
        subprocess.run(
            [
                binaries.program("initdb"),
                *("-D", unfinished, "-U", SUPERUSER, "--encoding=UTF8", "--locale=C", "--data-checksums"),
                *("--auth-local=peer", "--auth-host=scram-sha-256", "--no-instructions"),
            ],
            check=True,
            cwd=unfinished,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_INITDB_SECONDS,
            **account.popen_arguments(),
        )
    except subprocess.CalledProcessError as error:
        raise EmbeddedServerError(f"initdb failed in {cluster}:\n{error.stderr.strip()}") from error
    unfinished.rename(cluster)


def write_access_files(cluster: Path, account: Account) -> None:
    """Write ``pg_hba.conf`` and ``pg_ident.conf``: peer authentication for the two accounts involved."""
    accounts = sorted({account.name, _own_name()})
    lines = ["# Written at each start: these accounts may connect as any database role."]
    lines += [f'owner   "{name}"   all' for name in accounts]
    for name, text in (("pg_hba.conf", _ACCESS), ("pg_ident.conf", "\n".join(lines) + "\n")):
        path = cluster / name
        path.write_text(text)
        path.chmod(0o600)
        account.owns(path)


def _own_name() -> str:
    return "root" if os.geteuid() == 0 else getpass.getuser()
