"""The one place where the HTTP server meets the command line."""

import gc
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager

import uvicorn

from controlplane.errors import ConfigurationError
from controlplane.http.app import create_app
from controlplane.settings import Settings

#: Seconds that open requests and sockets get to finish after a stop signal.
GRACE_SECONDS = 10

#: Connections that may wait to be accepted.
BACKLOG = 2048


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
        # Two who only bind one port are both let in, and uvloop says nothing of the one whose listening fails
        # later. Who connects before we are ready waits.
        listener.listen(BACKLOG)
    except (OSError, TypeError, UnicodeError) as error:  # of a host's name that can be none, the latter
        listener.close()
        says = error.strerror if isinstance(error, OSError) else None
        raise ConfigurationError(
            f"cannot listen on {host}, port {port}: {says or error}",
            hint="name another port with --port or CONTROLPLANE_PORT, 0 takes a free one;"
            " or another address, of this machine, with --host or CONTROLPLANE_HOST",
        ) from error
    return listener


def address_of(listener: socket.socket) -> str:
    """Base URL of what listens there."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(settings: Settings, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve the API in this process until a stop signal.

    Args:
        settings: ``database_url`` is filled in, whether the server is embedded or not.
        listener: a bound socket; closed at the end.
        on_ready: called once requests are answered.

    Raises:
        ConfigurationError: the API's own start failed; it has logged why.
    """
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config, on_ready, on_stop=app.state.shut)
    server.run(sockets=[listener])
    if not server.started:
        raise ConfigurationError("the API did not start", hint="the lines above say why")


class _Server(uvicorn.Server):
    """Tells when it is ready and when it stops, and lets SIGHUP stop it; uvicorn has no hook for these."""

    def __init__(
        self, config: uvicorn.Config, on_ready: Callable[[], None], on_stop: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        if self.started:
            # The schema is some hundred thousand objects that stay: without this the collector looks through
            # them again and again, which took a fifth of the time of a request.
            gc.collect()
            gc.freeze()
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shed what waits, then let what is under way finish."""
        self._on_stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """A terminal that is closed sends SIGHUP, and an exception inside the loop would be lost there."""
        with super().capture_signals():
            before = signal.signal(signal.SIGHUP, self.handle_exit)
            try:
                yield
            finally:
                signal.signal(signal.SIGHUP, before)
