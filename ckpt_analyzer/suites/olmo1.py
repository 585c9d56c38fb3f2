"""OLMo, the first generation: 1B and 7B, a checkpoint every thousand steps or so.

Only the first and the last revision of the 1B models are known beforehand: the others are read from
what the Hub lists. Of the 7B models, the names of the revisions tell the tokens, to a billion.

References
----------
Groeneveld et al. 2024, arXiv:2402.00838.
"""

from __future__ import annotations

from ckpt_analyzer.suite import Fact, Model, Saved, Suite

_REVISION = "step{step}-tokens{tokens_b}B"


def _known(*saved: Saved) -> tuple[int, ...]:
    return tuple(each.step for each in saved)


_OLMO_1B = (Saved(1000, "step1000-tokens4B"), Saved(738_020, "step738020-tokens3094B"))
_OLMO_1B_0724 = (Saved(0, "step0-tokens0B"), Saved(1_454_000, "step1454000-tokens3048B"))

_MODELS = (
    Model(
        name="olmo-1b-hf",
        size="1b",
        repo="allenai/OLMo-1B-hf",
        parameters=1_176_764_416,
        non_embedding_parameters=1_073_741_824,
        steps=_known(*_OLMO_1B),
        tokens_per_step=4_194_304,
        revision=_REVISION,
        saved=_OLMO_1B,
        n_published=351,
        is_open=True,
        stored_bytes_per_parameter=4,
    ),
    Model(
        name="olmo-1b-0724-hf",
        size="1b",
        repo="allenai/OLMo-1B-0724-hf",
        parameters=1_279_787_008,
        non_embedding_parameters=1_073_741_824,
        steps=_known(*_OLMO_1B_0724),
        tokens_per_step=2_097_152,
        revision=_REVISION,
        saved=_OLMO_1B_0724,
        n_published=1446,
        is_open=True,
        stored_bytes_per_parameter=4,
    ),
    Model(
        name="olmo-7b-hf",
        size="7b",
        repo="allenai/OLMo-7B-hf",
        parameters=6_888_095_744,
        non_embedding_parameters=6_476_005_376,
        steps=(),
        tokens_per_step=0,
        revision=_REVISION,
        is_open=True,
        stored_bytes_per_parameter=4,
    ),
    *(
        Model(
            name=f"olmo-7b-{version}-hf",
            size="7b",
            repo=f"allenai/OLMo-7B-{version}-hf",
            parameters=0,
            non_embedding_parameters=None,
            steps=(),
            tokens_per_step=0,
            revision=_REVISION,
            is_open=True,
            stored_bytes_per_parameter=4,
        )
        for version in ("0424", "0724")
    ),
)

SUITE = Suite(
    name="olmo1",
    title="OLMo",
    models=_MODELS,
    citation="Groeneveld et al. 2024, OLMo: Accelerating the Science of Language Models, "
    "arXiv:2402.00838",
    licence="Apache-2.0",
    link="https://github.com/allenai/OLMo",
    evidence=(
        "Repositories, revision pattern, first and last revisions of the 1B models: documentation "
        "of nnsight and a table of the Hub, 351 and 1446 revisions, about 820 for the 7B models of "
        "2024-04 and 2024-07. All other steps: what the Hub lists. Parameters: computed from the "
        "configurations; those of the two later 7B models are read from their files. Unverified: "
        "that OLMo-7B-hf has revisions, 4 bytes per stored parameter, the licence."
    ),
    facts=(
        Fact("repositories", "seen", "documentation of nnsight and a table of the Hub"),
        Fact("revisions", "seen", "documentation of nnsight and a table of the Hub"),
        Fact("steps", "seen", "first and last of the 1B models; the others as the Hub lists them"),
        Fact("tokens", "seen", "1B: per step; 7B: the names of the revisions, to a billion"),
        Fact("parameters", "computed", "configurations; the two later 7B models: their files"),
        Fact("stored bytes", "unverified", "4 bytes, from memory"),
        Fact("licence", "unverified", "from memory"),
    ),
)
