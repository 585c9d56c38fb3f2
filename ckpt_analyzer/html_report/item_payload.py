"""The items of a page as one deflated blob: a JSON header and streams of bytes that it points to.

In: items with their trajectories, flips, and the orders of the page. Out: text for the page.
Values are whole levels of their range, each as its step from the checkpoint before; whole
numbers lie in planes, all lowest bytes first. The script of the page (``items.js``) reads it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ckpt_analyzer.charts._series import FLIP_VERDICTS, TIME_AXIS
from ckpt_analyzer.html_report.item_shapes import ANSWERS, SHAPES, codes, contributions
from ckpt_analyzer.html_report.item_texts import EncodedTexts, encoded, encoded_choices
from ckpt_analyzer.html_report.item_words import worded
from ckpt_analyzer.html_report.items import (
    TRAJECTORY_BYTES,
    Carried,
    ItemSeries,
    ItemTask,
    carried_by,
    thinned,
)
from ckpt_analyzer.html_report.payload import Json, Model, Names, deflated

#: The items that are ranked per flip.
N_RANKED = 100
#: ln p below this is drawn at the floor.
_FLOOR_NATS = -12.0
#: Whose turning point the ranking is about, the first one that is decided; -1 where low is good.
_RANKED_BY = {
    "gold_probability": 1, "accuracy": 1, "classification_loss": -1, "sequence_loss": -1,
}  # fmt: skip


@dataclass(frozen=True)
class ItemPage:
    """What the explorer knows of the page around it."""

    tasks: Sequence[ItemTask]
    flips: pd.DataFrame
    models: Sequence[Model]
    names: Names


class _Streams:
    """Bytes behind one another, and where each begins."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._end = 0

    def add(self, content: bytes) -> list[int]:
        """Return [start, length]."""
        place = [self._end, len(content)]
        self.parts.append(content)
        self._end += len(content)
        return place

    def add_numbers(self, numbers: Iterable[int]) -> list[int]:
        """Return [start, count, planes]."""
        whole = np.fromiter(numbers, "<u4")
        n_planes = max(1, (int(whole.max(initial=0)).bit_length() + 7) // 8)
        planes = whole.view(np.uint8).reshape(-1, 4).T[:n_planes]
        start, _ = self.add(planes.tobytes())
        return [start, len(whole), n_planes]

    def add_texts(self, texts: EncodedTexts) -> Json:
        templates = worded(texts.templates)
        return {
            "n_lines": self.add_numbers(texts.n_lines),
            "lines": self.add_numbers(texts.lines),
            "template_codes": self.add_numbers(texts.template_codes),
            "words": self.add(json.dumps(templates.words, ensure_ascii=False).encode()),
            "word_codes": self.add_numbers(templates.codes),
            "numbers": self.add(" ".join(texts.numbers).encode()),
        }


def packed_items(page: ItemPage, budget_bytes: int = TRAJECTORY_BYTES) -> str:
    """Return the blob of all items: its header's length, the header, the streams."""
    streams = _Streams()
    carried = carried_by(page.tasks, budget_bytes)
    header = {
        "levels": carried.n_levels,
        "answers": ANSWERS,
        "shapes": SHAPES,
        "tasks": [_task_json(task, page, carried, streams) for task in page.tasks],
    }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    blob = b"".join([struct.pack("<I", len(text)), text, *streams.parts])
    return deflated(blob)


def _task_json(task: ItemTask, page: ItemPage, carried: Carried, streams: _Streams) -> Json:
    low, high = _range(task)
    items = task.items
    models = {model: i for i, model in enumerate(page.models)}
    series = []
    for whole in task.series:
        thin = thinned(whole, carried.n_checkpoints)
        series.append(
            {
                "m": models[Model(whole.suite, whole.model, whole.arm)],
                "steps": list(thin.steps),
                "places": list(thin.places),
                "n_read": len(whole.steps),
                "codes": streams.add(codes(whole, task.unit).tobytes()),
                "v": streams.add(_levels(thin.value_SI, (low, high), carried.n_levels).tobytes()),
                "ranked": _ranked(task, whole, page),
            }
        )
    return {
        "t": list(page.names.tasks).index(task.task),
        "unit": task.unit,
        "shots": task.shots,
        "range": [low, high],
        "n": len(items),
        "ids": _ids(items, streams),
        "gold": streams.add(items["gold"].to_numpy(np.uint8).tobytes()),
        "texts": streams.add_texts(encoded(list(items["context"]))),
        "choices": streams.add_texts(encoded_choices(items["choices"])),
        "series": series,
    }


def _ids(items: pd.DataFrame, streams: _Streams) -> list[int] | None:
    """Return where the names of the items are; None where they are 0, 1, 2, …, as is usual."""
    names = [str(name) for name in items["item_id"]]
    if names == [str(i) for i in range(len(names))]:
        return None
    return streams.add(json.dumps(names).encode())


def _range(task: ItemTask) -> tuple[float, float]:
    if task.unit == "probability" or not task.series:
        return 0.0, 1.0
    least = min(float(np.nanmin(series.value_SI, initial=-1.0)) for series in task.series)
    return max(_FLOOR_NATS, float(np.floor(least))), 0.0


def _levels(value_SI: np.ndarray, ends: tuple[float, float], n_levels: int) -> np.ndarray:
    """Return 0 for NaN and 1 to n_levels + 1 else, as steps from checkpoint to checkpoint."""
    share = np.clip((value_SI - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0)
    level = np.where(np.isnan(share), 0, 1 + np.round(np.nan_to_num(share) * n_levels))
    whole = level.astype(np.uint8)
    return np.diff(whole, axis=0, prepend=np.zeros((1, whole.shape[1]), np.uint8))


def _ranked(task: ItemTask, series: ItemSeries, page: ItemPage) -> Json | None:
    """Return the items that drive the flip of `series` most; None where it has none."""
    flip = _flip(task, series, page)
    if flip is None:
        return None
    sign = (1 if flip["verdict"] == "U" else -1) * _RANKED_BY[flip["metric"]]
    found = contributions(series, float(flip["flip_at"]), sign)
    if not found.mean > 0:
        return None  # the turn of the metric is not in these values
    order = np.argsort(-np.nan_to_num(found.value_I, nan=-np.inf), kind="stable")[:N_RANKED]
    order = order[found.value_I[order] > 0]
    titles = {metric.name: metric.title for metric in page.names.metrics}
    return {
        "metric": titles[flip["metric"]],
        "verdict": flip["verdict"],
        "at": float(flip["flip_at"]),
        "mean": round(found.mean, 4),
        "items": [int(i) for i in order],
        "adds": [round(float(found.value_I[i]), 3) for i in order],
    }


def _flip(task: ItemTask, series: ItemSeries, page: ItemPage) -> Any | None:  # noqa: ANN401
    """Return the decided flip over training that the ranking is about, as a row."""
    known = {metric.name for metric in page.names.metrics}
    flips = page.flips[
        (page.flips["task"] == task.task)
        & (page.flips["suite"] == series.suite)
        & (page.flips["model"] == series.model)
        & (page.flips["arm"] == series.arm)
        & (page.flips["axis"] == TIME_AXIS)
        & (page.flips["shots"] == task.shots)
        & (page.flips["prompt_format"] == task.prompt_format)
        & (page.flips["dtype"] == task.dtype)
        & page.flips["verdict"].isin(FLIP_VERDICTS)
        & page.flips["flip_at"].notna()
    ]
    by_metric = {row["metric"]: row for _, row in flips.iterrows()}
    return next((by_metric[m] for m in _RANKED_BY if m in by_metric and m in known), None)
