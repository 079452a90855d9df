"""``controlplane verify``: whether the stored state is what history says."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from controlplane.cli.options import data_option, with_options
from controlplane.db.local import open_existing_place
from controlplane.db.verify import Check, verify
from controlplane.settings import load_settings


@click.command("verify")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@click.option("--customer", "customers", multiple=True, metavar="ID", help="Only this one; may be repeated.")
def command(data: Path | None, as_json: bool, customers: tuple[str, ...]) -> None:
    """Say whether balances, counters and order are what history says.

    One line per check with how much it looked at, and the first offenders below it. Looks at one snapshot
    of live data, locks and changes nothing. Exits with 1 if there is any offender.

    \b
    Examples:
      controlplane verify
      controlplane verify --customer acme --json
    """
    settings = with_options(load_settings(), data_dir=data)
    with open_existing_place(settings) as place:
        checks = verify(place.url, settings.role_prefix, customers or None)
    failed = any(check.offenders for check in checks)
    if as_json:
        click.echo(json.dumps({"ok": not failed, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        for check in checks:
            _tell(check)
    sys.exit(1 if failed else 0)


def _tell(check: Check) -> None:
    level = click.style("fail", fg="red") if check.offenders else click.style("ok  ", fg="green")
    click.echo(f"{level}  {check.name:<14} {check.checked:>12,} checked")
    for offender in check.offenders:
        click.echo(f"      {json.dumps(offender, ensure_ascii=False)}")
