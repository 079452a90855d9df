"""Progress on standard error: a bar on a terminal, a line every few seconds elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

#: Seconds between two lines where there is no terminal.
_EVERY = 5.0


@contextmanager
def step(console: Console, name: str) -> Iterator[Callable[[int, int], None]]:
    """One step of a long work; call what it yields with how many are done and of how many."""
    if not console.is_terminal:
        yield _lines(console, name)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(console: Console, name: str) -> Callable[[int, int], None]:
    said = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said >= _EVERY or done == total:
            said = time.monotonic()
            console.print(f"{name}: {done:,} of {total:,}")

    return tell
