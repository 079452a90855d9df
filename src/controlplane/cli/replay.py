"""``controlplane replay``: drive a recorded trace of requests through a door."""

import asyncio
import contextlib
import json
import sys
from pathlib import Path

import click
import uvloop
from rich.console import Console

from controlplane.cli.options import OutputFile, data_option, with_options, write_output
from controlplane.db.local import open_place
from controlplane.db.migrate import migrate
from controlplane.errors import ConfigurationError
from controlplane.replay.report import Outcome
from controlplane.replay.running import Plan, replay
from controlplane.replay.trace import Trace, read_trace
from controlplane.replay.world import Shape
from controlplane.settings import Settings, load_settings
from controlplane.types import Environment

_COUNT = click.IntRange(1, 10_000)


class _Speed(click.ParamType[float | None]):
    name = "speed"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        """``max`` is None."""
        if value is None or value == "max":
            return None
        try:
            speed = float(str(value))
        except ValueError:
            speed = 0.0
        if not 0 < speed < 1e9:
            self.fail("a number above 0, such as 1 or 60, or max", param, ctx)
        return speed


@click.command("replay")
@click.argument("trace", type=click.Path(path_type=Path, dir_okay=False))
@data_option
@click.option("--customers", type=_COUNT, default=20, show_default=True, help="Customers to spread it over.")
@click.option("--teams", type=_COUNT, default=3, show_default=True, help="Teams of a customer.")
@click.option("--agents", type=_COUNT, default=4, show_default=True, help="Agents of a team.")
@click.option("--products", type=_COUNT, default=3, show_default=True, help="Products of a customer.")
@click.option("--seed", type=int, default=1, show_default=True, help="Who asks for what; the same, the same.")
@click.option("--tight", is_flag=True, help="Grants and budgets that deny 20 to 60 of 100 requests.")
@click.option(
    "--reserve",
    type=click.IntRange(0, 10_000_000),
    metavar="TOKENS",
    help="Reserve each request for so many output tokens, then settle it by what it generated.",
)
@click.option("--door", type=click.Choice(["graphql", "sql"]), default="graphql", show_default=True)
@click.option(
    "--speed",
    type=_Speed(),
    default="max",
    metavar="N|max",
    help="1 as in the trace, 60 a minute in a second; max (the default) as fast as it goes.",
)
@click.option("--concurrency", type=click.IntRange(1, 1000), default=16, show_default=True, help="At once.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N requests.")
@click.option("--url", metavar="URL", help="An API that runs already; with --key.")
@click.option("--key", metavar="KEY", help="An administrator's key for it.")
@click.option("--live", is_flag=True, help="Go on in a live environment, which gets customers it never had.")
@click.option(
    "--report",
    type=OutputFile(),
    metavar="FILE",
    help="Write the outcome as JSON too.",
)
def command(
    trace: Path,
    data: Path | None,
    customers: int,
    teams: int,
    agents: int,
    products: int,
    seed: int,
    tight: bool,
    reserve: int | None,
    door: str,
    speed: float | None,
    concurrency: int,
    limit: int | None,
    url: str | None,
    key: str | None,
    live: bool,
    report: Path | None,
) -> None:
    """Drive the requests of TRACE, a CSV file, through credits and budgets.

    The file has the columns TIMESTAMP, ContextTokens and GeneratedTokens, as the public traces of Azure's
    LLM services have. Its rows are given to customers, teams, agents, products and models that are drawn
    from the seed; customers with a prefix of their own are made for each run, so what is there stays as it
    is. Database and API are started here, or found where `controlplane up` runs them, unless --url names
    an API. At the end the history is verified; the exit code is 1 if it is not clean or a request got no
    decision. Ctrl-C stops it early, and it gives up where nobody answers any more.

    \b
    Examples:
      controlplane replay trace.csv
      controlplane replay trace.csv --tight --report outcome.json
      controlplane replay trace.csv --door sql --speed 60
      controlplane replay trace.csv --reserve 200
      controlplane replay trace.csv --url https://credits.internal --key cp_test_ak_…
    """
    if (url is None) != (key is None) or (url is not None and door == "sql"):
        raise click.UsageError("--url and --key go together, and with --door graphql")
    settings = with_options(load_settings(), data_dir=data)
    _refuse_live(settings, key, live)
    read = read_trace(trace, limit)
    if not read.rows:
        raise ConfigurationError(f"{trace} has no request to send", hint=_first_bad(read))
    shape = Shape(customers, teams, agents, products)
    plan = Plan(shape, seed, tight, door, speed, concurrency, reserve, url, key)
    outcome = _run(read, plan, settings, with_place=url is None or data is not None or not settings.embedded)
    outcome.told["trace"] = trace.name
    outcome.show(Console())
    if report is not None:
        write_output(report, json.dumps(outcome.as_json(), indent=2) + "\n")
    failed = outcome.tally.failed or not outcome.clean or outcome.unverified is not None
    sys.exit(130 if outcome.interrupted and not outcome.tally.given_up else 1 if failed else 0)


def _run(trace: Trace, plan: Plan, settings: Settings, *, with_place: bool) -> Outcome:
    console = Console(stderr=True)
    with contextlib.ExitStack() as stack:
        place = None
        if with_place:
            place = stack.enter_context(open_place(settings, share=True))
            migrate(place.url, prefix=settings.role_prefix, environment=settings.environment)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(replay(trace, plan, settings, place, console))


def _refuse_live(settings: Settings, key: str | None, live: bool) -> None:
    is_live = settings.environment is Environment.LIVE if key is None else key.startswith("cp_live_")
    if is_live and not live:
        raise ConfigurationError(
            "this is a live environment, and a replay makes customers in it",
            hint="use a test environment; or --live, if it is meant",
        )


def _first_bad(trace: Trace) -> str | None:
    return f"line {trace.bad[0].line}: {trace.bad[0].why}" if trace.bad else None
