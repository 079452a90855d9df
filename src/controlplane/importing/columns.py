"""What may stand in a file: the columns of each kind, and what each becomes in the input of ``api``.

A column with a dot stands for one value of an object: ``metadata.region`` for ``region`` in ``metadata``. In
JSON lines it may be written so, or as the object. An absent cell is an absent field: what is there stays.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from controlplane.errors import ConfigurationError
from controlplane.importing.written import Written, json_of

#: Makes the value of a field from a cell; ValueError says what it is not.
Reading = Callable[[Any], Any]

_TRUE, _FALSE = ("true", "t", "1", "yes"), ("false", "f", "0", "no")


def _text(cell: Any) -> Any:
    """As it stands; a number of JSON lines as it is written, since ids are often numbers elsewhere."""
    if isinstance(cell, Written):
        return cell.text
    return str(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell


def _word(cell: Any) -> Any:
    """One of a few words, which the API writes in capitals."""
    return cell.upper() if isinstance(cell, str) else cell


def _boolean(cell: Any) -> Any:
    if isinstance(cell, str):
        if cell.lower() in _TRUE + _FALSE:
            return cell.lower() in _TRUE
        raise ValueError("must be true or false")
    return cell


def _names(cell: Any) -> Any:
    """A list; in CSV its names are separated by spaces, commas or semicolons."""
    return re.split(r"[\s,;]+", cell.strip()) if isinstance(cell, str) else cell


def _object(cell: Any) -> Any:
    """An object; in CSV it is written as JSON."""
    if isinstance(cell, str):
        try:
            return json_of(cell)
        except ValueError as error:
            raise ValueError(f"must be a JSON object: {error}") from None
    return cell


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: in the file; with ``.*`` at its end any word may stand there.
        says: what it means, for ``--help``.
        is_needed: whether every row must have it.
        read: makes the field's value of a cell.
    """

    name: str
    says: str
    is_needed: bool = False
    read: Reading = _text


@dataclass(frozen=True)
class Kind:
    """What a file can hold.

    Attributes:
        name: as it is typed, and as ``api.import_rows`` takes it.
        columns: in the order of the help.
        known_by: the column by which two rows of one customer are the same.
    """

    name: str
    columns: Sequence[Column]
    known_by: str
    _exact: Mapping[str, Column] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_exact", {column.name: column for column in self.columns})

    def column(self, name: str) -> Column | None:
        """The column that a name of a file stands for; None if there is none."""
        first, dot, rest = name.partition(".")
        return self._exact.get(name) or (self._exact.get(f"{first}.*") if dot and rest else None)

    def check_header(self, header: Sequence[str]) -> None:
        """See to it that a file has the columns it needs, and none that nobody knows.

        Raises:
            ConfigurationError: it has not; all such columns are named.
        """
        wrong = [
            *(f"unknown column {name!r}" for name in header if self.column(name) is None),
            *(
                f"column {name!r} stands there twice"
                for name in sorted(set(header))
                if header.count(name) > 1
            ),
            *(
                f"column {column.name!r} is missing"
                for column in self.columns
                if column.is_needed and column.name not in header
            ),
        ]
        if "metadata" in header and any(name.startswith("metadata.") for name in header):
            wrong.append("column 'metadata' and columns of its values")
        if wrong:
            raise ConfigurationError(
                "; ".join(wrong), hint=f"controlplane import {self.name} --help lists the columns"
            )


_CUSTOMER = Column("customerId", "whose it is; any id of 1 to 128 characters", is_needed=True)
_METADATA = (
    Column("metadata.*", "metadata.region and the like: a value of that name in the metadata"),
    Column("metadata", "all of it, as a JSON object", read=_object),
)
_SUSPENDED = Column("suspended", "true: refuse what it asks for, until it is resumed", read=_boolean)
_OVERDRAFT = Column(
    "overdraftLimit.*", "overdraftLimit.general and the like: makes a wallet of that credit type"
)

CUSTOMERS = Kind(
    "customers",
    (
        Column("customerId", "1 to 128 characters; stays what it is", is_needed=True),
        Column("name", "for people"),
        Column("observe", "true: decide and record, but enforce nothing yet", read=_boolean),
        _SUSPENDED,
        Column("unknownEntity.policy", "DENY, or CREATE entities as they are named", read=_word),
        Column("unknownEntity.type", "of those that CREATE makes"),
        Column("unknownEntity.parentId", "where CREATE puts them; empty: below the customer"),
        Column("unknownEntity.max", "most that CREATE makes"),
        _OVERDRAFT,
        *_METADATA,
    ),
    known_by="customerId",
)

ENTITIES = Kind(
    "entities",
    (
        _CUSTOMER,
        Column("entityId", "1 to 128 characters, one of its kind with the customer", is_needed=True),
        Column("type", "user, team, agent …; needed for a new one, and never changes"),
        Column("parentId", "the entity above it, which may stand further down; empty: the customer"),
        Column("name", "for people"),
        _SUSPENDED,
        _OVERDRAFT,
        *_METADATA,
    ),
    known_by="entityId",
)

BALANCES = Kind(
    "balances",
    (
        _CUSTOMER,
        Column("entityId", "whose wallet it is; empty: the customer's own"),
        Column("creditType", "must exist; the wallet is made where it is missing", is_needed=True),
        Column("amount", "plain digits with at most the decimals of the credit type", is_needed=True),
        Column("reference", "your id of this grant: the idempotency key of it, one per customer"),
        Column("kind", "PAID (the default), PROMOTIONAL, RECURRING or ADJUSTMENT", read=_word),
        Column("priority", "0 to 100, the low ones burn first; 50"),
        Column("effectiveAt", "ISO 8601 with an offset; empty: now"),
        Column("expiresAt", "the same, after now; empty: never"),
        Column("costBasis", "what one credit cost"),
        Column("currency", "of the cost basis, as USD"),
        Column("source", "where it came from, for people and reports"),
        Column("features", "ids, separated by spaces: only these may burn it", read=_names),
    ),
    known_by="reference",
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (CUSTOMERS, ENTITIES, BALANCES)}
