"""What the demo shows: balances that move, in place on a terminal and line by line elsewhere."""

from contextlib import aclosing, nullcontext
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from controlplane.client.live import balances, debts, shown
from controlplane.demo.agents import Tally
from controlplane.demo.world import CUSTOMER
from controlplane.errors import CallFailed

#: Seconds between two lines where there is no terminal.
_EVERY = 5.0


async def show(console: Console, url: str, key: str, tally: Tally) -> None:
    """Follow the demo customer's balances over a WebSocket, until cancelled or the API stops.

    Raises:
        CallFailed: there was not a single event.
    """
    rate = 5 if console.is_terminal else 1 / _EVERY
    seen = False
    with Live(console=console, refresh_per_second=8) if console.is_terminal else nullcontext() as live:
        try:
            async with aclosing(balances(url, key, CUSTOMER, most_per_second=rate)) as events:
                async for event in events:
                    seen = True
                    if live is None:
                        console.print(_line(event, tally), soft_wrap=True, highlight=False)
                    else:
                        live.update(_table(event, tally))
        except CallFailed:
            if not seen:
                raise


def _line(event: dict[str, Any], tally: Tally) -> str:
    wallets = "  ".join(
        f"{each['walletId']} {shown(each)} ({', '.join([shown(each, 'held') + ' held', *debts(each)])})"
        for each in event["wallets"]
    )
    return f"seq {event['version']['seq']}  {wallets}  |  {_counts(tally)}"


def _table(event: dict[str, Any], tally: Tally) -> Group:
    wallets = Table(title=f"{CUSTOMER}, seq {event['version']['seq']}", title_justify="left", box=None)
    wallets.add_column("wallet", min_width=18)
    wallets.add_column("available", justify="right", min_width=12)
    wallets.add_column("held", justify="right", min_width=10)
    owes = [", ".join(debts(wallet)) for wallet in event["wallets"]]
    if any(owes):
        wallets.add_column("owes")
    for wallet, owed in zip(event["wallets"], owes, strict=True):
        more = [owed] if any(owes) else []
        wallets.add_row(wallet["walletId"], shown(wallet), shown(wallet, "held"), *more)
    agents = Table(box=None)
    agents.add_column("agent", min_width=18)
    agents.add_column("its last answer")
    for agent, last in sorted(tally.last.items()):
        agents.add_row(agent, last)
    agents.caption = _counts(tally)
    agents.caption_justify = "left"
    return Group(wallets, "", agents)


def _counts(tally: Tally) -> str:
    return "  ".join(f"{name} {count}" for name, count in tally.answers.most_common())
