"""The group of all commands, and how an error reaches a terminal.

Exit codes: 0 done, 1 refused or failed (the message says why and how to mend it), 2 wrong usage.
"""

import importlib
from collections.abc import Mapping
from typing import Any

import click

import controlplane
from controlplane.cli.logs import configure_logs
from controlplane.errors import ControlplaneError

#: Name and one-line help of every command; the module ``controlplane.cli.<name>`` holds ``command``, but for
#: those of ``_MODULES``.
#: The line stands here so that ``--help`` need not import them all.
COMMANDS: Mapping[str, str] = {
    "up": "Start everything: database, migrations, API.",
    "serve": "Serve the API alone, beside other processes that do.",
    "migrate": "Bring a database to this version's schema, or tell what that would take.",
    "doctor": "Say what is wrong with a database, and how to mend it.",
    "verify": "Say whether balances, counters and order are what history says.",
    "import": "Bring customers, entities and opening balances over from a file.",
    "replay": "Drive a recorded trace of requests through credits and budgets.",
    "recover": "After a restore or failover: say that this history goes on.",
    "close": "Close a month of the books.",
    "watch": "Show a customer's balances as they move.",
    "keys": "Make, list and revoke API keys.",
    "psql": "Open psql on the database.",
    "schema": "Print the GraphQL schema.",
}

#: Where a command's name is a word of Python's own, which names no module.
_MODULES: Mapping[str, str] = {"import": "importing"}


class Failure(click.ClickException):
    """An error of ours, shown with its code and its hint."""

    def __init__(self, error: ControlplaneError) -> None:
        super().__init__(error.message)
        self.code = error.code
        self.hint = error.hint

    def show(self, file: Any = None) -> None:
        """Print to standard error, whatever ``file`` says."""
        click.echo(f"error: {self.message} [{self.code}]", err=True)
        if self.hint:
            click.echo(f" hint: {self.hint}", err=True)


class Commands(click.Group):
    """Knows the names of the commands and imports one when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order in which one needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"controlplane.cli.{_MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run, and turn our errors into exit codes and two lines."""
        try:
            return super().invoke(ctx)
        except ControlplaneError as error:
            raise Failure(error) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(controlplane.__version__, prog_name="controlplane")
def main() -> None:
    """Credits and budgets for AI products, decided inside one Postgres transaction.

    Settings are environment variables, CONTROLPLANE_*; options win over them. Without
    CONTROLPLANE_DATABASE_URL a PostgreSQL of its own is used, in the folder CONTROLPLANE_DATA_DIR.

    \b
    Example:
      controlplane up
    """
    configure_logs()
