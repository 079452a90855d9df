"""``controlplane serve``: the API alone."""

import contextlib
from pathlib import Path

import click

from controlplane.cli.options import data_option, with_options
from controlplane.cli.serving import address_of, listen
from controlplane.cli.serving import serve as serve_api
from controlplane.cli.stopping import Stop, said, stop_signals
from controlplane.db.local import running_place
from controlplane.db.urls import shown_url
from controlplane.errors import ConfigurationError
from controlplane.settings import Settings, load_settings


@click.command("serve")
@data_option
@click.option("--host", metavar="ADDRESS", help="Address the API listens on (CONTROLPLANE_HOST).")
@click.option("--port", type=click.IntRange(0, 65535), help="Its port (CONTROLPLANE_PORT); 0: a free one.")
def command(data: Path | None, host: str | None, port: int | None) -> None:
    """Serve the API alone, on a database that has its schema already. Ctrl-C stops it.

    Any number of these run side by side: each gathers the requests of its own callers, and the database alone
    decides. Nothing is migrated here; /readyz tells whether this version fits the schema.

    CONTROLPLANE_DATABASE_URL names the database; it needs no more rights than the role app has. Without it,
    the embedded server is used that `controlplane up` runs on the folder.

    \b
    Examples:
      controlplane serve --port 8001
      controlplane serve --data ./data --port 8001
      CONTROLPLANE_DATABASE_URL=postgresql://app@db.internal/credits controlplane serve
    """
    settings = with_options(load_settings(), data_dir=data, host=host, port=port)
    url = _database(settings)
    shown = shown_url(url)
    with contextlib.suppress(Stop), stop_signals(), contextlib.ExitStack() as stack:
        listener = stack.enter_context(contextlib.closing(listen(settings.host, settings.port)))
        stack.enter_context(said("stopped"))

        def ready() -> None:
            click.echo(f"database  {shown}")
            click.echo(f"API       {address_of(listener)}/graphql")
            click.echo("ready; Ctrl-C stops it")

        serve_api(settings.model_copy(update={"database_url": url}), listener, on_ready=ready)


def _database(settings: Settings) -> str:
    if settings.database_url is not None:
        return settings.database_url
    place = running_place(settings)
    if place is None:
        raise ConfigurationError(
            f"no database runs in {settings.data_dir}",
            hint="start it with `controlplane up`, name its folder with --data,"
            " or name another database: CONTROLPLANE_DATABASE_URL",
        )
    return place.serving_url
