"""Names of checkpoints: filled in from a step, and read back.

In: a pattern and a step with its tokens, or a pattern and a name. Out: a name, or what it says.
Fields: ``{step}`` (also ``{step:07d}``), ``{kilosteps}`` (thousands of steps), ``{tokens_b}``
(billions of tokens, rounded up) and ``{tokens_decimal}`` (billions, two places).
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

_DIGITS = {
    "step": r"(?P<step>\d+)",
    "kilosteps": r"(?P<kilosteps>\d+)",
    "tokens_b": r"(?P<tokens_b>\d+)",
    "tokens_decimal": r"(?P<tokens_decimal>\d+(?:\.\d+)?)",
}
_BILLION = 10**9
_HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True)
class Reading:
    """What a name says; None where it does not say it."""

    step: int | None
    tokens: int | None


def fill(pattern: str, step: int, tokens: int) -> str:
    """Return the name of a checkpoint at `step`, when `tokens` were seen."""
    billions = Decimal(tokens) / _BILLION
    return pattern.format(
        step=step,
        kilosteps=step // 1000,
        tokens_b=-(-tokens // _BILLION),
        tokens_decimal=billions.quantize(_HUNDREDTH, ROUND_HALF_UP),
    )


def read(pattern: str, name: str) -> Reading | None:
    """Return what `name` says; None if it is not named in this pattern."""
    match = re.fullmatch(_expression(pattern), name)
    if match is None:
        return None
    said = match.groupdict()
    step = int(said["step"]) if said.get("step") else None
    if said.get("kilosteps"):
        step = 1000 * int(said["kilosteps"])
    billions = said.get("tokens_b") or said.get("tokens_decimal")
    return Reading(step, int(Decimal(billions) * _BILLION) if billions else None)


def _expression(pattern: str) -> str:
    parts = []
    for literal, field, form, _ in string.Formatter().parse(pattern):
        parts.append(re.escape(literal))
        if field is not None:
            width = re.fullmatch(r"0(\d+)d", form or "")
            digits = _DIGITS[field]
            # step0005000 is a name, step5000 is none, where names are padded.
            parts.append(digits.replace(r"\d+", rf"\d{{{width[1]},}}") if width else digits)
    return "".join(parts)
