"""Which connection a pool gives out."""

import asyncio

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
