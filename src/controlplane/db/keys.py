"""API keys: how a secret is made, how it is looked up by its hash, and who used which.

A secret is ``cp_<environment>_<kind>_<48 hex digits>``: whoever finds one knows what it opens. Only its
SHA-256 is stored: 192 random bits need no salt and no slow hash.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from controlplane.db.configuration import Input
from controlplane.db.encode import encoded
from controlplane.db.pool import Database
from controlplane.db.reading import Record
from controlplane.types import Environment

#: Kind of key and how it stands in a secret.
KINDS: Mapping[str, str] = {"SECRET": "sk", "PUBLISHABLE": "pk", "ADMIN": "ak"}

_SHOWN = 8


def new_secret(kind: str, environment: Environment) -> str:
    """A new secret; it is shown once and stored nowhere.

    Args:
        kind: SECRET, PUBLISHABLE or ADMIN.
        environment: where it will work, and nowhere else.
    """
    return f"cp_{environment.value}_{KINDS[kind]}_{secrets.token_hex(24)}"


def hash_of(secret: str) -> bytes:
    """What is stored of a secret: 32 bytes."""
    return hashlib.sha256(secret.encode()).digest()


def shown_prefix(secret: str) -> str:
    """What people see of a secret, to know it by."""
    head, _, random = secret.rpartition("_")
    return f"{head}_{random[:_SHOWN]}"


async def create_key(database: Database, given: Input, secret: str, actor: str) -> Record:
    """Store a key for a new secret.

    Args:
        database: where.
        given: ``kind``, ``name``, ``scopes``, and perhaps ``customerId``, ``observe`` and ``expiresAt``.
        secret: from ``new_secret``.
        actor: who makes it.

    Raises:
        RequestError: ``INVALID_INPUT``.
    """
    stored = {**given, "prefix": shown_prefix(secret), "secretHash": hash_of(secret).hex()}
    found: Record = await database.value("SELECT api.create_api_key(%s, %s)", (encoded(stored), actor))
    return found


async def revoke_key(database: Database, given: Input, actor: str) -> Record:
    """Make a key stop working, everywhere within a second; again is no error.

    Args:
        database: where.
        given: ``keyId``, and perhaps the ``customerId`` that it has to be bound to.
        actor: who revokes it.

    Raises:
        RequestError: ``INVALID_INPUT``; there is no such key.
    """
    found: Record = await database.value("SELECT api.revoke_api_key(%s, %s)", (encoded(dict(given)), actor))
    return found


async def rotate_key(database: Database, given: Input, secret: str, actor: str) -> Record:
    """Give a key a new secret; the one it has works on for a while.

    Args:
        database: where.
        given: ``keyId``, ``overlapSeconds``, and perhaps the ``customerId`` that it has to be bound to.
        secret: from ``new_secret``.
        actor: who rotates it.

    Raises:
        RequestError: ``INVALID_INPUT``; there is no such key, or it works no more.
    """
    stored = {**given, "prefix": shown_prefix(secret), "secretHash": hash_of(secret).hex()}
    found: Record = await database.value("SELECT api.rotate_api_key(%s, %s)", (encoded(stored), actor))
    return found


async def find_key(database: Database, secret_hash: bytes) -> Record | None:
    """The key with this hash, also a revoked or expired one; None if there is none."""
    [(found,)] = await database.read("SELECT api.find_api_key(%s)", (secret_hash,))
    return found if found is None else dict(found)


async def touch_keys(database: Database, key_ids: Sequence[str], used_at: Sequence[datetime]) -> None:
    """Remember when keys were used last; an older time changes nothing."""
    await database.value("SELECT api.touch_api_keys(%s, %s)", (list(key_ids), list(used_at)))
