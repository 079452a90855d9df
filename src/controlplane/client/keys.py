"""Idempotency keys as UUIDv7: in order of time, which keeps the index of keys small and warm."""

import secrets
import time
import uuid

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62


def new_key(milliseconds: int | None = None) -> str:
    """A fresh key.

    Args:
        milliseconds: since 1970 in UTC; None is now. Anything but now is for tests.
    """
    at = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
    upper = (at & (1 << 48) - 1) << 80 | _VERSION | secrets.randbits(12) << 64
    return str(uuid.UUID(int=upper | _VARIANT | secrets.randbits(62)))
