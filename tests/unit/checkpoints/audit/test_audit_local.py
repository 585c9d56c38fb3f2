"""The audit of a folder of checkpoints reads the files themselves."""

import json

import pytest

from ckpt_analyzer.errors import UserError
from ckpt_analyzer.sweep.audit_suite import SuiteChoice, audit_whole, questions_of
from toy_checkpoint import files, write

STEPS = (0, 100, 200, 300, 400)


@pytest.fixture
def suite(tmp_path):
    """A local suite of one model; its tokenizer lies beside the step folders."""
    model = {
        "name": "own-1", "size": "1", "parameters": 100, "tokens_per_step": 10, "steps": STEPS,
    }  # fmt: skip
    root = tmp_path / "own"
    for i, step in enumerate(STEPS):
        content = {name: data for name, data in files(fill=i).items() if name != "tokenizer.json"}
        write(root / "own-1" / f"step{step}", content)
    (root / "own-1" / "tokenizer.json").write_text("{}")
    (root / "suite.json").write_text(json.dumps({"name": "own", "models": [model]}))
    return root


def audit(root, **choice):
    (question,) = questions_of(SuiteChoice(str(root), **choice))
    return audit_whole(question, None, lambda _: None)


def findings(root):
    table = audit(root)
    rows = table[table["standing"] != "sound"]
    return [(row.step, row.finding, row.standing) for row in rows.itertuples()]


def test_a_sound_folder_has_no_findings(suite):
    assert findings(suite) == []


def test_a_copied_checkpoint_is_found(suite):
    last = suite / "own-1" / "step400" / "model.safetensors"
    (suite / "own-1" / "step100" / "model.safetensors").write_bytes(last.read_bytes())
    assert findings(suite) == [(100, "identical-weights", "suspect")]


def test_a_half_written_and_an_absent_checkpoint_are_told_apart(suite):
    (suite / "own-1" / "step200" / "model.safetensors").unlink()
    (suite / "own-1" / "step300").rename(suite / "own-1" / "elsewhere")
    assert findings(suite) == [
        (200, "missing-file", "suspect"),
        (300, "missing-step", "note"),
    ]


def test_a_run_whose_tokens_nobody_tells_is_audited_all_the_same(tmp_path):
    for i, step in enumerate((100, 200)):
        write(tmp_path / "mine" / f"checkpoint-{step}", files(fill=i))
    assert findings(tmp_path / "mine") == []


def test_a_size_or_arm_that_is_not_there_is_named(suite):
    with pytest.raises(UserError, match="there is no model of own named '2'"):
        audit(suite, sizes=("2",))
    with pytest.raises(UserError, match="no model of arm sft") as caught:
        audit(suite, arm="sft")
    assert "base" in caught.value.hint
    with pytest.raises(UserError, match="there is no arm named 'basic'"):
        audit(suite, arm="basic")


def test_a_suite_that_is_neither_known_nor_a_folder_is_named():
    with pytest.raises(UserError, match="there is no suite named 'pythai'"):
        questions_of(SuiteChoice("pythai"))
    with pytest.raises(UserError, match="no such folder"):
        questions_of(SuiteChoice("./nowhere"))
