"""Every exception of the project, and what an SQLSTATE means.

::

    ControlplaneError                INTERNAL
    ├── ConfigurationError           CONFIGURATION_INVALID    a setting is wrong
    ├── EmbeddedServerError          EMBEDDED_SERVER_FAILED   the embedded Postgres does not start or stop
    │   └── DataDirInUse             DATA_DIR_IN_USE          another process runs on the same folder
    ├── MigrationError               MIGRATION_FAILED         a file of sql/ could not be applied
    │   ├── MigrationChanged         MIGRATION_CHANGED        an applied migration reads differently now
    │   ├── CodeTooOld               CODE_TOO_OLD             the schema asks for newer code
    │   ├── RolesMissing             ROLES_MISSING            roles must be made by an administrator
    │   └── PoolerRefused            POOLER_IN_THE_WAY        a transaction-mode pooler, and no direct URL
    ├── CallFailed                   CALL_FAILED              an API answered with an error, or not at all
    └── DatabaseError                DATABASE_ERROR           what Postgres said, translated
        ├── RequestError             BAD_REQUEST              an item caused it; the others may pass
        ├── Conflict                 SERIALIZATION_CONFLICT   rolled back; the same again may pass
        ├── Shed                     UNAVAILABLE              rolled back or never sent; retry later
        └── OutcomeUnknown           UNKNOWN                  it may be committed; retry with the same key

``code`` is a stable string that machines read: it is never renamed, while messages may improve.

``SQLSTATES`` is the one map from SQLSTATE to code and exception; ``sql/README.md`` shows the states of
class ``U`` to people, and a test compares the two. Psycopg shows states it does not know as its plain
``DatabaseError``, so the map goes by ``sqlstate`` and never by psycopg's classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from controlplane.types import Json


class ControlplaneError(Exception):
    """Root of all. ``message`` is for people, ``code`` for machines, ``hint`` says how to mend it."""

    code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigurationError(ControlplaneError):
    """A setting is missing or wrong; the message names the variable."""

    code = "CONFIGURATION_INVALID"


class EmbeddedServerError(ControlplaneError):
    """The embedded Postgres cannot be installed, started or stopped; the message quotes its log."""

    code = "EMBEDDED_SERVER_FAILED"


class DataDirInUse(EmbeddedServerError):
    """Another live process runs a server on the same folder."""

    code = "DATA_DIR_IN_USE"


class MigrationError(ControlplaneError):
    """A file of ``sql/`` could not be applied; the message names file, line and Postgres' own words."""

    code = "MIGRATION_FAILED"


class MigrationChanged(MigrationError):
    """A migration that was applied here reads differently now; migrations are forward only."""

    code = "MIGRATION_CHANGED"


class CodeTooOld(MigrationError):
    """The schema's ``min_code_version`` is above this code's version."""

    code = "CODE_TOO_OLD"


class RolesMissing(MigrationError):
    """The login may not make the roles; the hint shows how to print the SQL for an administrator."""

    code = "ROLES_MISSING"


class PoolerRefused(MigrationError):
    """Sessions are not kept on this URL, so locks and roles would land on strangers' connections."""

    code = "POOLER_IN_THE_WAY"


class CallFailed(ControlplaneError):
    """An API that we called answered with an error, or did not answer.

    Attributes:
        answered: the code it answered with, else ``UNREACHABLE``, ``UNKNOWN`` or ``CLOSED``.
        retryable: whether the same request may pass the next time.
    """

    code = "CALL_FAILED"

    def __init__(self, message: str, *, answered: str, retryable: bool, hint: str | None = None) -> None:
        super().__init__(f"{message} ({answered})", hint=hint)
        self.answered = answered
        self.retryable = retryable


class DatabaseError(ControlplaneError):
    """What Postgres said.

    Attributes:
        sqlstate: the five characters, or None when there was no answer at all.
        detail: Postgres' DETAIL, parsed when it is JSON, as our own states send it.
    """

    code = "DATABASE_ERROR"

    def __init__(
        self,
        message: str,
        *,
        sqlstate: str | None = None,
        detail: Json = None,
        code: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.sqlstate = sqlstate
        self.detail = detail
        if code is not None:
            self.code = code  # type: ignore[misc]  # the class gives the default, the map the exact one


class RequestError(DatabaseError):
    """The request caused it: alone it would fail again, without it the rest of a batch may pass."""

    code = "BAD_REQUEST"


class Conflict(DatabaseError):
    """Rolled back by concurrency (deadlock, serialization); the whole may be sent again at once."""

    code = "SERIALIZATION_CONFLICT"


class Shed(DatabaseError):
    """Nothing was committed and nothing is wrong with the request; retry after a pause.

    Attributes:
        retry_after: seconds to stay away, where it is known.
    """

    code = "UNAVAILABLE"

    def __init__(self, message: str, *, retry_after: float | None = None, **more: Any) -> None:
        super().__init__(message, **more)
        self.retry_after = retry_after


class OutcomeUnknown(DatabaseError):
    """The connection went while the answer was under way: retry with the same key, never call it denied."""

    code = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one SQLSTATE, or one class of them, means to a caller."""

    code: str
    exception: type[DatabaseError]
    says: str = ""


#: Exact states. Our own begin with ``U``; to add one, add a line here and one to ``sql/README.md``.
SQLSTATES: Mapping[str, Meaning] = {
    "UC100": Meaning("MALFORMED", RequestError, "the request is not one; DETAIL names item, field and code"),
    "UC101": Meaning("INVALID_INPUT", RequestError, "input of an administrator; DETAIL lists every error"),
    "UC110": Meaning("ISOLATION", DatabaseError, "decisions are made in READ COMMITTED only"),
    "UC120": Meaning("RECOVERY_NEEDED", Shed, "another identity than before; run `controlplane recover`"),
    "UC900": Meaning("UNKNOWN_QUEUE", RequestError, "core.enqueue: no such queue"),
    "UC910": Meaning("IMMUTABLE", RequestError, "history is never changed; correct it by a reversal"),
    "UC911": Meaning(
        "PERIOD_CLOSED", RequestError, "books are closed until then; record it in an open month"
    ),
    "23505": Meaning("ALREADY_EXISTS", RequestError),
    "25006": Meaning("READ_ONLY", Shed),
    # The connection is ended too, but the transaction was rolled back: neither time runs while it commits.
    "25P03": Meaning("TIMEOUT", Shed),
    "25P04": Meaning("TIMEOUT", Shed),
    "42501": Meaning("FORBIDDEN", RequestError),
    "57014": Meaning("TIMEOUT", Shed),
    "57P01": Meaning("UNKNOWN", OutcomeUnknown),
    "57P02": Meaning("UNKNOWN", OutcomeUnknown),
    "57P03": Meaning("UNKNOWN", OutcomeUnknown),
    "57P04": Meaning("UNKNOWN", OutcomeUnknown),
    "57P05": Meaning("UNKNOWN", OutcomeUnknown),
}

#: By the first two characters (the first one for ours), for what ``SQLSTATES`` does not name.
SQLSTATE_CLASSES: Mapping[str, Meaning] = {
    "08": Meaning("UNKNOWN", OutcomeUnknown),
    "22": Meaning("BAD_REQUEST", RequestError),
    "23": Meaning("CONSTRAINT_VIOLATED", RequestError),
    "40": Meaning("SERIALIZATION_CONFLICT", Conflict),
    "42": Meaning("BAD_REQUEST", RequestError),
    "53": Meaning("OUT_OF_RESOURCES", Shed),
    "55": Meaning("LOCKED", Shed),
    "58": Meaning("SYSTEM_ERROR", Shed),
    "P0": Meaning("BAD_REQUEST", RequestError),
    "U": Meaning("BAD_REQUEST", RequestError),
}

_UNKNOWN_STATE = Meaning("DATABASE_ERROR", DatabaseError)
_NO_ANSWER = Meaning("UNKNOWN", OutcomeUnknown)


def meaning_of(sqlstate: str | None) -> Meaning:
    """Look one state up; None, which is a connection that went without an answer, is ``UNKNOWN``.

    Whoever knows that nothing had been sent yet raises ``Shed`` instead of asking here.
    """
    if not sqlstate:
        return _NO_ANSWER
    if sqlstate in SQLSTATES:
        return SQLSTATES[sqlstate]
    by_class = SQLSTATE_CLASSES.get(sqlstate[:2]) or SQLSTATE_CLASSES.get(sqlstate[:1])
    return by_class or _UNKNOWN_STATE
