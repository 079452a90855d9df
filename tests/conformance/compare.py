"""Makes answers of different back ends comparable, and says where two of them first differ."""

import re
from typing import Any

from tests.conformance.forms import Answer

_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")


def comparable(answer: Answer) -> dict[str, Any]:
    """The shape of the vectors' answers, from that of KERNEL §1.

    What is drawn on overdraft is a slice without a grant. The binding is looked at where a budget denied.
    """
    slices = answer["slices"]
    drawn = [piece for piece in slices if piece["grantId"] is None]
    binding = answer["binding"] if answer["reason"] == "BUDGET_EXCEEDED" else None
    return {
        "allowed": answer["allowed"],
        "reason": answer["reason"],
        "replayed": answer["replayed"],
        "wouldAllow": answer["wouldAllow"],
        "binding": named(binding) if binding else None,
        "quantities": {each["name"]: each["amount"] for each in answer["quantities"]},
        "credits": {each["creditType"]: each["amount"] for each in answer["credits"]},
        "slices": [piece for piece in slices if piece["grantId"] is not None],
        "overdraft": {key: drawn[0][key] for key in ("walletId", "amount")} if drawn else None,
        "shortfall": {each["creditType"]: each["amount"] for each in answer["shortfall"]},
        "warnings": [named(warning) for warning in answer["warnings"]],
    }


def named(of_budget: dict[str, Any]) -> dict[str, Any]:
    return {"budgetId": of_budget["budgetId"], "entityId": of_budget["entityId"]}


def first_difference(expected: Any, actual: Any, where: str = "") -> str | None:
    """Where and how two JSON values first differ; 1, 1.0 and 1.00 as strings are the same amount."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in expected:
            if key not in actual:
                return f"{where}.{key}: expected {expected[key]!r}, is missing"
            if difference := first_difference(expected[key], actual[key], f"{where}.{key}"):
                return difference
        extra = [key for key in actual if key not in expected]
        return f"{where}.{extra[0]}: unexpected {actual[extra[0]]!r}" if extra else None
    if isinstance(expected, list) and isinstance(actual, list):
        for place, (one, other) in enumerate(zip(expected, actual, strict=False)):
            if difference := first_difference(one, other, f"{where}[{place}]"):
                return difference
        if len(expected) != len(actual):
            return f"{where}: expected {len(expected)} of them, got {len(actual)}: {expected!r}, {actual!r}"
        return None
    same = type(expected) is type(actual) and normal(expected) == normal(actual)
    return None if same else f"{where}: expected {expected!r}, got {actual!r}"


def normal(value: Any) -> Any:
    """A decimal without superfluous zeros."""
    if isinstance(value, str) and "." in value and _DECIMAL.fullmatch(value):
        return value.rstrip("0").rstrip(".")
    return value
