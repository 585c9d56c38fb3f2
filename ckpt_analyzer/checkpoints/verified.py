"""The pieces of a weight file, which end only when its sha256 is the published one.

In: a weight file, and a way to read it from its beginning as often as needed. Out: pieces. A file
that arrives altered is read anew; whoever consumes the pieces learns of it by another
`FileStarted`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterator, Set
from contextlib import closing

from ckpt_analyzer.checkpoints.digest import RunningSha256
from ckpt_analyzer.checkpoints.download import AlteredError, GaveUpError
from ckpt_analyzer.checkpoints.source import WeightFile
from ckpt_analyzer.checkpoints.tensor_stream import Shard, tensor_slices
from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.weights import FileStarted, FileVerified, PickledFile, Piece, Pieces

#: How often a file is read before it is given up. Two readings can meet two separate accidents.
READINGS = 3

Read = Callable[[], Generator[bytes]]


class _MalformedError(Exception):
    """A file that cannot be what it should be, unless it arrived altered."""

    def __init__(self, error: CheckpointError) -> None:
        self.error = error


def verified_pieces(file: WeightFile, read: Read, tensors: Set[str] | None = None) -> Pieces:
    """Yield the pieces of `file`; its sha256 is checked before they end.

    Parameters
    ----------
    read
        Returns the bytes of the file, from the first one on, each time it is called.
    tensors
        The names that the index of shards puts into the file; None where there is no index.

    Raises
    ------
    CheckpointError
        If the file is malformed, or arrives altered every time.
    """
    malformed = None
    for _ in range(READINGS):
        yield FileStarted(file.name)
        try:
            yield from _pieces_once(file, read, tensors)
        except AlteredError:
            malformed = None
        except _MalformedError as error:
            malformed = error.error
        else:
            yield FileVerified(file.name)
            return
    raise malformed or altered(file.name)


def altered(name: str) -> CheckpointError:
    """Return the error of a file that never arrived as it was published."""
    return CheckpointError(
        f"{name} arrived altered, {READINGS} times: its sha256 is not the published one",
        hint="run the same command again; if it stays so, the endpoint or a proxy is at fault",
    )


def _pieces_once(file: WeightFile, read: Read, tensors: Set[str] | None) -> Iterator[Piece]:
    content = io.BytesIO()
    with closing(read()) as raw, RunningSha256() as digest:
        if file.name.endswith(".safetensors"):
            shard = Shard(file.name, file.size_bytes, tensors)
            yield from _sound(tensor_slices(raw, shard, digest.update))
        else:
            for chunk in raw:
                digest.update(memoryview(chunk))
                content.write(chunk)
        if digest.hexdigest() != file.sha256:
            raise AlteredError
    if not file.name.endswith(".safetensors"):
        content.seek(0)
        yield PickledFile(content)


def _sound(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Yield `pieces`, and tell an error in them from one of the network."""
    try:
        yield from pieces
    except GaveUpError:
        raise
    except CheckpointError as error:
        raise _MalformedError(error) from None
