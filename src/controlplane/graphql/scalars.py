"""Scalars: exact amounts, large counts, instants with an offset.

All of them are strings on the wire in both directions and strings in Python: the door carries amounts, and
computes none. (The built-in ``Decimal`` takes NaN, infinity, exponents and underscores, and JSON fractions
that have been floats already.)
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

Credits = NewType("Credits", str)
RateAmount = NewType("RateAmount", str)
Money = NewType("Money", str)
Long = NewType("Long", str)
DateTime = NewType("DateTime", str)

_SPECIFIED = "https://controlplane.dev/scalars#"

_CREDITS = re.compile(r"-?[0-9]{1,29}(\.[0-9]{1,9})?")
_RATE = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,18})?")
_MONEY = re.compile(r"-?[0-9]{1,58}(\.[0-9]{1,4})?")
_LONG = re.compile(r"-?[0-9]{1,18}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _number(value: Any, pattern: re.Pattern[str], says: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        # Longer integers would take quadratic time to print, and cannot match.
        value = str(value) if value.bit_length() < 128 else ""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise GraphQLError(says)
    return value


def parse_credits(value: Any) -> str:
    """An amount as text, as it was written; JSON integers are taken, JSON fractions are not."""
    return _number(
        value,
        _CREDITS,
        'an amount is a string in plain notation, such as "12.5": at most 29 digits before the point and 9'
        " behind it, no exponent",
    )


def parse_rate(value: Any) -> str:
    """A price per unit, as text."""
    return _number(
        value,
        _RATE,
        'a rate is a string in plain notation, such as "0.000002": at most 20 digits before the point and 18'
        " behind it, no exponent",
    )


def parse_money(value: Any) -> str:
    """An amount of a currency, as text."""
    return _number(value, _MONEY, 'money is a string in plain notation, such as "12.50", without a currency')


def parse_long(value: Any) -> str:
    """A whole number as text."""
    return _number(value, _LONG, "a whole number of at most 18 digits, as a string")


def parse_instant(value: Any) -> str:
    """An instant of RFC 3339, with its offset; a naive one means another instant to everybody."""
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            found = datetime.fromisoformat(value.upper())
            found.astimezone(UTC)  # in the year 10000, or before the year 1, nobody could read it
            return found.isoformat()
        except (ValueError, OverflowError):
            pass
    raise GraphQLError('an instant is RFC 3339 with an offset, such as "2026-01-31T12:00:00Z"')


def plain(value: Any) -> str:
    """An amount from the database in plain notation; it is text there too."""
    return value if isinstance(value, str) else format(Decimal(value), "f")


def instant(value: Any) -> str:
    """An instant from the database as text with an offset."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


SCALARS: dict[object, ScalarDefinition] = {
    Credits: strawberry.scalar(
        name="Credits",
        description="An exact amount of credits or of a quantity: a string in plain notation, at most"
        " 29 digits before the point and 9 behind it. No exponent, no NaN, no infinity; JSON integers are"
        " taken, JSON fractions are refused because they have been floats.",
        specified_by_url=_SPECIFIED + "credits",
        serialize=plain,
        parse_value=parse_credits,
    ),
    RateAmount: strawberry.scalar(
        name="RateAmount",
        description="Credits per so many units: like Credits, with at most 20 digits before the point and 18"
        " behind it.",
        specified_by_url=_SPECIFIED + "rate-amount",
        serialize=plain,
        parse_value=parse_rate,
    ),
    Money: strawberry.scalar(
        name="Money",
        description="An exact amount of a currency: a string in plain notation with as many digits behind the"
        " point as the currency has, such as 12.50 or 1250.",
        specified_by_url=_SPECIFIED + "money",
        serialize=plain,
        parse_value=parse_money,
    ),
    Long: strawberry.scalar(
        name="Long",
        description="A whole number of up to 18 digits, as a string: Int ends at 2^31.",
        specified_by_url=_SPECIFIED + "long",
        serialize=str,
        parse_value=parse_long,
    ),
    DateTime: strawberry.scalar(
        name="DateTime",
        description="An instant of RFC 3339, always with an offset.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
        serialize=instant,
        parse_value=parse_instant,
    ),
}

__all__ = ["JSON", "SCALARS", "Credits", "DateTime", "Long", "Money", "RateAmount"]
