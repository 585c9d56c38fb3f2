"""How long a server asks to wait before the next request.

In: the headers of an answer. Out: seconds, or None where it does not say. Knows nothing of what was
asked for, and does not wait.

References
----------
RFC 9110, section 10.2.3 (``Retry-After``); https://huggingface.co/docs/hub/rate-limits
(``RateLimit``).
"""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from datetime import UTC, datetime

from huggingface_hub.utils._http import parse_ratelimit_headers


def asked_wait_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return how long the server asks to wait; None where it does not say.

    ``Retry-After`` goes before ``RateLimit``, of which the reset counts where nothing remains.

    Parameters
    ----------
    headers
        A mapping whose keys are looked up in any case, as the client's are, or in lower case.
    now
        The present moment; None for the clock's.
    """
    stated = headers.get("retry-after", "").strip()
    if stated.isdecimal():
        return float(stated)
    if (then := _moment(stated)) is not None:
        return max(0.0, (then - (now or datetime.now(UTC))).total_seconds())
    if (limit := parse_ratelimit_headers(headers)) is not None and limit.remaining == 0:
        return float(limit.reset_in_seconds)
    return None


def _moment(stated: str) -> datetime | None:
    try:
        return email.utils.parsedate_to_datetime(stated).astimezone(UTC)
    except (ValueError, OverflowError):  # no date, or none that there is
        return None
