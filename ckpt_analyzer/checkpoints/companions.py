"""Small files of checkpoints that were fetched already, by their digest.

The revisions of a model share configuration and tokenizer, mostly: what has the same digest is not
asked for again. In: digests and contents. Out: contents. Knows nothing of a Hub.
"""

from __future__ import annotations

from collections import OrderedDict

#: Tokenizers have up to some 20 MB.
_MAX_BYTES = 64 * 2**20


class KnownCompanions:
    """Contents by digest, those that were used last; at most `max_bytes` of them."""

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self._contents: OrderedDict[str, bytes] = OrderedDict()

    def get(self, digest: str | None) -> bytes | None:
        """Return the content with this digest; None if it is not known."""
        if digest is None or digest not in self._contents:
            return None
        self._contents.move_to_end(digest)
        return self._contents[digest]

    def keep(self, digest: str, content: bytes) -> None:
        """Keep `content`, whose digest the caller has checked."""
        if digest in self._contents or len(content) > self._max_bytes:
            return
        self._contents[digest] = content
        self._n_bytes += len(content)
        while self._n_bytes > self._max_bytes:
            _, oldest = self._contents.popitem(last=False)
            self._n_bytes -= len(oldest)
