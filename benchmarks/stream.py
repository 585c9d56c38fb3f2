"""Time from a Hub to a ready model, memory, disk and requests, against ``from_pretrained``.

Makes checkpoints of a true Pythia shape with random half-precision weights, serves them on this
machine, and lets each contender load one in a process of its own, with nothing in its cache.
Imports are not counted. Ours then loads a second checkpoint of the same size into the same memory.

Before each contender another process writes as much memory as the contender will need, and frees
it. On a virtual machine memory may be there in name only until it is written first, which takes
seconds a gigabyte and would be charged to whoever runs first.

Last, a sweep over several checkpoints runs on a link on which a download takes as long as the
scoring; with `--megabytes-per-second`, on a link of that rate, with as many items as make the
scoring take as long. Prints a table, and one last line of JSON.

    python benchmarks/stream.py [--shape 1b] [--sweep-shape 70m] [--repeats 3]
                                [--megabytes-per-second 26]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

#: Width, layers, heads of Pythia, and of a model for trying the benchmark out.
SHAPES = {
    "tiny": (256, 4, 4),
    "70m": (512, 6, 8),
    "160m": (768, 12, 12),
    "410m": (1024, 24, 16),
    "1b": (2048, 16, 8),
}
REPO = "bench/model"
CONTENDERS = ("ours", "transformers")
SEED = 0
_BLOCK_ELEMENTS = 2**23


@dataclass(frozen=True)
class Result:
    """What one contender took to load a checkpoint.

    `cpu_seconds` are of all threads of the contender up to its first model; `server_cpu_seconds`
    what the server took meanwhile, which shares the cores; `peak_bytes` is what came on top of the
    process with its imports; `written_bytes` what the kernel counts, `left_bytes` what lies in its
    folders once the model is ready.
    """

    contender: str
    seconds: float
    seconds_next: float | None
    cpu_seconds: float
    server_cpu_seconds: float
    peak_bytes: int
    process_bytes: int
    model_bytes: int
    written_bytes: int
    left_bytes: int
    requests: int
    n_files: int


def main() -> None:
    """Make the checkpoints, run all contenders, and compare them."""
    options = _options()
    if options.child:
        print(json.dumps(_child(options)))
        return
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        folder = Path(scratch)
        results = _loading(options, folder)
        sweep = _sweeping(options, folder) if options.sweep_shape != "none" else {}
    _report(options, results, sweep)


def _loading(options: argparse.Namespace, folder: Path) -> list[Result]:
    """Let every contender load one checkpoint, `repeats` times in turn; return the medians."""
    hub = folder / "hub"
    for revision in ("step0", "step1"):
        write_checkpoint(hub / revision, options.shape, SEED + int(revision[-1]))
    runs: dict[str, list[Result]] = {name: [] for name in CONTENDERS}
    with served(hub) as endpoint:
        for turn in range(options.repeats):
            for name in CONTENDERS:
                home = folder / f"{name}-{turn}"
                runs[name].append(_run(name, endpoint, home, hub))
    return [_median(runs[name]) for name in CONTENDERS]


def _median(runs: list[Result]) -> Result:
    middle = statistics.median_low([run.seconds for run in runs])
    return next(run for run in runs if run.seconds == middle)


def _run(contender: str, endpoint: str, home: Path, hub: Path) -> Result:
    _write_memory(hub)
    before = _served(endpoint)["requests"]
    told = _in_process("--child", contender, "--endpoint", endpoint, "--home", str(home))
    # Ours loads two revisions; the requests are of one.
    n_revisions = 2 if contender == "ours" else 1
    n_files = len(list((hub / "step0").iterdir()))
    requests = int(_served(endpoint)["requests"] - before) // n_revisions
    return Result(contender=contender, requests=requests, n_files=n_files, **told)


def _in_process(*arguments: str) -> dict[str, float]:
    home = arguments[arguments.index("--home") + 1]
    environment = {
        **os.environ,
        "HF_HOME": home,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_ENDPOINT": arguments[arguments.index("--endpoint") + 1],
    }
    done = subprocess.run(
        [sys.executable, __file__, *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def _served(endpoint: str) -> dict[str, float]:
    """Return how many requests the server had by now, and the CPU seconds that it took."""
    with urllib.request.urlopen(f"{endpoint}/served") as answer:
        return json.load(answer)


def _write_memory(hub: Path) -> None:
    """Write and free what a contender needs: files of its cache twice, the model in fp32, 1 GB."""
    n_bytes = 4 * max(path.stat().st_size for path in hub.glob("*/*")) + 2**30
    code = (
        f"import mmap; memory = mmap.mmap(-1, {n_bytes}); block = bytes(2**20)\n"
        f"for _ in range({n_bytes} >> 20): memory.write(block)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@contextmanager
def served(folder: Path, megabytes_per_second: float = 0.0) -> Iterator[str]:
    """Serve `folder` from a process of its own; yield the endpoint."""
    command = [sys.executable, str(ROOT / "benchmarks" / "hub_on_disk.py"), str(folder)]
    command += ["--megabytes-per-second", str(megabytes_per_second)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def write_checkpoint(folder: Path, shape: str, seed: int) -> None:
    """Write a checkpoint of `shape` with random weights, without holding it in memory."""
    folder.mkdir(parents=True)
    width, n_layers, n_heads = SHAPES[shape]
    config = {
        "model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"], "vocab_size": 50304,
        "hidden_size": width, "num_hidden_layers": n_layers, "num_attention_heads": n_heads,
        "intermediate_size": 4 * width, "max_position_embeddings": 2048, "rotary_pct": 0.25,
        "tie_word_embeddings": False, "use_parallel_residual": True,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    toy = Path(str(files("ckpt_analyzer"))) / "demo/suite/toy-neox-36k/step8"
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((toy / name).read_bytes())
    _write_safetensors(folder / "model.safetensors", _shapes(config), seed)


def _shapes(config: Mapping[str, object]) -> dict[str, tuple[int, ...]]:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"):
        settings = {key: value for key, value in config.items() if key != "model_type"}
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model("gpt_neox", **settings))
    return {
        name.replace("lm_head", "embed_out"): tuple(tensor.shape)
        for name, tensor in model.state_dict().items()
    }


def _write_safetensors(path: Path, shapes: Mapping[str, tuple[int, ...]], seed: int) -> None:
    random = np.random.default_rng(seed)
    block = (random.standard_normal(_BLOCK_ELEMENTS) * 0.02).astype(np.float16)
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [begin, end]}
    packed = json.dumps(header).encode()
    packed += b" " * (-len(packed) % 8)
    with path.open("wb") as file:
        file.write(len(packed).to_bytes(8, "little") + packed)
        for shape in shapes.values():
            left = math.prod(shape)
            while left:
                n_elements = min(left, _BLOCK_ELEMENTS)
                block[:8] = random.standard_normal(8)
                file.write(block[:n_elements].tobytes())
                left -= n_elements


def _child(options: argparse.Namespace) -> dict[str, float]:
    if options.child == "sweep":
        return _sweep(options)
    load = {"ours": _load_ours, "transformers": _load_rival}[options.child]
    return load(options)


def _load_ours(options: argparse.Namespace) -> dict[str, float]:
    from ckpt_analyzer.checkpoints.ahead import BYTES_IN_USE, Ahead
    from ckpt_analyzer.scoring.in_place import InPlaceModel

    source, suite = _source(options)
    memory = InPlaceModel("fp32", "cpu")

    def load(step: int) -> Any:  # noqa: ANN401
        checkpoint = suite.checkpoint(suite.models[0], step)
        ahead = Ahead(source, checkpoint, BYTES_IN_USE)
        ahead.resolved()
        with ahead.opened() as opened:
            return memory.load(opened.folder, opened.slices())

    return _measured(options, load, again=True)


def _source(options: argparse.Namespace) -> tuple:
    from ckpt_analyzer.checkpoints.hub import HubSource
    from ckpt_analyzer.suite import Model, Suite

    source = HubSource(
        cache_dir=options.home / "scratch", max_cache_bytes=10**9, endpoint=options.endpoint
    )
    steps = tuple(range(options.steps))
    width, n_layers, _ = SHAPES[options.shape]
    parameters = 12 * width**2 * n_layers + 2 * 50304 * width
    model = Model("model", options.shape, REPO, parameters, None, steps, 1)
    return source, Suite("bench", "", (model,), "", "", "", "")


def _load_rival(options: argparse.Namespace) -> dict[str, float]:
    import torch
    from transformers import AutoModelForCausalLM

    def load(step: int) -> Any:  # noqa: ANN401
        return AutoModelForCausalLM.from_pretrained(
            REPO, revision=f"step{step}", dtype=torch.float32
        ).eval()

    return _measured(options, load, again=False)


def _measured(
    options: argparse.Namespace, load: Callable[[int], Any], *, again: bool
) -> dict[str, float]:
    import transformers.models.gpt_neox.modeling_gpt_neox  # noqa: F401 (it comes when it is used)

    options.home.mkdir(parents=True, exist_ok=True)
    process_bytes, written = _resident_bytes(), _written_bytes()
    server_cpu = _served(options.endpoint)["cpu_seconds"]
    begin, cpu_begin = time.perf_counter(), time.process_time()
    model = load(0)
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
    server_cpu_seconds = _served(options.endpoint)["cpu_seconds"] - server_cpu
    left_bytes = sum(p.lstat().st_size for p in options.home.rglob("*") if p.is_file())
    model_bytes = sum(p.numel() * p.element_size() for p in model.parameters())
    begin = time.perf_counter()
    if again:
        load(1)
    return {
        "seconds": seconds,
        "seconds_next": time.perf_counter() - begin if again else None,
        "cpu_seconds": cpu_seconds,
        "server_cpu_seconds": server_cpu_seconds,
        "peak_bytes": _peak_bytes() - process_bytes,
        "process_bytes": process_bytes,
        "model_bytes": model_bytes,
        "written_bytes": _written_bytes() - written,
        "left_bytes": left_bytes,
    }


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _written_bytes() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("write_bytes")))


def _sweeping(options: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Run a sweep on a fast link, then on one as slow as the scoring; return both.

    The ideal is the longer of the two and one download or one scoring more: nothing can be scored
    before the first checkpoint is there.
    """
    hub = folder / "sweep-hub"
    for step in range(options.steps):
        write_checkpoint(hub / f"step{step}", options.sweep_shape, SEED + step)
    file_bytes = (hub / "step0" / "model.safetensors").stat().st_size
    arguments = ("--child", "sweep", "--shape", options.sweep_shape, "--steps", str(options.steps))

    def swept(name: str, n_items: int, rate: float = 0.0) -> dict[str, float]:
        home = str(folder / f"{name}-{n_items}")
        with served(hub, rate) as endpoint:
            told = ("--items", str(n_items), "--endpoint", endpoint, "--home", home)
            return _in_process(*arguments, *told)

    n_items, rate = options.items, options.megabytes_per_second
    fast = swept("fast", n_items)
    if rate:
        n_items = round(n_items * file_bytes / (rate * 1e6) / fast["seconds_score"])
        print(f"{n_items} items for units of {file_bytes / rate / 1e6:.1f} s", file=sys.stderr)
    else:
        rate = file_bytes / fast["seconds_score"] / 1e6
    slow = swept("slow", n_items, rate)
    download = options.steps * file_bytes / (rate * 1e6)
    longer = max(download, options.steps * slow["seconds_score"])
    return {
        "checkpoints": options.steps,
        "items": n_items,
        "megabytes_per_second": rate,
        "seconds_score_each": slow["seconds_score"],
        "seconds_download_all": download,
        "seconds_score_all": options.steps * slow["seconds_score"],
        "seconds_sweep": slow["seconds"],
        "over_the_longer": slow["seconds"] / longer,
        "ideal": 1 + 1 / options.steps,
        "cpu_seconds": slow["cpu_seconds"],
    }


def _write_items(path: Path, n_items: int) -> None:
    """Write as many items as are wanted, each of the prompts of two toy items."""
    text = (Path(str(files("ckpt_analyzer"))) / "demo/items/toy-grammar.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        for k in range(n_items):
            first, second = rows[(k + k // len(rows)) % len(rows)], rows[k % len(rows)]
            prompt = f"{first['prompt']} {second['prompt']}"
            file.write(json.dumps(second | {"prompt": prompt}) + "\n")


def _sweep(options: argparse.Namespace) -> dict[str, float]:
    """Score toy items at every checkpoint through the whole of the package but the command line."""
    from ckpt_analyzer.store.store import open_store
    from ckpt_analyzer.sweep.config import SuiteSelection, parse_sweep
    from ckpt_analyzer.sweep.execute import execute
    from ckpt_analyzer.sweep.plan import SourcedSuite, make_plan
    from ckpt_analyzer.sweep.prepare import plan_tasks

    source, suite = _source(options)
    store = options.home / "store"
    task = options.home / "pairs.jsonl"
    _write_items(task, options.items)
    text = f"name: bench\nsuites: [pythia]\ntasks: ['{task}']\ndevice: cpu\nstore: '{store}'\n"
    sweep = parse_sweep(text, "bench.yaml")
    sourced = SourcedSuite(suite, source, SuiteSelection(suite="pythia"))
    plan = make_plan(sweep, [sourced], plan_tasks(sweep), frozenset())
    import ckpt_analyzer.unit.workbench  # noqa: F401 (imports are not counted)

    begin, cpu_begin = time.perf_counter(), time.process_time()
    summary = execute(plan, listener=lambda _: None, endpoint=options.endpoint)
    seconds = time.perf_counter() - begin
    if summary.failed:
        sys.exit(summary.failed[0].problem)
    scored = [unit.seconds_score for unit in open_store(store).manifests()]
    return {
        "seconds": seconds,
        "cpu_seconds": time.process_time() - cpu_begin,
        "seconds_score": statistics.median(scored),
    }


def _report(options: argparse.Namespace, results: list[Result], sweep: dict[str, float]) -> None:
    ours = results[0]
    print(f"{'':14}{'seconds':>9}{'next':>8}{'cpu s':>8}{'server':>8}{'ratio':>8}"
          f"{'peak - model MB':>17}{'written MB':>12}{'left MB':>9}{'requests':>10}")  # fmt: skip
    for result in results:
        next_ = "-" if result.seconds_next is None else f"{result.seconds_next:.2f}"
        over = (result.peak_bytes - result.model_bytes) / 2**20
        print(f"{result.contender:14}{result.seconds:>9.2f}{next_:>8}"
              f"{result.cpu_seconds:>8.2f}{result.server_cpu_seconds:>8.2f}"
              f"{ours.seconds / result.seconds:>8.2f}{over:>17.0f}"
              f"{result.written_bytes / 1e6:>12.1f}{result.left_bytes / 1e6:>9.1f}"
              f"{result.requests:>10}")  # fmt: skip
    if sweep:
        took = (sweep[f"seconds_{what}"] for what in ("sweep", "download_all", "score_all"))
        print("sweep {:.1f} s; downloads {:.1f} s, scoring {:.1f} s".format(*took), end="")
        print(f"; {sweep['over_the_longer']:.2f} of the longer, ideal {sweep['ideal']:.2f}")
    names = ("torch", "transformers", "huggingface_hub", "httpx2")
    versions = {name: importlib.metadata.version(name) for name in names}
    told = {"shape": options.shape, "repeats": options.repeats, "versions": versions,
            "ratio": ours.seconds / results[1].seconds, "sweep": sweep}  # fmt: skip
    print(json.dumps({"benchmark": "stream", **told, "contenders": [asdict(r) for r in results]}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="1b")
    parser.add_argument("--sweep-shape", choices=[*SHAPES, "none"], default="70m")
    parser.add_argument("--steps", type=int, default=20, help="checkpoints of the sweep")
    parser.add_argument("--items", type=int, default=800, help="items scored at each of them")
    parser.add_argument(
        "--megabytes-per-second", type=float, default=0.0, help="rate of the sweep's link"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--scratch", type=Path, help="where the checkpoints are made")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--endpoint", help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
