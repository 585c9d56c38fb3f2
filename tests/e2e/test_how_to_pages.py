"""The commands of the how-to pages, run as they stand there."""

import json
import os
import re
import shlex
import shutil
import subprocess

import pytest

from command_line import REPOSITORY, SUITE, command, environment
from hub_server import HubServer

pytestmark = pytest.mark.slow

#: The toy suite's steps under the numbers of a page's example.
STEPS = {1000: 8, 2000: 512, 3000: 4096}


def blocks(page, language):
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands(page):
    return [line for block in blocks(page, "sh") for line in block.splitlines() if line.strip()]


def run_page(page, home, **more):
    """Run every command of `page` in `home`; the prize's tasks stand for two of the package."""
    outputs = []
    for line in commands(page):
        words = shlex.split(line.replace("memo-trap,neqa", "toy-grammar,toy-coin"))
        assert words[0] == "ckpt-analyzer"
        done = subprocess.run(
            command(*words[1:]), cwd=home, env={**environment(), **more},
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        outputs.append(done.stdout)
    return outputs


def checkpoint(step, folder):
    shutil.copytree(SUITE / "toy-neox-36k" / f"step{STEPS[step]}", folder)
    state = {"global_step": step, "num_input_tokens_seen": step * 2048}
    (folder / "trainer_state.json").write_text(json.dumps(state))
    old = (folder / "config.json").stat().st_mtime - 3600
    os.utime(folder / "trainer_state.json", (old, old))


def test_own_training_run(tmp_path):
    for step in STEPS:
        checkpoint(step, tmp_path / "runs" / "my-model" / f"checkpoint-{step}")
        checkpoint(step, tmp_path / "runs" / "a" / f"step_{step}")
    checkpoint(1000, tmp_path / "runs" / "b" / "step_1000")
    with HubServer() as hub:
        for step in STEPS:
            folder = tmp_path / "runs" / "a" / f"step_{step}"
            content = {path.name: path.read_bytes() for path in folder.iterdir()}
            hub.add("me/my-model", f"step{step}", content)
        run_page("own-training-run.md", tmp_path, HF_ENDPOINT=hub.endpoint)
    for store in ("my-model", "all-runs", "from-the-hub"):
        assert list((tmp_path / "stores" / store / "units").glob("*.json"))
    assert (tmp_path / "report.html").stat().st_size > 10**5


def sweep_of(page):
    return next(block for block in blocks(page, "yaml") if block.startswith("name:"))


def test_few_shot(tmp_path):
    (tmp_path / "few-shot.yaml").write_text(sweep_of("few-shot.md"))
    _, verdicts, _ = run_page("few-shot.md", tmp_path)
    assert "36k, step 4096" in verdicts


def test_the_settings_of_few_shot_prompts_are_keys_of_a_sweep(tmp_path):
    (tmp_path / "few-shot.yaml").write_text(
        f"{sweep_of('few-shot.md')}{blocks('few-shot.md', 'yaml')[1]}".replace(
            "[0, 1, 2, 5, 10, 25]", "[0, 2]"
        )
    )
    rows = (SUITE.parent / "items" / "toy-grammar.jsonl").read_text().splitlines()
    (tmp_path / "examples.jsonl").write_text("\n".join(rows[:5]))
    done = subprocess.run(
        command("run", "few-shot.yaml"), cwd=tmp_path, env=environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    manifest = next((tmp_path / "stores" / "few-shot" / "units").glob("*.json"))
    rules = [cell["key"]["prompt_rules"] for cell in json.loads(manifest.read_text())["cells"]]
    assert sum('"separator": "\\n\\n"' in each for each in rules) == 1
    assert rules.count("") == 1


def test_chat_format(tmp_path):
    suite = tmp_path / "my-suite"
    for model in ("toy-neox-36k", "toy-neox-36k-instruct"):
        for step in (512, 128):
            shutil.copytree(SUITE / model / f"step{step}", suite / model / f"step{step}")
    stated = json.loads((SUITE / "suite.json").read_text(encoding="utf-8"))
    models = [each | {"steps": [128, 512]} for each in stated["models"] if each["size"] == "36k"]
    (suite / "suite.json").write_text(json.dumps(stated | {"models": models}))
    template = "{% for m in messages %}{{ m['content'] }} {% endfor %}"
    for folder in (suite / "toy-neox-36k-instruct").iterdir():
        (folder / "chat_template.jinja").write_text(template)
    (tmp_path / "formats.yaml").write_text(sweep_of("chat-format.md"))
    _, compared, _ = run_page("chat-format.md", tmp_path)
    assert "chat" in compared
