"""Rows of a file as inputs of ``api``, each with the line it came from; what is none is set aside."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from controlplane.db.encode import checked_text, encoded
from controlplane.errors import RequestError
from controlplane.importing.columns import BALANCES, ENTITIES, Kind
from controlplane.importing.records import Fault, Record

#: Objects of JSON lines that stand for columns with a dot.
_OBJECTS = ("unknownEntity", "overdraftLimit")
_AMOUNT = re.compile(r"[0-9]{1,29}(\.[0-9]{1,9})?")
#: What a grant without a reference is known by. Not the amount, nor what else may be mended in a file: the
#: same grant with another amount must not become a second one.
_IDENTITY = ("entityId", "creditType", "kind", "effectiveAt", "expiresAt", "source")


@dataclass(frozen=True, slots=True)
class Row:
    """One row that may be sent.

    Attributes:
        line: on which it begins.
        customer: whose it is.
        given: its input with the customer, as JSON.
        entity: its own id, of an entity; else empty.
        parent: the id of the entity above it, of an entity; None for none.
        credits: credit type and amount, of a balance.
    """

    line: int
    customer: str
    given: str
    entity: str = ""
    parent: str | None = None
    credits: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is refused, and why.

    Attributes:
        line: on which it begins.
        customer: whose it is, where that can be said.
        faults: at least one.
        credits: credit type and amount of a balance, where they can be read.
    """

    line: int
    customer: str | None
    faults: tuple[Fault, ...]
    credits: tuple[str, str] | None = None


@dataclass(slots=True)
class Read:
    """What has been read of a file.

    Attributes:
        count: of all rows, bad ones too.
        unreferenced: balances without a reference of their own.
    """

    count: int = 0
    unreferenced: int = 0


class Keeper(Protocol):
    """Where rows go that may be sent."""

    def add(self, row: Row, known_by: str | None) -> int | None:
        """Keep it, unless its customer has one that is known by the same: then that one's line."""


def read_rows(records: Iterable[Record], kind: Kind, keeper: Keeper, read: Read) -> Iterator[Row | BadRow]:
    """Read everything: what each record is, a row that is kept or one that is refused.

    Args:
        records: of the file.
        kind: what they are.
        keeper: takes each row that may be sent.
        read: is told of each record before it is yielded.
    """
    for record in records:
        read.count += 1
        try:
            yield _row(record, kind, keeper, read)
        except _Refused as refused:
            customer = record.cells.get("customerId")
            owner = None if customer is None else str(customer)
            yield BadRow(record.line, owner, refused.faults, _credits(record.cells))


class _Refused(Exception):
    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults)
        self.faults = faults


def _row(record: Record, kind: Kind, keeper: Keeper, read: Read) -> Row:
    if record.fault is not None:
        raise _Refused(record.fault)
    given = _given(record.cells, kind)
    customer = given["customerId"]
    if not isinstance(customer, str):
        raise _Refused(Fault("customerId", "WRONG_TYPE", "must be a string"))
    if kind is BALANCES:
        read.unreferenced += "reference" not in given
        known_by = _with_key(given)
    else:
        known_by = given.get(kind.known_by, customer)
    try:
        checked_text(customer, "customerId")
        text = encoded(given)
    except RequestError as error:
        detail = error.detail if isinstance(error.detail, dict) else {}
        raise _Refused(
            Fault(str(detail.get("field", "")), str(detail.get("code", error.code)), error.message)
        ) from error
    if kind is ENTITIES:
        parent = given.get("parentId")
        row = Row(record.line, customer, text, str(known_by), parent if isinstance(parent, str) else None)
    else:
        row = Row(record.line, customer, text, credits=_credits(record.cells) if kind is BALANCES else None)
    first = keeper.add(row, known_by if isinstance(known_by, str) else None)
    if first is not None:
        raise _Refused(_duplicate(kind, record, first))
    return row


def _given(cells: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """The input of ``api`` that a row's cells stand for."""
    given: dict[str, Any] = {}
    faults = []
    for name, cell in _flat(cells):
        column = kind.column(name)
        if column is None:
            faults.append(Fault(name, "UNKNOWN_COLUMN", f"is no column of {kind.name}"))
            continue
        try:
            value = column.read(cell)
        except ValueError as error:
            faults.append(Fault(name, "WRONG_TYPE", str(error)))
            continue
        whole, dot, part = name.partition(".")
        if whole == "overdraftLimit":
            given.setdefault("wallets", []).append({"creditType": part, "overdraftLimit": value})
        elif dot:
            given.setdefault(whole, {})[part] = value
        else:
            given[name] = value
    faults += [
        Fault(column.name, "REQUIRED", "is needed")
        for column in kind.columns
        if column.is_needed
        and given.get(column.name) is None
        and not any(each.field == column.name for each in faults)
    ]
    if faults:
        raise _Refused(*faults)
    return given


def _flat(cells: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, cell in cells.items():
        if name in _OBJECTS and isinstance(cell, dict):
            yield from ((f"{name}.{part}", value) for part, value in cell.items())
        else:
            yield name, cell


def _with_key(given: dict[str, Any]) -> Any:
    """Put the idempotency key where the reference was; returns it."""
    key = given.pop("reference", None)
    if key is None:
        facts = [_fact(name, given.get(name)) for name in _IDENTITY]
        key = f"import:{hashlib.sha256(encoded(facts).encode()).hexdigest()[:32]}"
    given["idempotencyKey"] = key
    return key


def _fact(name: str, value: Any) -> Any:
    if name == "kind":
        return value or "PAID"
    if name.endswith("At") and isinstance(value, str):
        try:
            return datetime.fromisoformat(value).astimezone(UTC).isoformat()
        except (ValueError, OverflowError):
            return value  # the database says what is wrong with it
    return value


def _duplicate(kind: Kind, record: Record, first: int) -> Fault:
    if kind is not BALANCES or "reference" in record.cells:
        return Fault(kind.known_by, "DUPLICATE", f"stands on line {first} too")
    return Fault(
        "reference", "DUPLICATE", f"is needed here and on line {first}: without it the two are the same grant"
    )


def goes_in_circles(row: Row, circle: Sequence[str]) -> BadRow:
    """An entity that stands below itself, by these."""
    way = " → ".join([*circle, circle[0]])
    return BadRow(row.line, row.customer, (Fault("parentId", "CYCLE", f"stands below itself: {way}"),))


def _credits(cells: Mapping[str, Any]) -> tuple[str, str] | None:
    """Credit type and amount of a balance, as far as they can be counted."""
    kind = BALANCES.columns
    read = {
        column.name: column.read(cells.get(column.name))
        for column in kind
        if column.name in ("creditType", "amount")
    }
    amount, credit_type = read["amount"], read["creditType"]
    if isinstance(amount, str) and isinstance(credit_type, str) and _AMOUNT.fullmatch(amount):
        return credit_type, amount
    return None
