"""``/graphql`` over HTTP: who asks, how large, in which media type, and errors that are GraphQL's too.

``application/graphql-response+json`` has status codes that say what happened; ``application/json`` is the
older way, where whatever was understood as a request is a 200.
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from time import monotonic
from typing import Any

from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError, MissingQueryError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UNSET, UnsetType

from controlplane.errors import Shed
from controlplane.graphql.access import Principal
from controlplane.graphql.context import LONGEST_TIMEOUT_MS, Context, Services
from controlplane.graphql.failures import USUAL_PAUSE, cut, words_of
from controlplane.graphql.schema import Schema
from controlplane.http.keyring import KeyRefused, KeyRing
from controlplane.http.sockets import Caller, SocketAdapter, SocketHandler
from controlplane.http.texts import decoded

#: How many milliseconds a request gives its decisions.
TIMEOUT_HEADER = "Controlplane-Timeout-Ms"
#: Bytes of a request's body.
LARGEST_BODY = 2 * 1024 * 1024
#: Seconds that a new socket has to say who it is.
INIT_SECONDS = 5
#: Operations at once on one socket.
SOCKET_OPERATIONS = 100

MODERN = "application/graphql-response+json"
CLASSIC = "application/json"

_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    413: "TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
}


class Endpoint(GraphQL[Context, None]):
    """Strawberry's view, with our answers to what is not GraphQL yet."""

    websocket_adapter_class = SocketAdapter
    graphql_transport_ws_handler_class = SocketHandler

    def __init__(self, schema: Schema, services: Services, keys: KeyRing, origins: tuple[str, ...]) -> None:
        """Serve a schema to callers with keys; sockets of pages only from these origins."""
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
            max_subscriptions_per_connection=SOCKET_OPERATIONS,
            allowed_origins=origins,
        )
        self._services = services
        self.keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one socket until it closes."""
        if scope["type"] == "websocket":
            await self.run(WebSocket(scope, receive=receive, send=send))
            return
        request = Request(scope, receive=_limited(receive))
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return  # it went before it had said what it wanted
        except HTTPException as error:
            status = error.status_code
            response = refusal(request, status, _CODES.get(status, "BAD_REQUEST"), error.reason)
        except KeyRefused as error:
            response = refusal(request, 401, error.code, error.message)
        except Shed as error:
            response = refusal(request, 503, error.code, words_of(error), pause=error.retry_after)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method not in ("GET", "POST"):
            raise HTTPException(405, "GraphQL is asked by GET and POST")
        if not _media_type(request):
            raise HTTPException(406, f"answers are {MODERN} or {CLASSIC}")
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > LARGEST_BODY:
            raise HTTPException(413, f"a body has at most {LARGEST_BODY} bytes")
        request.state.deadline = _deadline(request.headers.get(TIMEOUT_HEADER))
        secret = bearer(request.headers.get("authorization"))
        request.state.principal = await self._known(secret, request.state.deadline)
        return await self.run(request)

    async def _known(self, secret: str, deadline: float | None) -> Principal:
        """Who asks, as long as there is time to find out."""
        try:
            async with asyncio.timeout(None if deadline is None else deadline - monotonic()):
                return await self.keys.authenticate(secret)
        except TimeoutError as error:
            raise Shed(
                "the time was over before the key was looked up; nothing was done", code="DEADLINE_EXCEEDED"
            ) from error

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """Over HTTP the caller is known already; a socket tells in ``connection_init``."""
        if isinstance(request, WebSocket):
            caller = Caller()
            request.state.caller = caller
            return Context(services=self._services, caller=caller.now)
        principal = request.state.principal
        return Context(services=self._services, caller=lambda: principal, deadline=request.state.deadline)

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Accept a socket by the key in its ``connection_init``."""
        caller: Caller = context.caller.__self__  # type: ignore[attr-defined]  # made in get_context
        try:
            await caller.authenticate(self.keys, bearer(_authorization(context.connection_params)))
        except (KeyRefused, Shed) as error:
            says = words_of(error) if isinstance(error, Shed) else error.message
            caller.refusal = f"{error.code}: {says}"
            raise ConnectionRejectionError from error
        accepted: UnsetType = UNSET
        return accepted

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """Carries status and media type from where they are known to where the answer is made."""
        response = await super().get_sub_response(request)
        response.media_type = _media_type(request)
        request.state.answer = response
        return response

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """One operation, its parts of the types they must have; batches of operations are not taken."""
        if request.method == "GET":
            try:
                given: Any = self.parse_query_params(request.query_params)
            except HTTPException as error:
                raise HTTPException(400, "variables and extensions are JSON objects") from error
        else:
            kind, _, parameters = (request.content_type or "").lower().partition(";")
            charset = parameters.replace(" ", "").replace('"', "")
            if kind.strip() != CLASSIC or charset not in ("", "charset=utf-8", "charset=utf8"):
                raise HTTPException(415, "the body is application/json in UTF-8")
            given = self.parse_json(await request.get_body())
        if not isinstance(given, dict):
            raise HTTPException(400, "the body is a JSON object with query, variables and operationName")
        for name, wanted, says in (
            ("query", str, "a string"),
            ("operationName", str, "a string"),
            ("variables", dict, "an object"),
            ("extensions", dict, "an object"),
        ):
            if not isinstance(given.get(name), wanted | None):
                raise HTTPException(400, f"{name} is {says}")
        return GraphQLRequestData(
            query=given.get("query"),
            variables=given.get("variables"),
            operation_name=given.get("operationName"),
            extensions=given.get("extensions"),
        )

    async def execute_single(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: Response,
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        """Queries by GET, queries and mutations by POST; subscriptions need a stream, which this is not."""
        allowed = {OperationType.QUERY}
        if request.method == "POST":
            allowed.add(OperationType.MUTATION)
        try:
            return await self.schema.execute(
                request_data.query,
                variable_values=request_data.variables,
                context_value=context,
                operation_name=request_data.operation_name,
                allowed_operation_types=allowed,
                operation_extensions=request_data.extensions,
            )
        except CannotGetOperationTypeError as error:
            raise HTTPException(400, error.as_http_error_reason()) from error
        except InvalidOperationTypeError as error:
            raise HTTPException(405, error.as_http_error_reason(request.method)) from error
        except MissingQueryError as error:
            raise HTTPException(400, "query: there is none") from error

    def should_render_graphql_ide(self, request: object) -> bool:
        """There is none; a browser's GET is a request like any other."""
        return False

    def decode_json(self, data: str | bytes) -> object:
        """JSON of the standard: no NaN, no infinity, and every error of the same kind."""
        return decoded(data)

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Leave ``data`` out of what was never executed, and give it a status where that is the way."""
        answer = await super().process_result(request, result)
        if result.data is None and result.errors and all(error.path is None for error in result.errors):
            answer.pop("data", None)
            response = request.state.answer
            if response.media_type == MODERN:
                response.status_code = 400
        return answer

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        """In the media type that was asked for."""
        return Response(
            self.encode_json(response_data),
            status_code=sub_response.status_code or 200,
            headers={
                "Content-Type": f"{sub_response.media_type}; charset=utf-8",
                "Cache-Control": "no-store",
            },
        )


def refusal(
    request: Request, status: int, code: str, message: str, *, pause: float | None = None
) -> Response:
    """An answer to what never became an operation, in GraphQL's shape.

    Args:
        request: what is answered.
        status: of HTTP.
        code: for machines.
        message: for people.
        pause: seconds after which to come again, where the status is 503.
    """
    extensions: dict[str, Any] = {"code": code}
    headers = {
        "Content-Type": f"{_media_type(request) or CLASSIC}; charset=utf-8",
        "Cache-Control": "no-store",
    }
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 405:
        headers["Allow"] = "GET, POST" if request.method not in ("GET", "POST") else "POST"
    if status == 503:
        headers["Retry-After"] = str(ceil(pause or USUAL_PAUSE))
        extensions |= {"retryable": True, "retryAfter": pause or USUAL_PAUSE}
    body = json.dumps({"errors": [{"message": cut(message), "extensions": extensions}]})
    return Response(body, status_code=status, headers=headers)


def bearer(value: object) -> str:
    """The key in an Authorization value.

    Raises:
        KeyRefused: there is none.
    """
    scheme, _, secret = value.strip().partition(" ") if isinstance(value, str) else ("", "", "")
    if scheme.lower() == "bearer" and secret.strip():
        return secret.strip()
    if scheme.startswith("cp_"):
        return scheme
    raise KeyRefused("UNAUTHENTICATED", "a key is needed: Authorization: Bearer cp_test_sk_…")


def _deadline(milliseconds: str | None) -> float | None:
    """When the time is over that a request gives, on ``time.monotonic``.

    Raises:
        HTTPException: it is no whole number, or out of range.
    """
    if milliseconds is None:
        return None
    text = milliseconds.strip().lstrip("0")
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= LONGEST_TIMEOUT_MS):
        raise HTTPException(400, f"{TIMEOUT_HEADER}: whole milliseconds, from 1 to {LONGEST_TIMEOUT_MS}")
    return monotonic() + int(text) / 1000


def _authorization(parameters: Any) -> object:
    """What a socket's ``connection_init`` says, whatever the case of the name."""
    if not isinstance(parameters, Mapping):
        return None
    return next((value for name, value in parameters.items() if name.lower() == "authorization"), None)


def _media_type(request: Request | WebSocket) -> str:
    """What the answer is; empty if nothing we have would do."""
    accept = request.headers.get("accept", "")
    wanted = [part.split(";")[0].strip().lower() for part in accept.split(",") if part.strip()]
    if MODERN in wanted:
        return MODERN
    if not wanted or any(part in (CLASSIC, "*/*", "application/*") for part in wanted):
        return CLASSIC
    return ""


def _limited(receive: Receive) -> Receive:
    """Stop reading a body that has no length, or a wrong one, once it is too large."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_BODY:
            raise HTTPException(413, f"a body has at most {LARGEST_BODY} bytes")
        return message

    return limited
