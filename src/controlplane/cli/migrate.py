"""``controlplane migrate``: bring a database to this version's schema, or tell what that would take."""

from pathlib import Path

import click

from controlplane.cli.options import data_option, with_options
from controlplane.db.local import open_existing_place, open_place
from controlplane.db.migrate import migrate
from controlplane.db.plan import Plan
from controlplane.db.roles import printed_roles
from controlplane.db.sources import load_sources
from controlplane.db.status import read_status
from controlplane.settings import Settings, load_settings


@click.group("migrate", invoke_without_command=True)
@data_option
@click.option("--dry-run", is_flag=True, help="Tell what would be applied; change nothing.")
@click.option("--reapply", is_flag=True, help="Apply functions, views and grants even if unchanged.")
@click.option("--print-roles", is_flag=True, help="Print the SQL that makes the roles, for an administrator.")
@click.option(
    "--login",
    metavar="NAME",
    default="controlplane",
    show_default=True,
    help="With --print-roles: the login that will migrate and serve.",
)
@click.pass_context
def command(
    ctx: click.Context, data: Path | None, dry_run: bool, reapply: bool, print_roles: bool, login: str
) -> None:
    """Bring a database to this version's schema.

    Runs under one lock, so several may start at once; applies what is missing in one transaction, so a
    failure leaves everything as it was. Behind a pooler in transaction mode set
    CONTROLPLANE_DATABASE_DIRECT_URL. A login that may not create roles is told so; an administrator then
    runs what --print-roles prints.

    \b
    Examples:
      controlplane migrate --dry-run
      controlplane migrate --print-roles --login credits | psql -d credits
      controlplane migrate status
    """
    settings = with_options(load_settings(), data_dir=data)
    ctx.obj = settings
    if ctx.invoked_subcommand is not None:
        return
    if print_roles:
        click.echo(printed_roles(load_sources().roles, settings.role_prefix, login), nl=False)
        return
    with open_existing_place(settings) if dry_run else open_place(settings, share=True) as place:
        plan = migrate(
            place.url,
            prefix=settings.role_prefix,
            environment=settings.environment,
            failover=settings.failover,
            dry_run=dry_run,
            reapply=reapply,
        )
    _tell(plan, "would apply" if dry_run else "applied")


def _tell(plan: Plan, word: str) -> None:
    if plan.newer_code:
        click.echo("the database is ahead: newer code migrated it; nothing to do")
    elif plan.is_empty:
        click.echo("up to date")
    for file in (*plan.migrations, *plan.repeated, *plan.closing):
        click.echo(f"{word}  sql/{file.path}")
    for path in plan.removed:
        click.echo(f"{word.replace('apply', 'drop').replace('applied', 'dropped')}  sql/{path}")


@command.command("status")
@click.pass_obj
def status(settings: Settings) -> None:
    """List every migration, and whether it was applied here.

    \b
    Example:
      controlplane migrate status
    """
    with open_existing_place(settings) as place:
        found = read_status(place.url, settings.role_prefix)
    if found.state is None:
        click.echo("not migrated yet")
    else:
        click.echo(
            f"schema of controlplane {found.state.code_version},"
            f" needs {found.state.min_code_version} or newer;"
            f" {found.state.environment}, roles {found.state.role_prefix}_*,"
            f" pgmq {found.state.queue_version} ({found.state.queue_source})"
        )
    for line in found.migrations:
        applied = f"{line.applied_at:%Y-%m-%d %H:%M:%S} UTC" if line.applied_at else "pending"
        note = "" if line.is_ours else "  (not in this version)"
        note = "  CHANGED since" if line.is_changed else note
        click.echo(f"{line.version:04d} {line.name:<32} {applied}{note}")
    click.echo(f"{found.pending_files} functions, views and grants to apply")
