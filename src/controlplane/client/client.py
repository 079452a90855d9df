"""GraphQL over a few kept connections."""

import asyncio
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from controlplane.client.connection import Address, Connection
from controlplane.errors import CallFailed

#: How often a request is sent again that may pass the next time, and the first pause between in seconds.
ATTEMPTS = 6
FIRST_PAUSE = 0.05


class Client:
    """Sends operations; at most ``connections`` at once, the others wait their turn.

    Every operation it is given may be sent twice (reads, and what carries an idempotency key or sets a
    state), so what can be retried is retried here, with the very same body.
    """

    def __init__(self, url: str, key: str, *, connections: int = 8) -> None:
        """Describe it; nothing is opened yet.

        Args:
            url: of the API, such as ``http://127.0.0.1:8000``.
            key: an API key.
            connections: most at once.

        Raises:
            ConfigurationError: the URL is none.
        """
        address = Address.parse(url)
        self._all = [Connection(address, key) for _ in range(connections)]
        self._free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        for connection in self._all:
            self._free.put_nowait(connection)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._all:
            connection.close()

    async def execute(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run one operation; its ``data``.

        Raises:
            CallFailed: the API answered with errors, or did not answer, and trying again did not help.
        """
        body = json.dumps({"query": query, "variables": variables}, separators=(",", ":")).encode()
        pause = FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._once(body)
            except CallFailed as error:
                if not error.retryable or attempt == ATTEMPTS:
                    raise
            await asyncio.sleep(pause)
            pause *= 3
        raise AssertionError("the loop returns or raises")

    async def _once(self, body: bytes) -> dict[str, Any]:
        connection = await self._free.get()
        try:
            status, text = await connection.post(body)
        finally:
            self._free.put_nowait(connection)
        try:
            answer = json.loads(text)
        except ValueError as error:
            raise CallFailed(
                f"the answer is no JSON (status {status})", answered="NOT_AN_API", retryable=status >= 500
            ) from error
        errors = answer.get("errors") if isinstance(answer, dict) else [{"message": "no object"}]
        if errors:
            raise _failed(errors[0])
        data: dict[str, Any] = answer["data"]
        return data


def _failed(error: Mapping[str, Any]) -> CallFailed:
    extensions = error.get("extensions") or {}
    return CallFailed(
        str(error.get("message", "an error without a message")),
        answered=str(extensions.get("code", "UNKNOWN_ERROR")),
        retryable=bool(extensions.get("retryable")),
    )
