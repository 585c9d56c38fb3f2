"""Bytes as printable text: 13 bits in two characters, where base64 takes twelve.

In: bytes. Out: text that may stand in a ``<script>`` element as it is: it has no ``<``, ``&``,
``"`` and no space. The script of the page reads it (``unpack.js``); ``decoded`` is its
specification.
"""

from __future__ import annotations

import numpy as np

ALPHABET = "".join(chr(code) for code in range(33, 127) if chr(code) not in '<&"')
_BITS = 13


def encoded(content: bytes) -> str:
    """Return `content` as text; the first character says how many bytes of padding to drop.

    Peak memory: some 30 bytes per byte of `content`.
    """
    bits = np.unpackbits(np.frombuffer(content, np.uint8))
    padded = np.zeros(-(-len(bits) // _BITS) * _BITS, np.uint8)
    padded[: len(bits)] = bits
    values = padded.reshape(-1, _BITS) @ (1 << np.arange(_BITS - 1, -1, -1)).astype(np.int32)
    letters = np.frombuffer(ALPHABET.encode(), np.uint8)
    pairs = np.stack([letters[values // 91], letters[values % 91]], axis=1)
    surplus = len(padded) // 8 - len(content)
    return f"{surplus}{pairs.tobytes().decode()}"


def decoded(text: str) -> bytes:
    """Return the bytes that ``encoded`` took."""
    places = np.zeros(128, np.int32)
    places[np.frombuffer(ALPHABET.encode(), np.uint8)] = np.arange(91)
    pairs = places[np.frombuffer(text[1:].encode(), np.uint8)].reshape(-1, 2)
    values = pairs[:, 0] * 91 + pairs[:, 1]
    bits = (values[:, None] >> np.arange(_BITS - 1, -1, -1)) & 1
    flat = bits.reshape(-1)
    whole = np.packbits(flat[: len(flat) // 8 * 8].astype(np.uint8)).tobytes()
    return whole[: len(whole) - int(text[0])]
