"""Exact numbers: text in, fractions inside, plain text out; nothing is ever rounded by accident."""

import re
from fractions import Fraction

#: No stored amount reaches this.
CEILING = Fraction(10**29)
#: The most that an amount can be.
MOST = CEILING - Fraction(1, 10**9)
ZERO = Fraction(0)

_PLAIN = re.compile(r"[0-9]{1,29}(?:\.([0-9]+))?")


class Inexact(ValueError):
    """The text is not a plain decimal number ≥ 0 with so many decimals."""


def exact(text: object, decimals: int = 9) -> Fraction:
    """Reads a plain decimal: no sign, no exponent, no NaN, at most so many decimals."""
    match = _PLAIN.fullmatch(text) if isinstance(text, str) else None
    if match is None or len(match[1] or "") > decimals:
        raise Inexact(text)
    return Fraction(match[0])


def plain(number: Fraction) -> str:
    """Writes a number of at most 18 decimals without a superfluous zero."""
    scaled = number * 10**18
    assert scaled.denominator == 1, f"{number} has no plain form"
    sign = "-" if scaled < 0 else ""
    whole, part = divmod(abs(scaled.numerator), 10**18)
    return f"{sign}{whole}.{part:018}".rstrip("0").rstrip(".")


def round_up(number: Fraction, decimals: int) -> Fraction:
    """The smallest multiple of the unit of so many decimals that is not below the number."""
    unit = 10**decimals
    return Fraction(-(-number.numerator * unit // number.denominator), unit)


def round_down(number: Fraction, step: Fraction) -> Fraction:
    """The largest multiple of the step that is not above the number."""
    return number // step * step
