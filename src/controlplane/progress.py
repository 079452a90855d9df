"""Progress on standard error: a bar on a terminal, a line every few seconds elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

#: Seconds between two lines where there is no terminal.
_EVERY = 5.0


class _Rate(TextColumn):
    """How many a second."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f}/s", style="progress.data.speed")


@contextmanager
def step(console: Console, name: str) -> Iterator[Callable[[int, int | None], None]]:
    """One step of a long work; call what it yields with how many are done, and of how many if known."""
    if not console.is_terminal:
        yield _lines(console, name)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(console: Console, name: str) -> Callable[[int, int | None], None]:
    began = said = time.monotonic()

    def tell(done: int, total: int | None) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said < _EVERY and done != total:
            return
        said = now
        rate = done / max(now - began, 1e-3)
        words = f"{name}: {done:,}" + ("" if total is None else f" of {total:,}") + f", {rate:,.0f}/s"
        if total is not None and done < total and rate > 0:
            words += f", {(total - done) / rate:,.0f} s left"
        console.print(words, soft_wrap=True)

    return tell
