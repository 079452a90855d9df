"""``controlplane doctor``: what is wrong with a database, and how to mend it."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from controlplane.cli.options import data_option, with_options
from controlplane.db.doctor import Finding, Level, examine
from controlplane.settings import load_settings

_COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


@click.command("doctor")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def command(data: Path | None, as_json: bool) -> None:
    """Say what is wrong with a database, and how to mend it.

    One line per check: ok, warn or fail, and what to do. Changes nothing. Exits with 1 if a check fails;
    warnings do not count.

    \b
    Examples:
      controlplane doctor
      CONTROLPLANE_DATABASE_URL=postgresql://me@db.internal/credits controlplane doctor --json
    """
    findings = examine(with_options(load_settings(), data_dir=data))
    failed = any(finding.level is Level.FAIL for finding in findings)
    if as_json:
        click.echo(json.dumps({"ok": not failed, "findings": [asdict(each) for each in findings]}, indent=2))
    else:
        for finding in findings:
            _tell(finding)
    sys.exit(1 if failed else 0)


def _tell(finding: Finding) -> None:
    level = click.style(f"{finding.level.value:<4}", fg=_COLOURS[finding.level])
    click.echo(f"{level}  {finding.check:<12} {finding.says}")
    if finding.mend:
        click.echo(f"{'':<4}  {'':<12} -> {finding.mend}")
