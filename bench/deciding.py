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
    database = Database(
        url,
        size=connections(usual.lanes),
        statement_timeout_ms=usual.statement_timeout_ms,
        behind_pooler=usual.behind_pooler,
        name="bench",
    )
    decisions = Decisions(database, lanes=usual.lanes, most_waiting=usual.lane_queue)
    await database.open()
    decisions.start()
    try:
        yield decisions
    finally:
        await decisions.stop()
        await database.close()
