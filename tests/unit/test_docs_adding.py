"""Each page of ``docs/adding`` adds its one file to a copy of the package, and uses it there."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from hub_server import HubServer

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = REPOSITORY / "docs" / "adding"
THINGS = ("suite", "task", "metric", "model-family", "fit", "chart", "engine")
_FILE = re.compile(r"^`([\w/.-]+)`:\n\n```\w+\n(.*?)```", re.MULTILINE | re.DOTALL)
_COMMANDS = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def page(thing):
    return (PAGES / f"{thing}.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a copy of the package, in which every page has put its files."""
    home = tmp_path_factory.mktemp("home")
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("ckpt_analyzer", "sweeps", "tests/contract", "tests/unit/charts"):
        shutil.copytree(REPOSITORY / folder, home / folder, ignore=ignored)
    for file in ("pyproject.toml", "tests/conftest.py", "tests/made_up_trends.py"):
        shutil.copy(REPOSITORY / file, home / file)
    for thing in THINGS:
        for name, content in _FILE.findall(page(thing)):
            path = home / name
            assert not path.exists(), f"{thing}.md: {name} is there already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    return home


def python(home, *arguments, **more):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=home, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(home), "OMP_NUM_THREADS": "1", **more}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout + done.stderr


def commands(home, thing, **more):
    """What the commands of a page print, run in their order."""
    lines = [line for block in _COMMANDS.findall(page(thing)) for line in block.splitlines()]
    return [python(home, "-m", "ckpt_analyzer", *shlex.split(line)[1:], **more) for line in lines]


@pytest.mark.parametrize("thing", THINGS)
def test_a_page_adds_one_file_of_python_and_one_only(thing):
    added = [name for name, _ in _FILE.findall(page(thing)) if name.endswith(".py")]
    assert len(added) == 1
    assert added[0].startswith("ckpt_analyzer/")


def test_every_page_of_the_folder_is_tested():
    assert {path.stem for path in PAGES.glob("*.md")} == set(THINGS)


def test_the_contract_tests_take_the_new_files_in(home):
    words = "my-lab or opposites or margin or turn-by-eye or last-values"
    paths = ("tests/contract", "tests/unit/charts/test_charts.py")
    said = python(home, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths, "-k", words)
    n_passed = re.search(r"(\d+) passed", said)
    assert n_passed
    assert int(n_passed[1]) > 30
    assert "failed" not in said


def test_a_suite(home):
    with HubServer() as hub:
        toy = home / "ckpt_analyzer" / "demo" / "suite" / "toy-neox-36k"
        for step in (0, 8, 64, 512, 2048, 4096):
            files = {path.name: path.read_bytes() for path in (toy / f"step{step}").iterdir()}
            hub.add("my-lab/my-lab-36k", f"step{step}", files)
        checked, audited, _ = commands(home, "suite", HF_ENDPOINT=hub.endpoint)
    assert "1 model of my-lab compared with the Hub, 0 differences" in checked
    assert "6 checkpoints of 1 model audited" in audited
    assert len(list((home / "stores/my-lab/units").glob("my-lab-36k-*.json"))) == 6


def test_a_task(home):
    shown, _, status = commands(home, "task")
    assert "distractor task" in shown
    assert "opposites" in status
    units = (home / "stores" / "opposites" / "units").glob("*.json")
    cells = [cell for unit in units for cell in json.loads(unit.read_text())["cells"]]
    assert [(cell["key"]["task"], cell["n_items"]) for cell in cells] == [("opposites", 4)] * 3


def test_a_metric(home):
    commands(home, "metric")
    trends = pd.read_csv(home / "tables" / "trends.csv")
    items = pd.read_csv(home / "tables" / "items.csv")
    margin = items[items["metric"] == "margin"].set_index(["step", "item"])["score"]
    right = items[items["metric"] == "accuracy"].set_index(["step", "item"])["score"]
    assert len(margin) == len(right) > 100
    assert ((margin > 0) == (right == 1)).mean() > 0.999
    assert (trends["metric"] == "margin").sum() == (trends["metric"] == "accuracy").sum()


#: Tiny random models of the family, with and without its window, against plain transformers.
FAMILY_SCRIPT = """
import numpy as np, torch
from transformers import AutoConfig, AutoModelForCausalLM
from ckpt_analyzer.scoring.encode import EncodedItem, EncodedItems, Request
from ckpt_analyzer.scoring.score import path_of, score_items

rng = np.random.default_rng(0)
stem = rng.integers(0, 97, 20).astype(np.int32)
items = []
for index in range(5):
    choices = [rng.integers(0, 97, n).astype(np.int32) for n in (1, 3)]
    requests = tuple(Request(stem[: 8 + 3 * index], c, truncated=False) for c in choices)
    items.append(EncodedItem(str(index), 0, 0, requests, None, (1, 1), (1, 1)))
torch.manual_seed(0)
for window in (None, 4):
    config = AutoConfig.for_model(
        "starcoder2", vocab_size=97, hidden_size=32, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=48, max_position_embeddings=64,
        initializer_range=0.3, sliding_window=window, bos_token_id=0, eos_token_id=0,
    )
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    assert path_of(model) == "packed"
    rows = score_items(model, EncodedItems(tuple(items), 64)).to_pylist()
    for item, row in zip(items, rows, strict=True):
        for request, nats in zip(item.requests, row["loglikelihood_nats"], strict=True):
            n = len(request.continuation_ids)
            ids = torch.from_numpy(np.append(request.context_ids, request.continuation_ids)).long()
            with torch.no_grad():
                logps = model(ids[None]).logits[0, -n - 1 : -1].log_softmax(-1)
            plain = logps.gather(1, ids[-n:, None]).sum().item()
            assert abs(plain - nats) < 1e-4, (window, plain, nats)
print("agrees")
"""


def test_a_model_family(home):
    assert "agrees" in python(home, "-c", FAMILY_SCRIPT)


def test_a_fit(home):
    commands(home, "fit")
    _, shown = _PYTHON.findall(page("fit"))
    *lines, last = shown.splitlines()
    said = python(home, "-c", "\n".join([*lines, f"print({last}.to_json())"]))
    opinions = json.loads(said)
    assert set(opinions["fit"].values()) == {"turn-by-eye"}
    assert list(opinions["verdict"].values()) == ["U"]


def test_a_chart(home):
    commands(home, "chart")
    drawn = {path.suffix for path in (home / "figures").glob("last-values_*")}
    assert drawn == {".svg", ".pdf", ".png", ".json", ".csv"}
    numbers = pd.read_csv(next((home / "figures").glob("last-values_*.csv")))
    assert numbers["size"].tolist() == ["36k"]


def test_an_engine(home, tmp_path):
    (line,) = _COMMANDS.findall(page("engine"))
    words = shlex.split(line)[1:]
    words[words.index("--store") + 1] = str(tmp_path / "store")
    said = python(home, "-m", "ckpt_analyzer", *words, "--json")
    events = [json.loads(each) for each in said.splitlines() if each.startswith("{")]
    ended = [event["unit"] for event in events if event.get("state") == "done"]
    steps = [int(unit.rpartition("step")[2]) for unit in ended]
    assert len(steps) > 10
    assert steps == sorted(steps, reverse=True)
