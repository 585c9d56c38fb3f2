"""The data of a page, once and by columns; every chart and table of the page reads it.

In: trends, flips, fitted curves and the views. Out: records ready for JSON: a column per series,
not a row per point. Values are whole numbers over a scale per series, which keeps five digits of
the largest, finer than any standard error; each is written as its step from the one before. Series
that reach beyond a hundred, such as perplexities, may fall from millions to 4.65: of these each
number is written by itself, with five digits.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pandas as pd

from ckpt_analyzer.charts._across import place_across
from ckpt_analyzer.charts._series import FLIP_VERDICTS, axis_tokens, place_flips, size_labels
from ckpt_analyzer.html_report import base91
from ckpt_analyzer.html_report.views import MetricChoice, SettingChoice

Json: TypeAlias = dict[str, Any]
_DIGITS = 5
#: A series that reaches so far has small values that five digits of the largest do not tell apart.
_WIDE = 100.0


@dataclass(frozen=True)
class Names:
    """The orders that the indices of the payload point into."""

    tasks: Sequence[str]
    titles: Sequence[str]
    metrics: Sequence[MetricChoice]
    settings: Sequence[SettingChoice]
    sizes: Sequence[str]


@dataclass(frozen=True)
class Model:
    """A model of the page: one curve per task."""

    suite: str
    name: str
    arm: str


def data_json(
    trends: pd.DataFrame, flips: pd.DataFrame, fits: pd.DataFrame | None, names: Names
) -> Json:
    """Return the payload: models with their checkpoints, series, flips and fits."""
    trends = trends.assign(label=size_labels(trends), place=axis_tokens(trends))
    models = models_of(trends)
    return {
        "tasks": list(names.tasks),
        "titles": list(names.titles),
        "metrics": [
            {"name": m.name, "title": m.title, "unit": m.unit, "better": m.higher_is_better}
            for m in names.metrics
        ],
        "settings": [
            {"shots": s.shots, "prompt_format": s.prompt_format, "dtype": s.dtype}
            for s in names.settings
        ],
        "sizes": list(names.sizes),
        "models": [_model_json(model, trends, names) for model in models],
        "series": _series_json(trends, models, names),
        "flips": _flips_json(trends, flips, models, names),
        "fits": _fits_json(fits, models, names),
        "flips_table": table_json(flips),
    }


def table_json(frame: pd.DataFrame) -> Json:
    """Return a frame as columns, each as its distinct values and an index per row; NaN is null.

    Verdicts repeat their words and methods thousands of times.
    """
    columns = []
    for name in frame.columns:
        cells = [json.dumps(_plain(cell)) for cell in frame[name]]
        index = {cell: i for i, cell in enumerate(dict.fromkeys(cells))}
        values = [json.loads(cell) for cell in index]
        columns.append({"name": name, "values": values, "index": [index[cell] for cell in cells]})
    return {"columns": columns, "n_rows": len(frame)}


def packed(payload: Json) -> str:
    """Return `payload` as deflated JSON, a third of its size, safe inside a script element."""
    return deflated(json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False))


def deflated(content: str | bytes) -> str:
    """Return `content` deflated, as text that may stand in a script element."""
    raw = content if isinstance(content, bytes) else content.encode()
    return base91.encoded(zlib.compress(raw, level=9))


def models_of(trends: pd.DataFrame) -> list[Model]:
    """Return the models of `trends`, in the order that the payload counts them."""
    keys = trends[["suite", "model", "arm"]].drop_duplicates()
    return [Model(str(k.suite), str(k.model), str(k.arm)) for k in keys.itertuples(index=False)]


def _model_json(model: Model, trends: pd.DataFrame, names: Names) -> Json:
    rows = _rows_of(model, trends)
    first = rows.iloc[0]
    checkpoints = rows.drop_duplicates("step").sort_values("step")
    suspects = rows[rows["suspect"].notna()].drop_duplicates("step")
    return {
        "suite": model.suite,
        "name": model.name,
        "arm": model.arm,
        "base": _plain(first["base_model"]),
        "seed": _plain(first["seed"]) if pd.notna(first["seed"]) else None,
        "size": str(first["size"]),
        "rank": list(names.sizes).index(first["label"]),
        "parameters": int(first["parameters"]),
        "step": [int(step) for step in checkpoints["step"]],
        "tokens": [int(tokens) for tokens in checkpoints["tokens"]],
        "place": [int(tokens) for tokens in checkpoints["place"]],
        "suspect": {
            str(step): str(why)
            for step, why in zip(suspects["step"], suspects["suspect"], strict=True)
        },
    }


def _series_json(trends: pd.DataFrame, models: list[Model], names: Names) -> list[Json]:
    """Return one record per series, base models first and from the smallest, as tables list them.

    ``at`` lists the checkpoints of a series where it lacks some.
    """
    steps = {model: sorted(set(_rows_of(model, trends)["step"])) for model in models}
    index = _Index(models, names)
    keys = ["suite", "model", "arm", "task", "metric", "shots", "prompt_format", "dtype"]
    out = []
    order = ["is_tuned", "parameters", "model", "step"]
    listed = trends.assign(is_tuned=trends["arm"] != "base").sort_values(order, kind="stable")
    for key, rows in listed.groupby(keys, sort=False, observed=True):
        model = Model(str(key[0]), str(key[1]), str(key[2]))
        place = {step: i for i, step in enumerate(steps[model])}
        at = [place[step] for step in rows["step"]]
        record = {
            **index.of(rows.iloc[0]),
            **_numbers_json(rows["value"], rows["stderr"]),
            "n": _same([_plain(number) for number in rows["n_items"]]),
            "unscored": _same([int(number) for number in rows["n_unscored"]]),
            "chance": _short(rows["chance"].iloc[0]),
            "constant": _short(rows["constant_label"].iloc[0]),
            "items": bool(rows["has_items"].iloc[0]),
        }
        if len(at) < len(place):
            record["at"] = at
        out.append(record)
    return out


def _numbers_json(values: pd.Series, stderrs: pd.Series) -> Json:
    if values.abs().max() >= _WIDE:
        return {
            "plain": True,
            "scale": 1,
            "v": [_short(number) for number in values],
            "se": _same([_short(number) for number in stderrs]),
        }
    scale = _scale(values)
    return {
        "scale": scale,
        "v": _deltas([_scaled(number, scale) for number in values]),
        "se": _deltas(_same([_scaled(number, scale) for number in stderrs])),
    }


def _flips_json(
    trends: pd.DataFrame, flips: pd.DataFrame, models: list[Model], names: Names
) -> list[Json]:
    index = _Index(models, names)
    over_time = [
        index.of(row) | _mark(row)
        for _, row in place_flips(flips, trends).iterrows()
        if index.knows(row)
    ]
    across = [
        index.view_of(row) | _mark(row) | {
            "suite": row["suite"], "arm": row["arm"], "step": int(row["step"]),
            "size": "all sizes" if row["step"] < 0 else row["size"],
        }
        for _, row in place_across(flips, trends).iterrows()
        if index.knows_view(row)
    ]  # fmt: skip
    return over_time + across + _over_shots(flips, index)


def _over_shots(flips: pd.DataFrame, index: _Index) -> list[Json]:
    """Return the decided flips over shots, each of one checkpoint; the page knows its height."""
    decided = flips["verdict"].isin(FLIP_VERDICTS) & flips["flip_at"].notna()
    found = flips[decided & (flips["axis"] == "shots")]
    places = {"x": "flip_at", "lo": "ci_lo", "hi": "ci_hi"}
    return [
        index.of_any_setting(row)
        | {"axis": "shots", "verdict": row["verdict"], "step": int(row["size"].split(" ")[-1])}
        | {name: _short(row[column]) for name, column in places.items()}
        for _, row in found.iterrows()
        if index.knows_any_setting(row)
    ]


def _mark(flip: pd.Series) -> Json:
    places = {name: _short(flip[name]) for name in ("x", "lo", "hi", "y")}
    return {"axis": flip["axis"], "verdict": flip["verdict"], **places}


def _fits_json(fits: pd.DataFrame | None, models: list[Model], names: Names) -> list[Json]:
    """Return the fitted curves over tokens of the arm."""
    if fits is None or fits.empty:
        return []
    index = _Index(models, names)
    keys = ["suite", "model", "arm", "task", "metric", "shots", "prompt_format", "dtype"]
    out = []
    for _, rows in fits.sort_values("at").groupby(keys, sort=False, observed=True):
        first = rows.iloc[0]
        if not index.knows(first):
            continue
        out.append(
            {
                **index.of(first),
                "x": [_short(at, 7) for at in rows["at"]],
                "fitted": [_short(number) for number in rows["fitted"]],
            }
        )
    return out


class _Index:
    """Positions of a row's task, metric, setting and model in the payload's orders."""

    def __init__(self, models: list[Model], names: Names) -> None:
        self._models = {model: i for i, model in enumerate(models)}
        self._tasks = {task: i for i, task in enumerate(names.tasks)}
        self._metrics = {metric.name: i for i, metric in enumerate(names.metrics)}
        self._settings = {
            (s.shots, s.prompt_format, s.dtype): i for i, s in enumerate(names.settings)
        }

    def knows(self, row: pd.Series) -> bool:
        """Return whether the page shows the series of `row`."""
        return self._model(row) in self._models and self.knows_view(row)

    def knows_view(self, row: pd.Series) -> bool:
        """Return whether the page shows the task, metric and setting of `row`."""
        return (
            row["task"] in self._tasks
            and row["metric"] in self._metrics
            and self._setting(row) in self._settings
        )

    def knows_any_setting(self, row: pd.Series) -> bool:
        """Return whether the page shows the task, metric and model of `row` in some setting."""
        return (
            row["task"] in self._tasks
            and row["metric"] in self._metrics
            and self._model(row) in self._models
        )

    def of_any_setting(self, row: pd.Series) -> Json:
        """Return the places of `row`, which joins the shots of a prompt format and dtype."""
        return {
            "t": self._tasks[row["task"]],
            "k": self._metrics[row["metric"]],
            "m": self._models[self._model(row)],
            "prompt_format": row["prompt_format"],
            "dtype": row["dtype"],
        }

    def of(self, row: pd.Series) -> Json:
        return self.view_of(row) | {"m": self._models[self._model(row)]}

    def view_of(self, row: pd.Series) -> Json:
        return {
            "t": self._tasks[row["task"]],
            "k": self._metrics[row["metric"]],
            "c": self._settings[self._setting(row)],
        }

    def _model(self, row: pd.Series) -> Model:
        return Model(str(row["suite"]), str(row["model"]), str(row["arm"]))

    def _setting(self, row: pd.Series) -> tuple[int, str, str]:
        return (int(row["shots"]), str(row["prompt_format"]), str(row["dtype"]))


def _rows_of(model: Model, trends: pd.DataFrame) -> pd.DataFrame:
    return trends[
        (trends["suite"] == model.suite)
        & (trends["model"] == model.name)
        & (trends["arm"] == model.arm)
    ]


def _scale(values: pd.Series) -> int:
    """Return the power of ten that makes whole numbers of five digits out of `values`."""
    largest = float(values.abs().max())
    if not largest > 0:
        return 1
    return int(10 ** max(0, _DIGITS - 1 - math.floor(math.log10(largest))))


def _scaled(number: float, scale: int) -> int | None:
    return round(number * scale) if math.isfinite(number) else None


def _deltas(values: Any) -> Any:  # noqa: ANN401 (a list, or its one value)
    """Return a list as its steps from one number to the next, which pack better; null stays."""
    if not isinstance(values, list):
        return values
    known = [value for value in values if value is not None]
    steps = iter([b - a for a, b in zip([0, *known], known, strict=False)])
    return [None if value is None else next(steps) for value in values]


def _same(values: list[Any]) -> Any:  # noqa: ANN401 (a list, or its one value)
    """Return the one value of a constant list: most series have one number of items."""
    return values[0] if values and all(value == values[0] for value in values) else values


def _short(number: float | None, digits: int = _DIGITS) -> float | int | None:
    if number is None or not math.isfinite(number):
        return None
    rounded = float(f"{number:.{digits}g}")
    return int(rounded) if rounded.is_integer() else rounded


def _plain(cell: Any) -> Any:  # noqa: ANN401 (any cell of a frame)
    """Return a cell as JSON holds it."""
    if isinstance(cell, str | bool) or cell is None:
        return cell
    if hasattr(cell, "tolist"):
        cell = cell.tolist()
    if isinstance(cell, list):
        return [_plain(entry) for entry in cell]
    if isinstance(cell, dict):
        return {name: _plain(entry) for name, entry in cell.items()}
    if pd.isna(cell):
        return None
    return _short(cell, 7) if isinstance(cell, float) else cell
