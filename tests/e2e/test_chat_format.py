"""A tuned arm scored raw and with its chat template, in one sweep, and told apart afterwards."""

import json
import shutil

import pytest
from transformers import AutoTokenizer

from ckpt_analyzer.prompt_rules import ChatRules
from ckpt_analyzer.scoring.chat import Chat
from ckpt_analyzer.store.store import open_store
from command_line import ITEMS, SUITE, run

TEMPLATE = (
    "{% for m in messages %}{{ m['content'] }} {% endfor %}{{ 'so ' if add_generation_prompt }}"
)

SWEEP = """\
name: formats
suites: [{{path: '{suite}'}}]
sizes: [36k]
arms: [base, instruct]
steps: [512, 4096]
tasks: ['{task}']
prompt_format: [raw, chat]
limit: 60
device: cpu
store: {store}
"""


@pytest.fixture
def home(tmp_path):
    """A suite of which the instruct arm has a chat template, and a sweep over it."""
    suite = tmp_path / "suite"
    for model in ("toy-neox-36k", "toy-neox-36k-instruct"):
        shutil.copytree(SUITE / model, suite / model)
    stated = json.loads((SUITE / "suite.json").read_text(encoding="utf-8"))
    stated["models"] = [each for each in stated["models"] if each["size"] == "36k"]
    (suite / "suite.json").write_text(json.dumps(stated))
    for folder in (suite / "toy-neox-36k-instruct").iterdir():
        (folder / "chat_template.jinja").write_text(TEMPLATE)
    task = ITEMS / "toy-grammar.jsonl"
    text = SWEEP.format(suite=suite, task=task, store=tmp_path / "store")
    (tmp_path / "sweep.yaml").write_text(text)
    return tmp_path


def test_both_formats_are_scored_compared_and_reported(home):
    done = run("run", home / "sweep.yaml", "--report", home / "report.html")
    assert done.returncode == 0, done.stderr
    store = open_store(home / "store")
    trends = store.trends(["accuracy"])
    scored = set(zip(trends["arm"], trends["prompt_format"], strict=True))
    assert scored == {("base", "raw"), ("instruct", "raw"), ("instruct", "chat")}
    chat = trends[trends["prompt_format"] == "chat"]
    raw = trends[(trends["prompt_format"] == "raw") & (trends["arm"] == "instruct")]
    losses = store.items(metric="classification_loss", arm="instruct")
    by_format = losses.groupby("prompt_format")["score"].mean()
    assert by_format["raw"] != by_format["chat"]
    assert len(chat) == len(raw) > 0
    compared = run("compare", home / "store", "--by", "prompt_format")
    assert compared.returncode == 0, compared.stderr
    assert "raw" in compared.stdout
    assert "chat" in compared.stdout
    assert "Does the dialog format change what tuned models score?" in compared.stdout
    page = (home / "report.html").read_text(encoding="utf-8")
    assert ">raw</button>" in page
    assert ">chat</button>" in page


def test_the_scores_are_those_of_the_rendered_conversation(home, tmp_path):
    """The same items, rendered beforehand and scored raw, have the same scores."""
    assert run("run", home / "sweep.yaml").returncode == 0
    folder = next((home / "suite" / "toy-neox-36k-instruct").iterdir())
    chat = Chat(AutoTokenizer.from_pretrained(folder), ChatRules())
    rows = [json.loads(line) for line in (ITEMS / "toy-grammar.jsonl").read_text().splitlines()]
    rendered = tmp_path / "toy-grammar-rendered.jsonl"
    rendered.write_text(
        "\n".join(json.dumps(row | {"prompt": chat.render(row["prompt"]).rstrip()}) for row in rows)
    )
    text = (home / "sweep.yaml").read_text()
    other = home / "other.yaml"
    other.write_text(
        text.replace(str(ITEMS / "toy-grammar.jsonl"), str(rendered))
        .replace("[raw, chat]", "raw")
        .replace("limit: 60\n", "")
        .replace(str(tmp_path / "store"), str(tmp_path / "other"))
    )
    assert run("run", other).returncode == 0
    ours = open_store(home / "store").items(metric="gold_probability", arm="instruct")
    ours = ours[ours["prompt_format"] == "chat"].set_index(["step", "item"])["score"]
    theirs = open_store(tmp_path / "other").items(metric="gold_probability", arm="instruct")
    theirs = theirs.set_index(["step", "item"])["score"].reindex(ours.index)
    assert len(ours) >= 60
    assert (ours - theirs).abs().max() < 1e-5


def test_an_arm_without_a_template_fails_with_its_name_and_the_remedy(home):
    for path in (home / "suite").rglob("chat_template.jinja"):
        path.unlink()
    done = run("run", home / "sweep.yaml")
    assert done.returncode == 1
    assert "the tokenizer of the instruct arm has no chat template" in done.stderr
    assert "prompt_format: raw" in done.stderr
    assert set(open_store(home / "store").trends(["accuracy"])["arm"]) == {"base"}
