"""A longer way to Postgres: a TCP proxy on the loopback that holds every packet back for a while.

Give it half of the round trip that is to be added; its own share of one is 0.2 to 0.4 ms. It stands on
asyncio's own loop, whose timers are finer than those of uvloop. Whoever connects through it is, for a server
that asks the socket who is there, the account that runs the proxy.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from controlplane.db.urls import changed_url

_PACKET = 64 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """Where to: a host and port, or the folder of a Unix socket as libpq has it, and the port in its name."""

    host: str
    port: int

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to it."""
        if self.host.startswith("/"):
            return await asyncio.open_unix_connection(Path(self.host) / f".s.PGSQL.{self.port}")
        return await asyncio.open_connection(self.host, self.port)


@contextmanager
def delayed_url(url: str, seconds: float) -> Iterator[str]:
    """The URL of the same database by way of a proxy, which runs in a thread as long as the block.

    Args:
        url: what libpq takes, with one host.
        seconds: that a packet is held back, each way.
    """
    given = conninfo_to_dict(url)
    target = Target(str(given["host"]), int(given.get("port") or 5432))
    with delayed(target, seconds) as port:
        # Encryption would be agreed on with the proxy's peer; neither a Unix socket nor a bench has any.
        yield changed_url(url, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable")


@contextmanager
def delayed(target: Target, seconds: float) -> Iterator[int]:
    """The loopback port of a proxy to the target, which runs in a thread as long as the block."""
    with asyncio.Runner() as runner:
        loop, stop = runner.get_loop(), asyncio.Event()
        server = runner.run(asyncio.start_server(_Proxy(target, seconds).serve, "127.0.0.1", 0))
        thread = threading.Thread(target=runner.run, args=(stop.wait(),), name="delay")
        thread.start()
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            server.close()


@dataclass(frozen=True, slots=True)
class _Proxy:
    target: Target
    seconds: float

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, both ways, until either side closes it."""
        try:
            there_reader, there_writer = await self.target.connect()
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(self._carry(reader, there_writer), self._carry(there_reader, writer))
        except asyncio.CancelledError:
            pass  # the block has ended
        finally:
            for side in (writer, there_writer):
                side.close()
                with suppress(OSError):
                    await side.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read at once, and write each packet, and the end, when its time has come."""
        loop = asyncio.get_running_loop()

        def send(packet: bytes) -> None:
            if not packet:
                writer.close()
            elif not writer.is_closing():
                writer.write(packet)

        packet = b"-"
        while packet:
            try:
                packet = await reader.read(_PACKET)
            except ConnectionError:
                packet = b""
            loop.call_later(self.seconds, send, packet)
