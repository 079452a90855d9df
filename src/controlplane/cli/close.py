"""``controlplane close``: close a month of the books."""

import getpass
import re
import sys
from datetime import date
from pathlib import Path

import click

from controlplane.cli.options import data_option, with_options
from controlplane.db.closing import close_month, plan_closing
from controlplane.db.local import open_existing_place
from controlplane.settings import load_settings


class Month(click.ParamType[date]):
    """``YYYY-MM``, as the first day of that month."""

    name = "month"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read it strictly."""
        if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", value) or value < "0001":
            self.fail(f"{value!r} is no month, such as 2026-01", param, ctx)
        return date.fromisoformat(f"{value}-01")


@click.command("close")
@click.argument("month", type=Month())
@data_option
@click.option(
    "--dry-run", is_flag=True, help="Say what it would take, and what speaks against it; change nothing."
)
@click.option("--by", metavar="NAME", help="Who closes it, for the history; your login, if not given.")
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="How long to wait without progress, for requests under way.",
)
def command(month: date, data: Path | None, dry_run: bool, by: str | None, wait: float) -> None:
    """Close a month of the books, given as YYYY-MM, for all customers.

    From then on nothing can be recorded as having happened in it, and no row of it can be written. What was
    due in it is booked first, and the next month is opened with every balance. Months are closed one after
    the other; the first one closes all before it. There is no way back. A month that is closed stays so.

    Requests go on all the time. Cut short, it goes on where it was when it is run again.

    \b
    Examples:
      controlplane close 2026-01 --dry-run
      controlplane close 2026-01 --by finance
    """
    settings = with_options(load_settings(), data_dir=data)
    name = f"{month:%Y-%m}"
    with open_existing_place(settings) as place:
        if dry_run:
            plan = plan_closing(place.url, settings.role_prefix, month)
            told = f"{plan.entries:,} ledger entries, {plan.events:,} usage events"
            click.echo(f"{name} is {plan.state.lower()}: {told}")
            click.echo(f"  customers           {plan.customers:>12,}")
            click.echo(f"  with something due  {plan.to_book:>12,}")
            click.echo(f"  without an opening  {plan.to_open:>12,}")
            for problem in plan.problems:
                click.echo(f"it cannot be closed: {problem}")
            sys.exit(1 if plan.problems else 0)
        done = close_month(
            place.url,
            settings.role_prefix,
            month,
            by or getpass.getuser(),
            wait=wait,
            progress=lambda state, count: click.echo(f"{state.lower()}: {count:,}", err=True),
        )
    if done.already:
        since = f" since {done.closed_at}, by {done.closed_by}" if done.closed_at else ", with one after it"
        click.echo(f"{name} is closed already{since}")
    else:
        click.echo(f"{name} is closed, by {done.closed_by}")
