"""``controlplane verify``: whether the stored state is what history says, and history what was sealed."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from controlplane.cli.options import data_option, with_options
from controlplane.db.local import open_existing_place
from controlplane.db.seals import Seals, as_lines, heads_in
from controlplane.db.verify import Check, verify
from controlplane.errors import ConfigurationError
from controlplane.progress import step
from controlplane.settings import load_settings


@click.command("verify")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@click.option("--customer", "customers", multiple=True, metavar="ID", help="Only this one; may be repeated.")
@click.option("--seals", is_flag=True, help="Seal history up to now, then verify every seal, instead.")
@click.option("--no-seal", is_flag=True, help="With --seals: seal nothing, for a replica or a restored copy.")
@click.option(
    "--heads",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --seals: write the heads of the chains there, if nothing is wrong. Keep it elsewhere.",
)
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    metavar="FILE",
    help="With --seals: compare with heads written before; may be repeated.",
)
def command(
    data: Path | None,
    as_json: bool,
    customers: tuple[str, ...],
    seals: bool,
    no_seal: bool,
    heads: Path | None,
    against: tuple[Path, ...],
) -> None:
    """Say whether balances, counters and order are what history says.

    One line per check with how much it looked at, and the first offenders below it. Looks at one snapshot
    of live data, locks and changes nothing. Exits with 1 if there is any offender.

    With --seals it is history itself that is verified. Each customer's history is a hash chain: sealed rows
    that were altered, deleted or inserted since, be it by the owner of the database, are named, the first
    ones first. Whoever can do that can write the chain anew as well; so write its heads to a file now and
    then, keep it where that owner cannot reach, and compare: REWRITTEN and TRUNCATED name the operation up
    to which all is as it was. Decisions go on meanwhile.

    \b
    Examples:
      controlplane verify
      controlplane verify --customer acme --json
      controlplane verify --seals --heads heads.jsonl
      controlplane verify --seals --against heads.jsonl --heads heads.jsonl
    """
    if not seals and (no_seal or heads or against):
        raise click.UsageError("--no-seal, --heads and --against go with --seals")
    settings = with_options(load_settings(), data_dir=data)
    sealed = None
    with open_existing_place(settings) as place:
        if seals:
            chains = Seals(place.url, settings.role_prefix, customers or None)
            sealed, checks = _verify_seals(chains, not no_seal, against)
        else:
            checks = verify(place.url, settings.role_prefix, customers or None)
        failed = any(check.offenders for check in checks)
        if heads and not failed:
            _write(heads, as_lines(chains.heads()))
    if as_json:
        report = {"ok": not failed, "checks": [asdict(check) for check in checks]}
        click.echo(json.dumps({**report, **({} if sealed is None else {"sealed": sealed})}, indent=2))
    else:
        if sealed is not None:
            click.echo(f"      {'sealed now':<14} {sealed:>12,} operations")
        for check in checks:
            _tell(check)
        if heads:
            click.echo(f"      {heads} stays as it was" if failed else f"      heads are in {heads}")
    sys.exit(1 if failed else 0)


def _verify_seals(chains: Seals, seal: bool, against: Sequence[Path]) -> tuple[int | None, list[Check]]:
    """How many operations were sealed, None if none should be; and what the checks found."""
    kept = []
    for file in against:
        try:
            kept += heads_in(file.read_text(encoding="utf-8"))
        except (ConfigurationError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{file}: {error}") from error
    console = Console(stderr=True)
    sealed = None
    if seal:
        with step(console, "sealing") as tell:
            sealed = chains.seal(tell)
    with step(console, "verifying") as tell:
        return sealed, chains.verify(kept, tell)


def _write(file: Path, text: str) -> None:
    """As a whole or not at all: an older file may be the only one there is."""
    written = file.with_name(file.name + ".part")
    try:
        written.write_text(text, encoding="utf-8")
        written.replace(file)
    except OSError as error:
        raise ConfigurationError(f"cannot write {file}: {error.strerror}") from error


def _tell(check: Check) -> None:
    level = click.style("fail", fg="red") if check.offenders else click.style("ok  ", fg="green")
    click.echo(f"{level}  {check.name:<14} {check.checked:>12,} checked")
    for offender in check.offenders:
        click.echo(f"      {json.dumps(offender, ensure_ascii=False)}")
