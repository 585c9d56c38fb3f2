"""A folder with a checkpoint becomes a model in memory, or its tokenizer.

In: a folder in the layout of the Hub (``config.json``, weights, tokenizer files). Out: a model in
evaluation mode. The module knows nothing of suites, revisions or the network: it reads local files
only.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.scoring import Dtype
from ckpt_analyzer.scoring.hardware import resolve_device, torch_dtype
from ckpt_analyzer.scoring.parameter_names import HARMLESS_UNEXPECTED, misfit
from ckpt_analyzer.scoring.repository_code import load_with_code_if_needed

#: What torch, safetensors and transformers raise on weights that are missing, cut or of another
#: shape, and on configurations with odd values. (TypeError, KeyError and AttributeError come from
#: pickles and headers with odd contents, too.)
UNREADABLE = (
    OSError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError, SafetensorError,
    KeyError, TypeError, AttributeError, IndexError, ArithmeticError, AssertionError,
    StrictDataclassError,
)  # fmt: skip


def load_model(
    folder: Path, *, dtype: Dtype, device: str = "auto", trust_remote_code: bool = False
) -> PreTrainedModel:
    """Return the causal model in `folder`, in evaluation mode and without gradients.

    Weights come from safetensors where there are any, else from a ``.bin`` that is unpickled with
    ``weights_only=True``. Stored precisions are converted to `dtype`.

    Peak memory: the weights in `dtype`; safetensors are mapped, not read as a whole.

    Parameters
    ----------
    dtype
        The precision that the model computes in: ``fp32``, ``bf16`` or ``fp16``.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    trust_remote_code
        Whether code that lies in `folder` may run where transformers has none of its own.

    Raises
    ------
    CheckpointError
        If files are missing or damaged, or tensors are missing, unexpected or of another shape.
    ScoringError
        If this machine has no such device.
    """
    where = resolve_device(device)
    precision = torch_dtype(dtype)
    loader: Any = AutoModelForCausalLM
    _check_folder(folder)

    def load(with_code: bool) -> Any:  # noqa: ANN401
        return loader.from_pretrained(
            folder,
            dtype=precision,
            output_loading_info=True,
            local_files_only=True,
            weights_only=True,
            trust_remote_code=with_code,
        )

    try:
        with quiet():
            model, report = load_with_code_if_needed(load, folder, is_allowed=trust_remote_code)
    except UNREADABLE as error:
        raise unreadable("the checkpoint cannot be loaded", folder, error) from error
    check_report(report, folder)
    loaded: PreTrainedModel = model.to(where).eval().requires_grad_(False)
    return loaded


def load_tokenizer(folder: Path, *, trust_remote_code: bool = False) -> PreTrainedTokenizerBase:
    """Return the tokenizer in `folder`.

    Parameters
    ----------
    trust_remote_code
        Whether code that lies in `folder` may run where transformers has none of its own.

    Raises
    ------
    CheckpointError
        If tokenizer files are missing or damaged.
    """
    if not folder.is_dir():
        raise CheckpointError("there is no such folder", where=str(folder))

    def load(with_code: bool) -> PreTrainedTokenizerBase:
        read: Any = AutoTokenizer.from_pretrained
        made: PreTrainedTokenizerBase = read(
            folder, local_files_only=True, trust_remote_code=with_code
        )
        return made

    try:
        with quiet():
            tokenizer = load_with_code_if_needed(load, folder, is_allowed=trust_remote_code)
    except UNREADABLE as error:
        raise unreadable("the tokenizer cannot be loaded", folder, error) from error
    # Without files transformers 5 builds an empty tokenizer of the model's kind, in silence.
    names = sorted(set(tokenizer.vocab_files_names.values()))
    if not any((folder / name).is_file() for name in names):
        raise CheckpointError(
            "the folder holds no tokenizer",
            where=str(folder),
            hint="put one of these beside the weights or, on disk, into the folder above the "
            f"checkpoints: {', '.join(names)}",
        )
    return tokenizer


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise CheckpointError("there is no such folder", where=str(folder))
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            "the folder holds no checkpoint: config.json is missing", where=str(folder)
        )
    if not [*folder.glob("*.safetensors"), *folder.glob("*.bin")]:
        raise CheckpointError(
            "the folder holds no weights",
            where=str(folder),
            hint="expected model.safetensors or pytorch_model.bin, or shards of them",
        )


def check_report(report: dict[str, Any], folder: Path) -> None:
    """Refuse what transformers only warns of: random values in place of missing tensors.

    Raises
    ------
    CheckpointError
        If tensors are missing, unexpected or of another shape; it names the first of each.
    """
    missing = report["missing_keys"]
    unexpected = [k for k in report["unexpected_keys"] if not HARMLESS_UNEXPECTED.search(k)]
    misshapen = [key for key, *_ in report["mismatched_keys"]]
    if missing or unexpected or misshapen:
        raise misfit(missing=missing, unexpected=unexpected, misshapen=misshapen, where=str(folder))
    if report["error_msgs"]:
        raise CheckpointError(
            f"the weights do not fit the model of config.json: {report['error_msgs'][0]}",
            where=str(folder),
        )


def unreadable(problem: str, folder: Path, error: Exception) -> CheckpointError:
    """Return the error of files in `folder` of which a library says `error`."""
    first_line = (str(error).strip().splitlines() or [""])[0]
    return CheckpointError(
        f"{problem}: {type(error).__name__}: {first_line}",
        where=str(folder),
        hint="download it again; if it was written just now, wait until it is complete",
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' bars and load report: what they tell is raised instead."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
