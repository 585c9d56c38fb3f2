"""Seconds and memory of planning: tokenizing the official items, the tree, its packs.

Everything is planned once per suite and tokenizer. Beside it, in the same run, the texts of a few
items go through the tokenizer one call a text, as lm-evaluation-harness encodes its requests: the
ratio is that of the time per text. Prints a table, and one last line of JSON.

    python benchmarks/planning.py --data DIR --tokenizer tokenizer.json [--items 0] [--threads 2]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.scoring import MAX_LENGTH_TOKENS, TASKS

#: Items of each task whose texts are tokenized one call a text.
RIVAL_ITEMS = 30


def main() -> None:
    """Plan all tasks, and print what each part took."""
    options = _options()
    os.environ["RAYON_NUM_THREADS"] = str(options.threads)  # read when tokenizers begins to work

    from transformers import PreTrainedTokenizerFast

    from benchmarks.scoring import _peak_mb
    from ckpt_analyzer import tasks
    from ckpt_analyzer.scoring.encode import encode_items
    from ckpt_analyzer.scoring.plan import prepare
    from ckpt_analyzer.task_data import load_items

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(options.tokenizer), eos_token="<|endoftext|>"
    )
    loaded = [load_items(tasks.load(name), data_dir=options.data).items for name in TASKS]
    chosen = [items[: options.items or None] for items in loaded]
    begin, cpu_begin = time.perf_counter(), time.process_time()
    encoded = [
        encode_items(tokenizer, items, max_length_tokens=MAX_LENGTH_TOKENS) for items in chosen
    ]
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
    begin = time.perf_counter()
    plan = prepare(encoded)
    tree_seconds = time.perf_counter() - begin
    peak_mb = _peak_mb("cpu")
    n_texts = sum(len(_texts(items)) for items in chosen)
    rival = _rival_seconds(
        tokenizer, [text for items in loaded for text in _texts(items[:RIVAL_ITEMS])]
    )
    row = {
        "items": sum(map(len, chosen)),
        "texts": n_texts,
        "seconds_tokenizing": seconds,
        "cpu_seconds_tokenizing": cpu_seconds,
        "seconds_tree": tree_seconds,
        "peak_mb": peak_mb,
        "tokens": plan.n_tokens,
        "tokens_alone": plan.n_alone_tokens,
        "ratio_per_text": rival / (seconds / n_texts),
    }
    for name, value in row.items():
        print(f"{name:26}{value:>14,.2f}")
    names = ("tokenizers", "transformers", "numpy")
    versions = {name: importlib.metadata.version(name) for name in names}
    about = {"benchmark": "planning", "threads": options.threads, "versions": versions}
    print(json.dumps(about | row))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the official files")
    parser.add_argument("--tokenizer", type=Path, required=True, help="Pythia's tokenizer.json")
    parser.add_argument("--items", type=int, default=0, help="first items of each task; 0 for all")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    return parser.parse_args()


def _texts(items: Sequence) -> list[str]:
    return [text for item in items for choice in item.choices
            for text in (item.context, item.context + choice)]  # fmt: skip


def _rival_seconds(tokenizer: object, texts: Sequence[str]) -> float:
    """Return the seconds per text, one call each."""
    begin = time.perf_counter()
    for text in texts:
        tokenizer.encode(text)
    return (time.perf_counter() - begin) / len(texts)


if __name__ == "__main__":
    main()
