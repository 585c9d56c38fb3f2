"""Wall time, egress and cost of a sweep on 1, 8 and 64 GPUs, foreseen, and what breaks first.

In: suites (all of their declared checkpoints), tasks, and rates. Out: a table and a last JSON line.
Nothing is downloaded or scored: units, their FLOPs and bytes are those of ``ckpt-analyzer plan``,
and they are handed to workers in the order in which the engines hand them out.

    python benchmarks/capacity.py [--suites pythia olmo2] [--flops-per-second 6e13] …

The rates are options because they are yours. A worker computes one checkpoint while it reads the
next, so a unit takes the longer of the two; all workers share one link. The default rate of
arithmetic is **assumed**, not measured: a fifth of the 312 TFLOP/s that NVIDIA states for the bf16
tensor cores of an A100. `benchmarks/scoring.py --device cuda` says what yours reaches.
"""

from __future__ import annotations

import argparse
import heapq
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ckpt_analyzer.checkpoints.patience import SIGNED_IN_REQUESTS
from ckpt_analyzer.checkpoints.source import RevisionKey
from ckpt_analyzer.engines import UnitCost
from ckpt_analyzer.suite import Model
from ckpt_analyzer.sweep.config import parse_sweep
from ckpt_analyzer.sweep.cost import cost_of, unit_costs
from ckpt_analyzer.sweep.plan import Plan, SourcedSuite, make_plan
from ckpt_analyzer.sweep.prepare import plan_tasks

SWEEP = """\
name: capacity
suites: [{suites}]
tasks: [prize]
arms: [base, sft, dpo, instruct]
store: nowhere
"""
#: The Hub counts requests in windows of so many seconds.
WINDOW_SECONDS = 300
GPUS = (1, 8, 64)


class Declared:
    """A source that has every checkpoint which its suite declares; nothing can be read of it."""

    def commits(self, models: Iterable[Model]) -> Mapping[RevisionKey, str]:
        """Return a commit for every declared revision."""
        suite = self.suite
        return {
            RevisionKey(model.name, suite.checkpoint(model, step).revision): "declared"
            for model in models
            for step in model.steps
        }

    def __init__(self, suite: object) -> None:
        self.suite = suite


@dataclass(frozen=True)
class Forecast:
    """A sweep on so many GPUs."""

    gpus: int
    hours: float
    dollars: float
    egress_tb: float
    hours_of_arithmetic: float
    hours_of_link: float
    hours_of_requests: float
    breaks_first: str


def main() -> None:
    """Print the forecasts."""
    options = _options()
    plan = _plan(options.suites)
    costs = unit_costs(plan)
    total = cost_of(plan)
    forecasts = [_forecast(gpus, plan, costs, options) for gpus in GPUS]
    print(f"{total.n_units:,} checkpoints, {total.n_items / 1e6:.1f} million items, "
          f"{total.flops:.2e} FLOPs, {total.download_bytes / 1e12:.1f} TB, "
          f"{total.requests:,} requests, {total.disk_bytes / 1e9:.1f} GB of scores")  # fmt: skip
    print(f"{'GPUs':>5} {'hours':>8} {'$':>8} {'arithmetic h':>13} {'link h':>8}  breaks first")
    for each in forecasts:
        print(f"{each.gpus:>5} {each.hours:>8.1f} {each.dollars:>8.0f} "
              f"{each.hours_of_arithmetic:>13.1f} {each.hours_of_link:>8.1f}  "
              f"{each.breaks_first}")  # fmt: skip
    rates = {name: value for name, value in vars(options).items() if name != "suites"}
    line = {"suites": options.suites, "rates": rates, "forecasts": [asdict(f) for f in forecasts]}
    print(json.dumps(line))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--suites", nargs="+", default=["pythia", "olmo2"])
    parser.add_argument("--flops-per-second", type=float, default=6e13, help="of one GPU")
    parser.add_argument("--worker-mb-per-second", type=float, default=400, help="one GPU reads")
    parser.add_argument("--link-mb-per-second", type=float, default=1000, help="of all together")
    parser.add_argument("--seconds-per-unit", type=float, default=1.0, help="opening and storing")
    parser.add_argument("--dollars-per-hour", type=float, default=2.0, help="of one GPU")
    return parser.parse_args()


def _plan(suites: list[str]) -> Plan:
    from ckpt_analyzer import suites as known

    sweep = parse_sweep(SWEEP.format(suites=", ".join(suites)), "capacity")
    loaded = [known.load(name) for name in suites]
    sourced = [
        SourcedSuite(suite, Declared(suite), selection)
        for suite, selection in zip(loaded, sweep.suites, strict=True)
    ]
    return make_plan(sweep, sourced, plan_tasks(sweep), frozenset())


def _forecast(
    gpus: int, plan: Plan, costs: tuple[UnitCost, ...], options: argparse.Namespace
) -> Forecast:
    n_bytes = sum(cost.download_bytes for cost in costs)
    share = min(options.worker_mb_per_second, options.link_mb_per_second / gpus) * 1e6
    seconds = sorted((_seconds(cost, share, options) for cost in costs), reverse=True)
    makespan = _makespan(seconds, gpus)
    arithmetic = sum(cost.flops for cost in costs) / options.flops_per_second / gpus
    link = n_bytes / min(options.link_mb_per_second, gpus * options.worker_mb_per_second) / 1e6
    requests = cost_of(plan).requests / SIGNED_IN_REQUESTS * WINDOW_SECONDS
    bounds = {
        "arithmetic": arithmetic,
        "the link": link,
        "the Hub's limit of requests": requests,
        "the largest checkpoint": seconds[0],
    }
    return Forecast(
        gpus=gpus,
        hours=max(makespan, requests) / 3600,
        dollars=max(makespan, requests) / 3600 * gpus * options.dollars_per_hour,
        egress_tb=n_bytes / 1e12,
        hours_of_arithmetic=arithmetic / 3600,
        hours_of_link=link / 3600,
        hours_of_requests=requests / 3600,
        breaks_first=max(bounds, key=lambda name: bounds[name]),
    )


def _seconds(cost: UnitCost, share: float, options: argparse.Namespace) -> float:
    computing = cost.flops / options.flops_per_second
    return options.seconds_per_unit + max(computing, cost.download_bytes / share)


def _makespan(seconds: list[float], workers: int) -> float:
    """Return when the last of `workers` ends; each takes the next unit when it is free."""
    free = [0.0] * workers
    for each in seconds:
        heapq.heappush(free, heapq.heappop(free) + each)
    return max(free)


if __name__ == "__main__":
    main()
