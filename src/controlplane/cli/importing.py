"""``controlplane import``: customers, entities and opening balances, out of a file."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click
import uvloop
from rich.console import Console

from controlplane.cli.options import OutputFile, data_option, with_options
from controlplane.db.local import open_existing_place
from controlplane.db.pool import Database
from controlplane.db.reading import read_installation
from controlplane.errors import ConfigurationError, DatabaseError, MigrationError
from controlplane.importing.columns import BALANCES, CUSTOMERS, ENTITIES, Kind
from controlplane.importing.lines import read_lines
from controlplane.importing.records import ENDINGS, Record, read_csv, read_json_lines
from controlplane.importing.refusals import Refusals
from controlplane.importing.report import Outcome
from controlplane.importing.rows import Read, Row, goes_in_circles, read_rows
from controlplane.importing.running import Import
from controlplane.importing.spool import Spool
from controlplane.importing.tally import Tally
from controlplane.progress import step
from controlplane.settings import Settings, load_settings

#: Milliseconds a call may take; it waits for the customer's gate as long, and is then sent again.
_STATEMENT_MS = 30_000
#: Rows between two words about reading.
_EVERY = 1_000
_STDIN = "-"
#: What Postgres says where there is no schema of ours, or an older one.
_NO_SCHEMA = ("3F000", "42883")

_FILES = """
FILE is CSV (.csv: UTF-8 with a header, commas, and quotation marks as in RFC 4180) or JSON lines (.jsonl
or .ndjson: an object with the same names on each line); - reads standard input, with --format. An empty
cell leaves what it is about as it is; in JSON lines null takes a name away, or puts an entity below its
customer.

Rows that are refused are listed with line, field and code, as they come; the others stand. The same file
again changes nothing, so an import that was interrupted is gone on with by running it again. The exit code
is 1 if a row was refused or a total is not tied, and 130 after Ctrl-C.

A file may have any size: its rows wait on disk, in TMPDIR.
"""

_CUSTOMERS = """Import the customers of FILE.

With observe=true a customer's requests are decided and recorded, and none is denied: see what would be, then
import the same file with observe=false.
"""
_ENTITIES = """Import the entities of FILE: users, teams, agents, and what stands above them.

The order does not matter; a parent may stand below its children. A row of an entity that is there changes its
name, its metadata or its parent.
"""
_BALANCES = """Import the opening balances of FILE: a row grants credits to a customer or an entity.

A reference makes a grant once for ever: the same row again changes nothing, another amount under it is
refused. Without one a grant is known by entityId, creditType, kind, effectiveAt, expiresAt and source, so
that two rows that agree in these need references. At the end the sum of the file is held against the
ledger.
"""

_EXAMPLES = {
    "customers": ("customerId,name,observe,metadata.region", "acme-2,Acme Ltd,true,eu"),
    "entities": (
        "customerId,entityId,type,parentId,name",
        "acme-2,ada,user,research,Ada",
        "acme-2,research,team,,",
    ),
    "balances": (
        "customerId,entityId,creditType,amount,kind,expiresAt,costBasis,currency,reference",
        "acme-2,,credits,2500.50,PAID,2100-01-01T00:00:00Z,0.01,USD,invoice-17",
        "acme-2,ada,credits,40,PROMOTIONAL,,,,welcome-ada",
    ),
}


@click.group("import")
def command() -> None:
    """Bring customers, entities and opening balances over from another system.

    First customers, then entities, then balances, each from a CSV file or from JSON lines. Every row goes
    through the same functions of the database as any other door; what is there already is left alone.

    \b
    Examples:
      controlplane import customers customers.csv --dry-run
      controlplane import customers customers.csv
      controlplane import entities entities.jsonl
      controlplane import balances balances.csv --errors refused.jsonl
    """


def _help(kind: Kind, says: str) -> str:
    """The text of ``--help``: what it does, the columns, an example."""
    columns = [
        f"  {column.name:<22} {column.says}{' (needed)' * column.is_needed}" for column in kind.columns
    ]
    example = [f"  {line}" for line in _EXAMPLES[kind.name]]
    return "\n".join(
        [
            says,
            "\b",
            "Columns:",
            *columns,
            _FILES,
            "\b",
            f"Example: {kind.name}.csv",
            *example,
            "",
            "\b",
            "Examples:",
            f"  controlplane import {kind.name} {kind.name}.csv --dry-run",
            f"  controlplane import {kind.name} {kind.name}.csv --errors refused.jsonl",
        ]
    )


def _command(kind: Kind, says: str) -> click.Command:
    """The command of a kind."""

    @click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
    @data_option
    @click.option("--dry-run", is_flag=True, help="Check everything, in the database too, and write nothing.")
    @click.option(
        "--format", "form", type=click.Choice(["csv", "jsonl"]), help="Instead of by the file's ending."
    )
    @click.option(
        "--errors",
        type=OutputFile(),
        metavar="FILE",
        help="List what is refused as it comes, as JSON lines.",
    )
    @click.option(
        "--connections",
        type=click.IntRange(1, 64),
        default=4,
        show_default=True,
        help="At once; a customer has one at a time.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
    def run(
        file: Path,
        data: Path | None,
        dry_run: bool,
        form: str | None,
        errors: Path | None,
        connections: int,
        as_json: bool,
    ) -> None:
        if errors is not None and errors.exists() and file.exists() and errors.samefile(file):
            raise click.UsageError("--errors would write over the file to import")
        settings = with_options(load_settings(), data_dir=data)
        form = form or _format_of(file)
        progress = Console(stderr=True)
        with Spool() as spool, Refusals(errors) as refusals:
            tally = Tally(refusals, counts_credits=kind is BALANCES)
            read = _read(file, form, kind, spool, tally, progress)
            outcome = _imported(read, spool, tally, kind, settings, file, dry_run, connections, progress)
        _tell(outcome, read, as_json)

    return click.command(kind.name, help=_help(kind, says), short_help=says.partition("\n")[0])(run)


for _kind, _says in ((CUSTOMERS, _CUSTOMERS), (ENTITIES, _ENTITIES), (BALANCES, _BALANCES)):
    command.add_command(_command(_kind, _says))


def _format_of(file: Path) -> str:
    form = ENDINGS.get(file.suffix.lower())
    if form is None:
        raise click.UsageError(
            f"'{file}' ends neither in .csv nor in .jsonl or .ndjson: say which with --format"
        )
    return form


def _read(file: Path, form: str, kind: Kind, spool: Spool, tally: Tally, progress: Console) -> Read:
    """Read the file into the spool; nothing is sent before all of it is known.

    Raises:
        ConfigurationError: it cannot be read, is empty, or has another header.
    """
    try:
        with _opened(file) as stream, step(progress, "reading") as told:
            read = Read()
            for row in read_rows(_records(stream, form, kind), kind, spool, read):
                if isinstance(row, Row):
                    tally.expect(row)
                else:
                    tally.refuse(row)
                if read.count % _EVERY == 0:
                    told(read.count, None)
            for row, circle in spool.arrange():
                tally.refuse(goes_in_circles(row, circle))
            return read
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {file}: {error.strerror}", hint="name a file of rows"
        ) from error


def _opened(file: Path) -> BinaryIO:
    return sys.stdin.buffer if str(file) == _STDIN else file.open("rb")


def _records(stream: BinaryIO, form: str, kind: Kind) -> Iterator[Record]:
    lines = read_lines(stream)
    return read_csv(lines, kind.check_header) if form == "csv" else read_json_lines(lines)


def _imported(
    read: Read,
    spool: Spool,
    tally: Tally,
    kind: Kind,
    settings: Settings,
    file: Path,
    dry_run: bool,
    connections: int,
    progress: Console,
) -> Outcome:
    """Send what was read; a stop signal ends it early, with an outcome of what was done.

    Raises:
        MigrationError: there is no schema yet, or an older one.
        DatabaseError: the database cannot be reached.
    """

    async def run(url: str) -> Outcome:
        stop = asyncio.Event()
        database = Database(
            url,
            size=connections,
            statement_timeout_ms=_STATEMENT_MS,
            behind_pooler=settings.behind_pooler,
            name="controlplane import",
        )
        await database.open()
        try:
            await read_installation(database)  # a wrong URL is told at once, and not after much patience
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            importing = Import(database, kind, tally, dry_run=dry_run, stop=stop)
            began = time.perf_counter()
            with step(progress, kind.name) as told:
                await importing.run(spool, read.count, connections, told)
            seconds = time.perf_counter() - began
        finally:
            await database.close()
        interrupted = stop.is_set() and importing.failure is None
        return Outcome(
            file.name,
            kind.name,
            dry_run,
            read.count,
            tally,
            seconds,
            interrupted,
            importing.failure,
        )

    with open_existing_place(settings) as place, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            outcome = runner.run(run(place.serving_url))
        except DatabaseError as error:
            _refuse_no_schema(error)
            raise
    if outcome.failure is not None:
        _refuse_no_schema(outcome.failure)
    return outcome


def _refuse_no_schema(error: DatabaseError) -> None:
    if error.sqlstate in _NO_SCHEMA:
        raise MigrationError(
            "there is no schema here yet, or an older one", hint="controlplane migrate"
        ) from error


def _tell(outcome: Outcome, read: Read, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(outcome.as_json(), indent=2))
    else:
        outcome.show(Console())
    if read.unreferenced:
        click.echo(
            f"note: {read.unreferenced:,} rows have no reference; --help says what they are known by",
            err=True,
        )
    if outcome.failure is not None:
        raise outcome.failure
    if not outcome.tally.is_tied:
        click.echo("error: the file and the ledger do not agree [NOT_TIED]", err=True)
    sys.exit(130 if outcome.interrupted else 0 if outcome.is_whole else 1)
