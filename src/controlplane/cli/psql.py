"""``controlplane psql``: the wheel's psql on the database of the settings."""

import os
import subprocess
import sys
from pathlib import Path

import click

from controlplane.cli.options import data_option, with_options
from controlplane.db.local import client_programs, open_existing_place
from controlplane.db.urls import with_password_apart
from controlplane.settings import load_settings


@click.command("psql", context_settings={"ignore_unknown_options": True})
@data_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(data: Path | None, arguments: tuple[str, ...]) -> None:
    """Open psql on the database; ARGUMENTS go to psql.

    Uses the server that `controlplane up` runs, or starts the embedded one for as long as psql is open.
    Nothing needs to be installed: psql comes with the embedded server.

    \b
    Examples:
      controlplane psql
      controlplane psql -c "SELECT * FROM core.schema_migration"
    """
    settings = with_options(load_settings(), data_dir=data)
    psql = client_programs(settings).program("psql")
    with open_existing_place(settings) as place:
        # The search path makes \\d show our schemas; functions have one of their own.
        url, password = with_password_apart(place.url)
        environment = {**os.environ, **password, "PGOPTIONS": "-c search_path=api,report,core,public"}
        done = subprocess.run([psql, url, *arguments], env=environment, check=False)
    sys.exit(done.returncode)
