"""Whether what was given as a store is one: people give its path.

In: an argument of a public function. Out: the store, or an error that says how a store is opened.
"""

from __future__ import annotations

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.store import Store


def check_store(given: object) -> Store:
    """Return `given`, which is an opened store.

    Raises
    ------
    StoreError
        If it is a path, or anything else.
    """
    if isinstance(given, Store):
        return given
    raise StoreError(
        f"a store is needed, and this is a {type(given).__name__}",
        where=str(given),
        hint=f'open it first: ckpt_analyzer.open_store("{given}")',
    )
