"""A row of logits becomes numbers: log-probabilities and the likeliest token.

In: logits and the tokens that are scored. Out: one number per scored token. It knows nothing of
models, requests or items.

Legend: N rows, V vocabulary, K targets (scored tokens; several may read one row).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

#: Bound of one fp32 copy of a slice of logits.
SLICE_BYTES = 16 * 2**20


class TargetScores(NamedTuple):
    """Scores of single tokens.

    Parameters
    ----------
    logprob_nats_K
        ln p of each target, fp64; NaN where its row has any logit that is not finite.
    is_likeliest_K
        Whether the target is the likeliest token; False where the row is not finite.
    """

    logprob_nats_K: torch.Tensor
    is_likeliest_K: torch.Tensor


class PartScores(NamedTuple):
    """Scores of some targets of a plan.

    Parameters
    ----------
    indices_K
        Which targets of the plan they are.
    """

    indices_K: NDArray[np.int64]
    scores: TargetScores


def reduce_logits(
    logits_NV: torch.Tensor, target_rows_K: torch.Tensor, targets_K: torch.Tensor
) -> TargetScores:
    """Return ln p of each target, by log-softmax in fp32 whatever the dtype of the logits.

    Peak memory: three fp32 copies of a slice of at most 16 MiB, or of one row.
    """
    n_rows = max(1, SLICE_BYTES // (4 * logits_NV.shape[1]))
    slices = [_reduce_slice(part) for part in torch.split(logits_NV, n_rows)]
    log_normalizer_N = torch.cat([part.log_normalizer_N for part in slices])
    likeliest_N = torch.cat([part.likeliest_N for part in slices])
    logit_K = logits_NV[target_rows_K, targets_K].float()
    # A NaN normalizer marks a row that is not finite; it spreads by itself.
    logprob_K = logit_K - log_normalizer_N[target_rows_K]
    is_likeliest_K = (likeliest_N[target_rows_K] == targets_K) & logprob_K.isfinite()
    return TargetScores(logprob_K.cpu().double(), is_likeliest_K.cpu())


class _RowScores(NamedTuple):
    log_normalizer_N: torch.Tensor
    likeliest_N: torch.Tensor


def _reduce_slice(logits_NV: torch.Tensor) -> _RowScores:
    logits_NV = logits_NV.float()
    log_normalizer_N = logits_NV.logsumexp(dim=1)
    finite_N = logits_NV.isfinite().all(dim=1)
    return _RowScores(log_normalizer_N.masked_fill(~finite_N, torch.nan), logits_NV.argmax(dim=1))


class VocabularyParts:
    """Scores of targets from logits that come a part of the vocabulary and some rows at a time.

    Peak memory: five numbers for each row and target, and what `reduce_logits` takes.

    Parameters
    ----------
    target_rows_K, targets_K
        As for `reduce_logits`, the rows ascending; on the device of the logits.
    """

    def __init__(self, n_rows: int, target_rows_K: torch.Tensor, targets_K: torch.Tensor) -> None:
        self._rows_K = target_rows_K.contiguous()
        self._targets_K = targets_K
        self._log_normalizer_N = torch.full((n_rows,), -torch.inf, device=targets_K.device)
        self._largest_N = self._log_normalizer_N.clone()
        self._likeliest_N = torch.zeros_like(self._largest_N, dtype=torch.int64)
        self._logit_K = torch.full_like(targets_K, torch.nan, dtype=torch.float32)

    def add(self, logits_NV: torch.Tensor, first_row: int, first_token: int) -> None:
        """Take in the logits of rows from `first_row` and tokens from `first_token` on."""
        n_rows = max(1, SLICE_BYTES // (4 * logits_NV.shape[1]))
        for start, part in enumerate(torch.split(logits_NV, n_rows)):
            self._add_slice(part.float(), first_row + start * n_rows, first_token)

    def _add_slice(self, logits_NV: torch.Tensor, first_row: int, first_token: int) -> None:
        rows = slice(first_row, first_row + len(logits_NV))
        found = _reduce_slice(logits_NV)
        self._log_normalizer_N[rows] = torch.logaddexp(
            self._log_normalizer_N[rows], found.log_normalizer_N
        )
        largest_N = logits_NV.gather(1, found.likeliest_N[:, None])[:, 0]
        is_larger_N = largest_N > self._largest_N[rows]  # of equal ones the first stays
        self._largest_N[rows] = torch.where(is_larger_N, largest_N, self._largest_N[rows])
        self._likeliest_N[rows] = torch.where(
            is_larger_N, found.likeliest_N + first_token, self._likeliest_N[rows]
        )
        edges = torch.tensor([rows.start, rows.stop], device=self._rows_K.device)
        first, last = torch.searchsorted(self._rows_K, edges).tolist()
        targets_K = self._targets_K[first:last] - first_token
        is_here_K = (targets_K >= 0) & (targets_K < logits_NV.shape[1])
        logit_K = logits_NV[
            self._rows_K[first:last] - first_row, targets_K.clamp(0, logits_NV.shape[1] - 1)
        ]
        self._logit_K[first:last] = torch.where(is_here_K, logit_K, self._logit_K[first:last])

    def scores(self) -> TargetScores:
        """Return the scores of all targets, once the whole vocabulary has come for all rows."""
        logprob_K = self._logit_K - self._log_normalizer_N[self._rows_K]
        is_likeliest_K = self._likeliest_N[self._rows_K] == self._targets_K
        return TargetScores(logprob_K.cpu().double(), (is_likeliest_K & logprob_K.isfinite()).cpu())
