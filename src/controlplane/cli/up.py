"""``controlplane up``: database, migrations and API in one process."""

import asyncio
import contextlib
import shlex
import shutil
import sys
from pathlib import Path

import click
from rich.console import Console

from controlplane.cli.options import data_option, with_options
from controlplane.cli.serving import address_of, listen, serve
from controlplane.cli.stopping import Stop, said, stop_signals
from controlplane.db.local import Place, open_place
from controlplane.db.migrate import migrate
from controlplane.db.plan import Plan
from controlplane.db.urls import shown_url
from controlplane.demo.running import run_demo
from controlplane.errors import ConfigurationError, ControlplaneError
from controlplane.settings import Settings, load_settings
from controlplane.types import Environment


@click.command("up")
@data_option
@click.option("--host", metavar="ADDRESS", help="Address the API listens on (CONTROLPLANE_HOST).")
@click.option("--port", type=click.IntRange(0, 65535), help="Its port (CONTROLPLANE_PORT); 0: a free one.")
@click.option("--demo", is_flag=True, help="Seed a demo customer and let its agents spend.")
def command(data: Path | None, host: str | None, port: int | None, demo: bool) -> None:
    """Start everything: database, migrations, API. Ctrl-C stops it.

    Without CONTROLPLANE_DATABASE_URL a PostgreSQL of its own runs as long as this command does; its data
    stays in the folder, and the next start goes on with it. The database is migrated before anything is
    served.

    With --demo there is a customer, acme, whose agents spend as long as it runs: balances move in the
    terminal, and lines to paste show how to spend, to watch and to look at the ledger.

    \b
    Examples:
      controlplane up
      controlplane up --demo
      controlplane up --data ./data --port 8080
      CONTROLPLANE_DATABASE_URL=postgresql://me@db.internal/credits controlplane up
    """
    settings = with_options(load_settings(), data_dir=data, host=host, port=port)
    if demo and settings.environment is Environment.LIVE:
        raise ConfigurationError(
            "the demo makes a customer and an administrator's key, which a live environment must not have",
            hint="leave --demo out, or use CONTROLPLANE_ENVIRONMENT=test and another database",
        )
    with contextlib.suppress(Stop), stop_signals(), contextlib.ExitStack() as stack:
        listener = stack.enter_context(contextlib.closing(listen(settings.host, settings.port)))
        if settings.embedded:
            click.echo(f"starting PostgreSQL {settings.postgres_major} in {settings.data_dir}")
        stack.enter_context(said("stopped"))
        place = stack.enter_context(open_place(settings))
        plan = migrate(
            place.url,
            prefix=settings.role_prefix,
            environment=settings.environment,
            failover=settings.failover,
        )
        _tell_migrated(plan)
        serving = settings.model_copy(update={"database_url": place.serving_url})
        url = address_of(listener)

        def ready() -> None:
            psql = _line(settings, place, "psql")
            click.echo(f"database  {shown_url(place.url)}")
            click.echo(f"psql      {psql}")
            click.echo(f"API       {url}/graphql")
            if not demo:
                click.echo(f"for a key {_line(settings, place, 'keys')} create admin --kind admin")
            click.echo("ready; Ctrl-C stops it")
            if demo:
                running.append(asyncio.create_task(_run_demo(serving, url, psql)))

        running: list[asyncio.Task[None]] = []  # a task that nobody holds may be collected
        serve(serving, listener, on_ready=ready)


async def _run_demo(settings: Settings, url: str, psql: str) -> None:
    """The API goes on without the demo; what went wrong with it is told."""
    try:
        await run_demo(settings, url, Console(), program=_program(), psql=psql)
    except* ControlplaneError as failed:
        click.echo(f"the demo ended: {failed.exceptions[0]}", err=True)


def _tell_migrated(plan: Plan) -> None:
    if plan.is_empty:
        click.echo("schema is up to date")
    else:
        click.echo(f"schema: applied {len(plan.migrations)} migrations, {len(plan.repeated)} other files")


def _program() -> str:
    """How this program was called, as the beginning of a line to paste: it need not be on the PATH."""
    called = sys.argv[0]
    if Path(called).name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m controlplane"
    return "controlplane" if shutil.which("controlplane") == called else shlex.quote(called)


def _line(settings: Settings, place: Place, command: str) -> str:
    """A line that runs a command here, also in a terminal without our settings; never a password."""
    if settings.embedded:
        return f"{_program()} {command} --data {shlex.quote(str(settings.data_dir))}"
    return f"CONTROLPLANE_DATABASE_URL={shlex.quote(shown_url(place.url))} {_program()} {command}"
