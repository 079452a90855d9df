"""The one place where the HTTP server meets the command line."""

import importlib
import importlib.util
import signal
import socket
from collections.abc import Callable
from typing import Any, TypeAlias

import uvicorn

from controlplane.errors import ConfigurationError
from controlplane.settings import Settings

#: Where the ASGI application is made: ``create_app(settings)``, with ``settings.database_url`` filled in.
APP_MODULE = "controlplane.http.app"

#: Seconds that open requests and sockets get to finish after a stop signal.
GRACE_SECONDS = 10

AppFactory: TypeAlias = Callable[[Settings], Any]


def find_app_factory() -> AppFactory | None:
    """``create_app`` of the API; None while it is not part of this version."""
    package = APP_MODULE.rpartition(".")[0]
    if importlib.util.find_spec(package) is None or importlib.util.find_spec(APP_MODULE) is None:
        return None
    factory: AppFactory = importlib.import_module(APP_MODULE).create_app
    return factory


def listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else is started, so that a taken one is told at once.

    Raises:
        ConfigurationError: somebody else listens there, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}",
            hint="name another with --port or CONTROLPLANE_PORT; 0 takes a free one",
        ) from error
    return listener


def address_of(listener: socket.socket) -> str:
    """Base URL of what listens there."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(settings: Settings, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve the API in this process until a stop signal; without an API, only wait for the signal.

    Args:
        settings: ``database_url`` is filled in, whether the server is embedded or not.
        listener: a bound socket; closed at the end.
        on_ready: called once requests are answered.
    """
    factory = find_app_factory()
    if factory is None:
        on_ready()
        signal.pause()
        return
    config = uvicorn.Config(
        factory(settings),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    _Server(config, on_ready).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Tells when it is ready, which uvicorn has no hook for."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()
