"""``controlplane recover``: say that this database's history is the one that goes on."""

from pathlib import Path

import click

from controlplane.cli.options import data_option, with_options
from controlplane.db.local import open_existing_place
from controlplane.db.recovery import recover
from controlplane.settings import load_settings


@click.command("recover")
@data_option
@click.option(
    "--reason",
    metavar="TEXT",
    default="recovered by hand",
    show_default=True,
    help="Why, for whoever reads the history.",
)
@click.option("--force", is_flag=True, help="Begin anew although this looks like the same server as before.")
def command(data: Path | None, reason: str, force: bool) -> None:
    """Say that this database's history is the one that goes on.

    After a restore or an asynchronous failover the last commits may be lost, and numbers of the history may
    come again with another meaning. So nothing is decided on a server that is not the one it was (requests
    are answered with RECOVERY_NEEDED) until this command begins a new incarnation, which is part of every
    version and cursor that callers hold. Be sure first that the old server takes no more requests.

    A copy of the files brought back on the same machine looks like the same server; then use --force.

    \b
    Examples:
      controlplane recover --reason "restored last night's dump"
      CONTROLPLANE_DATABASE_URL=postgresql://me@standby.internal/credits controlplane recover
    """
    settings = with_options(load_settings(), data_dir=data)
    with open_existing_place(settings) as place:
        done = recover(place.url, settings.role_prefix, reason, force=force)
    if done.begun:
        click.echo(f"incarnation {done.incarnation} begins here; requests are decided")
    else:
        click.echo(f"nothing to recover: this is still incarnation {done.incarnation}, on the same server")
        click.echo("if its files were brought back from a copy: controlplane recover --force")
