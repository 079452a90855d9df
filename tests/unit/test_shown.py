"""Balances as people are shown them: rounded down, never more than there is."""

import pytest

from controlplane.client.live import shown


@pytest.mark.parametrize(
    ("available", "digits", "text"),
    [
        ("1188.45975", 2, "1,188.45"),
        ("0.999999999", 2, "0.99"),
        ("7", 2, "7.00"),
        ("0.5", 0, "0"),
        ("99999999999999999999999999999.999999999", 2, "99,999,999,999,999,999,999,999,999,999.99"),
    ],
)
def test_shown(available: str, digits: int, text: str) -> None:
    assert shown({"available": available, "displayDecimals": digits}) == text
