"""``controlplane keys``: the first key of an installation, and any further one."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from controlplane.cli.options import data_option, with_options
from controlplane.db.keys import KINDS, create_key, new_secret, revoke_key, rotate_key
from controlplane.db.local import open_existing_place
from controlplane.db.pool import Database
from controlplane.db.reading import read_api_keys, read_installation
from controlplane.db.schema_state import NO_SCHEMA
from controlplane.db.sessions import open_session
from controlplane.errors import ConfigurationError, DatabaseError, MigrationError, RequestError
from controlplane.graphql.access import Scope
from controlplane.settings import Settings, load_settings
from controlplane.types import Environment

T = TypeVar("T")

#: Who made a key, in the history of the installation.
_ACTOR = "cli"
_PAGE = 100
_SCOPES = tuple(scope.value for scope in Scope)
#: What a backend needs; whoever wants more names it.
_USUAL = (Scope.READ.value, Scope.CHECK.value, Scope.CONSUME.value)


@click.group("keys")
@data_option
@click.pass_context
def command(ctx: click.Context, data: Path | None) -> None:
    """Make, list, rotate and revoke API keys, straight in the database.

    \b
    Examples:
      controlplane keys create admin --kind admin
      controlplane keys create backend --customer acme --scope CONSUME --scope RECORD
      controlplane keys list
      controlplane keys rotate 6a7f5e0c-… --overlap 3600
      controlplane keys revoke 6a7f5e0c-…
    """
    ctx.obj = with_options(load_settings(), data_dir=data)


@command.command("create")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice([kind.lower() for kind in KINDS]),
    default="secret",
    show_default=True,
    help="secret for backends, publishable for frontends, admin for administrators.",
)
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(_SCOPES, case_sensitive=False),
    multiple=True,
    help=f"What it may do; may be repeated. Usually {', '.join(_USUAL)}; all for an admin.",
)
@click.option("--customer", metavar="ID", help="The one customer it acts for; otherwise any.")
@click.option("--observe", is_flag=True, help="Record its decisions, and enforce none of them.")
@click.option("--days", type=click.IntRange(1, 36_500), metavar="N", help="It ends after so many days.")
@click.pass_obj
def create(
    settings: Settings,
    name: str,
    kind: str,
    scopes: tuple[str, ...],
    customer: str | None,
    observe: bool,
    days: int | None,
) -> None:
    """Make a key, called NAME, and print it: this once, and never again.

    \b
    Examples:
      controlplane keys create admin --kind admin
      controlplane keys create dashboard --scope READ --customer acme --days 90
    """
    usual = _SCOPES if kind == "admin" else _USUAL
    given: dict[str, Any] = {
        "kind": kind.upper(),
        "name": name,
        "scopes": list(scopes or usual),
        "observe": observe,
    }
    if customer is not None:
        given["customerId"] = customer
    if days is not None:
        given["expiresAt"] = (datetime.now(UTC) + timedelta(days=days)).isoformat()

    async def make(database: Database) -> str:
        environment = Environment((await read_installation(database))["environment"])
        secret = new_secret(given["kind"], environment)
        await create_key(database, given, secret, _ACTOR)
        return secret

    click.echo(_asked(settings, make))


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array instead of lines.")
@click.pass_obj
def list_keys(settings: Settings, as_json: bool) -> None:
    """List all keys by what may be seen of them.

    \b
    Example:
      controlplane keys list
    """

    async def read(database: Database) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = await read_api_keys(database, {}, found[-1]["key"] if found else None, _PAGE)
            found += page
            if len(page) < _PAGE:
                return found

    keys = [{name: value for name, value in key.items() if name != "key"} for key in _asked(settings, read)]
    if as_json:
        click.echo(json.dumps(keys, indent=2))
        return
    for key in keys:
        state = "revoked" if key["revokedAt"] else f"until {key['expiresAt'] or 'it is revoked'}"
        used = f"used {key['lastUsedAt']}" if key["lastUsedAt"] else "never used"
        whose = key["customerId"] or "any customer"
        click.echo(f"{key['keyId']}  {key['prefix']}…  {key['name']}  {whose}  {state}  {used}")


@command.command("rotate")
@click.argument("key_id")
@click.option(
    "--overlap",
    type=click.IntRange(0, 2_592_000),
    metavar="SECONDS",
    required=True,
    help="How long the secret it has works on; 0: not at all.",
)
@click.pass_obj
def rotate(settings: Settings, key_id: str, overlap: int) -> None:
    """Give the key KEY_ID a new secret, and print it: this once, and never again.

    \b
    Example:
      controlplane keys rotate 6a7f5e0c-1b7e-4f53-9a57-5d1f1d1c1c0e --overlap 86400
    """

    async def change(database: Database) -> str:
        environment = Environment((await read_installation(database))["environment"])
        found = await read_api_keys(database, {"keyId": key_id}, None, 1)
        # Of no key there is nothing to rotate, and the database says so.
        secret = new_secret(found[0]["kind"] if found else "SECRET", environment)
        await rotate_key(database, {"keyId": key_id, "overlapSeconds": overlap}, secret, _ACTOR)
        return secret

    click.echo(_asked(settings, change))


@command.command("revoke")
@click.argument("key_id")
@click.pass_obj
def revoke(settings: Settings, key_id: str) -> None:
    """Make the key KEY_ID stop working.

    That is so within seconds, on open sockets too.

    \b
    Example:
      controlplane keys revoke 6a7f5e0c-1b7e-4f53-9a57-5d1f1d1c1c0e
    """
    done = _asked(settings, lambda database: revoke_key(database, {"keyId": key_id}, _ACTOR))
    click.echo(f"revoked {done['prefix']}…  {done['name']}")


def _asked(settings: Settings, ask: Callable[[Database], Awaitable[T]]) -> T:
    """Ask the database of the settings.

    Raises:
        ConfigurationError: what was given is refused; every field is named.
        MigrationError: there is no schema yet.
        DatabaseError: what Postgres said.
    """

    async def run(url: str) -> T:
        database = Database(
            url,
            size=1,
            statement_timeout_ms=settings.statement_timeout_ms,
            behind_pooler=settings.behind_pooler,
            name="controlplane keys",
        )
        await database.open()
        try:
            return await ask(database)
        finally:
            await database.close()

    with open_existing_place(settings) as place:
        # A pool says of nothing why it cannot be reached.
        open_session(place.serving_url, name="controlplane keys").close()
        try:
            return asyncio.run(run(place.serving_url))
        except DatabaseError as error:
            if error.sqlstate in NO_SCHEMA:
                raise MigrationError("there is no schema here yet", hint="controlplane migrate") from error
            if isinstance(error, RequestError):
                raise ConfigurationError(error.message) from error  # names every field
            raise
