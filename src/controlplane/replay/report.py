"""The outcome of a replay: as JSON for machines, as a table for people."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from controlplane.db.verify import Check
from controlplane.replay.tally import Tally, percentiles
from controlplane.replay.trace import Trace

#: Bad lines, and offenders of a check, that are shown; the JSON has all of them.
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything about one run.

    Attributes:
        told: how it was run, by the names of the options.
        seconds: that the requests took, set-up not counted.
        checks: of ``verify``; None if it was not run.
        unverified: why it could not be run.
    """

    told: dict[str, Any]
    trace: Trace
    tally: Tally
    seconds: float
    interrupted: bool
    checks: Sequence[Check] | None
    unverified: str | None = None

    @property
    def clean(self) -> bool:
        """Whether verify found nothing, or was not run."""
        return not any(check.offenders for check in self.checks or ())

    def as_json(self) -> dict[str, Any]:
        """Amounts are strings, times as their names say."""
        tally = self.tally
        p50, p95, p99, most = percentiles(tally.latencies, (0.5, 0.95, 0.99, 1.0))
        return {
            **self.told,
            "requests": len(self.trace.rows),
            "badRows": [asdict(bad) for bad in self.trace.bad],
            "interrupted": self.interrupted,
            "givenUp": tally.given_up,
            "allowed": tally.allowed,
            "denied": dict(tally.denied.most_common()),
            "deniedShare": round(tally.denied_share, 4),
            "beyondReservation": tally.beyond,
            "fellShort": tally.short,
            "failed": dict(tally.failed.most_common()),
            "failedLines": [{"line": line, "message": message} for line, message in tally.failed_lines],
            "credits": [
                {"wallet": owner, "creditType": kind, "grantKind": grant, "amount": f"{amount:f}"}
                for (owner, kind, grant), amount in sorted(self._credits().items())
            ],
            "wallets": [
                {
                    "customerId": each.customer,
                    "walletId": each.wallet,
                    "creditType": each.credit_type,
                    "grantKind": each.grant_kind,
                    "amount": f"{amount:f}",
                }
                for each, amount in sorted(tally.burned.items(), key=lambda pair: _order(pair[0]))
            ],
            "seconds": round(self.seconds, 3),
            "eventsPerSecond": round(self._rate(), 1),
            "latencyMs": {
                name: round(value, 3)
                for name, value in zip(("p50", "p95", "p99", "max"), (p50, p95, p99, most), strict=True)
            },
            "lagSeconds": round(tally.lag, 3),
            "verify": None
            if self.checks is None
            else {"ok": self.clean, "checks": [asdict(check) for check in self.checks]},
        }

    def show(self, console: Console) -> None:
        """Print the closing table."""
        table = Table(show_header=False, box=None, padding=(0, 2), title="replay", title_justify="left")
        table.add_column(style="dim")
        table.add_column(justify="right")
        table.add_column()
        for row in self._rows():
            table.add_row(*row)
        console.print(table)

    def _rows(self) -> list[tuple[str, str, str]]:
        tally = self.tally
        rows = [("requests", f"{tally.done:,}", f"of {len(self.trace.rows):,}")]
        if self.trace.bad:
            rows.append(("bad rows", f"{len(self.trace.bad):,}", "not sent"))
            rows += [("", f"line {bad.line:,}", bad.why) for bad in self.trace.bad[:_SHOWN]]
            if (more := len(self.trace.bad) - _SHOWN) > 0:
                rows.append(("", f"{more:,} more", "--report lists them all"))
        rows.append(("allowed", f"{tally.allowed:,}", ""))
        rows.append(("denied", f"{tally.denied.total():,}", f"{tally.denied_share:.1%}"))
        rows += [("", f"{count:,}", reason) for reason, count in tally.denied.most_common()]
        if self.told.get("reserve") is not None:
            rows.append(("beyond the hold", f"{tally.beyond:,}", "used more than was reserved"))
            rows.append(("fell short", f"{tally.short:,}", "nothing could pay all of it"))
        for code, count in tally.failed.most_common():
            rows.append(("failed", f"{count:,}", code))
        if tally.given_up:
            rows.append(("given up", f"{len(self.trace.rows) - tally.done:,}", "not sent: nobody answered"))
        for (owner, kind, grant), amount in sorted(self._credits().items()):
            rows.append((f"{owner} wallets", f"{amount:,.6f}", f"{kind}, {grant.lower()}"))
        p50, p95, p99 = percentiles(tally.latencies, (0.5, 0.95, 0.99))
        rows.append(("events per second", f"{self._rate():,.0f}", f"in {self.seconds:,.1f} s"))
        rows.append(("latency", f"{p50:,.1f} ms", f"p50, p95 {p95:,.1f} ms, p99 {p99:,.1f} ms"))
        if tally.lag >= 1:
            rows.append(("behind the trace", f"{tally.lag:,.1f} s", "a higher --concurrency may help"))
        return [*rows, *self._verify_rows()]

    def _verify_rows(self) -> list[tuple[str, str, str]]:
        if self.unverified is not None:
            return [("verify", "not run", self.unverified)]
        if self.checks is None and self.interrupted:
            return [
                ("verify", "not run", "it was stopped early; `controlplane verify` looks at all there is")
            ]
        if self.checks is None:
            return [("verify", "not run", "it needs the database: CONTROLPLANE_DATABASE_URL or --data")]
        looked = sum(check.checked for check in self.checks)
        rows = [("verify", "clean" if self.clean else "NOT CLEAN", f"{looked:,} checked")]
        for check in self.checks:
            rows += [("", check.name, str(offender)) for offender in check.offenders[:_SHOWN]]
        return rows

    def _rate(self) -> float:
        return self.tally.done / self.seconds if self.seconds else 0.0

    def _credits(self) -> dict[tuple[str, str, str], Decimal]:
        """Summed over customers, and over the wallets of teams."""
        found: dict[tuple[str, str, str], Decimal] = {}
        for each, amount in self.tally.burned.items():
            owner = "customer" if each.owner == "customer" else "team"
            key = (owner, each.credit_type, each.grant_kind)
            found[key] = found.get(key, Decimal(0)) + amount
        return found


def _order(each: Any) -> tuple[str, str, str]:
    return each.customer, each.wallet, each.grant_kind
