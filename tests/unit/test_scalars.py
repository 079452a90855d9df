"""Scalars take exact text and nothing that was a float."""

from typing import Any

import pytest
from graphql import GraphQLError

from controlplane.graphql.scalars import instant, parse_credits, parse_instant, parse_long, parse_rate, plain


@pytest.mark.parametrize(
    "text", ["0", "1", "-1", "0.5", "12.345678901", "9" * 29, "9" * 29 + "." + "9" * 9, 7, -3]
)
def test_credits(text: Any) -> None:
    assert parse_credits(text) == str(text)


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "1.", ".5", "+1", "1e3", "1E3", "NaN", "nan", "Infinity", "-inf", "1_000", "1,5", " 1", "1 ",
        "0x1",
        "\u0661", "1\n", "9" * 30, "0." + "1" * 10, 1.5, 1.0, True, None, [], {}, b"1", 10**5000,
    ],
    ids=lambda value: str(value)[:12] if not isinstance(value, int) else "int",
)  # fmt: skip
def test_not_credits(text: Any) -> None:
    with pytest.raises(GraphQLError):
        parse_credits(text)


def test_rates_have_more_decimals() -> None:
    assert parse_rate("0." + "1" * 18) == "0." + "1" * 18
    for text in ("0." + "1" * 19, "1" * 21, 0.1):
        with pytest.raises(GraphQLError):
            parse_rate(text)


def test_long() -> None:
    assert parse_long(2**53) == "9007199254740992"
    assert parse_long("9" * 18) == "9" * 18
    for text in ("9" * 19, "1.0", 1.0, "", "1e3", True):
        with pytest.raises(GraphQLError):
            parse_long(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31t12:00:00.5z", "2026-01-31T12:00:00.500000+00:00"),
        ("2026-01-31 12:00+02:00", "2026-01-31T12:00:00+02:00"),
    ],
)
def test_instant(text: str, expected: str) -> None:
    assert parse_instant(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00",
        "2026-01-31",
        "20260131T120000Z",
        "2026-W05-6T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "9999-12-31T23:59:59-00:01",
        "0001-01-01T00:00:00+00:01",
        0,
        None,
        "",
    ],
)
def test_not_an_instant(text: Any) -> None:
    with pytest.raises(GraphQLError):
        parse_instant(text)


def test_outwards() -> None:
    from datetime import UTC, datetime
    from decimal import Decimal

    assert (plain("1.50"), plain(Decimal("1E+3"))) == ("1.50", "1000")
    assert instant(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00+00:00"
