"""Choose, among the files of a checkpoint, those that a model is loaded from.

In: file names. Out: the weight files and their companions. Safetensors are chosen before pickles,
one file before shards, as transformers does. Knows nothing of where the files are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ckpt_analyzer.errors import CheckpointError

_STEMS = (("model", "safetensors"), ("pytorch_model", "bin"))
#: Files of which each holds a vocabulary: without one of them there is no tokenizer.
VOCABULARIES = frozenset(
    {"tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model"}
)
TOKENIZER_FILES = VOCABULARIES | {
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "merges.txt",
    "chat_template.jinja",
}
_CODE = re.compile(r"\w+\.py", re.ASCII)
#: All files beside the weights that loading may read.
COMPANIONS = TOKENIZER_FILES | {"config.json", "generation_config.json"}


#: How the problem of a checkpoint begins that lacks something.
UNFINISHED = "the checkpoint is not complete: "


def deciding(companions: Iterable[str]) -> tuple[str, ...]:
    """Return those of `companions` on which scores depend: all but indices and generation."""
    return tuple(
        name
        for name in companions
        if name in TOKENIZER_FILES or name == "config.json" or is_code(name)
    )


def is_code(name: str) -> bool:
    """Return whether a file is Python code beside the configuration."""
    return _CODE.fullmatch(name) is not None


@dataclass(frozen=True)
class LoadedFiles:
    """The files that loading reads, by name, sorted."""

    weights: tuple[str, ...]
    companions: tuple[str, ...]


def choose(names: Iterable[str], where: str, *, with_code: bool = False) -> LoadedFiles:
    """Return which of the files `names` a model is loaded from.

    None of them has a folder in its name, so that none can lead out of the checkpoint's own.

    Parameters
    ----------
    with_code
        Whether Python files are among the companions.

    Raises
    ------
    CheckpointError
        If the configuration, all weights, or some shards are missing; it names what is.
    """
    present = frozenset(names)
    if "adapter_config.json" in present and not any(
        name.startswith(stem) for name in present for stem, _ in _STEMS
    ):
        raise CheckpointError(
            "the checkpoint holds an adapter, not a whole model",
            where=where,
            hint="merge it into its base model (merge_and_unload of peft), and save that",
        )
    if "config.json" not in present:
        raise incomplete("config.json is missing", where)
    companions = present & COMPANIONS
    if with_code:
        companions |= {name for name in present if is_code(name)}
    for stem, ending in _STEMS:
        single, index = f"{stem}.{ending}", f"{stem}.{ending}.index.json"
        if single in present:
            return LoadedFiles((single,), tuple(sorted(companions)))
        shards = _shards(stem, ending, present, where)
        if shards and index not in present:
            raise incomplete(f"{index} is missing", where)
        if shards:
            return LoadedFiles(shards, tuple(sorted(companions | {index})))
        if index in present:
            raise incomplete(f"{index} is there, but none of its shards", where)
    raise incomplete("there are no weights: neither model.safetensors nor pytorch_model.bin", where)


def incomplete(what: str, where: str) -> CheckpointError:
    """Return the error of a checkpoint that lacks something."""
    return CheckpointError(
        f"{UNFINISHED}{what}",
        where=where,
        hint="it may be half-written or half-uploaded: leave the step out, or get it again",
    )


def _shards(stem: str, ending: str, present: frozenset[str], where: str) -> tuple[str, ...]:
    pattern = re.compile(rf"{stem}-(\d{{5}})-of-(\d{{5}})\.{ending}")
    found = [match for name in sorted(present) if (match := pattern.fullmatch(name))]
    if not found:
        return ()
    count = found[-1].group(2)
    wanted = tuple(f"{stem}-{k:05d}-of-{count}.{ending}" for k in range(1, int(count) + 1))
    missing = [name for name in wanted if name not in present]
    if missing:
        listed = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
        raise incomplete(f"{len(missing)} of {int(count)} shards are missing: {listed}", where)
    return wanted
