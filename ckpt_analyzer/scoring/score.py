"""Encoded items become item scores on one loaded model.

In: a model in memory and ``EncodedItems``, or a plan of them. Out: tables of
``tables.CHOICE_SCORES``. What to compute is ``plan``'s, how logits become numbers is ``reduce``'s;
the module knows nothing of where the model came from or where the scores go.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from transformers import PreTrainedModel

from ckpt_analyzer.errors import OutOfMemoryError, ScoringError
from ckpt_analyzer.scoring import layered, packed, padded
from ckpt_analyzer.scoring.answers import table
from ckpt_analyzer.scoring.encode import EncodedItems
from ckpt_analyzer.scoring.family import family_of
from ckpt_analyzer.scoring.layered_model import LayeredModel
from ckpt_analyzer.scoring.memory_in_use import give_back
from ckpt_analyzer.scoring.memory_plan import layered_plan
from ckpt_analyzer.scoring.out_of_memory import in_smaller_packs, is_out_of_memory
from ckpt_analyzer.scoring.plan import BATCH_TOKENS, ScoringPlan, prepare
from ckpt_analyzer.scoring.products import products_in
from ckpt_analyzer.scoring.reduce import PartScores
from ckpt_analyzer.scoring.window import stated_max_length_tokens

log = logging.getLogger(__name__)

Progress = Callable[[int], None]


def score_items(
    model: PreTrainedModel,
    encoded: EncodedItems,
    *,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> pa.Table:
    """Return the loglikelihood of every choice of every item, in nats.

    To score many checkpoints, or several tasks, plan once and call `score_plan`: this function
    plans anew each time.

    Parameters
    ----------
    encoded
        From ``encode.encode_items``, with the tokenizer of the model.
    batch_tokens
        Tokens that are computed at a time.
    model, progress
        As in `score_plan`.

    Returns
    -------
    pyarrow.Table
        Of schema ``tables.CHOICE_SCORES``, one row per item in the order of `encoded`. NaN where a
        choice met a logit that is not finite.

    Raises
    ------
    ScoringError
        As `score_plan`.
    """
    plan = prepare([encoded], batch_tokens=batch_tokens)
    (scores,) = score_plan(model, plan, progress=progress)
    return scores


def score_plan(
    model: PreTrainedModel | LayeredModel,
    plan: ScoringPlan,
    *,
    progress: Progress | None = None,
) -> list[pa.Table]:
    """Return a table of scores, as that of `score_items`, for each task of `plan`.

    The scores of an item do not depend on the other items, their order or the size of batches,
    beyond the rounding of the dtype (1e-4 nats in fp32).

    Parameters
    ----------
    model
        In evaluation mode; or a checkpoint on disk, which is then read layer by layer.
    plan
        From ``plan.prepare``. It is not changed, and good for any number of models.
    progress
        Called after every batch with the number of items that are complete so far.

    Where memory runs out, all is scored again in packs of half as many tokens.

    Raises
    ------
    ScoringError
        If the model is in training mode, has fewer tokens than the tokenizer, or reads shorter
        inputs than the items were cut to; if not even one layer of a checkpoint on disk fits into
        its budget.
    OutOfMemoryError
        If memory runs out even on few tokens at a time.
    """
    _check_fits(model, plan)
    while True:
        try:
            return _tables(model, plan, progress)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            smaller = in_smaller_packs(plan)
            if smaller is None:
                raise _out_of_memory(model, error) from error
        # Outside of the handler: its error holds on to what was in memory.
        log.warning(
            "%s ran out of memory on %d tokens at a time: again with %d",
            model.device, plan.batch_tokens, smaller.batch_tokens,
        )  # fmt: skip
        give_back(model.device)
        plan = smaller


def _tables(
    model: PreTrainedModel | LayeredModel, plan: ScoringPlan, progress: Progress | None
) -> list[pa.Table]:
    loglikelihood_nats_R = np.zeros(len(plan.items_R))
    is_greedy_R = np.ones(len(plan.items_R), dtype=np.bool_)
    items_K = plan.items_R[plan.requests_K]
    missing_I = np.bincount(items_K, minlength=plan.n_items)
    with products_in(model.dtype, model.device):
        for part in _run(model, plan):
            requests_K = plan.requests_K[part.indices_K]
            np.add.at(loglikelihood_nats_R, requests_K, part.scores.logprob_nats_K.numpy())
            np.logical_and.at(is_greedy_R, requests_K, part.scores.is_likeliest_K.numpy())
            if progress:
                np.subtract.at(missing_I, items_K[part.indices_K], 1)
                progress(int((missing_I == 0).sum()))
    ends = np.cumsum([0, *(answers.n_requests for answers in plan.answers)]).tolist()
    return [
        table(answers, loglikelihood_nats_R[start:stop], is_greedy_R[start:stop])
        for answers, start, stop in zip(plan.answers, ends[:-1], ends[1:], strict=True)
    ]


def path_of(model: PreTrainedModel) -> Literal["packed", "padded"]:
    """Return how `model` is scored: ``packed``, each text once, or ``padded``, the generic path."""
    return "padded" if family_of(model) is None else "packed"


def _run(model: PreTrainedModel | LayeredModel, plan: ScoringPlan) -> Iterator[PartScores]:
    if isinstance(model, LayeredModel):
        return layered.run(model, plan, layered_plan(model.frame(plan), model.free_bytes()).sizes)
    family = family_of(model)
    if family is not None:
        return packed.run(model, family, plan)
    log.warning(
        "%s has no description in scoring/families: it is scored by the slower generic path",
        type(model).__name__,
    )
    return padded.run(model, plan)


def _out_of_memory(model: PreTrainedModel | LayeredModel, error: BaseException) -> OutOfMemoryError:
    said = str(error).partition("\n")[0] or type(error).__name__
    return OutOfMemoryError(
        f"{model.device} ran out of memory even on few tokens at a time: {said}",
        where=type(model).__name__,
        hint="use dtype bf16 or fp16, a larger machine, or fewer processes beside it",
    )


def _check_fits(model: PreTrainedModel | LayeredModel, plan: ScoringPlan) -> None:
    name = type(model).__name__
    if model.training:
        raise ScoringError(
            "the model is in training mode, so dropout would change its scores",
            where=name,
            hint="call model.eval() first",
        )
    limit_tokens = stated_max_length_tokens(model.config)
    if limit_tokens is not None and plan.longest_tokens > limit_tokens:
        raise ScoringError(
            f"the items have inputs of {plan.longest_tokens} tokens, the model reads "
            f"{limit_tokens}",
            where=name,
            hint=f"encode them with max_length_tokens={limit_tokens}",
        )
    embeddings: Any = model.get_input_embeddings()
    n_vocabulary = int(embeddings.weight.shape[0])
    if plan.largest_token >= n_vocabulary:
        raise ScoringError(
            f"the items hold token {plan.largest_token}, the model has {n_vocabulary} tokens",
            where=name,
            hint="use the tokenizer that belongs to the model",
        )
