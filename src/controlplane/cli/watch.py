"""``controlplane watch``: a customer's balances in the terminal, as they move."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import click

from controlplane.client.live import balances, debts, shown


@click.command("watch")
@click.argument("customer")
@click.option("--url", metavar="URL", default="http://127.0.0.1:8000", show_default=True, help="The API.")
@click.option("--key", metavar="KEY", required=True, help="An API key with the scope READ.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="Stop after so many events.")
@click.option("--rate", type=click.FloatRange(0.01, 10), metavar="N", help="Events a second at most; 10.")
@click.option("--json", "as_json", is_flag=True, help="Print each event as one line of JSON.")
def command(customer: str, url: str, key: str, count: int | None, rate: float | None, as_json: bool) -> None:
    """Show the balances of CUSTOMER as they move, over a WebSocket.

    The present state comes first, a line for each wallet; it comes again whenever something was spent, held,
    granted or has expired. What is owed, fell short or is to be paid again is shown where there is any.
    Amounts are rounded down to the digits people are shown; --json has them all. Ctrl-C stops it.

    \b
    Examples:
      controlplane watch acme --key cp_test_sk_…
      controlplane watch acme --key cp_test_sk_… --rate 1 --json
    """
    try:
        asyncio.run(_watch(customer, url, key, count, rate, as_json))
    except KeyboardInterrupt:
        click.echo()


async def _watch(
    customer: str, url: str, key: str, count: int | None, rate: float | None, as_json: bool
) -> None:
    left = count
    async with aclosing(balances(url, key, customer, most_per_second=rate)) as events:
        async for event in events:
            if as_json:
                click.echo(json.dumps(event))
            else:
                click.echo(_told(event))
            if left is not None:
                left -= 1
                if left == 0:
                    return


def _told(event: Mapping[str, Any]) -> str:
    """A line for each wallet, its figures below those of the others."""
    wallets = event["wallets"]
    names = max((len(each["walletId"]) for each in wallets), default=0)
    begin = f"seq {event['version']['seq']:>8}"
    lines = []
    for wallet in wallets:
        figures = [f"{shown(wallet):>12} available", f"{shown(wallet, 'held'):>10} held", *debts(wallet)]
        lines.append(f"{begin}  {wallet['walletId']:<{names}}  {'  '.join(figures)}")
        begin = " " * len(begin)
    return "\n".join(lines) or f"{begin}  no wallet"
