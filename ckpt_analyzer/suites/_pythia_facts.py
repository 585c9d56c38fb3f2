"""The facts that the Pythia suites share: sizes, steps, and what the public issues report.

Not a plug-in. Comes in: nothing. Goes out: the models of one variant, for ``pythia.py``,
``pythia_deduped.py`` and ``polypythias.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_analyzer.suite import Fact, KnownBad, Model

ISSUES = "https://github.com/EleutherAI/pythia/issues"
LINK = "https://github.com/EleutherAI/pythia"
LICENCE = "Apache-2.0"
CITATION = (
    "Biderman et al. 2023, Pythia: A Suite for Analyzing Large Language Models Across Training "
    "and Scaling, ICML 2023, arXiv:2304.01373"
)
EVIDENCE = (
    "Repositories, steps and tokens per step: README of EleutherAI/pythia. Non-embedding counts: "
    "Hub model cards; totals computed from the published configurations, with a formula that "
    "reproduces the published counts. Known bad: the linked issues, not checked by us; at run time "
    "the sha256 of the weights decides. Unverified: that step 2 equals step 0 in all models "
    "(issue 198); 2 bytes per stored parameter for every size (fp16; 1b: bf16). 6.9b and 12b were "
    "initialised differently from the smaller sizes (README erratum, issue 135)."
)
FACTS = (
    Fact("repositories", "seen", "README of EleutherAI/pythia"),
    Fact("revisions", "seen", "README of EleutherAI/pythia"),
    Fact("steps", "seen", "README of EleutherAI/pythia"),
    Fact("tokens", "seen", "README of EleutherAI/pythia"),
    Fact(
        "parameters",
        "computed",
        "published configurations; non-embedding counts as on the Hub's model cards",
    ),
    Fact("stored bytes", "unverified", "fp16 for every size, bf16 for 1b"),
    Fact("known bad", "seen", "the linked issues; not checked by us"),
    Fact("licence", "seen", "README of EleutherAI/pythia"),
)

TOKENS_PER_STEP = 2_097_152
#: 0, the powers of two to 512, then every 1000: 154 checkpoints.
STEPS = (0, *(2**k for k in range(10)), *range(1000, 143_001, 1000))


@dataclass(frozen=True)
class _Size:
    parameters: int
    non_embedding_parameters: int


_SIZES = {
    "14m": _Size(14_067_712, 1_189_888),
    "31m": _Size(30_494_720, 4_739_072),
    "70m": _Size(70_426_624, 18_915_328),
    "160m": _Size(162_322_944, 85_056_000),
    "410m": _Size(405_334_016, 302_311_424),
    "1b": _Size(1_011_781_632, 805_736_448),
    "1.4b": _Size(1_414_647_808, 1_208_602_624),
    "2.8b": _Size(2_775_208_960, 2_517_652_480),
    "6.9b": _Size(6_857_302_016, 6_444_163_072),
    "12b": _Size(11_846_072_320, 11_327_027_200),
}
SIZES = tuple(_SIZES)


def models(sizes: tuple[str, ...], variant: str = "") -> tuple[Model, ...]:
    """Return the models of `sizes`; `variant` is the end of their names, e.g. ``-deduped``."""
    return tuple(model(size, f"pythia-{size}{variant}") for size in sizes)


def model(
    size: str, name: str, *, label: str = "", seed: int | None = None, recipe: str = ""
) -> Model:
    """Return the model called `name`, of the shape of `size`.

    Parameters
    ----------
    label
        The size as it is called, where that is not `size`.
    """
    return Model(
        name=name,
        size=label or size,
        repo=f"EleutherAI/{name}",
        parameters=_SIZES[size].parameters,
        non_embedding_parameters=_SIZES[size].non_embedding_parameters,
        steps=STEPS,
        tokens_per_step=TOKENS_PER_STEP,
        seed=seed,
        recipe=recipe,
    )


def first_steps_equal(of: tuple[Model, ...]) -> tuple[KnownBad, ...]:
    """Return the report that steps 0 and 1 of every model hold the same weights."""
    # The warm-up begins at a learning rate of 0: the two are one state, whichever was uploaded.
    reason = "step0 and step1 hold the same weights"
    return tuple(
        KnownBad(model.name, (0, 1), reason, f"{ISSUES}/83", is_expected=True) for model in of
    )
