"""CrystalCoder: one 7B model of LLM360, trained in three phases on text and code.

Steps are counted on from phase to phase.

References
----------
Liu et al. 2023, arXiv:2312.06550.
"""

from __future__ import annotations

from ckpt_analyzer.suite import Fact, Model, Stage, Suite

_PHASE_1_END = 79_721
_PHASE_2_END = _PHASE_1_END + 214_387
_PHASE_3_END = _PHASE_2_END + 27_728
_BATCH, _CONTEXT_TOKENS = 2112, 2048
_VOCABULARY, _HIDDEN = 32_032, 4096
_PARAMETERS = 6_583_754_752

SUITE = Suite(
    name="crystal",
    title="LLM360 CrystalCoder",
    models=(
        Model(
            name="crystalcoder",
            size="7b",
            repo="LLM360/CrystalCoder",
            parameters=_PARAMETERS,
            non_embedding_parameters=_PARAMETERS - _VOCABULARY * _HIDDEN,
            steps=(55_500, _PHASE_2_END, _PHASE_3_END),
            tokens_per_step=_BATCH * _CONTEXT_TOKENS,
            stages=(
                Stage("CrystalCoder_phase1_checkpoint_{step:06d}"),
                Stage(
                    "CrystalCoder_phase2_checkpoint_{step:06d}",
                    after_step=_PHASE_1_END,
                    offset=_PHASE_1_END,
                ),
                Stage(
                    "CrystalCoder_phase3_checkpoint_{step:06d}",
                    after_step=_PHASE_2_END,
                    offset=_PHASE_2_END,
                ),
            ),
            is_open=True,
            n_published=250,
        ),
    ),
    citation="Liu et al. 2023, LLM360: Towards Fully Transparent Open-Source LLMs, "
    "arXiv:2312.06550",
    licence="Apache-2.0",
    link="https://github.com/LLM360/crystalcoder-train",
    evidence=(
        "Branch pattern and their number (250): code of others and a table of the Hub. Steps of "
        "the phases, batch of 2112 sequences of 2048 tokens, parameters and shapes: the parameter "
        "files of LLM360/crystalcoder-train. All other steps: what the Hub lists. The model is "
        "code of its repository (trust_remote_code): without running it, it can be audited and is "
        "not scored. Unverified: 2 bytes per "
        "stored parameter."
    ),
    facts=(
        Fact("repositories", "seen", "README of LLM360/crystalcoder-train"),
        Fact("revisions", "seen", "code of others and a table of the Hub"),
        Fact("steps", "seen", "ends of phases: parameter files; the others as the Hub lists them"),
        Fact("tokens", "seen", "batch and context in the parameter files"),
        Fact("parameters", "seen", "stated in the parameter file of phase 3"),
        Fact("stored bytes", "unverified", "2 bytes"),
        Fact("licence", "seen", "README of LLM360/crystalcoder-train"),
    ),
)
