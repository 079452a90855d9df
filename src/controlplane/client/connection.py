"""One kept HTTP/1.1 connection: a request at a time, parsed by httptools.

The project needs no more of a client than this, and a general one costs more time for a request than the
server takes to decide it.
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

import httptools

from controlplane.errors import CallFailed, ConfigurationError

#: Bytes read at once.
_READ = 64 * 1024


@dataclass(frozen=True, slots=True)
class Address:
    """Where an API listens."""

    host: str
    port: int
    path: str
    secure: bool

    @classmethod
    def parse(cls, url: str) -> Self:
        """From a base URL such as ``http://127.0.0.1:8000``, or the full one with ``/graphql``.

        Raises:
            ConfigurationError: it is no such URL.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(f"not the URL of an API: {url}", hint="such as http://127.0.0.1:8000")
        path = parts.path.rstrip("/")
        return cls(
            parts.hostname,
            port or (443 if parts.scheme == "https" else 80),
            path if path.endswith("/graphql") else f"{path}/graphql",
            parts.scheme == "https",
        )

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def socket_url(self) -> str:
        """The same for a WebSocket."""
        return f"{'wss' if self.secure else 'ws'}://{self.authority}{self.path}"


class Connection:
    """Opened by its first request. Not for two requests at once."""

    def __init__(self, address: Address, key: str) -> None:
        """Speak to ``address`` with ``key``."""
        self._address = address
        self._head = (
            f"POST {address.path} HTTP/1.1\r\nHost: {address.authority}\r\n"
            f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
            "Accept: application/graphql-response+json, application/json\r\nContent-Length: "
        ).encode()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """Send a body; the status and the body of the answer.

        Raises:
            CallFailed: ``UNREACHABLE`` if nobody listens, ``UNKNOWN`` if the connection went while the answer
                was awaited.
        """
        if self._writer is None:
            await self._open()
        assert self._reader is not None
        assert self._writer is not None
        try:
            self._writer.write(self._head + str(len(body)).encode() + b"\r\n\r\n" + body)
            answer = _Answer()
            parser = httptools.HttpResponseParser(answer)
            while not answer.is_complete:
                data = await self._reader.read(_READ)
                if not data:
                    raise ConnectionResetError("closed before the answer came")
                parser.feed_data(data)
        except (OSError, httptools.HttpParserError) as error:
            self.close()
            raise CallFailed(
                f"the connection was lost: {error}", answered="UNKNOWN", retryable=True
            ) from error
        except BaseException:
            self.close()  # half an answer would be read as the next one
            raise
        if not parser.should_keep_alive():
            self.close()
        return parser.get_status_code(), b"".join(answer.body)

    def close(self) -> None:
        """Close it; the next request opens it again."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _open(self) -> None:
        secure = ssl.create_default_context() if self._address.secure else None
        try:
            self._reader, self._writer = await asyncio.open_connection(
                self._address.host, self._address.port, ssl=secure
            )
        except OSError as error:
            raise CallFailed(
                f"nobody answers at {self._address.authority}: {error}",
                answered="UNREACHABLE",
                retryable=True,
                hint="is `controlplane up` running there?",
            ) from error


class _Answer:
    """What the parser tells of one answer."""

    def __init__(self) -> None:
        self.body: list[bytes] = []
        self.is_complete = False

    def on_body(self, data: bytes) -> None:
        self.body.append(data)

    def on_message_complete(self) -> None:
        self.is_complete = True
