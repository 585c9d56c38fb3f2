"""Made-up trends with known shapes, and published ones as trends. Test data: no result of anyone.

The made-up suite has three sizes with a base and a tuned arm. Its curves bend where the functions
below say; its flips are written down by hand rather than fitted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ckpt_analyzer import tables

SIZES = {"14m": 14_000_000, "70m": 70_000_000, "410m": 410_000_000}
SHAPES = {
    "quote-repetition": "U",
    "memo-trap": "inverted_U",
    "modus-tollens": "monotone_down",
    "neqa": "monotone_up",
    "sig-figs": "flat",
    "hindsight-neglect": "inconclusive",
}
METRICS = {"accuracy": 1.0, "classification_loss": -1.4, "gold_probability": 0.7}
TOKENS_PER_STEP = 2_097_152
SEED_OFFSETS = {1: -0.03, 2: 0.0, 3: 0.06}


@dataclass(frozen=True)
class Grid:
    """How much to make up."""

    sizes: dict[str, int]
    shapes: dict[str, str]
    metrics: dict[str, float]
    n_base_steps: int = 20
    n_tuned_steps: int = 8


DEMO = Grid(SIZES, SHAPES, METRICS)


def trends(grid: Grid = DEMO, *, seed: int = 5) -> pd.DataFrame:
    """Return ``tables.TRENDS`` of the made-up suite."""
    rng = np.random.default_rng(seed)
    base_steps = np.unique(np.round(np.geomspace(1, 143_000, grid.n_base_steps)).astype(int))
    base_steps = np.concatenate([[0], base_steps])
    tuned_steps = np.linspace(0, 1400, grid.n_tuned_steps).astype(int)
    last = int(base_steps[-1]) * TOKENS_PER_STEP
    rows = []
    for size, parameters in grid.sizes.items():
        for arm, steps, before in (("base", base_steps, 0), ("instruct", tuned_steps, last)):
            if not len(steps):
                continue
            for task, shape in grid.shapes.items():
                for metric, sign in grid.metrics.items():
                    values = _curve(shape, arm, steps, parameters, sign, rng)
                    rows += [
                        _row(size, parameters, arm, task, metric, int(step), before, value)
                        for step, value in zip(steps, values, strict=True)
                    ]
    frame = pd.DataFrame(rows)
    bad = (frame["size"] == "70m") & (frame["arm"] == "base") & (frame["step"] == base_steps[-6])
    frame.loc[bad, "value"] -= 0.12
    frame.loc[bad, "suspect"] = "same weights as the last step (made up)"
    return tables.conform(frame, tables.TRENDS).to_pandas()


def with_seeds(frame: pd.DataFrame) -> pd.DataFrame:
    """Return three runs of every model of `frame`, which differ by a constant."""
    runs = [
        frame.assign(
            model=frame["model"] + f"-seed{seed}", seed=seed, value=frame["value"] + offset
        )
        for seed, offset in SEED_OFFSETS.items()
    ]
    return pd.concat(runs, ignore_index=True)


def flips(grid: Grid = DEMO) -> pd.DataFrame:
    """Return ``tables.FLIPS`` to go with `trends`, by hand."""
    rows = []
    for i, (size, parameters) in enumerate(grid.sizes.items()):
        for arm in ("base", "instruct") if grid.n_tuned_steps else ("base",):
            for task, shape in grid.shapes.items():
                for metric, sign in grid.metrics.items():
                    verdict = shape if arm == "base" or shape != "U" else "monotone_down"
                    if sign < 0:
                        verdict = _mirrored(verdict)
                    at = _turn_tokens(parameters) if arm == "base" else 6e8 * (i + 1)
                    rows.append(_flip(size, parameters, arm, task, metric, verdict, at))
    return tables.conform(pd.DataFrame(rows), tables.FLIPS).to_pandas()


def published_trends(shared_data: Path) -> pd.DataFrame:
    """Return the published Pythia accuracies (jmichaelov/emergent-inabilities) as trends."""
    raw = pd.read_csv(shared_data / "trends" / "emergent_inabilities.csv")
    raw = raw[raw["metric"].isin(["acc", "acc_norm", "mc1", "mc2"])]
    frame = pd.DataFrame(
        {
            "suite": "pythia",
            "model": raw["model"],
            "size": raw["model"].str.removeprefix("pythia-"),
            "arm": "base",
            "base_model": None,
            "parameters": raw["size_params"].astype("int64"),
            "non_embedding_parameters": None,
            "task": raw["task"].str.removeprefix("isp_").str.replace("_", "-"),
            "shots": 0,
            "prompt_format": "plain",
            "dtype": "float32",
            "metric": raw["metric"].replace({"mc1": "acc", "mc2": "acc_norm"}),
            "step": raw["step"].astype("int64"),
            "tokens": raw["tokens"].astype("int64"),
            "arm_tokens": raw["tokens"].astype("int64"),
            "flops": 6.0 * raw["size_params"] * raw["tokens"],
            "value": raw["value"],
            "stderr": raw["stderr"],
            "n_items": None,
            "n_unscored": 0,
            "chance": 0.5,
            "constant_label": None,
            "has_items": False,
            "suspect": None,
        }
    )
    return tables.conform(frame, tables.TRENDS).to_pandas()


def _turn_tokens(parameters: int) -> float:
    return 2.2e9 * (parameters / 7e7) ** 0.35


def _curve(shape, arm, steps, parameters, sign, rng):
    tokens = np.maximum(steps, 0.5) * TOKENS_PER_STEP
    reach = 0.14 + 0.05 * math.log10(parameters / 1e7)
    along = np.log10(tokens / _turn_tokens(parameters))
    if arm != "base":
        along = np.linspace(0.2, 1.4, len(steps))
    bend = {
        "U": np.clip(along, -3, 2) ** 2 * 0.25 - 0.6,
        "inverted_U": 0.6 - np.clip(along, -3, 2) ** 2 * 0.25,
        "monotone_down": -np.tanh(along),
        "monotone_up": np.tanh(along),
        "flat": 0 * along,
        "inconclusive": 0.25 * np.sin(3 * along),
    }[shape]
    centre = 0.52 if sign > 0 else 0.75
    return centre + sign * reach * bend + rng.normal(0, 0.008, len(steps))


def _row(size, parameters, arm, task, metric, step, before, value):
    loss = metric.endswith("loss")
    return {
        "suite": "madeup",
        "model": f"madeup-{size}" + ("" if arm == "base" else f"-{arm}"),
        "size": size,
        "arm": arm,
        "base_model": None if arm == "base" else f"madeup-{size}",
        "parameters": parameters,
        "non_embedding_parameters": None,
        "task": task,
        "shots": 0,
        "prompt_format": "plain",
        "dtype": "float32",
        "metric": metric,
        "step": step,
        "tokens": before + step * TOKENS_PER_STEP,
        "arm_tokens": step * TOKENS_PER_STEP,
        "flops": 6.0 * parameters * (before + step * TOKENS_PER_STEP),
        "value": float(value),
        "stderr": 0.017 if not loss else 0.024,
        "n_items": 936,
        "n_unscored": 0,
        "chance": math.log(2) if loss else 0.5,
        "constant_label": 0.55 if metric == "accuracy" else None,
        "has_items": True,
        "suspect": None,
    }


def _flip(size, parameters, arm, task, metric, verdict, at):
    decided = verdict in ("U", "inverted_U")
    before = {"U": -0.12, "inverted_U": 0.11, "monotone_up": 0.3, "monotone_down": -0.28}.get(
        verdict, 0.01
    )
    return {
        "suite": "madeup", "model": f"madeup-{size}" + ("" if arm == "base" else f"-{arm}"),
        "size": size, "arm": arm, "parameters": parameters, "task": task, "shots": 0,
        "prompt_format": "plain", "dtype": "float32", "metric": metric, "axis": "tokens",
        "verdict": verdict, "flip_at": at if decided else None,
        "ci_lo": at * 0.45 if decided else None,
        "ci_hi": at * 2.3 if decided else None,
        "honest_lo": at * 0.3 if decided else None,
        "honest_hi": at * 3.1 if decided else None,
        "p": 0.0004 if decided else 0.2, "p_adjusted": 0.003 if decided else 0.5,
        "p_adjusted_by": 0.01 if decided else 0.9, "mde_80": 0.08,
        "effect_before": before, "effect_after": -0.8 * before if decided else None,
        "effect_before_se": before / 0.024, "effect_after_se": -0.8 * before / 0.024
        if decided else None,
        "effect_before_lo": before - 0.07, "effect_before_hi": before + 0.07,
        "effect_after_lo": -0.8 * before - 0.07 if decided else None,
        "effect_after_hi": -0.8 * before + 0.07 if decided else None,
        "item_se": 0.017, "shock_sd": 0.008, "n_items": 936, "n_checkpoints": 20,
        "turning_points": [at] if decided else [], "method": "two-lines",
        "flags": ["suspect-left-out"] if size == "70m" else [],
        "second_opinions": [_opinion("quadratic", verdict), _opinion("two-lines", "none")],
    }  # fmt: skip


def _opinion(fit, verdict):
    return {"fit": fit, "verdict": verdict, "flip_at": None, "ci_lo": None, "ci_hi": None, "p": 0.5}


def _mirrored(verdict: str) -> str:
    return {
        "U": "inverted_U",
        "inverted_U": "U",
        "monotone_up": "monotone_down",
        "monotone_down": "monotone_up",
    }.get(verdict, verdict)
