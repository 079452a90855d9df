"""A wire with scissors: between a client and a server, it cuts one question at a chosen step.

    with Proxy(to, Postgres) as proxy:
        cut = proxy.arm(Step.SENT, Way.RESET)
        ...                        # ask through proxy.port
        cut.made.wait(5)

A *question* is what a client says until it waits, an *answer* all that the server says to it. Everything else
passes as it comes. One cut is made once, on whichever connection the next question of interest comes.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self, TypeAlias

from psycopg.conninfo import conninfo_to_dict

from controlplane.db.lanes.ticket import Call
from controlplane.db.urls import changed_url
from tests.faults.load import Load

#: Where the server is: the path of a Unix socket, or a port of this machine.
Server: TypeAlias = str | int


class Step(Enum):
    """When it is cut."""

    ASKED = "the question is not passed on"
    SENT = "the question is passed on; nobody waits for the answer"
    UNHEARD = "the server has answered, and nothing of it is passed on"
    AMID = "half of the answer is passed on"
    UNENDED = "all of the answer but its last message is passed on"
    ANSWERED = "all of the answer is passed on"


class Way(Enum):
    """How it is cut."""

    RESET = "both ends are told that the connection is broken"
    CLOSE = "both ends are told that the other one has gone"
    SWALLOW = "nobody is told anything: half-open"
    DELAY = "it goes on after a while"


@dataclass
class Cut:
    """One that is to be made, or was.

    Attributes:
        seconds: how long a delay takes.
        call: of which kind the question must be; None if any will do.
    """

    step: Step
    way: Way
    seconds: float
    call: Call | None
    made: threading.Event = field(default_factory=threading.Event)


class Language(Protocol):
    """How questions and answers are told from the bytes; of one connection."""

    async def question(self, client: asyncio.StreamReader) -> bytes:
        """The next one."""

    async def message(self, server: asyncio.StreamReader) -> bytes:
        """The next part of an answer."""

    def is_last(self, message: bytes) -> bool:
        """Whether an answer ends with it."""

    def call_in(self, question: bytes) -> Call | None:
        """Of which kind it is; None if it is not one to cut."""


class Postgres:
    """Protocol 3.0 without TLS. Of interest is what carries an idempotency key or names a reservation."""

    def __init__(self) -> None:
        self._begins = True

    async def question(self, client: asyncio.StreamReader) -> bytes:
        if self._begins:
            self._begins = False
            return await _counted(client, b"")
        said = b""
        while True:
            message = await self.message(client)
            said += message
            if message[:1] in (b"S", b"Q", b"X", b"p"):
                return said

    async def message(self, server: asyncio.StreamReader) -> bytes:
        return await _counted(server, await server.readexactly(1))

    def is_last(self, message: bytes) -> bool:
        return message[:1] == b"Z"

    def call_in(self, question: bytes) -> Call | None:
        """By the fields of its items; whatever else has a key, such as a grant, is as a consumption."""
        if b"reservationId" in question:
            if b"ttlSeconds" in question:
                return Call.EXTEND
            return Call.SETTLE if b"quantities" in question else Call.RELEASE
        if b"idempotencyKey" in question:
            return Call.RESERVE if b"ttlSeconds" in question else Call.CONSUME
        return None


class Http:
    """HTTP/1.1 with a Content-Length; an answer is one message. Of interest are mutations."""

    _INPUTS: ClassVar[dict[bytes, Call]] = {
        b"ReserveInput": Call.RESERVE,
        b"SettleReservationInput": Call.SETTLE,
        b"ReleaseReservationInput": Call.RELEASE,
        b"ExtendReservationInput": Call.EXTEND,
    }

    async def question(self, client: asyncio.StreamReader) -> bytes:
        return await self.message(client)

    async def message(self, server: asyncio.StreamReader) -> bytes:
        head = await server.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        return head + await server.readexactly(length)

    def is_last(self, message: bytes) -> bool:
        return True

    def call_in(self, question: bytes) -> Call | None:
        if b"mutation" not in question:
            return None
        return next((call for name, call in self._INPUTS.items() if name in question), Call.CONSUME)


async def _counted(reader: asyncio.StreamReader, kind: bytes) -> bytes:
    length = await reader.readexactly(4)
    return kind + length + await reader.readexactly(int.from_bytes(length) - 4)


def server_of(url: str) -> Server:
    """Where the server of a libpq URL listens."""
    parts = conninfo_to_dict(url)
    host, port = str(parts.get("host", "")), int(parts.get("port") or 5432)
    return f"{host}/.s.PGSQL.{port}" if host.startswith("/") else port


class Proxy:
    """Listens on a port of its own, in a thread of its own."""

    #: What a connection that is over looks like from here.
    _ENDS: ClassVar = (asyncio.IncompleteReadError, ConnectionError, OSError)

    def __init__(self, to: Server, language: Callable[[], Language]) -> None:
        self._to = to
        self._language = language
        self._armed: Cut | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._links: set[_Link] = set()
        self.over = asyncio.Event()

    def arm(self, step: Step, way: Way, seconds: float = 0.5, call: Call | None = None) -> Cut:
        """Cut the next question of interest, or the next of one kind."""
        assert step is not Step.SENT or way in (Way.RESET, Way.CLOSE), "else it is the same as UNHEARD"
        self._armed = made = Cut(step, way, seconds, call)
        return made

    def url(self, url: str) -> str:
        """The libpq URL of a server, by way of this wire."""
        return changed_url(url, host="127.0.0.1", port=self.port, sslmode="disable", gssencmode="disable")

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _close(self) -> None:
        self._server.close()
        self.over.set()
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        try:
            if isinstance(self._to, str):
                there = await asyncio.open_unix_connection(self._to)
            else:
                there = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.close()
            return
        self._writers.add(there[1])
        link = _Link(self, self._language(), (reader, writer), there)
        self._links.add(link)
        await link.run()
        self._links.remove(link)
        self._writers -= {writer, there[1]}

    def silence(self) -> None:
        """From now on all connections there are say nothing; new ones do."""
        for link in list(self._links):
            link.is_silent = True

    def cut(self, load: Load, step: Step, way: Way, seconds: float, call: Call | None = None) -> None:
        """Cut one of this load's, which must go on."""
        made = self.arm(step, way, seconds, call).made.wait(20)
        assert made, (step, way, seconds, call, load.failures, load.words)

    def take(self, language: Language, question: bytes) -> Cut | None:
        """The cut, if this is the question for it."""
        if self._armed is None:
            return None
        call = language.call_in(question)
        if call is None or self._armed.call not in (None, call):
            return None
        cut, self._armed = self._armed, None
        return cut


_End: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Link:
    """One connection of a client, and ours to the server."""

    def __init__(self, proxy: Proxy, language: Language, client: _End, server: _End) -> None:
        self._proxy = proxy
        self._language = language
        self._client, self._server = client, server
        self._cut: Cut | None = None
        self.is_silent = False

    async def run(self) -> None:
        """Until one of them goes, which the other is told; or for ever, where nothing is told any more."""
        both = [asyncio.create_task(self._ask()), asyncio.create_task(self._answer())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            for _, writer in (self._client, self._server):
                writer.close()

    async def _ask(self) -> None:
        try:
            while True:
                question = await self._language.question(self._client[0])
                if self.is_silent:
                    await self._proxy.over.wait()
                self._cut = self._proxy.take(self._language, question)
                if self._cut and self._cut.step is Step.ASKED:
                    await self._make(self._cut)
                    self._cut = None
                self._server[1].write(question)
                if self._cut and self._cut.step is Step.SENT:
                    await self._make(self._cut)
        except Proxy._ENDS:
            pass

    async def _answer(self) -> None:
        kept: list[bytes] = []
        try:
            while True:
                message = await self._language.message(self._server[0])
                if self.is_silent:
                    await self._proxy.over.wait()
                if self._cut is None or self._cut.step is Step.SENT:
                    self._client[1].write(message)
                    continue
                kept.append(message)
                if self._language.is_last(message):
                    cut, self._cut = self._cut, None  # while it is made, the next question may bring another
                    await self._pass_on(kept, cut)
                    kept = []
        except Proxy._ENDS:
            pass

    async def _pass_on(self, messages: list[bytes], cut: Cut) -> None:
        answer = b"".join(messages)
        first = {
            Step.UNHEARD: 0,
            Step.AMID: len(answer) // 2,
            Step.UNENDED: len(answer) - (len(messages[-1]) if len(messages) > 1 else 1),
            Step.ANSWERED: len(answer),
        }[cut.step]
        self._client[1].write(answer[:first])
        await self._client[1].drain()
        await self._make(cut)
        self._client[1].write(answer[first:])

    async def _make(self, cut: Cut) -> None:
        """Returns if it is only a delay."""
        cut.made.set()
        if cut.way is Way.DELAY:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._proxy.over.wait(), cut.seconds)
            return
        if cut.way is Way.SWALLOW:
            self.is_silent = True
            await self._proxy.over.wait()
        for _, writer in (self._client, self._server):
            if cut.way is Way.RESET and isinstance(writer.get_extra_info("sockname"), tuple):
                linger = struct.pack("ii", 1, 0)  # closing says RST, and forgets what was not read yet
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.close()
        raise ConnectionResetError
