"""DataDecide: 25 data recipes × 14 sizes from 4M to 1B × 3 seeds, 1050 models.

The seeds of a recipe and size are branches of one repository. Runs with another seed than the
default end early below 1B; which steps exist is read from what the Hub lists.

References
----------
Magnusson et al. 2025, arXiv:2504.11393.
"""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_analyzer.suite import Fact, Model, Suite

RECIPES = (
    "dolma1_7", "dolma1_7-no-code", "dolma1_7-no-math-code", "dolma1_7-no-reddit",
    "dolma1_7-no-flan", "dolma1_6plus", "c4", "fineweb-pro", "fineweb-edu", "falcon",
    "falcon-and-cc", "falcon-and-cc-qc-10p", "falcon-and-cc-qc-20p", "falcon-and-cc-qc-orig-10p",
    "falcon-and-cc-qc-tulu-10p", "dclm-baseline", "dclm-baseline-qc-10p", "dclm-baseline-qc-20p",
    "dclm-baseline-qc-7p-fw2", "dclm-baseline-qc-7p-fw3", "dclm-baseline-qc-fw-3p",
    "dclm-baseline-qc-fw-10p", "dclm-baseline-25p-dolma1.7-75p", "dclm-baseline-50p-dolma1.7-50p",
    "dclm-baseline-75p-dolma1.7-25p",
)  # fmt: skip
_CONTEXT_TOKENS = 2048


@dataclass(frozen=True)
class _Size:
    parameters: int
    batch: int
    last_step: int


_SIZES = {
    "4M": _Size(3_744_832, 32, 5725),
    "6M": _Size(6_010_464, 32, 9182),
    "8M": _Size(8_538_240, 32, 13_039),
    "10M": _Size(9_900_432, 32, 15_117),
    "14M": _Size(14_380_224, 32, 21_953),
    "16M": _Size(16_004_560, 32, 24_432),
    "20M": _Size(19_101_888, 64, 14_584),
    "60M": _Size(57_078_144, 96, 29_042),
    "90M": _Size(97_946_640, 160, 29_901),
    "150M": _Size(151_898_880, 192, 38_157),
    "300M": _Size(319_980_544, 320, 45_787),
    "530M": _Size(530_074_944, 448, 57_786),
    "750M": _Size(681_297_408, 576, 63_589),
    "1B": _Size(1_176_832_000, 704, 69_369),
}
#: The number that each name of a seed stands for.
_SMALL = {"default": 6198, "small-aux-2": 14, "small-aux-3": 15}
_LARGE = {"default": 6198, "large-aux-2": 4, "large-aux-3": 5}


def _model(recipe: str, size: str, seed_name: str, seed: int) -> Model:
    facts = _SIZES[size]
    return Model(
        name=f"datadecide-{recipe}-{size}-{seed_name}".lower(),
        size=size,
        repo=f"allenai/DataDecide-{recipe}-{size}",
        parameters=facts.parameters,
        non_embedding_parameters=None,
        steps=(facts.last_step,) if seed_name == "default" else (),
        tokens_per_step=facts.batch * _CONTEXT_TOKENS,
        revision=f"step{{step}}-seed-{seed_name}",
        seed=seed,
        recipe=recipe,
        is_open=True,
        stored_bytes_per_parameter=4,
    )


SUITE = Suite(
    name="datadecide",
    title="DataDecide",
    models=tuple(
        _model(recipe, size, seed_name, seed)
        for recipe in RECIPES
        for size in _SIZES
        for seed_name, seed in (_LARGE if size == "1B" else _SMALL).items()
    ),
    citation="Magnusson et al. 2025, DataDecide: How to Predict Best Pretraining Data with Small "
    "Experiments, ICML 2025, arXiv:2504.11393",
    licence="Apache-2.0",
    link="https://github.com/allenai/DataDecide",
    evidence=(
        "Recipes and sizes: README of allenai/DataDecide and its release/repo_names.txt. Revision "
        "pattern and names of seeds: its release scripts. Batch sizes, last steps of the default "
        "seed and parameters: its scaling_laws/utils/constants/constants_models.py. Steps: every "
        "1250 (2500 at 1B) and the last, as the Hub lists them. The repositories hold models of "
        "class hf_olmo: where transformers does not know their configuration they can be audited "
        "and are not scored. Unverified: which repositories have which seeds; 4 "
        "bytes per stored parameter."
    ),
    facts=(
        Fact("repositories", "seen", "README of allenai/DataDecide, release/repo_names.txt"),
        Fact("revisions", "seen", "allenai/DataDecide, release scripts"),
        Fact("steps", "seen", "last step of the default seed; the others as the Hub lists them"),
        Fact("tokens", "seen", "batch sizes in its constants_models.py, 2048 tokens a sequence"),
        Fact("parameters", "seen", "constants_models.py of allenai/DataDecide"),
        Fact("seeds", "unverified", "which runs exist on the Hub; their numbers are seen"),
        Fact("stored bytes", "unverified", "4 bytes"),
        Fact("licence", "seen", "model card"),
    ),
)
