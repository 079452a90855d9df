"""The database as a back end, through ``api`` functions and nothing else (``state`` reads the tables)."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tests.conformance import forms
from tests.conformance.backend import Malformed

_NUMBERS = count(1)
#: Windows for which SQL refuses an anchor, and the model takes no notice of one.
_UNANCHORED = {"REQUEST", "TOTAL", "BILLING_PERIOD"}


def stop_clock(connection: psycopg.Connection) -> None:
    """Let nothing but a test move the clock of this database.

    A wall's clock would go on by a moment from call to call, and a hold that ends a minute after it was
    made would last a moment longer than the minute.
    """
    connection.execute("UPDATE core.installation SET clock_offset = core.clock() - timestamptz '2000-01-01Z'")
    connection.execute("""
        CREATE OR REPLACE FUNCTION core.clock() RETURNS timestamptz LANGUAGE plpgsql STABLE
        SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
          RETURN timestamptz '2000-01-01Z' + (SELECT clock_offset FROM core.installation);
        END
        $$
    """)


class SqlBackend:
    """See ``backend.Backend``. Worlds of one database share a catalogue, where each has its own names."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def set_up(self, world: forms.World) -> None:
        self._number = next(_NUMBERS)
        self._customer = f"customer-{self._number}"
        self._instant = datetime.fromisoformat(world.get("instant", forms.INSTANT))
        self._clock = self._instant - timedelta(seconds=forms.SET_UP_BEFORE)
        self._grants: dict[str, str] = {}
        self._reservations: dict[str, str] = {}  # by the key under which they were made
        self._types = {each["creditType"]: self._own(each["creditType"]) for each in world["creditTypes"]}
        for credit_type in world["creditTypes"]:
            self._call(
                "upsert_credit_type",
                creditType=self._types[credit_type["creditType"]],
                displayDecimals=0,
                decimals=credit_type["decimals"],
            )
        for feature in world["features"]:
            self._set_feature(feature)
        self._change("upsert_customer")
        for entity in world["entities"]:
            self.set_entity({**entity, "suspended": False})
        for wallet in world["wallets"]:
            self._set_wallet(wallet)
        for budget in world["budgets"]:
            self.set_budget(budget)
        for grant in world["grants"]:
            self.grant(grant)
        for entity in world["entities"]:
            if entity.get("suspended"):
                self.suspend_entity(entity["entityId"], True)
        if "unknownEntity" in world or "observe" in world:
            self.set_policy(world.get("observe"), world.get("unknownEntity"))
        self.advance(forms.SET_UP_BEFORE)

    def consume(self, items: Sequence[forms.Item], observe: bool = False) -> list[forms.Answer]:
        return self._decide("consume", items, observe)

    def check(self, items: Sequence[forms.Item], observe: bool = False) -> list[forms.Answer]:
        return self._decide("check", items, observe)

    def reserve(self, items: Sequence[forms.Item], observe: bool = False) -> list[forms.Answer]:
        return self._decide("reserve", items, observe)

    def settle(self, steps: Sequence[forms.Step], observe: bool = False) -> list[forms.Answer]:
        return self._step("settle", steps, observe)

    def release(self, steps: Sequence[forms.Step]) -> list[forms.Answer]:
        return self._step("release", steps)

    def extend(self, steps: Sequence[forms.Step], observe: bool = False) -> list[forms.Answer]:
        return self._step("extend", steps, observe)

    def grant(self, grant: forms.GrantForm) -> None:
        answer = self._refusable(
            "grant_credits",
            idempotencyKey=f"grant-{grant['grantId']}",
            walletId=grant["walletId"],
            amount=grant["amount"],
            kind=grant["kind"],
            priority=grant["priority"],
            effectiveAt=self._time(grant["effectiveAt"]),
            **_given(
                expiresAt=None if grant["expiresAt"] is None else self._time(grant["expiresAt"]),
                features=None if grant["features"] is None else [self._own(f) for f in grant["features"]],
                pendingPayment=grant.get("pendingPayment"),
            ),
        )
        self._grants[answer["grantId"]] = grant["grantId"]

    def update_grant(self, grant_id: str, change: forms.GrantChangeForm) -> None:
        given: dict[str, Any] = {**change}
        for name in {"effectiveAt", "expiresAt"} & given.keys():
            given[name] = None if given[name] is None else self._time(given[name])
        self._refusable("update_grant", grantId=self._grant_no(grant_id), **given)

    def void_grant(self, grant_id: str) -> None:
        self._refusable("void_grant", grantId=self._grant_no(grant_id), reason="test")

    def transfer_credits(
        self, transfer_id: str, source: forms.HoldingForm, target: forms.HoldingForm, amount: str
    ) -> None:
        wallets = [
            _given(creditType=self._types[each["creditType"]], entityId=each["entityId"])
            for each in (source, target)
        ]
        asked = {"idempotencyKey": f"transfer-{transfer_id}", "from": wallets[0], "to": wallets[1]}
        moved = self._refusable("transfer_credits", amount=amount, **asked)
        for place, part in enumerate(moved["parts"]):
            self._grants[part["grantId"]] = f"{transfer_id}.{place}"

    def reverse(self, reversal_id: str, key: str, share: str | None, event: int = -1) -> None:
        used = self._events_of(key)
        made = self._refusable(
            "reverse_consumption",
            idempotencyKey=f"reversal-{reversal_id}",
            usageEventId=used[event] if event < len(used) and used else "0",
            share=share,
            reason="test",
        )
        fresh = self._rows_seen(
            "SELECT g.grant_no::text FROM core.reversal AS r JOIN core.credit_grant AS g"
            " ON g.customer_id = r.customer_id AND g.grant_no BETWEEN r.first_seq AND r.seq"
            " WHERE r.customer_id = %s AND r.seq = %s ORDER BY g.grant_no",
            self._customer,
            made["seq"],
        )
        self._grants |= {grant_no: f"{reversal_id}.{place}" for place, (grant_no,) in enumerate(fresh)}

    def _events_of(self, key: str) -> list[str]:
        """What the request under a key used, in order; of a reservation's that are all that settled it."""
        used = self._rows_seen(
            "SELECT u.seq::text FROM core.idempotency AS i"
            " JOIN core.usage_event AS u ON u.customer_id = i.customer_id"
            "  AND coalesce(u.reservation_no, u.seq) = i.seq"
            " WHERE i.customer_id = %s AND i.key = core.key_bytes(%s) AND i.allowed ORDER BY u.seq",
            self._customer,
            key,
        )
        return [seq for (seq,) in used]

    def set_reversal_of_expired(self, policy: str) -> None:
        self._change("upsert_customer", reversalOfExpired=policy)

    def charge_back(self, grant_id: str) -> None:
        self._refusable("void_grant", grantId=self._grant_no(grant_id), reason="test", chargeback=True)

    def _grant_no(self, grant_id: str) -> str:
        """What a grant is called here; "0", which nobody is, for one that is not there."""
        return next((no for no, name in list(self._grants.items()) if name == grant_id), "0")

    def _refusable(self, function: str, **fields: Any) -> Any:
        """A change that may be refused, by its faults."""
        with refusals_told():
            return self._change(function, **fields)

    def set_entity(self, entity: forms.EntityForm) -> None:
        self._refusable(
            "upsert_entity", entityId=entity["entityId"], type=entity["type"], parentId=entity["parentId"]
        )

    def move_entity(self, entity_id: str, parent_id: str | None) -> None:
        self._refusable("move_entity", entityId=entity_id, parentId=parent_id)

    def archive_entity(self, entity_id: str, with_all_below: bool) -> None:
        self._refusable("archive_entity", entityId=entity_id, includeDescendants=with_all_below)

    def restore_entity(self, entity_id: str) -> None:
        self._refusable("upsert_entity", entityId=entity_id, archived=False)

    def set_budget(self, budget: forms.BudgetForm) -> None:
        self._refusable(
            "set_budget",
            budgetId=budget["budgetId"],
            limit=budget["limit"],
            mode=budget["mode"],
            measure=budget["measure"],
            window=budget["window"],
            **_given(
                entityId=budget["entityId"],
                each=budget["each"],
                creditType=self._types.get(budget["creditType"] or ""),
                featureId=self._own(budget["featureId"]) if budget["featureId"] else None,
                quantity=budget["quantity"],
                dimensions=budget.get("dimensions"),
                anchorAt=None if budget["window"] in _UNANCHORED else budget.get("anchor"),
                timeZone=budget.get("zone"),
                advice=budget.get("advice"),
                thresholds=budget.get("thresholds", []),
            ),
        )

    def raise_budget(self, budget_id: str, raise_id: str, amount: str, until: int) -> None:
        self._refusable(
            "raise_budget",
            idempotencyKey=f"raise-{raise_id}",
            budgetId=budget_id,
            amount=amount,
            until=self._time(until),
            reason=raise_id,
        )

    def pause_budget(self, budget_id: str, paused: bool) -> None:
        self._refusable("pause_budget", budgetId=budget_id, paused=paused)

    def archive_budget(self, budget_id: str) -> None:
        self._refusable("archive_budget", budgetId=budget_id)

    def set_rates(self, feature_id: str, rates: Sequence[forms.RateForm]) -> None:
        self._call("set_rates", featureId=self._own(feature_id), rates=self._rates(rates))

    def suspend_customer(self, suspended: bool) -> None:
        self._one("SELECT api.set_suspension(%s, NULL, %s, 'test')", self._customer, suspended)

    def suspend_entity(self, entity_id: str, suspended: bool) -> None:
        with refusals_told():
            self._one("SELECT api.set_suspension(%s, %s, %s, 'test')", self._customer, entity_id, suspended)

    def set_policy(self, observe: bool | None, unknown_entity: forms.UnknownEntityForm | None) -> None:
        policy = None
        if unknown_entity is not None:
            policy = {
                "policy": unknown_entity["policy"],
                "type": unknown_entity["type"],
                "parentId": unknown_entity["parentId"],
                "max": unknown_entity["maximum"],
            }
        self._change("upsert_customer", **_given(observe=observe, unknownEntity=policy))

    def book_due(self) -> None:
        self._one("SELECT api.book_due(10000)")

    def advance(self, seconds: int) -> None:
        self._clock += timedelta(seconds=seconds)

    def state(self) -> forms.State:
        self._stop_clock()
        counters = """
            SELECT b.budget_id, e.entity_id,
                   CASE b.subject_kind WHEN 'SESSION' THEN c.session_id END,
                   c.window_end > %s
                   AND (b.subject_kind <> 'SESSION' OR c.last_used_at > %s - interval '720 hours') AS counts,
                   c.used, c.held, c.would_deny_count, c.would_deny_amount
            FROM core.counter AS c
            JOIN core.budget AS b USING (customer_id, budget_no)
            JOIN core.entity AS e ON e.customer_id = c.customer_id AND e.entity_no = c.subject_no
            WHERE c.customer_id = %s
        """
        named = [
            ({"budgetId": budget, "entityId": entity, "sessionId": session}, *figures)
            for budget, entity, session, *figures in self._rows(
                counters, self._clock, self._clock, self._customer
            )
        ]
        grants = self._rows(
            "SELECT grant_no::text, amount - (SELECT coalesce(sum(e.amount), 0) FROM core.ledger_entry AS e"
            " WHERE e.customer_id = g.customer_id AND e.grant_no = g.grant_no"
            " AND (e.to_account IN ('CONSUMED', 'OWED') OR e.kind IN ('TRANSFER', 'GRANT_VOIDED')))"
            " + (SELECT coalesce(sum(e.amount), 0) FROM core.ledger_entry AS e"
            " WHERE e.customer_id = g.customer_id AND e.grant_no = g.grant_no AND e.grant_no <> e.seq"
            " AND e.kind = 'REVERSAL' AND e.to_account IN ('AVAILABLE', 'EXPIRED'))"
            " FROM core.credit_grant AS g WHERE customer_id = %s",
            self._customer,
        )
        wallets = self._rows(
            "SELECT wallet_id, owed, shortfall, receivable FROM core.wallet WHERE customer_id = %s",
            self._customer,
        )
        owed, short, receivable = (
            {self._world_id(row[0]): _plain(row[place]) for row in wallets if row[place]}
            for place in (1, 2, 3)
        )
        held = self._rows(
            "SELECT wallet_id, held FROM core.wallet WHERE customer_id = %s AND held > 0", self._customer
        )
        return {
            "seq": self._one("SELECT seq FROM core.gate WHERE customer_id = %s", self._customer),
            "left": {self._grant_id(grant): _plain(left) for grant, left in grants},
            "grants": {
                self._grant_id(shown["grantId"]): {name: shown[name] for name in ("status", "remaining")}
                for (shown,) in self._rows("SELECT api.read_grants(%s, '{}', NULL, 100000)", self._customer)
            },
            "owed": owed,
            "short": short,
            "receivable": receivable,
            "held": {self._world_id(wallet): _plain(amount) for wallet, amount in held},
            "heldFor": [
                name | {"held": _plain(kept)} for name, counts, _, kept, _, _ in named if counts and kept
            ],
            "used": [
                name | {"used": _plain(used)} for name, counts, used, _, _, _ in named if counts and used
            ],
            "alerts": [
                {"budgetId": budget, "entityId": entity, "sessionId": session, "threshold": threshold}
                for budget, entity, session, threshold in self._rows(
                    "SELECT b.budget_id, e.entity_id, a.message ->> 'sessionId', a.message ->> 'threshold'"
                    " FROM pgmq.q_alert AS a"
                    " JOIN core.budget AS b ON b.customer_id = a.message ->> 'customer_id'"
                    " AND b.budget_no = (a.message ->> 'budgetNo')::integer"
                    " JOIN core.entity AS e ON e.customer_id = b.customer_id"
                    " AND e.entity_no = (a.message ->> 'entityNo')::integer"
                    " WHERE a.message ->> 'customer_id' = %s",
                    self._customer,
                )
            ],
            "wouldDeny": [
                name | {"count": denied, "amount": _plain(amount)}
                for name, _, _, _, denied, amount in named
                if denied
            ],
        }

    def _set_feature(self, feature: forms.FeatureForm) -> None:
        own = self._own(feature["featureId"])
        self._call(
            "upsert_feature",
            featureId=own,
            quantities=feature["quantities"],
            step=feature["step"],
            dimensions=feature.get("dimensions", []),
            creditTypes=[self._types[each] for each in feature["creditTypes"]],
        )
        if feature["rates"]:
            self.set_rates(feature["featureId"], feature["rates"])

    def _rates(self, rates: Sequence[forms.RateForm]) -> list[dict[str, Any]]:
        return [
            {
                "creditType": self._types[rate["creditType"]],
                "quantity": rate["quantity"],
                "amount": rate["amount"],
                "perUnits": int(rate["perUnits"]),
                "dimensions": rate.get("dimensions", {}),
                "effectiveFrom": "1970-01-01T00:00:00Z"
                if rate.get("effectiveFrom") is None
                else self._time(rate["effectiveFrom"]),
            }
            for rate in rates
        ]

    def _set_wallet(self, wallet: forms.WalletForm) -> None:
        own = {
            "walletId": wallet["walletId"],
            "creditType": self._types[wallet["creditType"]],
            "overdraftLimit": wallet["overdraftLimit"],
        }
        if wallet["entityId"] is None:
            self._change("upsert_customer", wallets=[own])
        else:
            self._change("upsert_entity", entityId=wallet["entityId"], wallets=[own])

    def _decide(self, verb: str, items: Sequence[forms.Item], observe: bool) -> list[forms.Answer]:
        self._stop_clock()
        asked = [{**item, "featureId": self._own(item["featureId"])} for item in items]
        rows = self._ask(*self._call_of(verb, asked, observe))
        self._note(rows)
        return [self._answer(item, row) for item, row in zip(items, rows, strict=True)]

    def _note(self, rows: Sequence[dict[str, Any]]) -> None:
        """Remembers the reservations that were made."""
        for row in rows:
            if made := row["answer"].get("reservationId"):
                self._reservations[row["idempotency_key"]] = made

    def _step(
        self, verb: str, steps: Sequence[forms.Step], observe: bool | None = None
    ) -> list[forms.Answer]:
        self._stop_clock()
        return [
            self._step_answer(row) for row in self._ask(*self._steps_of(verb, self._named(steps), observe))
        ]

    def _named(self, steps: Sequence[forms.Step]) -> list[dict[str, Any]]:
        """With the reservation's own id instead of the key under which it was made."""
        named: list[dict[str, Any]] = [dict(step) for step in steps]
        for step in named:
            step["reservationId"] = self._reservations.get(step.pop("reservation"), "0")
        return named

    def _steps_of(self, verb: str, named: list[dict[str, Any]], observe: bool | None) -> tuple[Any, Any]:
        if observe is None:
            return f"SELECT * FROM api.{verb}(%s, %s)", (self._customer, Jsonb(named))
        return f"SELECT * FROM api.{verb}(%s, %s, %s)", (self._customer, Jsonb(named), observe)

    def _ask(self, statement: Any, arguments: Any) -> list[dict[str, Any]]:
        try:
            with self._connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
                cursor.execute(statement, arguments)
                return cursor.fetchall()
        except psycopg.Error as error:
            if error.sqlstate != "UC100":
                raise
            raise Malformed(_root(_detail(error)["field"])) from error

    def _call_of(self, verb: str, asked: list[dict[str, Any]], observe: bool) -> tuple[Any, Any]:
        """The statement that asks, and its arguments."""
        return f"SELECT * FROM api.{verb}(%s, %s, %s)", (self._customer, Jsonb(asked), observe)

    def _answer(self, item: forms.Item, row: dict[str, Any]) -> forms.Answer:
        kept = row["answer"]
        asked = item.get("quantities") or [{"name": "quantity", "amount": item.get("quantity")}]
        taken = kept.get("quantities", {})
        return {
            "allowed": row["allowed"],
            "reason": row["reason"],
            "replayed": row["replayed"],
            "wouldAllow": row["would_allow"],
            "seq": row["seq"],
            "quantities": [{"name": q["name"], "amount": taken.get(q["name"], q["amount"])} for q in asked]
            if row["allowed"]
            else [],
            "binding": _binding(kept.get("binding")),
            "warnings": kept.get("warnings", []),
            "field": kept.get("field"),
            "retryAfter": None,
            "reservationId": kept.get("reservationId"),
            "expiresAt": kept.get("expiresAt"),
            **self._figures(kept),
        }

    def _step_answer(self, row: dict[str, Any]) -> forms.Answer:
        kept = row["answer"]
        return {
            "allowed": row["allowed"],
            "reason": row["reason"],
            "replayed": row["replayed"],
            "wouldAllow": row["would_allow"],
            "seq": row["seq"],
            "quantities": [{"name": n, "amount": a} for n, a in kept.get("quantities", {}).items()],
            "binding": None,
            "warnings": [],
            "retryAfter": None,
            "reservationId": kept.get("reservationId"),
            "state": kept.get("state"),
            "expiresAt": kept.get("expiresAt"),
            **self._figures(kept),
        }

    def _figures(self, kept: dict[str, Any]) -> dict[str, Any]:
        """What was paid and what is left, in the world's names."""
        types = {own: name for name, own in self._types.items()}
        return {
            "credits": [{"creditType": types[t], "amount": a} for t, a in kept.get("credits", {}).items()],
            "shortfall": [
                {"creditType": types[t], "amount": a} for t, a in kept.get("shortfall", {}).items()
            ],
            "slices": [
                {"walletId": self._world_id(wallet), "grantId": self._grant_id(grant), "amount": amount}
                for wallet, grant, amount in kept.get("slices", [])
            ],
            "wallets": [
                {
                    "walletId": self._world_id(wallet),
                    "creditType": types[credit_type],
                    "available": available,
                    "held": held,
                    "leased": leased,
                    "settled": _plain(Decimal(available) + Decimal(held) + Decimal(leased)),
                    "owed": owed,
                    **dict(zip(("shortfall", "receivable", "overdraftLimit"), rest or "000", strict=True)),
                }
                for wallet, credit_type, available, held, leased, owed, *rest in kept.get("wallets", [])
            ],
        }

    def _grant_id(self, number: str | None) -> str | None:
        """Grants that nobody gave are adjustments, in their order; a check names some that are yet to be."""
        if number is not None and number not in self._grants:
            numbers = self._rows(
                "SELECT grant_no::text FROM core.credit_grant WHERE customer_id = %s", self._customer
            )
            known = {*self._grants, number, *(no for (no,) in numbers)}
            made = [no for no in known if self._grants.get(no, "adjustment").startswith("adjustment")]
            self._grants |= {no: f"adjustment-{n}" for n, no in enumerate(sorted(made, key=int), start=1)}
        return number and self._grants[number]

    def _own(self, name: str) -> str:
        return f"{name}-{self._number}"

    def _world_id(self, wallet_id: str) -> str:
        """A wallet that a shortfall made is called after our own name of its type."""
        return wallet_id.removesuffix(f"-{self._number}")

    def _time(self, seconds: int) -> str:
        return (self._instant + timedelta(seconds=seconds)).isoformat()

    def _stop_clock(self) -> None:
        """The wall's clock goes on between calls; this takes it back to where the world's stands."""
        self._connection.execute(
            "UPDATE core.installation SET clock_offset = clock_offset + (%s - core.clock())", (self._clock,)
        )

    def _call(self, function: str, **fields: Any) -> Any:
        return self._one(f"SELECT api.{function}(%s, 'test')", Jsonb(fields))

    def _change(self, function: str, **fields: Any) -> Any:
        return self._one(f"SELECT api.{function}(%s, %s, 'test')", self._customer, Jsonb(fields))

    def _one(self, statement: str, *arguments: Any) -> Any:
        self._stop_clock()
        return self._rows(statement, *arguments)[0][0]

    def _rows_seen(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """What stands in tables, which not every role may read."""
        return self._rows(statement, *arguments)

    def _rows(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, arguments).fetchall()  # type: ignore[arg-type]


class ManySqlBackend(SqlBackend):
    """By the door for many customers, of which there is one."""

    def _call_of(self, verb: str, asked: list[dict[str, Any]], observe: bool) -> tuple[Any, Any]:
        items = [{**item, "customerId": self._customer} for item in asked]
        return f"SELECT * FROM api.{verb}_many(%s, %s)", (Jsonb(items), observe)

    def _steps_of(self, verb: str, named: list[dict[str, Any]], observe: bool | None) -> tuple[Any, Any]:
        items = [{**step, "customerId": self._customer} for step in named]
        if observe is None:
            return f"SELECT * FROM api.{verb}_many(%s)", (Jsonb(items),)
        return f"SELECT * FROM api.{verb}_many(%s, %s)", (Jsonb(items), observe)


def _binding(binding: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the model tells too; of a wallet SQL tells its id besides."""
    named = ("kind", "entityId", "budgetId", "limit", "used", "held", "resetsAt")
    return binding and {name: binding.get(name) for name in named}


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


@contextmanager
def refusals_told() -> Iterator[None]:
    """What is refused, in the words of the protocol."""
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate != "UC101":
            raise
        faults = [f"{each['field']} {each['code']}" for each in _detail(error)["errors"]]
        raise Malformed(", ".join(sorted(faults))) from error


def _detail(error: psycopg.Error) -> dict[str, Any]:
    detail: dict[str, Any] = json.loads(error.diag.message_detail or "{}")
    return detail


def _root(field: str) -> str:
    """``quantities[0].amount`` and ``quantity`` are both about quantities."""
    root = field.split("[")[0].split(".")[0]
    return "quantities" if root == "quantity" else root
