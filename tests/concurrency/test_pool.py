"""Which connection a pool gives out, and that none is lost."""

import asyncio
from contextlib import suppress

from controlplane.db.pool import Database
from controlplane.types import Role
from tests.servers import ROLE_PREFIX, Server


def test_the_connection_used_last_is_used_next(server: Server, place: str) -> None:
    """psycopg_pool takes them in turn; a backend that has just worked is warm."""
    url = server.url(place, user=f"{ROLE_PREFIX}_{Role.APP.value}")

    async def found() -> tuple[set[int], set[int]]:
        database = Database(url, size=3, statement_timeout_ms=20_000, behind_pooler=False)
        await database.open()
        try:
            busy = [database.value("SELECT pg_backend_pid() FROM pg_sleep(0.5)") for _ in range(3)]
            opened = set(await asyncio.gather(*busy))
            return opened, {await database.value("SELECT pg_backend_pid()") for _ in range(6)}
        finally:
            await database.close()

    opened, used = asyncio.run(found())
    assert len(opened) == 3
    assert len(used) == 1
    assert used < opened


def test_no_connection_is_lost_however_often_a_caller_is_cancelled(server: Server, place: str) -> None:
    """The operation of a socket goes, and then the socket, while the connection is about to be returned."""
    url = server.url(place, user=f"{ROLE_PREFIX}_{Role.APP.value}")

    async def found() -> int:
        database = Database(url, size=1, statement_timeout_ms=20_000, behind_pooler=False)
        await database.open()
        try:
            call = asyncio.create_task(database.value("SELECT pg_sleep(20)"))
            await asyncio.sleep(0.5)
            async with database._pool._lock:  # as if the pool were just busy with others
                for _ in range(3):
                    call.cancel()
                    await asyncio.sleep(0.2)
            with suppress(asyncio.CancelledError):
                await call
            return int(await database.value("SELECT 1"))
        finally:
            await database.close()

    assert asyncio.run(found()) == 1
