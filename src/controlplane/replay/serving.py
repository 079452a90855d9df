"""The API inside the event loop of whoever drives it, on a free port of this machine."""

import asyncio
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress

import structlog
import uvicorn

from controlplane.db.keys import create_key, new_secret, revoke_key
from controlplane.db.pool import Database
from controlplane.errors import ConfigurationError, DatabaseError
from controlplane.graphql.access import Scope
from controlplane.http.app import create_app
from controlplane.settings import Settings

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def api_beside(settings: Settings) -> AsyncIterator[str]:
    """Serve until the block ends; yields the base URL.

    Args:
        settings: ``database_url`` is filled in.

    Raises:
        ConfigurationError: it did not start; it has logged why.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app(settings), log_config=None, access_log=False, timeout_graceful_shutdown=5
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if serving.done():
                raise ConfigurationError("the API did not start", hint="the lines above say why")
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving
        listener.close()


@asynccontextmanager
async def temporary_key(database: Database, settings: Settings, name: str) -> AsyncIterator[str]:
    """An administrator's key that is revoked at the end.

    Raises:
        DatabaseError: there is no database, or it refuses.
    """
    secret = new_secret("ADMIN", settings.environment)
    given = {"kind": "ADMIN", "name": name, "scopes": [scope.value for scope in Scope]}
    made = await create_key(database, given, secret, name)
    try:
        yield secret
    finally:
        try:
            await revoke_key(database, {"keyId": made["keyId"]}, name)
        except DatabaseError as error:
            # What was done with it is worth more than this error.
            _log.warning("key_not_revoked", key=made["keyId"], name=name, error=error.message)


class _Server(uvicorn.Server):
    """Leaves the signals to whoever drives the loop."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
