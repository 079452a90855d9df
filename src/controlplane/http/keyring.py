"""Who a key is. Looked up by its hash, remembered for a second, so that a revoked key stops within one."""

import asyncio
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from controlplane.db.keys import find_key, hash_of, touch_keys
from controlplane.db.pool import Database
from controlplane.errors import DatabaseError, OutcomeUnknown, Shed
from controlplane.graphql.access import KeyKind, Principal
from controlplane.types import Environment

_log = structlog.get_logger(__name__)

#: Seconds that what is known of a key is believed.
FRESH_SECONDS = 1.0
#: Seconds between two writings of when keys were used last.
TOUCH_SECONDS = 30.0
#: Keys remembered at once; strangers' guesses must not fill the memory.
REMEMBERED = 10_000

_SECRET = re.compile(r"cp_(live|test)_(sk|pk|ak)_[A-Za-z0-9]{16,128}")


class KeyRefused(Exception):
    """The key opens nothing here; ``code`` and message say why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal | None
    refusal: str | None
    looked_at: float


class KeyRing:
    """Looks keys up, and notes when they were used."""

    def __init__(self, database: Database, environment: Environment) -> None:
        """Keys of this environment, in this database."""
        self._database = database
        self._environment = environment
        self._known: dict[bytes, _Known] = {}
        self._looking: dict[bytes, asyncio.Task[_Known]] = {}
        self._used: dict[str, datetime] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write down when keys were used, in the running loop."""
        self._task = asyncio.create_task(self._write_used(), name="keys last used")

    async def stop(self) -> None:
        """Write down what is left and stop."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._write()

    async def authenticate(self, secret: str) -> Principal:
        """Whose key this is, now.

        Raises:
            KeyRefused: ``UNAUTHENTICATED`` or ``WRONG_ENVIRONMENT``.
            Shed: it cannot be looked up at the moment, whatever the reason; nothing was done.
        """
        match = _SECRET.fullmatch(secret)
        if match is None:
            raise KeyRefused(
                "UNAUTHENTICATED", "this is no key of this API; one begins with cp_test_sk_ or alike"
            )
        if match[1] != self._environment.value:
            raise KeyRefused(
                "WRONG_ENVIRONMENT",
                f"this is a key of the {match[1]} environment, and this server is {self._environment.value}",
            )
        known = await self._look(hash_of(secret))
        if known.principal is None:
            raise KeyRefused("UNAUTHENTICATED", known.refusal or "this key is not known here")
        if known.principal.expires_at is not None and known.principal.expires_at <= datetime.now(UTC):
            raise KeyRefused("UNAUTHENTICATED", "this key has expired")
        self._used[known.principal.key_id] = datetime.now(UTC)
        return known.principal

    def fresh_for(self, secret: str) -> float:
        """Seconds that what is known of a key is still believed."""
        known = self._known.get(hash_of(secret))
        return 0.0 if known is None else max(known.looked_at + FRESH_SECONDS - time.monotonic(), 0.0)

    async def _look(self, secret_hash: bytes) -> _Known:
        known = self._known.get(secret_hash)
        if known is not None and time.monotonic() - known.looked_at < FRESH_SECONDS:
            return known
        task = self._looking.get(secret_hash)
        if task is None:
            # One look for all who wait for it; it goes on if one of them goes away.
            task = asyncio.create_task(self._ask(secret_hash))
            self._looking[secret_hash] = task
            task.add_done_callback(lambda done: self._looking.pop(secret_hash, None))
        return await asyncio.shield(task)

    async def _ask(self, secret_hash: bytes) -> _Known:
        looked_at = time.monotonic()
        try:
            record = await find_key(self._database, secret_hash)
        except Shed:
            raise
        except OutcomeUnknown as error:
            # Of a decision nobody would know whether it is written; here there was none.
            raise Shed(
                "the connection was lost; try again in a moment", code="DATABASE_UNREACHABLE"
            ) from error
        except DatabaseError as error:
            # Such as that our own login is forbidden something, which is not the caller's fault.
            _log.error("key_not_looked_up", code=error.code, error=error.message)
            raise Shed("keys cannot be looked up at the moment; nothing was done; try again") from error
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        known = _known(record, looked_at)
        self._known[secret_hash] = known
        return known

    async def _write_used(self) -> None:
        while True:
            await asyncio.sleep(TOUCH_SECONDS)
            await self._write()

    async def _write(self) -> None:
        used, self._used = self._used, {}
        if used:
            try:
                await touch_keys(self._database, list(used), list(used.values()))
            except DatabaseError as error:
                _log.warning("last_used_not_written", error=error.message, code=error.code)


def _known(record: dict[str, Any] | None, looked_at: float) -> _Known:
    if record is None:
        return _Known(None, "this key is not known here", looked_at)
    if record.get("revokedAt") is not None:
        return _Known(None, "this key was revoked", looked_at)
    expires_at = record.get("expiresAt")
    principal = Principal(
        key_id=record["keyId"],
        prefix=record["prefix"],
        name=record["name"],
        kind=KeyKind(record["kind"]),
        scopes=frozenset(record["scopes"]),
        customer_id=record.get("customerId"),
        is_observed=bool(record.get("isObserved")),
        expires_at=None if expires_at is None else datetime.fromisoformat(expires_at),
    )
    return _Known(principal, None, looked_at)
