"""The facts that the 11 winning tasks of the Inverse Scaling Prize share.

Not a plug-in.

References
----------
McKenzie et al. 2023, "Inverse Scaling: When Bigger Isn't Better", TMLR 10/2023, arXiv:2306.09479,
Table 1.
"""

from __future__ import annotations

from ckpt_analyzer.task import SampleTokens, TaskFile

CITATION = (
    "McKenzie et al. 2023, Inverse Scaling: When Bigger Isn't Better, TMLR 10/2023, "
    "arXiv:2306.09479"
)
LICENCE = "CC BY 4.0"
REPO = "inverse-scaling-ttc/inverse_scaling_prize"


def official_file(name: str, sha256: str) -> TaskFile:
    """Return the place of an official file; `sha256` is of the unpacked bytes."""
    return TaskFile(name=name, sha256=sha256, repo=REPO)


def sample_tokens(*sizes: tuple[int, int]) -> tuple[SampleTokens, ...]:
    """Return what samples of an official file take: items and tokens, under Pythia's tokenizer.

    Measured with this package: one item as the mean of 100, samples of 30 and 300 as that of three.
    """
    return tuple(SampleTokens(*size) for size in sizes)
