"""Items per second, memory and agreement of scoring, against plain transformers and the harness.

Makes a model of a true Pythia shape with random weights, takes official items, and scores them with
each contender in a process of its own. Loading is not counted; ours is warmed up on one item, as
are the others. Prints a table, and one last line of JSON.

    python benchmarks/scoring.py --data DIR --tokenizer tokenizer.json [--size 70m] [--items 30]

`--data` is a folder with the official files. lm-evaluation-harness takes part where it is
installed, once for each of `--batch-sizes`; the last line gives the ratio over the best of them.
`layered` is ours from disk, layer by layer, within `--budget`; it is warmed up as well, so that its
files are in the system's cache. `plain` is transformers as a careful reader would call it:
sequences sorted by length, padded batches, full logits. `harness` counts its own tokenization,
because it cannot be separated.

On a GPU: `--device cuda`, where peak memory is that of the device, and its batch size `auto`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

TASKS = (
    "hindsight-neglect", "into-the-unknown", "memo-trap", "modus-tollens", "neqa",
    "pattern-matching-suppression", "prompt-injection", "redefine", "repetitive-algebra",
    "resisting-correction", "sig-figs",
)  # fmt: skip

#: Width, layers, heads of Pythia.
SHAPES = {
    "70m": (512, 6, 8),
    "160m": (768, 12, 12),
    "410m": (1024, 24, 16),
    "1b": (2048, 16, 8),
    "1.4b": (2048, 24, 16),
    "2.8b": (2560, 32, 32),
    "6.9b": (4096, 32, 32),
}
TORCH_DTYPES = {"fp32": "float32", "bf16": "bfloat16"}
CONTENDERS = ("ours", "layered", "plain", "harness")
PLAIN_BATCH_SIZE = "16"
MAX_LENGTH_TOKENS = 2048


@dataclass(frozen=True)
class Result:
    """What one contender took; `batch_size` is empty where it has none."""

    contender: str
    batch_size: str
    seconds: float
    cpu_seconds: float
    peak_mb: float
    n_items: int
    n_tokens: int
    seconds_planning: float = 0.0


class Timed(NamedTuple):
    """Scores of all choices in the order of the items, and what they took."""

    loglikelihood_nats: list[float]
    is_greedy: list[bool]
    n_tokens: int
    seconds_planning: float


def main() -> None:
    """Run all contenders, each in its own process, and compare them."""
    options = _options()
    if options.child:
        _child(options)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _make_model(options, folder / "model")
        names = [name for name in options.contenders.split(",") if _is_here(name)]
        wanted = [one for name in names for one in _variants(name, options.batch_sizes)]
        results = {one: result for one in wanted if (result := _run(one, folder)) is not None}
        scores = {one: np.load(folder / f"{one.file_name}.npz") for one in results}
    if not results or next(iter(results)) != wanted[0]:
        sys.exit(f"{wanted[0].file_name} failed: there is nothing to compare with")
    _report(options, list(results.values()), scores)


class Variant(NamedTuple):
    """A contender with one of its batch sizes."""

    name: str
    batch_size: str

    @property
    def file_name(self) -> str:
        """Where its scores are, and what the table calls it."""
        return f"{self.name} {self.batch_size}".strip()


def _variants(name: str, batch_sizes: str) -> list[Variant]:
    if name in ("ours", "layered"):
        return [Variant(name, "")]
    if name == "plain":
        return [Variant(name, PLAIN_BATCH_SIZE)]
    return [Variant(name, batch_size) for batch_size in batch_sizes.split(",")]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the official files")
    parser.add_argument("--tokenizer", type=Path, required=True, help="Pythia's tokenizer.json")
    parser.add_argument("--size", default="70m", choices=SHAPES)
    parser.add_argument("--items", type=int, default=30, help="first items of each task; 0 for all")
    parser.add_argument("--dtype", default="fp32", choices=TORCH_DTYPES)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--batch-sizes", default="16", help="of the harness: 1,16,64,auto")
    parser.add_argument("--budget", type=int, default=700, help="of layered, in MB")
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--child", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--batch-size", default="", help=argparse.SUPPRESS)
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _is_here(name: str) -> bool:
    here = name != "harness" or importlib.util.find_spec("lm_eval") is not None
    if not here:
        print("lm-evaluation-harness is not installed: left out", file=sys.stderr)
    return here


def _make_model(options: argparse.Namespace, folder: Path) -> None:
    """Write the model in a process of its own: what it takes is nobody's memory."""
    code = (
        "import sys, benchmarks.scoring as b; from pathlib import Path;"
        "b.write_model(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))"
    )
    arguments = [options.size, options.dtype, str(options.tokenizer), str(folder)]
    root = Path(__file__).resolve().parents[1]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, cwd=root)


def write_model(size: str, dtype: str, tokenizer_file: Path, folder: Path) -> None:
    """Write a GPT-NeoX checkpoint of Pythia's shape with random weights."""
    import torch
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, PreTrainedTokenizerFast

    width, n_layers, n_heads = SHAPES[size]
    torch.manual_seed(0)
    config = GPTNeoXConfig(
        vocab_size=50304,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=n_layers,
        num_attention_heads=n_heads,
        max_position_embeddings=MAX_LENGTH_TOKENS,
        rotary_pct=0.25,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = GPTNeoXForCausalLM(config).to(getattr(torch, TORCH_DTYPES[dtype]))
    model.save_pretrained(folder)
    special = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    PreTrainedTokenizerFast(tokenizer_file=str(tokenizer_file), **special).save_pretrained(folder)


def _run(one: Variant, folder: Path) -> Result | None:
    """Return what `one` took; None if it failed, as the harness does that asks for too much."""
    chosen = ["--child", one.name, f"--batch-size={one.batch_size}", "--scratch", str(folder)]
    command = [sys.executable, __file__, *sys.argv[1:], *chosen]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        print(f"{one.file_name}: failed with exit code {done.returncode}", file=sys.stderr)
        return None
    result = Result(**json.loads(done.stdout.splitlines()[-1]))
    print(f"{one.file_name}: {result.seconds:.1f} s", file=sys.stderr)
    return result


def _child(options: argparse.Namespace) -> None:
    import torch

    torch.set_num_threads(options.threads)
    items = _items(options)
    score: Callable[..., Callable[[Sequence], Timed]] = {
        "ours": _ours, "layered": _layered, "plain": _plain, "harness": _harness,
    }[options.child]  # fmt: skip
    contender = score(options)
    contender(items[:1])
    begin, cpu_begin = time.perf_counter(), time.process_time()
    timed = contender(items)
    seconds = time.perf_counter() - begin - timed.seconds_planning
    cpu_seconds = time.process_time() - cpu_begin - timed.seconds_planning
    scores = {"nats": timed.loglikelihood_nats, "greedy": timed.is_greedy}
    n_choices = [len(item.choices) for item in items]
    one = Variant(options.child, options.batch_size)
    np.savez(options.scratch / f"{one.file_name}.npz", **scores, n_choices=n_choices)
    result = Result(
        contender=one.name,
        batch_size=one.batch_size,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        peak_mb=_peak_mb(options.device),
        n_items=len(items),
        n_tokens=timed.n_tokens,
        seconds_planning=timed.seconds_planning,
    )
    print(json.dumps(asdict(result)))


def _peak_mb(device: str) -> float:
    """Return the peak memory on a GPU, or the peak resident memory of this process.

    That of getrusage outlives exec, and would count what the parent holds.
    """
    if device != "cpu":
        import torch

        return torch.cuda.max_memory_allocated() / 1e6
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1000


def _items(options: argparse.Namespace) -> list:
    from ckpt_analyzer import plugins
    from ckpt_analyzer.task_data import load_items

    tasks = [plugins.load("ckpt_analyzer.tasks", name, "TASK") for name in TASKS]
    loaded = [load_items(task, data_dir=options.data).items for task in tasks]
    return [item for items in loaded for item in items[: options.items or None]]


def _ours(options: argparse.Namespace) -> Callable[[Sequence], Timed]:
    from ckpt_analyzer.scoring.load import load_model, load_tokenizer

    folder = options.scratch / "model"
    model = load_model(folder, dtype=options.dtype, device=options.device)
    return _planned(model, load_tokenizer(folder))


def _layered(options: argparse.Namespace) -> Callable[[Sequence], Timed]:
    from ckpt_analyzer.scoring.layered_model import open_layered
    from ckpt_analyzer.scoring.load import load_tokenizer

    folder = options.scratch / "model"
    model = open_layered(
        folder, dtype=options.dtype, device=options.device, budget_bytes=options.budget * 10**6
    )
    return _planned(model, load_tokenizer(folder))


def _planned(model: object, tokenizer: object) -> Callable[[Sequence], Timed]:
    from ckpt_analyzer.scoring.encode import encode_items
    from ckpt_analyzer.scoring.plan import prepare
    from ckpt_analyzer.scoring.score import score_plan

    def score(items: Sequence) -> Timed:
        begin = time.perf_counter()
        plan = prepare([encode_items(tokenizer, items, max_length_tokens=MAX_LENGTH_TOKENS)])
        seconds_planning = time.perf_counter() - begin
        (table,) = score_plan(model, plan)
        columns = (table[name].combine_chunks() for name in ("loglikelihood_nats", "is_greedy"))
        nats, greedy = (column.flatten().to_pylist() for column in columns)
        return Timed(nats, greedy, plan.n_tokens, seconds_planning)

    return score


def _plain(options: argparse.Namespace) -> Callable[[Sequence], Timed]:
    import torch

    from ckpt_analyzer.scoring.encode import encode_items
    from ckpt_analyzer.scoring.load import load_model, load_tokenizer

    folder = options.scratch / "model"
    model = load_model(folder, dtype=options.dtype, device=options.device)
    tokenizer = load_tokenizer(folder)

    def score(items: Sequence) -> Timed:
        begin = time.perf_counter()
        encoded = encode_items(tokenizer, items, max_length_tokens=MAX_LENGTH_TOKENS).items
        seconds_planning = time.perf_counter() - begin
        requests = [request for item in encoded for request in item.requests]
        inputs = [torch.tensor([*one.context_ids, *one.continuation_ids[:-1]]) for one in requests]
        order = sorted(range(len(inputs)), key=lambda index: -len(inputs[index]))
        nats, greedy = [0.0] * len(inputs), [False] * len(inputs)
        for start in range(0, len(order), int(options.batch_size)):
            batch = order[start : start + int(options.batch_size)]
            padded = torch.nn.utils.rnn.pad_sequence([inputs[i] for i in batch], batch_first=True)
            with torch.inference_mode():
                logits = model(input_ids=padded.to(options.device)).logits
            for row, index in zip(logits, batch, strict=True):
                ids = requests[index].continuation_ids
                targets = torch.from_numpy(ids).long().to(options.device)
                first = len(inputs[index]) - len(targets)
                logprobs = row[first : len(inputs[index])].float().log_softmax(-1)
                nats[index] = logprobs.gather(1, targets[:, None]).double().sum().item()
                greedy[index] = bool((logprobs.argmax(-1) == targets).all())
        return Timed(nats, greedy, sum(map(len, inputs)), seconds_planning)

    return score


def _harness(options: argparse.Namespace) -> Callable[[Sequence], Timed]:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model = HFLM(
        pretrained=str(options.scratch / "model"),
        device=options.device,
        dtype=TORCH_DTYPES[options.dtype],
        batch_size=options.batch_size,
        max_length=MAX_LENGTH_TOKENS,
    )

    def score(items: Sequence) -> Timed:
        pairs = [(item.context, choice) for item in items for choice in item.choices]
        requests = [
            Instance("loglikelihood", doc={}, arguments=pair, idx=index)
            for index, pair in enumerate(pairs)
        ]
        answers = model.loglikelihood(requests, disable_tqdm=True)
        return Timed([nats for nats, _ in answers], [bool(g) for _, g in answers], 0, 0.0)

    return score


def _report(options: argparse.Namespace, results: list[Result], scores: dict) -> None:
    ours = results[0]
    print(f"{'':13}{'items/s':>10}{'seconds':>10}{'cpu s':>10}{'peak MB':>10}{'tokens':>12}"
          f"{'ratio':>8}{'memory':>8}{'max |Δ| nats':>14}{'decisions':>11}")  # fmt: skip
    rows = []
    for result in results:
        one = Variant(result.contender, result.batch_size)
        row = asdict(result) | _differences(next(iter(scores.values())), scores[one])
        row |= {"items_per_second": result.n_items / result.seconds}
        row |= {"ratio": result.seconds / ours.seconds, "cpu_ratio": _ratio(result, ours)}
        row |= {"memory_ratio": result.peak_mb / ours.peak_mb}
        rows.append(row)
        print(f"{one.file_name:13}{row['items_per_second']:>10.1f}{result.seconds:>10.2f}"
              f"{result.cpu_seconds:>10.2f}{result.peak_mb:>10.0f}{result.n_tokens or '-':>12}"
              f"{row['ratio']:>8.2f}{row['memory_ratio']:>8.2f}{row['max_difference_nats']:>14.1e}"
              f"{row['decisions_that_differ']:>11}")  # fmt: skip
    about = {"size": options.size, "items_per_task": options.items, "dtype": options.dtype,
             "threads": options.threads, "device": options.device,
             "gemm_gflops": _gemm_gflops(options), "ours_gflops": _needed_gflop(options, ours),
             "versions": _versions()}  # fmt: skip
    about["share_of_gemm"] = about["ours_gflops"] / ours.seconds / about["gemm_gflops"]
    share = f"{about['share_of_gemm']:.0%} of {about['gemm_gflops']:.0f} GFLOP/s measured"
    print(f"planning {ours.seconds_planning:.2f} s; {share}")
    about |= _over_best_harness(results)
    print(json.dumps({"benchmark": "scoring", **about, "contenders": rows}))


def _over_best_harness(results: list[Result]) -> dict[str, float]:
    """Compare our time with the fastest of the harness, and our memory with that same run's."""
    ours, *others = results
    harness = [result for result in others if result.contender == "harness"]
    if not harness:
        return {}
    best = min(harness, key=lambda result: result.seconds)
    return {
        "ratio_over_best_harness": best.seconds / ours.seconds,
        "memory_of_best_harness_over_ours": best.peak_mb / ours.peak_mb,
    }


def _ratio(result: Result, ours: Result) -> float:
    return result.cpu_seconds / ours.cpu_seconds


def _differences(ours: dict, other: dict) -> dict[str, float | int]:
    """Compare loglikelihoods, and what would be decided by them: the choice, and is_greedy."""
    ends = np.cumsum(ours["n_choices"])[:-1]
    ours_choices, other_choices = (
        [int(np.argmax(nats)) for nats in np.split(one["nats"], ends)] for one in (ours, other)
    )
    chosen = sum(a != b for a, b in zip(ours_choices, other_choices, strict=True))
    return {
        "max_difference_nats": float(np.abs(ours["nats"] - other["nats"]).max()),
        "decisions_that_differ": chosen + int((ours["greedy"] != other["greedy"]).sum()),
    }


def _needed_gflop(options: argparse.Namespace, ours: Result) -> float:
    """Return the arithmetic of all layers' products over the tokens of the tree.

    The first and the last layer do less than that, the head and the attention come on top.
    """
    width, n_layers, _ = SHAPES[options.size]
    return 2 * 12 * width**2 * n_layers * ours.n_tokens / 1e9


def _gemm_gflops(options: argparse.Namespace) -> float:
    """Measure the products of the feed-forward part on 4,096 tokens: the machine's ceiling.

    That is the best of all libraries, and on a CPU of bf16 and fp32, where bf16 may be slower.
    """
    import torch

    torch.set_num_threads(options.threads)
    width = SHAPES[options.size][0]
    products = (torch.nn.functional.linear, *_onednn(options.device))
    best = math.inf
    for dtype in {options.dtype, "fp32" if options.device == "cpu" else options.dtype}:
        place = {"dtype": getattr(torch, TORCH_DTYPES[dtype]), "device": options.device}
        inputs, weight = torch.randn(4096, width, **place), torch.randn(4 * width, width, **place)
        best = min(best, *(_seconds(one, inputs, weight) for one in products for _ in range(10)))
    return 2 * 4096 * 4 * width**2 / best / 1e9


def _onednn(device: str) -> list[Callable]:
    """Return oneDNN's product where torch has it: the ceiling is that of the faster library."""
    import torch

    if device != "cpu" or not torch.backends.mkldnn.is_available():
        return []
    product = torch.ops.mkldnn._linear_pointwise
    return [lambda inputs, weight: product(inputs, weight, None, "none", [], "")]


def _seconds(product: Callable, *operands: object) -> float:
    import torch

    begin = time.perf_counter()
    product(*operands)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def _versions() -> dict[str, str]:
    names = ("torch", "transformers", "lm-eval")
    return {name: importlib.metadata.version(name) for name in names if _is_installed(name)}


def _is_installed(name: str) -> bool:
    return importlib.util.find_spec(name.replace("-", "_")) is not None


if __name__ == "__main__":
    main()
