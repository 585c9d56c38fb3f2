"""Our core as a model of the harness gives what its hf backend gives."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from harness_tasks import TASKS
from hub_server import HubServer
from required import required

required("lm_eval")

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from ckpt_analyzer.errors import UserError
from ckpt_analyzer.harness.model import CkptAnalyzerLM

NATS = 1e-4
LONG = "The cat sat on the mat. All that glitters is not gold. " * 20
PAIRS = [
    ("The cat", " sat on the mat"),
    ("The cat ", "sat on the mat"),
    ("", "The dog sat"),
    ("", "<|endoftext|>The dog sat"),
    (LONG, " The cat"),
    ("Question:", "\nis the answer Yes or No?"),
]


@pytest.fixture(scope="module")
def ours(checkpoint_folder):
    return CkptAnalyzerLM(pretrained=checkpoint_folder, dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def theirs(checkpoint_folder):
    return HFLM(pretrained=str(checkpoint_folder), dtype="float32", device="cpu", batch_size=1)


def asked(kind, rows):
    return [Instance(kind, {}, row, place) for place, row in enumerate(rows)]


def test_loglikelihoods_are_those_of_the_hf_backend(ours, theirs):
    requests = asked("loglikelihood", PAIRS)
    got, wanted = ours.loglikelihood(requests), theirs.loglikelihood(requests)
    assert [ll for ll, _ in got] == pytest.approx([ll for ll, _ in wanted], abs=NATS)
    assert [greedy for _, greedy in got] == [greedy for _, greedy in wanted]


def test_whole_texts_are_scored_in_the_windows_of_the_harness(ours, theirs):
    texts = [("The cat sat.",), (LONG,), ("<|endoftext|>gold",), ("",)]
    requests = asked("loglikelihood_rolling", texts)
    wanted = theirs.loglikelihood_rolling(requests)
    assert ours.loglikelihood_rolling(requests) == pytest.approx(wanted, abs=1e-3)


def test_writing_is_refused(ours):
    with pytest.raises(NotImplementedError, match="generate_until"):
        ours.generate_until([])


def test_an_unknown_argument_is_named_with_the_nearest(checkpoint_folder):
    with pytest.raises(UserError, match="'revison'") as caught:
        CkptAnalyzerLM(pretrained=checkpoint_folder, revison="step3")
    assert "'revision'" in caught.value.hint


def test_an_unknown_dtype_is_named_with_the_nearest(checkpoint_folder):
    with pytest.raises(UserError, match="float23") as caught:
        CkptAnalyzerLM(pretrained=checkpoint_folder, dtype="float23")
    assert "'float32'" in caught.value.hint


def test_a_revision_of_the_hub_is_the_model(ours, checkpoint_folder):
    files = {path.name: path.read_bytes() for path in checkpoint_folder.iterdir()}
    with HubServer() as hub:
        hub.add("lab/toy", "step10", files)
        streamed = CkptAnalyzerLM(
            pretrained="lab/toy", revision="step10", device="cpu", endpoint=hub.endpoint
        )
    requests = asked("loglikelihood", PAIRS)
    assert streamed.loglikelihood(requests) == ours.loglikelihood(requests)
    info = streamed.get_model_info()
    assert info["model_dtype"] == "torch.float32"
    assert info["model_sha"]


@pytest.mark.slow
def test_the_command_line_of_the_harness_knows_the_model(tmp_path, task_folder, checkpoint_folder):
    command = [
        sys.executable, "-m", "ckpt_analyzer.harness", "--model", "ckpt_analyzer",
        "--model_args", f"pretrained={checkpoint_folder},dtype=float32", "--device", "cpu",
        "--include_path", str(task_folder), "--tasks", "toy_norm,toy_mc2,toy_last_word",
        "--output_path", str(tmp_path), "--log_samples",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    (results,) = tmp_path.rglob("results_*.json")
    content = json.loads(results.read_text())
    assert set(content["results"]) == {"toy_norm", "toy_mc2", "toy_last_word"}
    assert content["config"]["model_dtype"] == "torch.float32"
    assert content["n-samples"]["toy_norm"]["effective"] == len(TASKS["toy_norm"][0])
