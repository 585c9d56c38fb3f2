"""Write the tables of ``flips-in-pythia.md``, from published results of Pythia.

In: the folder with two archives of lm-evaluation-harness results. Out: the page, its tables made
anew; the text around them stays. Where each archive comes from stands on the page.

Run: python -m docs.flips_in_pythia ../shared/data/lm_eval
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from ckpt_analyzer.importers.lm_eval import read_lm_eval
from ckpt_analyzer.stats.flips import find_flips
from ckpt_analyzer.stats.opinions import second_opinions
from ckpt_analyzer.stats.series_tables import KEY_DEFAULTS

PAGE = Path(__file__).with_name("flips-in-pythia.md")
KEY = list(KEY_DEFAULTS)
TURNING = ("U", "inverted_U")
RIVALS = ("quadratic", "two-lines", "segmented", "item-clustered-glm")
TITLES = {
    "quadratic": "quadratic, u-test", "two-lines": "two lines", "segmented": "broken line",
    "item-clustered-glm": "logistic quadratic, items clustered",
}  # fmt: skip
ALPHA = 0.05


@dataclass(frozen=True)
class Source:
    """One archive, and what of it forms a family of series."""

    archive: str
    title: str
    metrics: tuple[str, ...]
    shots: int = 0


SOURCES = (
    Source(
        "emergent-inabilities-results.tar.gz",
        "Inverse Scaling Prize and TruthfulQA, 8 steps",
        ("accuracy", "mc1", "mc2"),
    ),
    Source("pythia-v1-results.tar.gz", "Pythia's own evaluations, 27 steps", ("accuracy",)),
    Source("pythia-v1-results.tar.gz", "CrowS-Pairs, 27 steps", ("pct_stereotype",)),
)

#: The series that the page speaks of by name.
NAMED = (
    ("resisting-correction", "pythia-12b"),
    ("memo-trap", "pythia-12b"),
    ("redefine", "pythia-12b"),
    ("modus-tollens", "pythia-12b"),
    ("lambada_openai", "pythia-70m"),
    ("lambada_openai", "pythia-160m"),
    ("sciq", "pythia-70m"),
    ("sciq", "pythia-160m"),
    ("arc_easy", "pythia-70m"),
    ("arc_easy", "pythia-160m"),
    ("crows_pairs_english_nationality", "pythia-6.9b"),
)


@dataclass(frozen=True)
class Analysed:
    """The verdicts of one family, with what the rivals say of the same series.

    `verdicts` has one row per series; for each rival r the columns ``r verdict`` and ``r p``, and
    ``r q``, its p after Benjamini and Hochberg over the family.
    """

    title: str
    verdicts: pd.DataFrame


def analyse(source: Source, folder: Path) -> Analysed:
    """Return the verdicts of `source`, whose archive lies in `folder`."""
    trends = read_lm_eval([folder / source.archive]).trends
    trends = trends[trends["metric"].isin(source.metrics) & (trends["shots"] == source.shots)]
    verdicts = find_flips(trends).reset_index(drop=True)
    opinions = second_opinions(trends, names=RIVALS, alpha=1.0)
    for rival in RIVALS:
        ours = opinions[opinions["fit"] == rival][[*KEY, "verdict", "p"]]
        ours = ours.rename(columns={"verdict": f"{rival} verdict", "p": f"{rival} p"})
        verdicts = verdicts.merge(ours, on=KEY, how="left")
        verdicts[f"{rival} q"] = _adjusted(verdicts, rival)
    return Analysed(source.title, verdicts)


def _adjusted(verdicts: pd.DataFrame, rival: str) -> np.ndarray:
    """Return p after correction; a turn outside the range, or none at all, has p = 1."""
    turns = verdicts[f"{rival} verdict"].isin(TURNING)
    p = verdicts[f"{rival} p"].where(turns).fillna(1.0)
    adjusted: np.ndarray = multipletests(p, method="fdr_bh")[1]
    return adjusted


def is_flip(verdicts: pd.DataFrame, column: str = "p") -> pd.Series:
    """Return which rows are a U or an inverted U, significant by `column`."""
    return verdicts["verdict"].isin(TURNING) & (verdicts[column] < ALPHA)


def counts(families: list[Analysed]) -> pd.DataFrame:
    """Return how many series each way of looking calls a flip, before and after correction."""
    rows = []
    for family in families:
        v = family.verdicts
        found = [("`find_flips`", is_flip(v), is_flip(v, "p_adjusted"))]
        for rival in RIVALS:
            turns = v[f"{rival} verdict"].isin(TURNING)
            found.append(
                (TITLES[rival], turns & (v[f"{rival} p"] < ALPHA), v[f"{rival} q"] < ALPHA)
            )
        rows += [
            {
                "results": family.title,
                "series": len(v),
                "by": name,
                "p < 0.05": int(raw.sum()),
                "after correction": int(corrected.sum()),
            }
            for name, raw, corrected in found
        ]
    return pd.DataFrame(rows)


def survivors(families: list[Analysed]) -> pd.DataFrame:
    """Return every flip that survives correction."""
    verdicts = pd.concat([f.verdicts[is_flip(f.verdicts, "p_adjusted")] for f in families])
    return _readable(verdicts.sort_values(["p_adjusted", "task", "parameters"]))


def named(families: list[Analysed]) -> pd.DataFrame:
    """Return the series that the page speaks of."""
    verdicts = pd.concat([family.verdicts for family in families]).set_index(["task", "model"])
    chosen = [verdicts.loc[[name]].iloc[:1] for name in NAMED]
    return _readable(pd.concat(chosen).reset_index())


def fallen(families: list[Analysed], most: int = 15) -> pd.DataFrame:
    """Return the surest flips of the quadratic that ``find_flips`` does not call, surest first."""
    verdicts = pd.concat([family.verdicts for family in families])
    lost = verdicts[(verdicts["quadratic q"] < ALPHA) & ~is_flip(verdicts)]
    return _readable(lost.sort_values(["quadratic p", "task", "parameters"]).head(most))


def _readable(verdicts: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "task": verdicts["task"],
            "model": verdicts["model"],
            "verdict": verdicts["verdict"],
            "turns at, log10 tokens": [_place(row) for row in verdicts.to_dict("records")],
            "p": verdicts["p"].map(_p),
            "p adjusted": verdicts["p_adjusted"].map(_p),
            "item SE": verdicts["item_se"].map("{:.3f}".format),
            "shock SD": verdicts["shock_sd"].map("{:.3f}".format),
            **{f"p, {TITLES[r]}": verdicts[f"{r} p"].map(_p) for r in RIVALS},
        }
    )


def _place(row: dict) -> str:
    if row["verdict"] not in TURNING:
        return ""
    at, lo, hi = (np.log10(row[name]) for name in ("flip_at", "ci_lo", "ci_hi"))
    return f"{at:.2f} [{lo:.2f}, {hi:.2f}]"


def _p(p: float) -> str:
    if not np.isfinite(p):
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def markdown(table: pd.DataFrame) -> str:
    """Return `table` as Markdown."""
    lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines)


#: The tables of the page by the name of their place.
TABLES = {"counts": counts, "survivors": survivors, "named": named, "fallen": fallen}


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Return all tables, from the archives in `folder`."""
    families = [analyse(source, folder) for source in SOURCES]
    return {name: make(families) for name, make in TABLES.items()}


def filled(page: str, made: dict[str, pd.DataFrame]) -> str:
    """Return `page` with each table between its marks replaced."""
    for name, table in made.items():
        place = re.compile(rf"(<!-- table: {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
        page, n = place.subn(lambda m, t=table: m[1] + markdown(t) + m[2], page)
        assert n == 1, f"the page has {n} places for the table {name}"
    return page


def shape(page: str) -> dict[str, list[str]]:
    """Return the header of every table in `page`, and the first two cells of a named table's rows.

    Digits may move with the code; which columns and which series there are may not.
    """
    found = {}
    for name in TABLES:
        match = re.search(rf"<!-- table: {name} -->\n(.*?)\n<!-- end -->", page, re.DOTALL)
        lines = match[1].splitlines() if match else []
        rows = lines[2:] if name == "named" else []
        found[name] = lines[:1] + ["|".join(row.split("|")[1:3]) for row in rows]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="with the two archives")
    folder = parser.parse_args().folder
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), tables(folder)), encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
