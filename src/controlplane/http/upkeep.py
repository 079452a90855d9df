"""What a process of the API sees to by itself, as long as it runs: that the coming months have partitions."""

import asyncio

import structlog

from controlplane.db.pool import Database
from controlplane.errors import DatabaseError

_log = structlog.get_logger(__name__)

#: Seconds between two looks; the partitions reach three months ahead.
DAY = 24 * 3600.0
#: Seconds until the next try after one that failed.
AGAIN = 60.0


async def keep_up(database: Database) -> None:
    """Look at once and then every day; what fails is tried again and stops nothing."""
    while True:
        try:
            made = await database.value("SELECT api.ensure_partitions()")
        except DatabaseError as error:
            _log.info("upkeep_failed", code=error.code, error=error.message)
            await asyncio.sleep(AGAIN)
            continue
        if made:
            _log.info("partitions_made", count=made)
        await asyncio.sleep(DAY)
