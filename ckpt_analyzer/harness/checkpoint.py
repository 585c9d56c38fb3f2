"""A model with its tokenizer, from what ``--model_args`` says: a folder, or a revision on the Hub.

In: a folder or a Hub repository, a revision, a dtype. Out: both in memory, streamed and verified as
a sweep would. The module does not know lm_eval.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckpt_analyzer.checkpoints.hub import HubSource
from ckpt_analyzer.errors import UserError, nearest
from ckpt_analyzer.scoring import DTYPES, Dtype
from ckpt_analyzer.scoring.in_place import InPlaceModel
from ckpt_analyzer.scoring.load import load_model, load_tokenizer
from ckpt_analyzer.suite import Checkpoint, Model

#: How the harness and torch write the dtypes.
_LONG_NAMES: dict[str, Dtype] = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}

#: Configuration and tokenizer of one checkpoint.
_COMPANION_BYTES = 10**9


@dataclass(frozen=True)
class OpenModel:
    """A model in memory.

    Parameters
    ----------
    model, tokenizer
        Of transformers.
    commit
        What the revision resolved to; None for a folder.
    """

    model: Any
    tokenizer: Any
    commit: str | None


@dataclass(frozen=True)
class Wanted:
    """What ``--model_args`` names.

    Parameters
    ----------
    pretrained
        A folder, or a repository on the Hub.
    revision
        A branch, tag or commit of the repository.
    """

    pretrained: str
    revision: str = "main"
    dtype: Dtype = "fp32"
    device: str = "auto"
    endpoint: str | None = None


def dtype_called(name: str) -> Dtype:
    """Return the dtype that `name` means: ``float32`` or ``fp32``, and so on.

    Raises
    ------
    UserError
        If there is none; it names the nearest.
    """
    short = name.removeprefix("torch.")
    for dtype in DTYPES:
        if short == dtype or _LONG_NAMES.get(short) == dtype:
            return dtype
    known = (*_LONG_NAMES, *DTYPES)
    raise UserError(
        f"there is no dtype {name!r}",
        where="--model_args",
        hint=f"did you mean {nearest(short, known) or 'float32'!r}? known: {', '.join(known)}",
    )


def open_model(wanted: Wanted) -> OpenModel:
    """Return the model that is wanted, in evaluation mode.

    Peak memory: its weights in the dtype, and one piece of a file.

    Raises
    ------
    CheckpointError
        If it cannot be had, or is not what its publisher's digests say.
    """
    folder = Path(wanted.pretrained)
    if folder.is_dir():
        model = load_model(folder, dtype=wanted.dtype, device=wanted.device)
        return OpenModel(model, load_tokenizer(folder), None)
    with tempfile.TemporaryDirectory(prefix="ckpt-analyzer-") as scratch:
        source = HubSource(
            cache_dir=Path(scratch), max_cache_bytes=_COMPANION_BYTES, endpoint=wanted.endpoint
        )
        resolved = source.resolve(_checkpoint(wanted))
        with source.fetch(resolved) as opened:
            memory = InPlaceModel(wanted.dtype, wanted.device)
            model = memory.load(opened.folder, opened.slices())
            return OpenModel(model, load_tokenizer(opened.folder), resolved.commit)


def _checkpoint(wanted: Wanted) -> Checkpoint:
    name = wanted.pretrained.rpartition("/")[2]
    model = Model(name, name, wanted.pretrained, 0, None, (0,), 0)
    return Checkpoint("harness", model, 0, wanted.revision, 0)
