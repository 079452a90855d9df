"""The way to the kernel that a process of the API has, for those who drive it without HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from controlplane.db.decisions import Decisions, connections
from controlplane.db.pool import Database
from controlplane.settings import Settings


@asynccontextmanager
async def deciding(url: str) -> AsyncIterator[Decisions]:
    """What an API process decides with, set up as it sets itself up.

    Args:
        url: of the role ``app``.
    """
    usual = Settings(database_url=url)
    async with administering(url, size=connections(usual.lanes)) as database:
        decisions = Decisions(database, lanes=usual.lanes, most_waiting=usual.lane_queue)
        decisions.start()
        try:
            yield decisions
        finally:
            await decisions.stop()


@asynccontextmanager
async def administering(url: str, size: int = 1) -> AsyncIterator[Database]:
    """The pool that an API process changes configuration by; of so many connections."""
    usual = Settings(database_url=url)
    database = Database(
        url,
        size=size,
        statement_timeout_ms=usual.statement_timeout_ms,
        behind_pooler=usual.behind_pooler,
        name="bench",
    )
    await database.open()
    try:
        yield database
    finally:
        await database.close()
