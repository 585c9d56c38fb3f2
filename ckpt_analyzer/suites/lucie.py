"""Lucie 7B: 35 checkpoints of pre-training and 5 of the extension of the context.

The batch grew from 256 to 1024 sequences over the first ten million, in steps of 64.

References
----------
Gouvert et al. 2025, arXiv:2503.12294.
"""

from __future__ import annotations

from ckpt_analyzer.suite import BatchChange, Fact, Model, Stage, Suite

_CONTEXT_TOKENS = 4096
_FIRST_BATCH, _LAST_BATCH, _BATCH_STEP = 256, 1024, 64
_RAMP_SEQUENCES = 10_000_000
_LAST = 753_851
_EXTENSION = (250, 500, 750, 1000, 1220)
_EXTENSION_TOKENS_PER_STEP = 128 * 32_000
_PARAMETERS = 6_706_958_336
_VOCABULARY, _HIDDEN = 65_024, 4096


def _ramp() -> tuple[BatchChange, ...]:
    """Return where the batch grew: each size is held for the same number of sequences."""
    n_stages = (_LAST_BATCH - _FIRST_BATCH) // _BATCH_STEP
    step = sequences = 0
    changes = []
    for stage in range(n_stages):
        batch = _FIRST_BATCH + stage * _BATCH_STEP
        until = (stage + 1) * _RAMP_SEQUENCES // n_stages
        n_steps = -(-(until - sequences) // batch)
        step, sequences = step + n_steps, sequences + n_steps * batch
        changes.append(BatchChange(step, (batch + _BATCH_STEP) * _CONTEXT_TOKENS))
    return tuple(changes)


SUITE = Suite(
    name="lucie",
    title="Lucie",
    models=(
        Model(
            name="lucie-7b",
            size="7b",
            repo="OpenLLM-France/Lucie-7B",
            parameters=_PARAMETERS,
            non_embedding_parameters=_PARAMETERS - 2 * _VOCABULARY * _HIDDEN,
            steps=(
                *range(5000, 20_001, 5000),
                *range(25_000, 750_001, 25_000),
                _LAST,
                *(_LAST + step for step in _EXTENSION),
            ),
            tokens_per_step=_FIRST_BATCH * _CONTEXT_TOKENS,
            batch_changes=(*_ramp(), BatchChange(_LAST, _EXTENSION_TOKENS_PER_STEP)),
            stages=(
                Stage("step{step:07d}"),
                Stage("extension_step{step:07d}", after_step=_LAST, offset=_LAST),
            ),
        ),
    ),
    citation="Gouvert et al. 2025, The Lucie-7B LLM and the Lucie Training Dataset, "
    "arXiv:2503.12294",
    licence="Apache-2.0",
    link="https://github.com/OpenLLM-France/Lucie-Training",
    evidence=(
        "Repository, revisions, steps, exact parameters, shapes, batch sizes and their growth: the "
        "model card, in the repository of its authors. Tokens at a step are computed from the "
        "growth of the batch; at the last step they agree with the published 762,144,586 sequences "
        "to one batch. The theta of the rotary embeddings changes with the extension. Unverified: "
        "2 bytes per stored parameter."
    ),
    facts=(
        Fact("repositories", "seen", "model card"),
        Fact("revisions", "seen", "model card"),
        Fact("steps", "seen", "model card"),
        Fact("tokens", "computed", "growth of the batch as the model card describes it"),
        Fact("parameters", "seen", "model card; non-embedding: less two tables of 65,024 × 4096"),
        Fact("stored bytes", "unverified", "2 bytes"),
        Fact("licence", "seen", "model card"),
    ),
)
