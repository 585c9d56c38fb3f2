"""Rules about the configuration of a revision.

In: an audited model. Out: findings. A configuration of which the parameters are not the suite's, or
whose architecture is not that of the rest of the series, makes a revision suspect. Where all
revisions contradict the suite alike, the suite's own record may be the wrong one: that is noted.
"""

from __future__ import annotations

from collections.abc import Iterator

from ckpt_analyzer.checkpoints.audit.records import (
    AuditedModel,
    AuditedRevision,
    Finding,
    Standing,
    majority,
)
from ckpt_analyzer.checkpoints.config_size import count_from_config

#: What makes an architecture: under another value, the same weights are another function.
ARCHITECTURE = (
    "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads",
    "num_key_value_heads", "head_dim", "intermediate_size", "vocab_size", "hidden_act",
    "tie_word_embeddings", "layer_norm_eps", "layer_norm_epsilon", "rms_norm_eps", "rotary_pct",
    "rotary_emb_base", "rope_theta", "rope_parameters", "rope_scaling", "use_parallel_residual",
    "max_position_embeddings", "n_embd", "n_layer", "n_head",
)  # fmt: skip


def config_findings(audited: AuditedModel) -> Iterator[Finding]:
    """Yield what is found about the configurations of the steps."""
    with_config = [each for each in audited.revisions if each.step is not None and each.config]
    yield from _size_findings(audited, with_config)
    for key in ARCHITECTURE:
        usual = majority(_value(each, key) for each in with_config)
        if usual is None:
            continue
        for each in with_config:
            if (value := _value(each, key)) != usual:
                reason = f"config.json has {key} {value}, that of most revisions {usual}"
                yield Finding(each.revision, each.step, "config-differs", "suspect", reason)


def _size_findings(audited: AuditedModel, revisions: list[AuditedRevision]) -> Iterator[Finding]:
    counts = {each: count_from_config(each.config or {}) for each in revisions}
    stated = audited.model.parameters
    wrong = {each: n for each, n in counts.items() if n is not None and n != stated}
    standing: Standing = "note" if len(wrong) == len(revisions) else "suspect"
    for each, count in wrong.items():
        reason = f"config.json describes {count:,} parameters, the suite states {stated:,}"
        yield Finding(each.revision, each.step, "config-size", standing, reason)


def _value(revision: AuditedRevision, key: str) -> str:
    assert revision.config is not None
    return str(revision.config.get(key, "unset"))
