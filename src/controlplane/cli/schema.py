"""``controlplane schema``: the GraphQL schema in its own language."""

from pathlib import Path

import click

from controlplane.cli.options import OutputFile, write_output


@click.command("schema")
@click.option(
    "--output",
    type=OutputFile(),
    metavar="FILE",
    help="Write it to this file instead of standard output.",
)
def command(output: Path | None) -> None:
    """Print the GraphQL schema. It needs no database.

    \b
    Example:
      controlplane schema --output schema.graphql
    """
    from controlplane.graphql.schema import exported

    text = exported()
    if output is None:
        click.echo(text, nl=False)
    else:
        write_output(output, text)
