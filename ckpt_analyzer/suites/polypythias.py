"""PolyPythias: Pythia from 14m to 410m, trained nine times more with other seeds.

At 160m also three runs that differ in the order of the data only, and three that differ in the
first weights only: their sizes are called ``160m-data`` and ``160m-weight``, so that no spread over
seeds mixes the three kinds.

References
----------
van der Wal et al. 2025, arXiv:2503.09543.
"""

from __future__ import annotations

from ckpt_analyzer.suite import Fact, KnownBad, Suite
from ckpt_analyzer.suites import _pythia_facts as facts

_SIZES = ("14m", "31m", "70m", "160m", "410m")
_MODELS = (
    *(
        facts.model(size, f"pythia-{size}-seed{seed}", seed=seed)
        for size in _SIZES
        for seed in range(1, 10)
    ),
    *(
        facts.model(
            "160m",
            f"pythia-160m-{kind}-seed{seed}",
            label=f"160m-{kind}",
            seed=seed,
            recipe=f"{kind} seeds",
        )
        for kind in ("data", "weight")
        for seed in (1, 2, 3)
    ),
)
_MISSING = {
    "pythia-410m-seed9": 40_000,
    "pythia-410m-seed6": 88_000,
    "pythia-410m-seed2": 111_000,
}

SUITE = Suite(
    name="polypythias",
    title="PolyPythias",
    models=_MODELS,
    citation=(
        "van der Wal et al. 2025, PolyPythias: Stability and Outliers across Fifty Language Model "
        "Pre-Training Runs, ICLR 2025, arXiv:2503.09543"
    ),
    licence=facts.LICENCE,
    link=facts.LINK,
    evidence=(
        "Repositories and revisions: README of EleutherAI/pythia, and code of others. Steps, "
        "tokens and parameters are those of Pythia of the same size. Known bad: the linked issues, "
        "not checked by us. Unverified: the citation, the licence, 2 bytes per stored parameter."
    ),
    facts=(
        Fact("repositories", "seen", "README of EleutherAI/pythia, and code of others"),
        Fact("revisions", "seen", "README of EleutherAI/pythia, and code of others"),
        Fact("steps", "seen", "README of EleutherAI/pythia: as Pythia"),
        Fact("tokens", "seen", "README of EleutherAI/pythia: as Pythia"),
        Fact("parameters", "computed", "those of Pythia of the same size"),
        Fact("seeds", "seen", "the numbers in the names of the repositories"),
        Fact("stored bytes", "unverified", "fp16"),
        Fact("known bad", "seen", "the linked issues; not checked by us"),
        Fact("licence", "unverified", "taken to be that of Pythia"),
    ),
    known_bad=(
        *(
            KnownBad(name, (step,), "the weights are missing", f"{facts.ISSUES}/202")
            for name, step in _MISSING.items()
        ),
        *(
            KnownBad(
                f"pythia-160m-weight-seed{seed}",
                facts.STEPS[1:],
                "the steps do not follow from the model's own step 0",
                f"{facts.ISSUES}/203",
            )
            for seed in (1, 2)
        ),
    ),
)
