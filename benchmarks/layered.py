"""Scoring layer by layer from disk within a memory budget, against a resident model.

Makes a checkpoint of a true Pythia shape with random weights on the spot, in the precision in
which Pythia is published, and scores the same random items on it twice, in processes of their own:
resident, and layer by layer within `--budget`. Prints a table, and one last line of JSON.

    python benchmarks/layered.py [--size 6.9b] [--budget 2GiB] [--tokens 20000]

Where the resident model would not fit into the machine, its rate is measured on the same shape
with fewer layers (`--resident-layers`), and what it takes is compared per token and layer; the
scores of the two are then those of different models and are not compared. Items: pairs of choices
behind prompts that share their first half, about as the official tasks do.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

#: Width, layers, heads of Pythia.
SHAPES = {
    "70m": (512, 6, 8),
    "410m": (1024, 24, 16),
    "1.4b": (2048, 24, 16),
    "2.8b": (2560, 32, 32),
    "6.9b": (4096, 32, 32),
    "12b": (5120, 36, 40),
}
N_VOCABULARY = 50_304
PROMPT_TOKENS = 120


@dataclass(frozen=True)
class Result:
    """What one contender took, and how it went about it."""

    contender: str
    path: str
    n_layers: int
    n_tokens: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    foreseen_bytes: int
    sizes: dict[str, int]


def main() -> None:
    """Make the checkpoints, run both contenders, and compare them."""
    options = _options()
    if options.child:
        _child(options)
        return
    n_layers = options.layers or SHAPES[options.size][1]
    n_resident = options.resident_layers or n_layers
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        layered = _contend("layered", n_layers, options, Path(scratch))
        resident = _contend("resident", n_resident, options, Path(scratch))
        same = n_layers == n_resident
        scores = [np.load(Path(scratch) / f"{each}.npy") for each in ("layered", "resident")]
    _report(
        options, layered, resident, float(np.abs(scores[0] - scores[1]).max()) if same else None
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", default="6.9b", choices=SHAPES)
    parser.add_argument("--budget", default="2GiB", help="of the whole process, like 2GiB")
    parser.add_argument("--layers", type=int, help="instead of all of the shape")
    parser.add_argument(
        "--resident-layers", type=int, help="of the resident model; default: as many"
    )
    parser.add_argument("--tokens", type=int, default=20_000, help="about, in the tree")
    parser.add_argument("--stored", default="fp16", choices=("fp32", "fp16", "bf16"))
    parser.add_argument("--dtype", default="fp32", choices=("fp32", "fp16", "bf16"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--cold", action="store_true", help="read from the disk, not its cache")
    parser.add_argument("--scratch", type=Path, help="folder for the checkpoints")
    parser.add_argument("--child", choices=("layered", "resident", "make"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _contend(name: str, n_layers: int, options: argparse.Namespace, scratch: Path) -> Result:
    """Make the checkpoint of a contender where it is not there yet, and run it."""
    folder = scratch / f"{n_layers}-layers"
    if not folder.exists():
        for other in scratch.glob("*-layers"):
            shutil.rmtree(other)  # there is room for one
        _process("make", n_layers, folder)
    result = Result(**json.loads(_process(name, n_layers, folder).splitlines()[-1]))
    print(f"{name}: {result.seconds:.1f} s", file=sys.stderr)
    return result


def _process(child: str, n_layers: int, folder: Path) -> str:
    arguments = [
        *sys.argv[1:],
        "--child",
        child,
        "--layers",
        str(n_layers),
        "--folder",
        str(folder),
    ]
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _make(options: argparse.Namespace) -> None:
    """Write the checkpoint, shard by shard: no more than one layer is in memory."""
    import torch
    from safetensors.torch import save_file

    from ckpt_analyzer.scoring.hardware import torch_dtype
    from ckpt_analyzer.scoring.skeleton import skeleton_of

    config = _config(options)
    stored = torch_dtype(options.stored)
    model = skeleton_of(config, stored)
    folder: Path = options.folder
    folder.mkdir(parents=True)
    config.save_pretrained(folder)
    torch.manual_seed(0)
    shards: dict[str, dict[str, torch.Tensor]] = {}
    for name, like in model.state_dict().items():
        key = name.split(".")[2] if ".layers." in name else name.replace(".", "-")
        shards.setdefault(key, {})[name] = like
    weight_map = {}
    for key, likes in shards.items():
        file = f"model-{key}.safetensors"
        save_file({name: _random(like) for name, like in likes.items()}, folder / file)
        weight_map |= dict.fromkeys(likes, file)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def _random(like):  # noqa: ANN001, ANN202 - torch is imported in children only
    import torch

    if like.dim() == 1:
        return torch.ones(like.shape, dtype=like.dtype)
    return (torch.randn(like.shape) * 0.02).to(like.dtype)


def _config(options: argparse.Namespace):  # noqa: ANN202 - transformers, too
    from transformers import GPTNeoXConfig

    width, _, n_heads = SHAPES[options.size]
    return GPTNeoXConfig(
        architectures=["GPTNeoXForCausalLM"],
        vocab_size=N_VOCABULARY,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=options.layers,
        num_attention_heads=n_heads,
        max_position_embeddings=2048,
        rotary_pct=0.25,
    )


def _plan(n_tokens: int):  # noqa: ANN202 - as above
    from ckpt_analyzer.scoring.encode import EncodedItem, EncodedItems, Request
    from ckpt_analyzer.scoring.plan import prepare

    rng = np.random.default_rng(0)
    stem = rng.integers(0, N_VOCABULARY, PROMPT_TOKENS).astype(np.int32)
    own = PROMPT_TOKENS // 2
    items = []
    for index in range(max(1, n_tokens // (own + 2))):
        context = np.concatenate([stem, rng.integers(0, N_VOCABULARY, own).astype(np.int32)])
        choices = [rng.integers(0, N_VOCABULARY, n).astype(np.int32) for n in (1, 3)]
        requests = tuple(Request(context, choice, truncated=False) for choice in choices)
        items.append(EncodedItem(str(index), 0, 0, requests, None, (1, 1), (1, 1)))
    return prepare([EncodedItems(tuple(items), 2048)])


def _child(options: argparse.Namespace) -> None:
    if options.child == "make":
        _make(options)
        return
    import torch

    from ckpt_analyzer.scoring.estimate import resident_bytes
    from ckpt_analyzer.scoring.layered_model import load_whole, open_layered
    from ckpt_analyzer.scoring.memory_in_use import held_bytes, peak_held_bytes
    from ckpt_analyzer.scoring.memory_plan import layered_plan
    from ckpt_analyzer.scoring.score import score_plan
    from ckpt_analyzer.sweep.values import budget_bytes

    torch.set_num_threads(options.threads)
    plan = _plan(options.tokens)
    if options.cold:
        _forget(options.folder)
    opened = open_layered(
        options.folder,
        dtype=options.dtype,
        device=options.device,
        budget_bytes=budget_bytes(options.budget) if options.child == "layered" else None,
    )
    before = held_bytes(opened.device)
    sizes: dict[str, int] = {}
    model = opened
    if options.child == "layered":
        made = layered_plan(opened.frame(plan), opened.free_bytes())
        sizes, foreseen = asdict(made.sizes), before + made.needed_bytes
    else:
        foreseen = before + resident_bytes(plan, opened.shape, opened.dtype.itemsize)
        model = load_whole(opened)
    begin, cpu_begin = time.perf_counter(), time.process_time()
    (table,) = score_plan(model, plan)
    result = Result(
        contender=options.child,
        path=type(model).__name__,
        n_layers=options.layers,
        n_tokens=plan.n_tokens,
        seconds=time.perf_counter() - begin,
        cpu_seconds=time.process_time() - cpu_begin,
        peak_bytes=peak_held_bytes(opened.device),
        foreseen_bytes=foreseen,
        sizes=sizes,
    )
    nats = table["loglikelihood_nats"].combine_chunks().flatten().to_numpy()
    np.save(options.folder.parent / f"{options.child}.npy", nats)
    print(json.dumps(asdict(result)))


def _forget(folder: Path) -> None:
    """Let the system forget what it keeps of the files in memory."""
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _report(
    options: argparse.Namespace, layered: Result, resident: Result, difference: float | None
) -> None:
    from ckpt_analyzer.sweep.values import budget_bytes

    budget = budget_bytes(options.budget)
    rates = {
        each.contender: each.n_tokens * each.n_layers / each.seconds for each in (layered, resident)
    }
    ratio = rates["layered"] / rates["resident"]
    print(f"{'':10}{'layers':>8}{'tokens/s':>10}{'layer tokens/s':>16}{'cpu s':>9}{'peak MB':>9}"
          f"{'foreseen':>10}")  # fmt: skip
    for each in (layered, resident):
        print(f"{each.contender:10}{each.n_layers:>8}{each.n_tokens / each.seconds:>10.1f}"
              f"{rates[each.contender]:>16.0f}{each.cpu_seconds:>9.1f}{each.peak_bytes / 1e6:>9.0f}"
              f"{each.foreseen_bytes / 1e6:>10.0f}")  # fmt: skip
    if difference is None:
        print("the resident model has fewer layers: rates per layer, scores not compared")
    shown = "not compared" if difference is None else f"{difference:.1e} nats"
    print(f"layered at {ratio:.0%} of the resident rate; peak {layered.peak_bytes / budget:.0%} of "
          f"the budget of {options.budget}; max |Δ| {shown}")  # fmt: skip
    about = {"size": options.size, "stored": options.stored, "dtype": options.dtype,
             "threads": options.threads, "budget_bytes": budget, "cold": options.cold,
             "ratio_of_rates": ratio, "peak_over_budget": layered.peak_bytes / budget,
             "max_difference_nats": difference, "contenders": [asdict(layered), asdict(resident)],
             "versions": {each: importlib.metadata.version(each)
                          for each in ("torch", "transformers")}}  # fmt: skip
    print(json.dumps({"benchmark": "layered", **about}))


if __name__ == "__main__":
    main()
