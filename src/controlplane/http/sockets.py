"""``/graphql`` over WebSocket, in the graphql-transport-ws protocol.

A socket outlives a request, so who is behind it is asked again and again: a revoked key closes it.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from json import JSONDecodeError
from typing import Any, cast

from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect, WebSocketState
from starlette.websockets import WebSocketDisconnected as Closed
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)

from controlplane.errors import Shed
from controlplane.graphql.access import Principal
from controlplane.graphql.context import Context
from controlplane.graphql.failures import failure
from controlplane.http.keyring import KeyRefused, KeyRing
from controlplane.http.texts import decoded

#: Characters of one message.
LARGEST_MESSAGE = 2 * 1024 * 1024
#: Seconds between two looks at a socket's key, at least.
KEY_SECONDS = 0.05
#: Bytes that the reason of a close may have.
LONGEST_REASON = 120


class Caller:
    """Who is behind a socket, as long as the key is good."""

    def __init__(self) -> None:
        """Nobody yet."""
        self._principal: Principal | None = None
        self._secret = ""
        self.refusal: str | None = None

    def now(self) -> Principal | None:
        """Who it is; None once the key is not good any more."""
        return self._principal

    async def authenticate(self, keys: KeyRing, secret: str) -> None:
        """Say who it is.

        Raises:
            KeyRefused: the key is not good.
            Shed: it cannot be looked up at the moment.
        """
        self._principal = await keys.authenticate(secret)
        self._secret = secret

    async def watch(self, keys: KeyRing) -> str:
        """Return why the key is not good any more, as soon as it is not.

        It is asked for whenever what is known of it is no longer believed, whoever had asked before: by a
        clock of its own a socket would believe what was nearly a second old for a second more.
        """
        while True:
            await asyncio.sleep(max(keys.fresh_for(self._secret), KEY_SECONDS))
            try:
                self._principal = await keys.authenticate(self._secret)
            except KeyRefused as refused:
                self._principal = None
                return f"{refused.code}: {refused.message}"
            except Shed:
                await asyncio.sleep(1.0)  # no news: the key was good when it was last seen


class SocketAdapter(ASGIWebSocketAdapter):
    """Reads messages of a bounded size, and closes with a reason that says more."""

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        """Messages, until the socket closes."""
        try:
            while self.ws.application_state != WebSocketState.DISCONNECTED:
                text = await self.ws.receive_text()
                if len(text) > LARGEST_MESSAGE:
                    await self.close(1009, f"a message has at most {LARGEST_MESSAGE} characters")
                    return
                yield decoded(text)
        except JSONDecodeError as error:
            raise NonJsonMessageReceived from error
        except KeyError as error:
            raise NonTextMessageReceived from error
        except WebSocketDisconnect:
            return

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send, or say nothing to who has gone: that is no fault, and operations are ended for it anyway."""
        with suppress(WebSocketDisconnected, Closed):
            await super().send_json(message)

    async def close(self, code: int, reason: str) -> None:
        """Close once; a second time is nobody's business."""
        caller: Caller | None = getattr(self.ws.state, "caller", None)
        if code == 4403 and caller is not None and caller.refusal:
            reason = caller.refusal
        if self.ws.application_state != WebSocketState.DISCONNECTED:
            await super().close(code, reason.encode()[:LONGEST_REASON].decode(errors="ignore"))


class SocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """The protocol, for messages from strangers."""

    _watching: asyncio.Task[None] | None = None

    async def handle_message(self, message: Message) -> None:
        """Refuse what is no message, which the base class would stumble over."""
        if problem := _problem(message):
            await self.handle_invalid_message(problem)
            return
        await super().handle_message(message)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Accept, and look after the key from now on."""
        if message.get("payload", {}) is None:
            message = cast("ConnectionInitMessage", {"type": "connection_init"})
        await super().handle_connection_init(message)
        if self.connection_acknowledged and self._watching is None:
            self._watching = asyncio.create_task(self._watch_key(), name="socket key")

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Begin an operation, unless there are too many; the base class would refuse without a code."""
        most = self.max_subscriptions_per_connection
        is_full = most is not None and len(self.operations) >= most
        if is_full and self.connection_acknowledged and message["id"] not in self.operations:
            error = failure("TOO_MANY_OPERATIONS", f"a socket carries at most {most} operations at once")
            await self.send_message({"id": message["id"], "type": "error", "payload": [error.formatted]})
            return
        await super().handle_subscribe(message)

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:
        """Never: a document that cannot be read is an error of its operation, and the others go on."""
        return None

    async def shutdown(self) -> None:
        """Stop looking, and end what still runs."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        await super().shutdown()

    async def _watch_key(self) -> None:
        view: Any = self.view
        caller: Caller = self.context.caller.__self__  # type: ignore[attr-defined]  # made in get_context
        caller.refusal = await caller.watch(view.keys)
        with suppress(Exception):
            await self.websocket.close(4403, caller.refusal)


def _problem(message: object) -> str | None:
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "a message is an object with a type"
    if message["type"] in ("subscribe", "complete") and not isinstance(message.get("id"), str):
        return "the message needs an id"
    if message["type"] != "subscribe":
        return None
    payload = message.get("payload")
    if not isinstance(payload, dict) or not isinstance(payload.get("query"), str) or not payload["query"]:
        return "the payload needs a query"
    if not isinstance(payload.get("variables"), dict | None):
        return "variables are an object"
    return None if isinstance(payload.get("operationName"), str | None) else "operationName is a string"
