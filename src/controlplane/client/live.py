"""Live balances over a WebSocket, in the protocol graphql-transport-ws."""

import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from controlplane.client.connection import Address
from controlplane.errors import CallFailed

_SUBSCRIPTION = """
subscription Watch($customerId: ID!, $mostPerSecond: Float) {
  balanceChanged(customerId: $customerId, mostPerSecond: $mostPerSecond) {
    version { seq asOf }
    wallets {
      walletId entityId creditType available held leased settled scheduled owed shortfall receivable
      overdraftLimit displayDecimals
    }
  }
}
"""


async def balances(
    url: str, key: str, customer: str, *, most_per_second: float | None = None
) -> AsyncGenerator[dict[str, Any], None]:
    """Each state of a customer's wallets, the present one first, until the server or the caller stops.

    Args:
        url: of the API, such as ``http://127.0.0.1:8000``.
        key: an API key with the scope READ.
        customer: whose.
        most_per_second: events a second at most, up to 10.

    Raises:
        CallFailed: the key is refused, the customer unknown, or the connection went.
    """
    try:
        async with connect(
            Address.parse(url).socket_url,
            subprotocols=[Subprotocol("graphql-transport-ws")],
            compression=None,
        ) as socket:
            await socket.send(_message("connection_init", {"Authorization": f"Bearer {key}"}))
            variables = {"customerId": customer, "mostPerSecond": most_per_second}
            async for text in socket:
                message = json.loads(text)
                match message["type"]:
                    case "connection_ack":
                        payload = {"query": _SUBSCRIPTION, "variables": variables}
                        await socket.send(_message("subscribe", payload))
                    case "ping":
                        await socket.send(_message("pong"))
                    case "next":
                        answer = message["payload"]
                        if answer.get("errors"):
                            raise _failed(answer["errors"][0])
                        yield answer["data"]["balanceChanged"]
                    case "error":
                        raise _failed(message["payload"][0])
                    case "complete":
                        return
    except (OSError, InvalidHandshake) as error:
        raise CallFailed(
            f"no socket at {url}: {error}",
            answered="UNREACHABLE",
            retryable=True,
            hint="is `controlplane up` running there?",
        ) from error
    except ConnectionClosed as error:
        reason = error.rcvd.reason if error.rcvd else "the connection was lost"
        raise CallFailed(reason or str(error), answered="CLOSED", retryable=True) from error


def shown(wallet: Mapping[str, Any], account: str = "available") -> str:
    """What stands on an account of a wallet of an event, as people are shown it: never more than there is."""
    whole, _, fraction = wallet[account].partition(".")
    digits = wallet["displayDecimals"]
    return f"{int(whole):,}" + (f".{fraction[:digits]:0<{digits}}" if digits else "")


def debts(wallet: Mapping[str, Any]) -> list[str]:
    """What it owes, what nothing paid for, what is to be paid again: each with its name, if there is any."""
    of_limit = {"owed": f" of {shown(wallet, 'overdraftLimit')}"}
    return [
        f"{shown(wallet, account)}{of_limit.get(account, '')} {account}"
        for account in ("owed", "shortfall", "receivable")
        if any(digit in "123456789" for digit in wallet[account])
    ]


def _message(kind: str, payload: dict[str, Any] | None = None) -> str:
    message: dict[str, Any] = {"type": kind}
    if kind == "subscribe":
        message["id"] = "1"
    if payload is not None:
        message["payload"] = payload
    return json.dumps(message)


def _failed(error: dict[str, Any]) -> CallFailed:
    extensions = error.get("extensions") or {}
    return CallFailed(
        error["message"],
        answered=str(extensions.get("code", "UNKNOWN_ERROR")),
        retryable=bool(extensions.get("retryable")),
    )
