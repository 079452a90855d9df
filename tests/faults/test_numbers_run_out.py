"""A database of the server has not been vacuumed for long, so that Postgres warns with every transaction.

It does so while forty million transactions are left, and decides as ever: callers are answered.
"""

import subprocess
from pathlib import Path

import psycopg

from controlplane.db.account import account_for
from controlplane.types import Role
from tests.faults.doors import lanes_on
from tests.faults.judging import stands
from tests.faults.standing import Standing
from tests.faults.words import Told, asked
from tests.servers import ROLE_PREFIX

#: Transactions of which a file of ``pg_xact`` knows what has become of them, and its bytes.
IN_A_FILE, BYTES = 1 << 20, 1 << 18
#: The first transaction of a file, some thirty million before the last one.
NEXT = (2**31 - 30_000_000) // IN_A_FILE * IN_A_FILE
GRANTED = 1_000


def test_what_is_decided_is_told(folder: Path) -> None:
    with Standing.new(folder / "data") as place:
        place.make_customers(1, GRANTED)
    age(place)
    with place:
        assert warned_by(place) == {"GetNewTransactionId"}
        login = place.server.url("controlplane", user=f"{ROLE_PREFIX}_{Role.APP.value}")
        with lanes_on(login) as lanes:
            words = lanes.open().send([asked("c0", "key", 1), asked("c0", "denied", 10**9)])
        assert [word.allowed for word in words if isinstance(word, Told)] == [True, False]
        told = {("c0", "key"): (1, words[0]), ("c0", "denied"): (10**9, words[1])}
        stands(place, told, GRANTED)


def age(place: Standing) -> None:
    """Let the stopped server go on with a transaction that is far away."""
    folder = place.server.cluster
    resetting = [place.server.binaries.program("pg_resetwal"), "-x", str(NEXT), folder]
    account = account_for(folder)
    subprocess.run(resetting, check=True, capture_output=True, **account.popen_arguments())
    made = folder / "pg_xact" / f"{NEXT // IN_A_FILE:04X}"
    made.write_bytes(bytes(BYTES))
    account.owns(made)


def warned_by(place: Standing) -> set[str | None]:
    """What in Postgres warns of a transaction that writes."""
    seen: set[str | None] = set()
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.add_notice_handler(lambda diagnostic: seen.add(diagnostic.source_function))
        connection.execute("SELECT pg_current_xact_id()")
    return seen
