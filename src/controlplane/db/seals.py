"""Sealing history and verifying its seals: ``api.seal``, ``api.seal_head`` and ``api.verify_seals``.

Each customer is a transaction of its own, and sealing much history several: what is sealed stays sealed, and
nobody waits for anything that a decision needs.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import psycopg

from controlplane.db.roles import as_owner
from controlplane.db.sessions import Session, open_session
from controlplane.db.translate import translated
from controlplane.db.verify import Check
from controlplane.errors import ConfigurationError, MigrationError

#: Operations sealed in one transaction: about a second.
_STEP = 100_000

#: So many offenders of a check are told.
_MOST = 20

#: A head as it is kept outside: ``customerId``, ``seq``, ``head``, ``incarnation``.
Head: TypeAlias = Mapping[str, Any]

#: Called with how many operations are done, and of how many.
Tell: TypeAlias = Callable[[int, int], None]


class Seals:
    """The seals of one database, for some customers or all."""

    def __init__(self, url: str, prefix: str, customers: Sequence[str] | None = None) -> None:
        """Remember where; connects when it is used.

        Args:
            url: of the database; nothing limits how long a statement may take.
            prefix: of its roles.
            customers: only these; None is all.
        """
        self._url = url
        self._prefix = prefix
        self._customers = None if customers is None else list(customers)

    def seal(self, tell: Tell) -> int:
        """Seal everything up to now; returns how many operations that were.

        Raises:
            ConfigurationError: one of the customers does not exist.
            RecoveryNeeded: this database was restored; verify what is sealed, or recover first.
            Shed, MigrationError, DatabaseError: as for ``verify``.
        """
        with self._session() as session:
            ends = self._ends(session)
            total, done = sum(seq - sealed for _, seq, sealed in ends), 0
            for customer, seq, sealed in ends:
                for up_to in [min(after + _STEP, seq) for after in range(sealed, seq, _STEP)]:
                    with self._transaction(session):
                        row = session.execute("SELECT api.seal(%s, %s)", (customer, up_to)).fetchone()
                    done += row[0]["sealed"] if row else 0
                    tell(min(done, total), total)
        return done

    def verify(self, kept: Iterable[Head], tell: Tell) -> list[Check]:
        """Compare history with its seals, and with heads that were kept outside.

        Raises:
            ConfigurationError: one of the customers does not exist.
            RequestError: what was kept are no heads.
            Shed, MigrationError, DatabaseError: as for ``verify``.
        """
        heads: dict[str, list[Head]] = {}
        for head in kept:
            customer = str(head.get("customerId"))
            if self._customers is None or customer in self._customers:
                heads.setdefault(customer, []).append(head)
        checks = {name: Check(name, 0) for name in ("seals", "seal_chain", "seal_heads")}
        with self._session() as session:
            ends = {customer: sealed for customer, _, sealed in self._ends(session)}
            total, done = sum(ends.values()), 0
            session.add_notice_handler(lambda notice: tell(done + _operations(notice), total))
            for customer in [*ends, *(heads.keys() - ends.keys())]:
                with self._transaction(session):
                    rows = session.execute(
                        "SELECT check_name, customer_id, checked, offender FROM api.verify_seals(%s, %s)",
                        ([customer], json.dumps(heads.get(customer, []))),
                    ).fetchall()
                for name, owner, checked, offender in rows:
                    check = checks[name]
                    if checked is not None:
                        checks[name] = Check(name, check.checked + checked, check.offenders)
                    elif len(check.offenders) < _MOST:
                        check.offenders.append({"customerId": owner, **offender})
                done += ends.get(customer, 0)
                tell(done, total)
        return list(checks.values())

    def heads(self) -> list[Head]:
        """Where the chains end, to be kept outside of the database."""
        with self._session() as session, self._transaction(session):
            rows = session.execute(
                "SELECT api.seal_head(customer_id) FROM core.gate"
                " WHERE %(only)s::text[] IS NULL OR customer_id = ANY (%(only)s) ORDER BY customer_id",
                {"only": self._customers},
            ).fetchall()
        return [head for (head,) in rows]

    def _ends(self, session: Session) -> list[tuple[str, int, int]]:
        """Customers, the last operation of each, and the last one that is sealed."""
        with self._transaction(session):
            rows = session.execute(
                "SELECT g.customer_id, g.seq,"
                " coalesce((SELECT max(s.to_seq) FROM core.seal AS s WHERE s.customer_id = g.customer_id), 0)"
                " FROM core.gate AS g"
                " WHERE %(only)s::text[] IS NULL OR customer_id = ANY (%(only)s) ORDER BY customer_id",
                {"only": self._customers},
            ).fetchall()
        unknown = set(self._customers or ()) - {customer for customer, _, _ in rows}
        if unknown:
            raise ConfigurationError(f"no such customer: {', '.join(sorted(unknown))}")
        return rows

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with open_session(self._url, name="controlplane verify") as session:
            yield session

    @contextmanager
    def _transaction(self, session: Session) -> Iterator[None]:
        try:
            with as_owner(session, self._prefix):
                session.execute("SET LOCAL statement_timeout = 0")
                yield
        except (psycopg.errors.UndefinedFunction, psycopg.errors.UndefinedTable) as error:
            raise MigrationError("there are no seals here yet", hint="controlplane migrate") from error
        except psycopg.Error as error:
            raise translated(error) from error


def _operations(notice: psycopg.errors.Diagnostic) -> int:
    """What ``core.verify_seals`` says on its way: ``acme: 65536 operations``."""
    words = (notice.message_primary or "").rsplit(": ", 1)[-1].split()
    return int(words[0]) if len(words) == 2 and words[1] == "operations" else 0


def heads_in(text: str) -> list[Head]:
    """The heads of a file: one JSON object a line.

    Raises:
        ConfigurationError: a line is none; it is named.
    """
    heads: list[Head] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            head = json.loads(line)
        except ValueError:
            head = None
        if not isinstance(head, dict) or not isinstance(head.get("customerId"), str):
            raise ConfigurationError(f"line {number} is no head of a chain of seals: {line[:60]}")
        heads.append(head)
    return heads


def as_lines(heads: Iterable[Head]) -> str:
    """The same, the other way."""
    return "".join(json.dumps(head, ensure_ascii=False) + "\n" for head in heads)
