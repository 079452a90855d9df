"""Settings of the embedded server, given on its command line so that the folder holds data only.

Durability is never traded: fsync, full_page_writes and synchronous_commit stay on, since an answer counts
as given only after a durable commit. What is tuned is memory, and how rarely checkpoints come.
"""

import os

_MEBIBYTE = 1024 * 1024


def server_settings() -> dict[str, str]:
    """Names and values for ``postgresql.conf``, sized for a machine that runs other things too."""
    return {
        "shared_buffers": f"{shared_buffers(_memory())}MB",
        "max_connections": "200",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "wal_level": "replica",
        "max_wal_size": "2GB",
        "min_wal_size": "256MB",
        "checkpoint_timeout": "15min",
        "wal_buffers": "16MB",
        "random_page_cost": "1.1",
        "jit": "off",  # statements are short; compiling one costs more than running it
        "autovacuum_naptime": "15s",
        "idle_in_transaction_session_timeout": "60s",  # an open snapshot halves a hot customer's rate
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_checkpoints": "off",
        "log_lock_waits": "on",
        "cluster_name": "controlplane",
    }


def server_environment() -> dict[str, str]:
    """What the C library is told: each backend keeps up to so many freed bytes for its next call.

    Left to itself it gives memory back whenever 128 KiB lie free at the end of the heap, which a decision
    may do on every call, and pays a page fault for each page of the next.
    """
    return {
        "MALLOC_TRIM_THRESHOLD_": str(8 * _MEBIBYTE),
        # To name the one fixes the other at 128 KiB, unless that is given too.
        "MALLOC_MMAP_THRESHOLD_": str(2 * _MEBIBYTE),
    }


def shared_buffers(memory: int) -> int:
    """Mebibytes for shared_buffers: an eighth of the memory (in bytes), between 128 and 1024."""
    return max(128, min(1024, memory // 8 // _MEBIBYTE))


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
