"""One difference of two means over the same items: its size, its interval, its p.

In: the scores of two sides, item by item. Out: one record. Both sides answer the same items, so
the items' own difficulty cancels. The module does not know what the sides are.

Shape legend: I items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests


@dataclass(frozen=True)
class PairedDifference:
    """Tuned minus base, over the items that both answered.

    Parameters
    ----------
    n_broken, n_mended
        Items whose score fell, and rose.
    test
        ``McNemar exact`` where every score is 0 or 1, else ``paired t``.
    """

    n_items: int
    base_value: float
    tuned_value: float
    difference: float
    stderr: float
    ci_lo: float
    ci_hi: float
    n_broken: int
    n_mended: int
    test: str
    p: float


def paired_difference(base_I: np.ndarray, tuned_I: np.ndarray, alpha: float) -> PairedDifference:
    """Return the difference of two sides, scored on the same two items or more; none is NaN.

    Where every score is 0 or 1, the interval is the adjusted Wald one of Bonett and Price, which
    keeps its level where nearly every item changes, or none; p is that of McNemar's exact test.
    Otherwise both are those of a paired t test.

    References
    ----------
    Bonett & Price (2012), "Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data", Journal of Educational and Behavioral Statistics 37.
    McNemar (1947), Psychometrika 12, 153-157.
    """
    change_I = tuned_I - base_I
    broken, mended = int((change_I < 0).sum()), int((change_I > 0).sum())
    binary = is_binary(base_I) and is_binary(tuned_I)
    interval = (_adjusted_wald if binary else _student)(change_I, alpha)
    return PairedDifference(
        n_items=len(change_I),
        base_value=float(base_I.mean()),
        tuned_value=float(tuned_I.mean()),
        difference=float(change_I.mean()),
        stderr=float(change_I.std(ddof=1) / np.sqrt(len(change_I))),
        ci_lo=interval.low,
        ci_hi=interval.high,
        n_broken=broken,
        n_mended=mended,
        test="McNemar exact" if binary else "paired t",
        p=_mcnemar_p(broken, mended) if binary else _paired_t_p(change_I),
    )


def is_binary(score_I: np.ndarray) -> bool:
    """Return whether every score is 0 or 1."""
    return bool(np.isin(score_I, (0.0, 1.0)).all())


def adjusted(p: np.ndarray) -> np.ndarray:
    """Return the p of one family of tests, adjusted; NaN (not tested) is no member of the family.

    References
    ----------
    Benjamini & Hochberg (1995), JRSS B 57, 289-300.
    """
    out: np.ndarray = np.full(len(p), np.nan)
    known = ~np.isnan(p)
    if known.any():
        out[known] = multipletests(p[known], method="fdr_bh")[1]
    return out


class _Interval(NamedTuple):
    low: float
    high: float


def _adjusted_wald(change_I: np.ndarray, alpha: float) -> _Interval:
    """Return the interval of a difference of paired proportions; one is added to each direction."""
    n = len(change_I) + 2
    risen, fallen = ((change_I > 0).sum() + 1) / n, ((change_I < 0).sum() + 1) / n
    centre = risen - fallen
    stderr = np.sqrt((risen + fallen - centre**2) / n)
    reach = stats.norm.ppf(1 - alpha / 2) * stderr
    return _Interval(float(max(centre - reach, -1.0)), float(min(centre + reach, 1.0)))


def _student(change_I: np.ndarray, alpha: float) -> _Interval:
    n = len(change_I)
    reach = stats.t.ppf(1 - alpha / 2, n - 1) * change_I.std(ddof=1) / np.sqrt(n)
    return _Interval(float(change_I.mean() - reach), float(change_I.mean() + reach))


def _mcnemar_p(broken: int, mended: int) -> float:
    return float(mcnemar([[0, broken], [mended, 0]], exact=True).pvalue)


def _paired_t_p(change_I: np.ndarray) -> float:
    if change_I.std() == 0:
        return 1.0 if change_I.mean() == 0 else 0.0
    return float(stats.ttest_1samp(change_I, 0.0).pvalue)
