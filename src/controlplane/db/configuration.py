"""Changes of configuration and grants: typed calls of the functions an administrator uses.

Each takes its input as JSON and answers with what it made. What is wrong with the input comes back all at
once, as a ``RequestError`` of code ``INVALID_INPUT`` whose ``detail`` has ``errors``.
"""

from collections.abc import Mapping
from typing import Any, LiteralString, TypeAlias

from controlplane.db.encode import checked_text, encoded
from controlplane.db.pool import Database
from controlplane.db.reading import Record

Input: TypeAlias = Mapping[str, Any]


async def upsert_customer(database: Database, customer: str, given: Input, actor: str) -> Record:
    """Make a customer, or change what is given of it."""
    return await _call(database, "SELECT api.upsert_customer(%s, %s, %s)", customer, given, actor)


async def upsert_entity(database: Database, customer: str, given: Input, actor: str) -> Record:
    """Make an entity, or change what is given of it."""
    return await _call(database, "SELECT api.upsert_entity(%s, %s, %s)", customer, given, actor)


async def move_entity(database: Database, customer: str, given: Input, actor: str) -> Record:
    """Move an entity with everything below it."""
    return await _call(database, "SELECT api.move_entity(%s, %s, %s)", customer, given, actor)


async def archive_entity(database: Database, customer: str, given: Input, actor: str) -> Record:
    """Archive an entity: new requests do not find it, its history stays."""
    return await _call(database, "SELECT api.archive_entity(%s, %s, %s)", customer, given, actor)


async def erase_entity(database: Database, customer: str, given: Input, actor: str) -> Record:
    """Forget an entity: its id, name and metadata; what it did stays under its number."""
    return await _call(database, "SELECT api.erase_entity(%s, %s, %s)", customer, given, actor)


async def set_budget(database: Database, customer: str, given: Input, actor: str) -> Record:
    """Set a budget."""
    return await _call(database, "SELECT api.set_budget(%s, %s, %s)", customer, given, actor)


async def pause_budget(database: Database, customer: str, given: Input, actor: str) -> Record:
    """Pause a budget, or let it go on."""
    return await _call(database, "SELECT api.pause_budget(%s, %s, %s)", customer, given, actor)


async def archive_budget(database: Database, customer: str, given: Input, actor: str) -> Record:
    """Archive a budget, for good."""
    return await _call(database, "SELECT api.archive_budget(%s, %s, %s)", customer, given, actor)


async def set_suspension(
    database: Database, customer: str, entity: str | None, suspended: bool, actor: str
) -> Record:
    """Suspend an entity, or the customer itself (None), or let it go on; from the next decision on."""
    owner = None if entity is None else checked_text(entity, "entityId")
    parameters = (checked_text(customer, "customerId"), owner, suspended, actor)
    found: Record = await database.value("SELECT api.set_suspension(%s, %s, %s, %s)", parameters)
    return found


async def grant_credits(database: Database, customer: str, given: Input, actor: str) -> Record:
    """Grant credits, as a set-up does; what serves callers goes by ``Decisions.grant``."""
    return await _call(database, "SELECT api.grant_credits(%s, %s, %s)", customer, given, actor)


async def update_grant(database: Database, customer: str, given: Input, actor: str) -> Record:
    """Change dates and priority of a grant, or note that its payment was received."""
    return await _call(database, "SELECT api.update_grant(%s, %s, %s)", customer, given, actor)


async def void_grant(database: Database, customer: str, given: Input, actor: str) -> Record:
    """Take back what is left of a grant and not held."""
    return await _call(database, "SELECT api.void_grant(%s, %s, %s)", customer, given, actor)


async def upsert_feature(database: Database, given: Input, actor: str) -> Record:
    """Make a feature, or change what is given of it, in a new version of the catalogue."""
    return await _call(database, "SELECT api.upsert_feature(%s, %s)", None, given, actor)


async def upsert_credit_type(database: Database, given: Input, actor: str) -> Record:
    """Make a credit type, or rename it; its decimals never change."""
    return await _call(database, "SELECT api.upsert_credit_type(%s, %s)", None, given, actor)


async def set_rates(database: Database, given: Input, actor: str) -> Record:
    """Set rates of one feature, in a new version of the catalogue."""
    return await _call(database, "SELECT api.set_rates(%s, %s)", None, given, actor)


async def _call(
    database: Database, query: LiteralString, customer: str | None, given: Input, actor: str
) -> Record:
    leading = () if customer is None else (checked_text(customer, "customerId"),)
    found: Record = await database.value(query, (*leading, encoded(dict(given)), actor))
    return found
