"""Stop signals as an exception, so that every ``with`` on the way out does its work."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import click

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(BaseException):
    """A stop signal came. No error: whoever starts something to run until stopped catches it."""


@contextmanager
def stop_signals() -> Iterator[None]:
    """Raise ``Stop`` in the main thread at the first signal, and let nothing interrupt what follows.

    Further signals are ignored: stopping takes a bounded time, and half a stop leaves more behind. Whoever
    cannot wait kills us, and the kernel then shuts Postgres down.
    """

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Stop

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def said(word: str) -> Iterator[None]:
    """Say it when everything inside is over and gone."""
    try:
        yield
    finally:
        click.echo(word)
