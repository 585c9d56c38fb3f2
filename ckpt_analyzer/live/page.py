"""The page of a report while it is served: it asks its own server for a newer one, and no one else.

In: the page as a file has it. Out: the same with one more script and a policy that lets it ask. The
file itself reaches no network; that stays so.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from pathlib import Path

_POLICY = re.compile(rb"script-src (.*?); style-src")
_BODY_END = b"</body>"
_WAITING = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'none'; \
style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">
<title>ckpt-analyzer view</title></head>
<body style="font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem">
<h1 style="font-size:1.4rem">The report is being made</h1>
<p>It shows here by itself as soon as there are scores to show.</p>
</body></html>
"""


def live(content: bytes, version: str) -> bytes:
    """Return the page `content` with the script that watches for a version other than `version`.

    The policy gains the script's hash and ``connect-src 'self'``: the server that sent the page.
    """
    script = _script()
    digest = base64.b64encode(hashlib.sha256(script).digest()).decode()
    allowed = f"'sha256-{digest}'; connect-src 'self'; style-src".encode()

    def widened(match: re.Match[bytes]) -> bytes:
        known = match.group(1).replace(b"'none'", b"").strip()
        return b"script-src " + b" ".join(filter(None, (known, allowed)))

    content, n_policies = _POLICY.subn(widened, content, count=1)
    assert n_policies == 1
    body, end, rest = content.rpartition(_BODY_END)
    assert end
    tag = f'<script data-version="{version}">'.encode()
    return body + tag + script + b"</script>\n" + end + rest


def waiting() -> bytes:
    """Return what is shown before the first page is built."""
    return live(_WAITING.encode(), "")


@lru_cache(maxsize=1)
def _script() -> bytes:
    return (Path(__file__).parent / "live.js").read_bytes()
