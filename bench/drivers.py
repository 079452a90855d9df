"""Processes like those of the API, each with its own ``Decisions``, that put their loads on together."""

import asyncio
import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError

import uvloop

from bench.deciding import deciding
from bench.load import Done, Load
from controlplane.cli.stopping import SIGNALS
from controlplane.db.decisions import Decisions

#: Seconds until all are connected and warm, and for how long they warm up, at most and as a share of a run.
START_SECONDS, WARM_SECONDS, WARM_SHARE = 60.0, 1.0, 0.25

_start: Barrier


@dataclass(frozen=True, slots=True)
class Driven:
    """What one process did.

    Attributes:
        done: by each of its loads.
        warming: items decided before, while its connections opened and planned.
    """

    done: Sequence[Done]
    warming: int


def drive(
    url: str, processes: Sequence[Sequence[Load]], meanwhile: Callable[[], None] = lambda: None
) -> list[Driven]:
    """Run loads, one process for each list of them, all at the same time.

    Args:
        url: of the role ``app``.
        processes: what each of them runs, over one ``Decisions``.
        meanwhile: called here when they begin.

    Returns:
        What was done, in the order given.
    """
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(len(processes) + 1)
    with ProcessPoolExecutor(
        len(processes), mp_context=context, initializer=_prepare, initargs=(start,)
    ) as pool:
        running = [pool.submit(_run, url, loads) for loads in processes]
        try:
            start.wait(START_SECONDS)
            meanwhile()
        except BrokenBarrierError:
            pass  # one of them failed, and says why below
        except BaseException:
            start.abort()  # nobody need wait for us
            raise
        return [process.result() for process in running]


def _prepare(start: Barrier) -> None:
    """In the new process: a stop signal is for the one that started it, which waits for our end."""
    global _start
    _start = start
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _run(url: str, loads: Sequence[Load]) -> Driven:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_put(url, loads))


async def _put(url: str, loads: Sequence[Load]) -> Driven:
    try:
        async with deciding(url) as decisions:
            warming = await _run_all(decisions, [_shortened(load) for load in loads])
            await asyncio.to_thread(_start.wait, START_SECONDS)
            done = await _run_all(decisions, loads)
            return Driven(done, sum(each.items for each in warming))
    except BaseException:
        _start.abort()
        raise


async def _run_all(decisions: Decisions, loads: Sequence[Load]) -> list[Done]:
    return await asyncio.gather(*[load.run(decisions) for load in loads])


def _shortened(load: Load) -> Load:
    return replace(load, seconds=min(WARM_SECONDS, load.seconds * WARM_SHARE))
