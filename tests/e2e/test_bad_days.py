"""Every combination of two faults: what is scored is right, and what cannot be is listed.

One sweep goes over as many revisions as there are combinations; each revision meets its two. The
weights of neighbours differ, so that a mix-up would show in the scores.
"""

import io
import itertools
import json
import os

import pandas as pd
import pytest
import torch

from ckpt_analyzer.checkpoints.download import Line
from ckpt_analyzer.checkpoints.hub import HubSource
from ckpt_analyzer.checkpoints.hub_reading import HubReading
from ckpt_analyzer.checkpoints.local import LocalSource
from ckpt_analyzer.checkpoints.spool import SpoolPlace
from ckpt_analyzer.checkpoints.step_folders import find_step_folders
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.suite import Model, Suite
from ckpt_analyzer.sweep.config import SuiteSelection, parse_sweep
from ckpt_analyzer.sweep.execute import execute
from ckpt_analyzer.sweep.plan import SourcedSuite, make_plan
from ckpt_analyzer.sweep.prepare import plan_tasks
from command_line import ITEMS, SUITE
from hub_faults import FAULTS
from hub_server import HubServer

TOKEN = "hf_verysecrettoken"
TOY = SUITE / "toy-neox-36k"
WEIGHTS = [TOY / f"step{step}" for step in find_step_folders(TOY).steps]
SWEEP = """\
name: bad-days
suites: [pythia]
tasks: ['{task}']
limit: 10
device: cpu
store: '{store}'
"""


def header_of(content):
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def with_header(header, data):
    packed = json.dumps(header).encode()
    return len(packed).to_bytes(8, "little") + packed + data


def cut_header(content):
    return content[:100]


def lying_offsets(content):
    header, data = header_of(content)
    last = max(header, key=lambda name: header[name].get("data_offsets", [0, 0])[1])
    header[last]["data_offsets"][1] += 4096
    return with_header(header, data)


def absurd_shape(content):
    header, data = header_of(content)
    header["lm_head.weight" if "lm_head.weight" in header else "embed_out.weight"] |= {
        "shape": [2**60, 2**60], "data_offsets": [0, 2**60],
    }  # fmt: skip
    return with_header(header, data)


def absurd_length(content):
    return (2**60).to_bytes(8, "little") + content[8:]


def overlap(content):
    header, data = header_of(content)
    first, second = sorted(
        (name for name in header if name != "__metadata__"),
        key=lambda name: header[name]["data_offsets"],
    )[:2]
    header[second]["data_offsets"] = header[first]["data_offsets"]
    header[second]["shape"] = header[first]["shape"]
    return with_header(header, data)


BROKEN_HEADERS = {
    fault.__name__: fault
    for fault in (lying_offsets, overlap, absurd_shape, absurd_length, cut_header)
}
MOVED, DELETED, PAYLOAD = "moved", "deleted", "payload"
BAD = (*BROKEN_HEADERS, PAYLOAD, DELETED)
KINDS = (*FAULTS, *BROKEN_HEADERS, PAYLOAD, DELETED, MOVED)
#: A checkpoint is read from pickles or from safetensors; these two never meet in one.
PAIRS = [
    pair
    for pair in itertools.combinations_with_replacement(KINDS, 2)
    if not (PAYLOAD in pair and (set(pair) & {*BROKEN_HEADERS, "flip_header"}))
    and not ("absurd_shape" in pair and "overlap" in pair)
]


class Payload:
    """What a pickle runs when it is trusted."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def files_of(folder, faults, trace, step):
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    # Each revision is a content of its own: scores of equal weights would be taken over, not read.
    header, data = header_of(content["model.safetensors"])
    content["model.safetensors"] = with_header(
        header | {"__metadata__": {"format": "pt", "step": str(step)}}, data
    )
    for name, change in BROKEN_HEADERS.items():
        if name in faults:
            content["model.safetensors"] = change(content["model.safetensors"])
    if PAYLOAD in faults:
        pickled = io.BytesIO()
        torch.save({"x": Payload(str(trace))}, pickled)
        del content["model.safetensors"]
        content["pytorch_model.bin"] = pickled.getvalue()
    return content


def bad_suite(n_steps):
    model = Model("toy", "36k", "org/toy", 36_224, None, tuple(range(n_steps)), 1)
    return Suite("bad-days", "", (model,), "", "", "", "")


def planned(hub, suite, store, spool=None):
    """The plan of a sweep over `suite` on `hub`, which nobody waits for in earnest."""
    pauses = []
    source = HubSource(
        cache_dir=store / "scratch",
        max_cache_bytes=10**7,
        endpoint=hub.endpoint,
        token=TOKEN,
        reading=HubReading(line=Line(pause=pauses.append, stall_seconds=0.4), spool=spool),
    )
    sweep = parse_sweep(SWEEP.format(task=ITEMS / "toy-grammar.jsonl", store=store), "bad.yaml")
    sourced = SourcedSuite(suite, source, SuiteSelection(suite="pythia"))
    return make_plan(sweep, [sourced], plan_tasks(sweep), frozenset()), pauses


def script_of(pair):
    """The faults of a pair in an order in which the first does not keep the second from showing."""
    return sorted(
        (kind for kind in pair if kind in FAULTS), key=lambda kind: kind == "ignored_range"
    )


def by_step(items):
    return {step: group.set_index("item")["score"] for step, group in items.groupby("step")}


class Day:
    """A sweep through all pairs, and what came of it."""

    def __init__(self, folder, spool=None, pairs=PAIRS):
        self.trace, self.store = folder / "code-ran", folder / "store"
        suite = bad_suite(len(pairs))
        #: Commit → the folder whose weights it holds.
        self.weights_of = {}
        with HubServer(signed=True) as hub:
            for step, pair in enumerate(pairs):
                weights = WEIGHTS[step % len(WEIGHTS)]
                commit = hub.add(
                    "org/toy", f"step{step}", files_of(weights, pair, self.trace, step)
                )
                self.weights_of[commit] = weights
                hub.faults.scripts[commit] = script_of(pair)
            plan, self.pauses = planned(hub, suite, self.store, spool)
            for step, pair in enumerate(pairs):
                self._change(hub, step, pair)
            self.events = []
            self.summary = execute(plan, listener=self.events.append, endpoint=hub.endpoint)
            #: For each pair the faults that were never met.
            self.left = [
                hub.faults.scripts[commit] for commit in list(self.weights_of)[: len(pairs)]
            ]
        self.failed = {status.unit: status.problem for status in self.summary.failed}
        items = open_store(self.store).items(metric="gold_probability")
        self.scores = by_step(items)

    def _change(self, hub, step, pair):
        """What happens between the listing and the reading."""
        if DELETED in pair:
            hub.delete("org/toy", f"step{step}")
        if MOVED in pair:
            weights = WEIGHTS[(step + 1) % len(WEIGHTS)]
            content = files_of(weights, pair, self.trace, -1 - step)
            commit = hub.add("org/toy", f"step{step}", content)
            self.weights_of[commit] = weights
            hub.faults.scripts[commit] = script_of(pair)


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    return Day(tmp_path_factory.mktemp("day"))


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The scores of each toy checkpoint by its folder's name, read from there, no network."""
    from ckpt_analyzer.checkpoints.local_suite import find_local_suite

    store = tmp_path_factory.mktemp("good") / "store"
    suite = find_local_suite(SUITE)
    sweep = parse_sweep(SWEEP.format(task=ITEMS / "toy-grammar.jsonl", store=store), "good.yaml")
    selection = SuiteSelection(suite="pythia", sizes=["36k"])
    sourced = SourcedSuite(suite, LocalSource(suite), selection)
    execute(make_plan(sweep, [sourced], plan_tasks(sweep), frozenset()), listener=lambda _: None)
    opened = open_store(store)
    items = opened.items(metric="gold_probability")
    scores = by_step(items)
    return {unit.revision: scores[unit.step] for unit in opened.manifests()}


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_two_faults_at_once_cost_no_score_and_no_wrong_one(day, expected, pair):
    step = PAIRS.index(pair)
    is_bad = any(kind in BAD for kind in pair)
    if is_bad:
        assert step not in day.scores
        assert day.failed[f"toy@step{step}"]
        return
    assert f"toy@step{step}" not in day.failed
    [unit] = [each for each in open_store(day.store).manifests() if each.step == step]
    pd.testing.assert_series_equal(
        day.scores[step], expected[day.weights_of[unit.commit].name], check_exact=True
    )


def test_every_fault_happened_where_it_did_not_end_the_reading(day):
    # Twice the same may end the reading at the first.
    pairs = [(step, set(pair)) for step, pair in enumerate(PAIRS) if pair[0] != pair[1]]
    good = [step for step, pair in pairs if not pair & set(BAD)]
    assert [day.left[step] for step in good] == [[]] * len(good)
    assert len(day.pauses) > len(good)
    assert 7.0 in day.pauses  # Retry-After was honoured


def test_no_code_in_a_pickle_ran(day):
    assert not day.trace.exists()


def test_the_token_is_nowhere(day):
    assert TOKEN not in repr(day.events)
    assert not any(TOKEN in problem for problem in day.failed.values())
    for path in day.store.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


def test_reasons_name_what_is_wrong(day):
    words = {
        "cut_header": "cut off", "lying_offsets": "header", "absurd_shape": "header",
        "absurd_length": "cut off", "overlap": "overlaps", PAYLOAD: "tensors only",
        DELETED: "does not exist",
    }  # fmt: skip
    for kind, word in words.items():
        assert word in day.failed[f"toy@step{PAIRS.index((kind, kind))}"], kind


def test_a_spool_gives_the_same_scores_and_is_empty_afterwards(tmp_path, expected):
    pairs = [(kind, "flip") for kind in KINDS if kind not in (PAYLOAD, MOVED)]
    day = Day(tmp_path, SpoolPlace(tmp_path / "spool", 10**6), pairs)
    for unit in open_store(day.store).manifests():
        pd.testing.assert_series_equal(
            day.scores[unit.step], expected[day.weights_of[unit.commit].name], check_exact=True
        )
    good = [step for step, pair in enumerate(pairs) if not set(pair) & set(BAD)]
    assert sorted(day.scores) == good
    assert [path.name for path in (tmp_path / "spool").iterdir()] == []
