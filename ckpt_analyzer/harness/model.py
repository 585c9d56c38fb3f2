"""Our scoring core as a model of lm-evaluation-harness.

In: the harness's requests. Out: loglikelihoods and whether greedy decoding would write the same.
Importing this module registers the model under the name ``ckpt_analyzer``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from ckpt_analyzer.errors import UserError, nearest
from ckpt_analyzer.harness.checkpoint import Wanted, dtype_called, open_model
from ckpt_analyzer.scoring.encode import (
    EncodedItem,
    EncodedItems,
    Request,
    encode_items,
    prefix_token_id,
    text_ids,
)
from ckpt_analyzer.scoring.score import score_items
from ckpt_analyzer.scoring.window import max_length_tokens
from ckpt_analyzer.task import Item

NAME = "ckpt_analyzer"

#: What the harness's command line passes to every model, and what ours has no use for.
_IGNORED = ("batch_size", "max_batch_size")
#: ``cuda:0`` is what the harness passes on every machine where nothing else is asked for.
_ANY_DEVICE = (None, "cuda", "cuda:0")
_KNOWN = ("pretrained", "revision", "dtype", "device", "endpoint")


@register_model(NAME)
class CkptAnalyzerLM(LM):  # type: ignore[misc]
    """A checkpoint that is scored by ckpt_analyzer.

    Parameters
    ----------
    pretrained
        A folder, or a repository on the Hub.
    revision
        A branch, tag or commit of the repository.
    dtype
        ``float32`` (the default), ``bfloat16`` or ``float16``; log-softmax is fp32 always.
    device
        ``cpu``, ``mps``, or ``cuda``, which stands for the best that is here, as in the harness.
    endpoint
        Of the Hub; None for the client's own.

    Raises
    ------
    UserError
        If an argument is unknown, or the checkpoint cannot be had.
    """

    def __init__(
        self,
        pretrained: str,
        revision: str = "main",
        dtype: str = "float32",
        device: str | None = None,
        **others: Any,  # noqa: ANN401
    ) -> None:
        super().__init__()
        endpoint = others.pop("endpoint", None)
        _check_known(others)
        name = dtype_called(str(dtype))
        where = "auto" if device in _ANY_DEVICE else str(device)
        opened = open_model(Wanted(str(pretrained), str(revision), name, where, endpoint))
        self._model, self._commit = opened.model, opened.commit
        self.tokenizer = opened.tokenizer
        self._revision = str(revision)
        self.max_length = max_length_tokens(opened.model.config)
        self._device = opened.model.device

    def loglikelihood(
        self, requests: Sequence[Instance], disable_tqdm: bool = False
    ) -> list[tuple[float, bool]]:
        """Return ln p of each continuation after its context, and whether it is the likeliest."""
        items = [
            Item(str(place), context, (continuation,), 0)
            for place, (context, continuation) in enumerate(each.args for each in requests)
        ]
        return self._scores(encode_items(self.tokenizer, items, max_length_tokens=self.max_length))

    def loglikelihood_rolling(
        self, requests: Sequence[Instance], disable_tqdm: bool = False
    ) -> list[float]:
        """Return ln p of each whole text: in windows that do not overlap in what they score."""
        windows = [list(self._windows(each.args[0])) for each in requests]
        flat = tuple(
            _encoded(f"{text}.{place}", window)
            for text, of_text in enumerate(windows)
            for place, window in enumerate(of_text)
        )
        scores = iter(self._scores(EncodedItems(flat, self.max_length)))
        return [float(sum(next(scores)[0] for _ in of_text)) for of_text in windows]

    def generate_until(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[str]:
        """Refuse: nothing is generated here.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError(
            "ckpt_analyzer scores given answers and writes none: leave out tasks of output_type "
            "generate_until, or run them with --model hf"
        )

    def get_model_info(self) -> Mapping[str, Any]:
        """Return what the harness puts into the configuration of its results."""
        return {
            "model_num_parameters": sum(p.numel() for p in self._model.parameters()),
            "model_dtype": str(self._model.dtype),
            "model_revision": self._revision,
            "model_sha": self._commit or "",
        }

    def _windows(self, text: str) -> Iterator[Request]:
        pairs = get_rolling_token_windows(
            token_list=text_ids(self.tokenizer, text).tolist(),
            prefix_token=prefix_token_id(self.tokenizer),
            max_seq_len=self.max_length,
            context_len=1,
        )
        for context, continuation in map(make_disjoint_window, pairs):
            yield Request(
                np.array(context, dtype=np.int32),
                np.array(continuation, dtype=np.int32),
                truncated=False,
            )

    def _scores(self, encoded: EncodedItems) -> list[tuple[float, bool]]:
        table = score_items(self._model, encoded)
        columns = (table[name].to_pylist() for name in ("loglikelihood_nats", "is_greedy"))
        return [(ll[0], greedy[0]) for ll, greedy in zip(*columns, strict=True)]


def _encoded(item_id: str, request: Request) -> EncodedItem:
    return EncodedItem(
        item_id=item_id,
        part=0,
        gold=0,
        requests=(request,),
        other_requests=None,
        n_bytes=(0,),
        n_chars=(0,),
    )


def _check_known(others: Mapping[str, object]) -> None:
    for name in others:
        if name not in _IGNORED:
            near = nearest(name, _KNOWN)
            guess = f"did you mean {near!r}? " if near else ""
            raise UserError(
                f"--model {NAME} has no argument {name!r}",
                where="--model_args",
                hint=f"{guess}known: {', '.join(_KNOWN)}",
            )
