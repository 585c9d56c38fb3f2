"""Size of the report, and how fast it is written and drawn, against a plain page of Altair.

Makes two stores: 12 tasks x 154 checkpoints x 8 sizes of means, and the same with the scores of
38,000 items at some of the checkpoints. Writes both reports, opens them in Chromium and times what
a reader waits for. The rival is what a notebook would save: a curve per size with its band and a
legend that isolates, task under task, `chart.save("x.html", inline=True)`. Values are made up; the
items are official ones where --data names a folder with them, and else made up of like length.
Prints a table, and one last line of JSON.

    python benchmarks/report.py [--data DIR] [--item-checkpoints 6] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ckpt_analyzer import tasks
from ckpt_analyzer.html_report import write_report
from ckpt_analyzer.reporting.report import gather
from ckpt_analyzer.stats.movement import movement_with_size
from ckpt_analyzer.store.store import Store, open_store
from ckpt_analyzer.store.tally import tally
from ckpt_analyzer.store.unit import CellKey, UnitManifest
from ckpt_analyzer.tables import CHOICE_SCORES, FLIPS, ITEM_SCORES
from ckpt_analyzer.task import Item
from ckpt_analyzer.task_data import load_items

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

#: Official tasks with their numbers of items, and one more that makes 38,000.
N_ITEMS = {
    "resisting-correction": 7344, "memo-trap": 936, "redefine": 1244, "prompt-injection": 1000,
    "modus-tollens": 1236, "pattern-matching-suppression": 1428, "neqa": 300, "sig-figs": 20897,
    "into-the-unknown": 1824, "hindsight-neglect": 315, "repetitive-algebra": 1000,
    "one-more": 476,
}  # fmt: skip
SIZES = {
    "14m": 14_067_712, "31m": 30_494_720, "70m": 70_426_624, "160m": 162_322_944,
    "410m": 405_334_016, "1b": 1_011_781_632, "1.4b": 1_414_647_808, "2.8b": 2_775_208_960,
}  # fmt: skip
STEPS = (0, *(2**i for i in range(10)), *range(1000, 143_001, 1000))
TOKENS_PER_STEP = 2_097_152
METRICS = ("accuracy", "gold_probability", "classification_loss")
#: What a reader should wait for at most: bytes, seconds.
WANTED = {
    "bytes": 1_500_000, "written_s": 10.0, "drawn_s": 3.0, "highlight_s": 0.1, "hover_s": 0.12,
    "items_bytes": 3_000_000, "items_open_s": 0.4,
}  # fmt: skip
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]


@dataclass(frozen=True)
class Measured:
    """What one page took; NaN where it has no such thing."""

    page: str
    bytes: int
    written_s: float
    drawn_s: float
    highlight_s: float
    hover_s: float
    items_open_s: float


# ---- what is measured on ----


def made_up_means(rng: np.random.Generator) -> pd.DataFrame:
    """Return tables.TRENDS: some curves turn, some rise, some stay."""
    rows = [
        _mean(size, task, metric, step, value)
        for size in SIZES
        for i, task in enumerate(N_ITEMS)
        for metric in METRICS
        for step, value in zip(STEPS, _curve(i, size, rng), strict=True)
    ]
    return pd.DataFrame(rows)


def _curve(i_task: int, size: str, rng: np.random.Generator) -> np.ndarray:
    along = np.log(np.maximum(STEPS, 0.5)) / np.log(STEPS[-1])
    turn = 0.45 + 0.03 * list(SIZES).index(size)
    bend = ((along - turn) ** 2, -((along - turn) ** 2), 0.3 * along, 0 * along)[i_task % 4]
    return np.clip(0.5 + bend + rng.normal(0, 0.01, len(STEPS)), 0.01, 0.99)


def _mean(size: str, task: str, metric: str, step: int, value: float) -> dict[str, Any]:
    tokens = step * TOKENS_PER_STEP
    return {
        "suite": "made-up", "model": f"made-up-{size}", "size": size, "arm": "base",
        "base_model": None, "parameters": SIZES[size], "non_embedding_parameters": None,
        "task": task, "shots": 0, "prompt_format": "plain", "dtype": "float32", "metric": metric,
        "step": step, "tokens": tokens, "arm_tokens": tokens, "flops": 6.0 * SIZES[size] * tokens,
        "value": -np.log(value) if metric.endswith("loss") else value, "stderr": 0.012,
        "n_items": N_ITEMS[task], "n_unscored": 0, "chance": 0.5, "constant_label": None,
        "has_items": False, "suspect": None,
    }  # fmt: skip


def made_up_flips() -> pd.DataFrame:
    """Return tables.FLIPS for the curves of ``made_up_means``, which no fit has to find."""
    rows = []
    for i, size in enumerate(SIZES):
        for j, task in enumerate(N_ITEMS):
            for metric in METRICS:
                shape = ("U", "inverted_U", "monotone_up", "flat")[j % 4]
                if metric.endswith("loss"):
                    shape = {"U": "inverted_U", "inverted_U": "U"}.get(shape, shape)
                at = TOKENS_PER_STEP * STEPS[-1] ** (0.45 + 0.03 * i)
                rows.append(_flip(size, task, metric, shape, at if "U" in shape else None))
    return pd.DataFrame(rows)


def write_fits(store: Store) -> None:
    """Put ``made_up_flips`` into `store` as its fits, so that nothing is fitted here."""
    flips = made_up_flips()
    store.write_flips(flips)
    store.write_description("movement", movement_with_size(flips))
    store.mark_fitted(store.content_id())


def _flip(size: str, task: str, metric: str, shape: str, at: float | None) -> dict[str, Any]:
    side = 0.1 if at else None
    return dict.fromkeys(FLIPS.names) | {
        "suite": "made-up", "model": f"made-up-{size}", "size": size, "arm": "base",
        "parameters": SIZES[size], "task": task, "shots": 0, "prompt_format": "plain",
        "dtype": "float32", "metric": metric, "axis": "tokens", "verdict": shape, "flip_at": at,
        "ci_lo": at and at / 2, "ci_hi": at and at * 2, "p": 0.001, "p_adjusted": 0.01,
        "effect_before": side, "effect_after": side, "effect_before_se": at and 8.0,
        "effect_after_se": at and 8.0, "n_checkpoints": len(STEPS),
        "turning_points": [at] if at else [], "method": "made up", "flags": [],
    }  # fmt: skip


def item_texts(data: Path | None, rng: np.random.Generator) -> dict[str, list[Item]]:
    """Return the items of all tasks: official ones from `data`, or made-up ones."""
    return {
        task: list(load_items(tasks.load(task), data_dir=data).items)
        if data is not None and task in tasks.names()
        else _made_up_items(n, rng)
        for task, n in N_ITEMS.items()
    }


def _made_up_items(n: int, rng: np.random.Generator) -> list[Item]:
    words = np.array([f"{a}{b}" for a in ("ka", "lo", "mi", "ten") for b in ("ra", "sol", "vi")])
    preamble = "Read the measurement and round it.\nAn example: 71.25150 becomes 71.3.\n"
    return [
        Item(
            str(i),
            f"{preamble}{' '.join(rng.choice(words, 25))} of {rng.integers(10**6) / 1000} metres?\n"
            f"A. {rng.integers(10**4)}\nB. {rng.integers(10**4)}\nAnswer:",
            (" A", " B"),
            int(rng.integers(2)),
        )
        for i in range(n)
    ]


def commit_items(
    store: Store, items: dict[str, list[Item]], n_checkpoints: int, rng: np.random.Generator
) -> None:
    """Score made-up numbers for all `items` at some checkpoints of every size."""
    digests = {task: hashlib.sha256(task.encode()).hexdigest() for task in items}
    for task, of_task in items.items():
        store.save_items(task, digests[task], of_task)
    steps = sorted({STEPS[i] for i in np.linspace(1, len(STEPS) - 1, n_checkpoints).astype(int)})
    for size in SIZES:
        paths = {
            task: rng.normal(0, 1, len(of_task))
            + np.cumsum(rng.normal(0, 0.7, (len(steps), len(of_task))), axis=0)
            for task, of_task in items.items()
        }
        for s, step in enumerate(steps):
            scores = {t: _scores(items[t], paths[t][s]) for t in items}
            store.commit(*_unit(size, step, scores, digests))


def _scores(items: list[Item], logit_I: np.ndarray) -> pa.Table:
    """Return CHOICE_SCORES in which the right choice stands out by `logit_I`."""
    width = np.array([len(item.choices) for item in items])
    gold = np.array([item.gold for item in items])
    ends = np.cumsum(width)
    nats = np.full(ends[-1], -3.0)
    nats[ends - width + gold] += logit_I
    offsets = pa.array([0, *ends.tolist()], pa.int32())
    ones = pa.ListArray.from_arrays(offsets, pa.array(np.ones(ends[-1], np.int32)))
    columns = {
        "item_id": [item.item_id for item in items],
        "part": [item.part for item in items],
        "gold": gold.tolist(),
        "loglikelihood_nats": pa.ListArray.from_arrays(offsets, pa.array(nats)),
        "other_loglikelihood_nats": [None] * len(items),
        "n_tokens": ones, "n_bytes": ones, "n_chars": ones,
        "is_greedy": ones.cast(pa.list_(pa.bool_())),
        "truncated": [False] * len(items),
    }  # fmt: skip
    return pa.table(columns, schema=CHOICE_SCORES)


def _unit(
    size: str, step: int, scores: dict[str, pa.Table], digests: dict[str, str]
) -> tuple[UnitManifest, pa.Table]:
    tokens, commit = step * TOKENS_PER_STEP, f"commit-{step}"
    keys = {
        task: CellKey(
            repo=f"made-up/{size}", commit=commit, revision=f"step{step}", step=step, task=task,
            task_sha256=digests[task], shots=0, shot_seed=None, limit=None, limit_seed=None,
            dtype="float32", prompt_format="plain", scorer_version="1",
        )
        for task in scores
    }  # fmt: skip
    kinds = dict.fromkeys(scores, "classification") | {"prompt-injection": "sequence_prob"}
    unit = UnitManifest(
        suite="made-up", model=f"made-up-{size}", size=size, arm="base", base_model=None,
        parameters=SIZES[size], non_embedding_parameters=None, revision=f"step{step}",
        commit=commit, step=step, tokens=tokens, arm_tokens=tokens,
        weights_sha256=hashlib.sha256(f"{size} {step}".encode()).hexdigest(), suspect=None,
        sweep_sha256="0" * 64, seconds_fetch=0.0, seconds_score=0.0, device="cpu", versions={},
        cells=tuple(tally(keys[task], kinds[task], table) for task, table in scores.items()),
    )  # fmt: skip
    return unit, pa.concat_tables(_item_scores(unit, keys[t], scores[t]) for t in scores)


def _item_scores(unit: UnitManifest, key: CellKey, scores: pa.Table) -> pa.Table:
    constant = {
        name: getattr(unit, name)
        for name in (
            "suite", "model", "arm", "revision", "commit", "step", "tokens", "weights_sha256",
        )
    }  # fmt: skip
    constant |= {name: getattr(key, name) for name in ("dtype", "task", "shots", "prompt_format")}
    columns = [
        scores[field.name]
        if field.name in CHOICE_SCORES.names
        else pa.repeat(pa.scalar(constant.get(field.name), field.type), scores.num_rows)
        for field in ITEM_SCORES
    ]
    return pa.table(columns, schema=ITEM_SCORES)


# ---- the pages ----


def timed(action: Callable[[], None]) -> float:
    """Return the seconds that `action` takes."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def write_rival(trends: pd.DataFrame, path: Path) -> None:
    """Write what a notebook would: plain charts of accuracy, saved as one page."""
    import altair as alt

    alt.data_transformers.disable_max_rows()
    isolated = alt.selection_point(fields=["size"], bind="legend")
    charts = []
    for task, rows in trends.groupby("task", sort=False):
        rows = rows[["size", "step", "tokens", "value", "stderr"]].query("tokens > 0")
        rows = rows.assign(
            lo=rows["value"] - 1.96 * rows["stderr"], hi=rows["value"] + 1.96 * rows["stderr"]
        )
        base = alt.Chart(rows).encode(
            x=alt.X("tokens:Q", scale=alt.Scale(type="log")),
            color=alt.Color("size:N", sort=list(SIZES)),
            opacity=alt.condition(isolated, alt.value(1), alt.value(0.05)),
        )
        band = base.mark_area(fillOpacity=0.1).encode(y="lo:Q", y2="hi:Q")
        line = base.mark_line().encode(y="value:Q")
        points = base.mark_point(size=12).encode(
            y="value:Q", tooltip=["size:N", "step:Q", "tokens:Q", "value:Q", "stderr:Q"]
        )
        charts.append(alt.layer(band, line, points, title=task, width=700, height=260))
    alt.vconcat(*charts).add_params(isolated).save(path, inline=True)


# ---- what a reader waits for ----

_WATCH = """
  window.marks = {};
  const drawn = () => {
    const charts = [...document.querySelectorAll(".chart")].filter((c) => !c.closest("details:not([open])") && c.dataset.kind !== "item");
    const all = charts.length ? charts.every((c) => c.querySelector("svg.marks") || c.textContent) && document.body.dataset.ready !== undefined
      : document.querySelectorAll("canvas.marks, svg.marks").length > 0;
    if (all) requestAnimationFrame(() => { window.marks.drawn = performance.now(); });
    else requestAnimationFrame(drawn);
  };
  requestAnimationFrame(drawn);
"""  # fmt: skip  # noqa: E501
_FRAMES = """() => { window.frames_ms = []; let last = performance.now();
  const tick = (now) => { window.frames_ms.push(now - last); last = now; window.ticking = requestAnimationFrame(tick); };
  requestAnimationFrame((now) => { last = now; window.ticking = requestAnimationFrame(tick); }); }"""  # noqa: E501
_HIGHLIGHT = """() => new Promise((done) => {
  const begun = performance.now();
  document.querySelectorAll("[data-size-button]")[3].click();
  requestAnimationFrame(() => setTimeout(() => done((performance.now() - begun) / 1000)));
})"""
_OPEN_ITEMS = """() => new Promise((done) => {
  const items = document.getElementById("items");
  const begun = performance.now();
  items.scrollIntoView();
  const look = () => (items.dataset.ready !== undefined && items.querySelectorAll("tbody button").length > 8
    ? done((performance.now() - begun) / 1000) : requestAnimationFrame(look));
  look();
})"""  # noqa: E501


def measured(browser: Browser, name: str, path: Path, written_s: float, *, ours: bool) -> Measured:
    """Return what the page at `path` takes; for drawing, all its charts are in sight."""
    page = browser.new_page(viewport={"width": 1280, "height": 30_000 if ours else 5_000})
    page.add_init_script(_WATCH)
    page.goto(path.as_uri())
    page.wait_for_function("() => window.marks.drawn", timeout=120_000)
    drawn_s = page.evaluate("window.marks.drawn") / 1000
    highlight_s = float("nan")
    page.set_viewport_size({"width": 1280, "height": 900})
    if ours:
        page.locator(".task .chart").first.scroll_into_view_if_needed()
        page.wait_for_timeout(1500)
        highlight_s = max(page.evaluate(_HIGHLIGHT) for _ in range(4))
    hover_s = _worst_hover_frame(page, ".task .chart svg.marks" if ours else ".marks")
    page.close()
    items_open_s = _items_open(browser, path) if ours and "items" in name else float("nan")
    size = path.stat().st_size
    return Measured(name, size, written_s, drawn_s, highlight_s, hover_s, items_open_s)


def _worst_hover_frame(page: Page, selector: str) -> float:
    chart = page.locator(selector).first
    chart.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    box = chart.bounding_box()
    page.evaluate(_FRAMES)
    for i in range(60):
        page.mouse.move(box["x"] + box["width"] * (0.1 + 0.8 * i / 60), box["y"] + 120)
        page.wait_for_timeout(16)
    frames_ms = page.evaluate("() => { cancelAnimationFrame(window.ticking); return frames_ms; }")
    return float(max(frames_ms)) / 1000


def _items_open(browser: Browser, path: Path) -> float:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(path.as_uri())
    page.locator("body[data-ready]").wait_for()
    page.wait_for_timeout(1500)
    seconds = float(page.evaluate(_OPEN_ITEMS))
    page.close()
    return seconds


# ---- the run ----


def run(arguments: argparse.Namespace, folder: Path) -> Iterator[Measured]:
    """Yield what each page takes."""
    from playwright.sync_api import sync_playwright

    rng = np.random.default_rng(arguments.seed)
    means = made_up_means(rng)
    paths = {name: folder / f"{name}.html" for name in ("ours", "ours-items", "altair")}
    stores = {name: open_store(folder / f"{name}-store", create=True) for name in list(paths)[:2]}
    say("writing the stores")
    for store in stores.values():
        store.add_import(means, "benchmarks/report.py")
    say("writing item scores")
    items = item_texts(arguments.data, rng)
    commit_items(stores["ours-items"], items, arguments.item_checkpoints, rng)
    written = {}
    for name, store in stores.items():
        write_fits(store)
        begun = time.perf_counter()
        data = gather(store, "Benchmark")
        say(f"gathered {name} in {time.perf_counter() - begun:.1f} s")
        written[name] = timed(lambda data=data, name=name: write_report(data, paths[name]))
    accuracy = means[means["metric"] == "accuracy"]
    written["altair"] = timed(lambda: write_rival(accuracy, paths["altair"]))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=ARGUMENTS)
        for name, path in paths.items():
            say(f"opening {name}")
            yield measured(browser, name, path, written[name], ours=name != "altair")
        browser.close()


def say(text: str) -> None:
    """Tell on stderr what is going on."""
    print(text, file=sys.stderr, flush=True)


def table(rows: list[Measured]) -> str:
    """Return the measurements as text, what is wanted below."""
    names = ["bytes", "written_s", "drawn_s", "highlight_s", "hover_s", "items_open_s"]
    head = f"{'page':<12}" + "".join(f"{name:>14}" for name in names)
    lines = [
        f"{row.page:<12}"
        + "".join(f"{getattr(row, n):>14,}" if n == "bytes" else f"{getattr(row, n):>14.3f}"
                  for n in names)
        for row in rows
    ]  # fmt: skip
    wanted = f"{'wanted':<12}" + "".join(f"{WANTED[name]:>14,}" for name in names)
    return "\n".join(
        [head, *lines, wanted, f"(wanted with items: {WANTED['items_bytes']:,} bytes)"]
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with the official task files")
    parser.add_argument("--item-checkpoints", type=int, default=6)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    parser.add_argument("--keep", type=Path, help="folder to leave the pages in")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        rows = list(run(arguments, folder))
    ours, items, rival = rows
    print(table(rows))
    versions = {name: importlib.metadata.version(name) for name in ("altair", "playwright")}
    ratios = {
        "bytes": ours.bytes / rival.bytes, "drawn": ours.drawn_s / rival.drawn_s,
        "hover": ours.hover_s / rival.hover_s,
    }  # fmt: skip
    print(
        json.dumps(
            {
                "pages": [
                    {k: None if v != v else v for k, v in asdict(row).items()} for row in rows
                ],
                "ours_to_altair": ratios,
                "n_items": sum(N_ITEMS.values()),
                "items_are": "official" if arguments.data else "made up",
                "items_within": items.bytes <= WANTED["items_bytes"],
                "versions": versions,
            }
        )
    )


if __name__ == "__main__":
    main()
