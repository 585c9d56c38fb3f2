"""Thousands of checkpoints, one after the other, from a Hub on which something always goes wrong.

Serves the toy suite's checkpoints as so many revisions, each a content of its own, from a process
of its own in which 5 % of the requests meet a fault: connections that break, refusals, altered
bytes. One sweep scores them all. Then: does memory grow, are file descriptors lost, was everything
scored once, are the scores those of the files? Prints a table, and one last line of JSON. Ends
with status 1 if one of the answers is wrong.

Waits that a server asks for are not waited for: the pace is that of the work.

    python benchmarks/soak.py [--units 10000] [--faults 0.05] [--items 10]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

REPO = "bench/toy"
TOY = Path(str(files("ckpt_analyzer"))) / "demo/suite/toy-neox-36k"
ITEMS = Path(str(files("ckpt_analyzer"))) / "demo/items/toy-grammar.jsonl"
#: What is allowed to grow, per 1,000 units; and how many descriptors may be open on top.
MOST_MB, MOST_DESCRIPTORS = 1.0, 4
#: The first part of a run fills caches and pools.
_WARM_SHARE = 0.2
_SWEEP = """\
name: soak
suites: [pythia]
tasks: ['{task}']
limit: {items}
device: cpu
store: '{store}'
"""


@dataclass(frozen=True)
class Soak:
    """What came of a run."""

    units: int
    requests: int
    faults: int
    done: int
    failed: int
    stored: int
    scored_twice: int
    wrong_scores: int
    mb_per_1000_units: float
    peak_mb: float
    descriptors_more: int
    threads_more: int
    seconds: float
    units_per_second: float
    cpu_milliseconds_per_unit: float

    @property
    def problems(self) -> list[str]:
        """What is not as it should be."""
        checks = {
            "not everything was scored": self.done == self.stored == self.units,
            "units failed": not self.failed,
            "units were scored twice": not self.scored_twice,
            "wrong scores were stored": not self.wrong_scores,
            "memory grows": self.mb_per_1000_units < MOST_MB,
            "descriptors are lost": self.descriptors_more <= MOST_DESCRIPTORS,
            "threads are left": self.threads_more <= MOST_DESCRIPTORS,
        }
        return [problem for problem, holds in checks.items() if not holds]


@dataclass
class Watch:
    """Counts the units of a run, and what the process holds while they come."""

    units_N: list[int] = field(default_factory=list)
    held_mb_N: list[float] = field(default_factory=list)
    descriptors_N: list[int] = field(default_factory=list)
    threads_N: list[int] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    every: int = 50

    def __call__(self, event: object) -> None:
        """Take note of a unit that ended."""
        from ckpt_analyzer.events import UnitStatus

        if not isinstance(event, UnitStatus):
            return
        self.ended.append(event.unit)
        if event.state == "failed":
            self.problems.append(str(event.problem))
        if len(self.ended) % self.every == 0:
            self.look()

    def look(self) -> None:
        """Write down what the process holds now."""
        status = dict(
            line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
        )
        self.units_N.append(len(self.ended))
        self.held_mb_N.append(int(status["VmRSS"].split()[0]) / 1024)
        self.threads_N.append(int(status["Threads"]))
        self.descriptors_N.append(len(list(Path("/proc/self/fd").iterdir())))

    def warm(self) -> int:
        """Return the place of the first look that counts."""
        return int(len(self.units_N) * _WARM_SHARE)

    def mb_per_1000_units(self) -> float:
        """Return the slope of memory over units, by least squares."""
        x, y = self.units_N[self.warm() :], self.held_mb_N[self.warm() :]
        return float(np.polyfit(x, y, 1)[0] * 1000) if len(x) > 1 else 0.0


def main() -> None:
    """Run the soak and tell what came of it."""
    options = _options()
    if options.serve:
        serve(options.units, options.faults)
        return
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        soak = run(options, Path(folder))
    for name, value in asdict(soak).items():
        print(f"{name.replace('_', ' '):28}{value:>12,.2f}".replace(".00", ""))
    print(json.dumps({"benchmark": "soak", **asdict(soak), "problems": soak.problems}))
    if soak.problems:
        sys.exit(1)


def run(options: argparse.Namespace, folder: Path) -> Soak:
    """Score all units from the Hub, and compare with scores of the files."""
    watch = Watch(every=max(1, min(50, options.units // 20)))
    with served(options.units, options.faults) as endpoint:
        plan = _plan(options, endpoint, folder / "store")
        from ckpt_analyzer.sweep.execute import execute

        execute(_first(plan), listener=lambda _: None)  # imports, pools, caches
        watch.look()
        begin, cpu_begin = time.perf_counter(), time.process_time()
        execute(plan, listener=watch)
        seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
        watch.look()
        with urllib.request.urlopen(f"{endpoint}/told") as answer:
            told = json.load(answer)
    for problem in sorted(set(watch.problems)):
        print(problem, file=sys.stderr)
    found = _scores(folder / "store")
    expected = _expected(options, folder / "good")
    wrong = [step for step, digest in found.items() if digest != expected[step % len(expected)]]
    return Soak(
        units=options.units,
        requests=told["requests"],
        faults=told["faults"],
        done=len(watch.ended) - len(watch.problems),
        failed=len(watch.problems),
        stored=len(found),
        scored_twice=len(watch.ended) - len(set(watch.ended)),
        wrong_scores=len(wrong),
        mb_per_1000_units=watch.mb_per_1000_units(),
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        descriptors_more=watch.descriptors_N[-1] - watch.descriptors_N[0],
        threads_more=watch.threads_N[-1] - watch.threads_N[0],
        seconds=seconds,
        units_per_second=options.units / seconds,
        cpu_milliseconds_per_unit=1000 * cpu_seconds / options.units,
    )


def _plan(options: argparse.Namespace, endpoint: str, store: Path) -> Any:  # noqa: ANN401
    from ckpt_analyzer.checkpoints.download import Line
    from ckpt_analyzer.checkpoints.hub import HubSource
    from ckpt_analyzer.checkpoints.hub_reading import HubReading

    line = Line(pause=lambda _seconds: None, stall_seconds=10.0)
    reading = HubReading(
        line=line, metadata_dir=store.parent / "metadata", requests_per_window=10**9
    )
    source = HubSource(
        cache_dir=store.parent / "scratch",
        max_cache_bytes=10**9,
        endpoint=endpoint,
        reading=reading,
    )
    return _planned(options, source, _suite(range(options.units)), store)


def _planned(options: argparse.Namespace, source: Any, suite: Any, store: Path) -> Any:  # noqa: ANN401
    from ckpt_analyzer.sweep.config import SuiteSelection, parse_sweep
    from ckpt_analyzer.sweep.plan import SourcedSuite, make_plan
    from ckpt_analyzer.sweep.prepare import plan_tasks

    text = _SWEEP.format(task=ITEMS, items=options.items, store=store)
    sweep = parse_sweep(text, "soak.yaml")
    sourced = SourcedSuite(suite, source, SuiteSelection(suite="pythia", sizes=["36k"]))
    return make_plan(sweep, [sourced], plan_tasks(sweep), frozenset())


def _suite(steps: range | tuple[int, ...]) -> Any:  # noqa: ANN401
    from ckpt_analyzer.suite import Model, Suite

    model = Model("toy", "36k", REPO, 36_224, None, tuple(steps), 1)
    return Suite("soak", "", (model,), "", "", "", "")


def _first(plan: Any) -> Any:  # noqa: ANN401
    """Return the plan of a unit alone, into a store of its own."""
    sweep = plan.sweep.model_copy(update={"store": plan.sweep.store.with_name("first")})
    return replace(plan, sweep=sweep, units=plan.units[:1], listed=())


def _scores(store: Path) -> dict[int, str]:
    """Return a digest of the scores of every unit by its step."""
    from ckpt_analyzer.store.store import open_store

    opened = open_store(store)
    return {unit.step: _digest(opened.read_unit(unit)) for unit in opened.manifests()}


def _digest(table: Any) -> str:  # noqa: ANN401
    columns = ("item_id", "loglikelihood_nats", "n_tokens", "is_greedy")
    values = [table.column(name).to_pylist() for name in columns]
    return hashlib.sha256(repr(values).encode()).hexdigest()


def _expected(options: argparse.Namespace, folder: Path) -> list[str]:
    """Return the digests of the scores of the toy checkpoints, read from their folders."""
    from ckpt_analyzer.checkpoints.local import LocalSource
    from ckpt_analyzer.checkpoints.local_suite import find_local_suite
    from ckpt_analyzer.sweep.execute import execute

    suite = find_local_suite(TOY.parent)
    plan = _planned(options, LocalSource(suite), suite, folder)
    execute(plan, listener=lambda _: None)
    scores = _scores(folder)
    return [scores[step] for step in sorted(scores)]


# --- the Hub ---


@contextmanager
def served(n_revisions: int, fault_rate: float) -> Iterator[str]:
    """Serve the revisions from a process of its own; yield the endpoint."""
    command = [sys.executable, __file__, "--serve", "--units", str(n_revisions)]
    command += ["--faults", str(fault_rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def serve(n_revisions: int, fault_rate: float) -> None:
    """Serve until the process is ended; print the endpoint."""
    from hub_server import HubServer

    weights = [_safetensors(path) for path in _steps()]
    companions = {
        path.name: path.read_bytes() for path in _steps()[0].iterdir() if path.suffix == ".json"
    }
    with HubServer() as hub:
        for step in range(n_revisions):
            content = _Revision(companions, *weights[step % len(weights)], step)
            hub.add(REPO, f"step{step}", content)
        hub.faults.rate = fault_rate
        print(hub.endpoint, flush=True)
        while True:
            time.sleep(3600)


def _steps() -> list[Path]:
    return sorted(TOY.iterdir(), key=lambda path: int(path.name.removeprefix("step")))


def _safetensors(folder: Path) -> tuple[dict[str, Any], bytes]:
    content = (folder / "model.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


class _Revision(Mapping[str, bytes]):
    """The files of one revision: weights that all share, under a header of its own."""

    def __init__(
        self, companions: dict[str, bytes], header: dict[str, Any], data: bytes, step: int
    ) -> None:
        packed = json.dumps(header | {"__metadata__": {"format": "pt", "step": str(step)}}).encode()
        self._companions = companions
        self._head = len(packed).to_bytes(8, "little") + packed
        self._data = data

    def __getitem__(self, name: str) -> bytes:
        if name == "model.safetensors":
            return self._head + self._data
        return self._companions[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._companions, "model.safetensors"])

    def __len__(self) -> int:
        return len(self._companions) + 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--faults", type=float, default=0.05, help="share of the requests")
    parser.add_argument("--items", type=int, default=10, help="items scored at each checkpoint")
    parser.add_argument("--scratch", type=Path, help="where the store is made")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
