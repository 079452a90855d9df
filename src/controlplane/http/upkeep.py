"""What a process of the API sees to by itself, as long as it runs.

That the coming months have partitions, and that months are opened as they begin, so that past balances are
found in the entries of one month.
"""

import asyncio

import structlog

from controlplane.db.pool import Database
from controlplane.errors import DatabaseError

_log = structlog.get_logger(__name__)

#: Seconds between two looks; the partitions reach three months ahead.
DAY = 24 * 3600.0
#: Seconds until the next try after one that failed.
AGAIN = 60.0
#: Customers opened at once, so that a statement stays far below its time-out.
CUSTOMERS = 100
#: Seconds until the next look at requests that began before the month did.
SOON = 1.0


async def keep_up(database: Database) -> None:
    """Look at once and then every day; what fails is tried again and stops nothing."""
    while True:
        try:
            made = await database.value("SELECT api.ensure_partitions()")
            opened = await open_months(database)
        except DatabaseError as error:
            _log.info("upkeep_failed", code=error.code, error=error.message)
            await asyncio.sleep(AGAIN)
            continue
        if made:
            _log.info("partitions_made", count=made)
        if opened:
            _log.info("months_opened", customers=opened)
        await asyncio.sleep(DAY)


async def open_months(database: Database) -> int:
    """Open every month since the last one that was, this one included; for how many customers.

    Raises:
        DatabaseError: what Postgres said.
    """
    opened = 0
    for month in await database.value("SELECT api.read_months_to_open()"):
        while True:
            done = await database.value("SELECT api.open_month(%s, %s)", (month, CUSTOMERS))
            opened += done.get("customers", 0)
            if done["state"] == "OPENED":
                break
            if done["state"] == "WAITING":
                await asyncio.sleep(SOON)
    return opened
