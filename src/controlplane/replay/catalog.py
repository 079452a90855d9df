"""What the replay sells: one feature, priced by model for tokens in and out, in two kinds of credit."""

from decimal import ROUND_UP, Decimal
from typing import Any

FEATURE = "replay-completion"
#: The kind that is sold, and the kind that is given away, which burns first where both are at hand.
CREDITS, PROMO = "replay-credits", "replay-promo"
#: Tokens that a rate is for.
PER_TOKENS = 1_000_000
#: Credits for a million tokens in and out, and how often a model is asked for.
MODELS: dict[str, tuple[int, int, float]] = {
    "swift": (250, 1_000, 0.6),
    "sage": (1_250, 5_000, 0.3),
    "atlas": (5_000, 20_000, 0.1),
}
#: What a promotional credit buys more than a sold one.
_PROMO_FACTOR = Decimal("0.8")
_UNIT = Decimal("0.000001")


def price(model: str, context: int, generated: int) -> Decimal:
    """What a request costs in ``CREDITS``, rounded up to six decimals."""
    into, out, _ = MODELS[model]
    return (Decimal(context * into + generated * out) / PER_TOKENS).quantize(_UNIT, ROUND_UP)


def amount(value: Decimal) -> str:
    """An amount in plain notation, at least one smallest unit."""
    return f"{max(value.quantize(_UNIT, ROUND_UP), _UNIT):f}"


def catalog_changes() -> list[tuple[str, dict[str, Any]]]:
    """Functions and their inputs, in order; made again they change nothing."""
    rates = [
        {
            "creditType": kind,
            "quantity": quantity,
            "dimensions": {"model": model},
            "amount": f"{(Decimal(cost) * factor).normalize():f}",
            "perUnits": str(PER_TOKENS),
        }
        for model, (into, out, _) in MODELS.items()
        for quantity, cost in (("input", into), ("output", out))
        for kind, factor in ((CREDITS, Decimal(1)), (PROMO, _PROMO_FACTOR))
    ]
    feature = {
        "featureId": FEATURE,
        "name": "Completion (replay)",
        "quantities": ["input", "output"],
        "dimensions": ["model"],
        "creditTypes": [PROMO, CREDITS],
    }
    return [
        ("upsert_credit_type", {"creditType": CREDITS, "name": "Credits (replay)", "decimals": 6}),
        ("upsert_credit_type", {"creditType": PROMO, "name": "Promotional credits (replay)", "decimals": 6}),
        ("upsert_feature", feature),
        ("set_rates", {"featureId": FEATURE, "rates": rates}),
    ]
