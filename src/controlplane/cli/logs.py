"""Logs go to standard error, so that what a command prints can be piped on."""

import logging
import os
import sys

import structlog


def configure_logs(format_wanted: str | None = None) -> None:
    """Set structlog up for this process.

    Args:
        format_wanted: ``console``, ``json``, or ``auto`` (console on a terminal, json elsewhere); None reads
            CONTROLPLANE_LOG_FORMAT, since logs must work before the settings are known to be right.
    """
    wanted = format_wanted or os.environ.get("CONTROLPLANE_LOG_FORMAT") or "auto"
    on_terminal = sys.stderr.isatty()
    as_json = wanted == "json" or (wanted == "auto" and not on_terminal)
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=on_terminal)
    )
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if as_json else structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*before, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # What libraries say, such as the pool without its database, in the same form.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.WARNING)
