"""Balances as people are shown them: rounded down, never more than there is."""

import pytest

from controlplane.client.live import debts, shown


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


def test_only_what_is_owed_is_told_of_debts() -> None:
    wallet = {
        "owed": "3",
        "shortfall": "0.000",
        "receivable": "0.5",
        "overdraftLimit": "1000",
        "displayDecimals": 2,
    }
    assert debts(wallet) == ["3.00 of 1,000.00 owed", "0.50 receivable"]
    assert debts(wallet | {"owed": "0", "receivable": "0", "shortfall": "7"}) == ["7.00 shortfall"]
