"""Numbers as a reader wants them: 2.1 B tokens, 0.532, p < 0.001.

In: a number in the unit that the function names. Out: text. NaN and None become an en dash.
"""

from __future__ import annotations

import math

MISSING = "–"
_MINUS = "−"
_NARROW_SPACE = "\u202f"
_SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def count(value: float | None) -> str:
    """Return a count of tokens or parameters with two digits or more: 2.1 B, 300 B, 70 M."""
    if _is_missing(value):
        return MISSING
    assert value is not None
    for scale, suffix in _SUFFIXES:
        if abs(value) >= scale * 0.9995:
            scaled = value / scale
            digits = 1 if abs(scaled) < 9.95 else 0
            return f"{_trim(f'{scaled:.{digits}f}')}{_NARROW_SPACE}{suffix}"
    return _trim(f"{value:.1f}")


def value(number: float | None) -> str:
    """Return a mean of a metric: three decimals, fewer where it is large."""
    if _is_missing(number):
        return MISSING
    assert number is not None
    size = abs(number)
    text = f"{number:.3f}" if size < 10 else f"{number:.1f}" if size < 1000 else f"{number:,.0f}"
    return text.replace("-", _MINUS)


def change(number: float | None) -> str:
    """Return a difference with its sign: +0.113, −0.090."""
    if _is_missing(number):
        return MISSING
    assert number is not None
    return value(number) if number < 0 else f"+{value(number)}"


def stderrs(number: float | None) -> str:
    """Return a change in standard errors: 4.6 SE."""
    if _is_missing(number):
        return MISSING
    return f"{number:.1f}{_NARROW_SPACE}SE".replace("-", _MINUS)


def p_value(p: float | None) -> str:
    """Return a p value: two significant digits, never smaller than < 0.001."""
    if _is_missing(p):
        return MISSING
    assert p is not None
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def factor(decades: float | None) -> str:
    """Return a number of decades as a factor: × 2.7; beyond a thousand only its decades."""
    if _is_missing(decades):
        return MISSING
    assert decades is not None
    if abs(decades) >= 3:
        bound = "> " if decades > 0 else "< "
        return f"{bound}×{_NARROW_SPACE}{'1000' if decades > 0 else '0.001'}"
    return f"×{_NARROW_SPACE}{float(f'{10**decades:.2g}'):g}"


def integer(number: float | None) -> str:
    """Return a whole number with thin groups: 20 897."""
    if _is_missing(number):
        return MISSING
    assert number is not None
    return f"{round(number):,}".replace(",", _NARROW_SPACE)


def duration(seconds: float | None) -> str:
    """Return a time in its two largest units: 3 h 20 min."""
    if _is_missing(seconds):
        return MISSING
    assert seconds is not None
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    shown = [f"{n}{_NARROW_SPACE}{unit}" for n, unit in parts if n][:2]
    return " ".join(shown) or f"0{_NARROW_SPACE}s"


def _is_missing(number: float | None) -> bool:
    return number is None or math.isnan(number)


def _trim(text: str) -> str:
    return text.removesuffix(".0")
