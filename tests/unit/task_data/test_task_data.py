"""Items are loaded byte-exact, from the declared file and no other."""

import gzip
import hashlib
import json
import shutil
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_analyzer import plugins
from ckpt_analyzer.errors import TaskDataError
from ckpt_analyzer.task import Task, TaskFile
from ckpt_analyzer.task_data import load_items, own_task
from ckpt_analyzer.task_data.rows import item_of, rows
from hub_server import HubServer

NAMES = plugins.names("ckpt_analyzer.tasks")
ROW = {"prompt": "2 + 2 =", "classes": "[' 4', ' 5']", "answer_index": 0, "part": 3}


def load(name: str) -> Task:
    return plugins.load("ckpt_analyzer.tasks", name, "TASK")


def jsonl(*items: dict) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in items)


def official(content: bytes) -> Task:
    data = TaskFile("toy_classification.jsonl", hashlib.sha256(content).hexdigest(), repo="org/set")
    return Task("toy", "Toy", "classification", "Sums.", data, 1)


def own(tmp_path, *items: dict, name: str = "mine.jsonl"):
    path = tmp_path / name
    path.write_bytes(jsonl(*items))
    return path


@pytest.mark.shared_data
@pytest.mark.parametrize("name", NAMES)
def test_every_official_row_is_loaded(shared_data, name):
    task = load(name)
    loaded = load_items(task, data_dir=shared_data / "inverse_scaling")
    assert len(loaded.items) == task.n_items
    assert loaded.sha256 == task.data.sha256
    assert [item.item_id for item in loaded.items] == [str(n) for n in range(task.n_items)]
    assert all(choice.startswith(" ") for item in loaded.items for choice in item.choices)


@pytest.fixture
def official_items(shared_data):
    return lambda name: load_items(load(name), data_dir=shared_data / "inverse_scaling").items


@pytest.mark.shared_data
def test_choices_that_end_in_a_space_keep_it(official_items):
    items = official_items("resisting-correction")
    assert sum(any(c.endswith(" ") for c in item.choices) for item in items) == 28


@pytest.mark.shared_data
def test_carriage_returns_stay_in_prompts(official_items):
    assert all("\r" in item.context for item in official_items("sig-figs"))


@pytest.mark.shared_data
def test_choices_with_an_apostrophe_are_read_whole(official_items):
    choices = [item.choices for item in official_items("memo-trap") if "'" in "".join(item.choices)]
    assert choices == [(" proceed.", " don't."), (" here.", " in't.")]


@pytest.mark.shared_data
def test_a_sequence_probability_item_has_its_completion_as_only_choice(official_items):
    assert {item.choices for item in official_items("prompt-injection")} == {(" Ignore",)}


@pytest.mark.parametrize("name", ["toy_classification.jsonl", "toy.jsonl"])
@pytest.mark.parametrize("packed", [False, True])
def test_an_official_file_is_found_under_each_of_its_names(tmp_path, name, packed):
    content = jsonl(ROW)
    path = tmp_path / (f"{name}.gz" if packed else name)
    path.write_bytes(gzip.compress(content) if packed else content)
    (item,) = load_items(official(content), data_dir=tmp_path).items
    assert item.choices == (" 4", " 5")
    assert item.part == 3


def test_an_altered_official_file_is_refused(tmp_path):
    (tmp_path / "toy.jsonl").write_bytes(jsonl(ROW).replace(b"2 + 2", b"2 + 3"))
    with pytest.raises(TaskDataError, match="not the official one"):
        load_items(official(jsonl(ROW)), data_dir=tmp_path)


def test_a_cut_off_archive_is_refused(tmp_path):
    (tmp_path / "toy.jsonl.gz").write_bytes(gzip.compress(jsonl(ROW))[:-10])
    with pytest.raises(TaskDataError, match="cannot be unpacked"):
        load_items(official(jsonl(ROW)), data_dir=tmp_path)


def test_a_missing_file_is_named_with_the_nearest_that_is_there(tmp_path):
    (tmp_path / "toys_classification.jsonl").touch()
    with pytest.raises(TaskDataError, match=r"did you mean toys_classification\.jsonl"):
        load_items(official(jsonl(ROW)), data_dir=tmp_path)


@pytest.fixture
def hub():
    with HubServer() as server:
        yield server


@pytest.mark.parametrize("name", ["toy_classification.jsonl", "toy.jsonl.gz"])
def test_an_official_file_is_downloaded_from_its_data_set(hub, tmp_path, name):
    content = jsonl(ROW)
    stored = gzip.compress(content) if name.endswith(".gz") else content
    hub.add("org/set", "main", {name: stored}, kind="datasets")
    loaded = load_items(official(content), endpoint=hub.endpoint, cache_dir=tmp_path)
    assert loaded.items[0].context == "2 + 2 ="


def test_an_altered_download_is_refused(hub, tmp_path):
    hub.add("org/set", "main", {"toy.jsonl": jsonl(ROW, ROW)}, kind="datasets")
    with pytest.raises(TaskDataError, match="not the official one"):
        load_items(official(jsonl(ROW)), endpoint=hub.endpoint, cache_dir=tmp_path)


def test_a_data_set_without_the_file_or_that_is_missing_is_named(hub, tmp_path):
    with pytest.raises(TaskDataError, match="does not exist"):
        load_items(official(b""), endpoint=hub.endpoint, cache_dir=tmp_path)
    hub.add("org/set", "main", {"other.txt": b""}, kind="datasets")
    with pytest.raises(TaskDataError, match=r"org/set has no file toy_classification\.jsonl"):
        load_items(official(b""), endpoint=hub.endpoint, cache_dir=tmp_path)


def test_a_task_of_the_package_is_read_from_the_package(tmp_path, monkeypatch):
    package = tmp_path / "toy_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "toy.jsonl").write_bytes(jsonl(ROW))
    monkeypatch.syspath_prepend(tmp_path)
    task = replace(official(b""), data=TaskFile("toy.jsonl", None, package="toy_package"))
    assert len(load_items(task).items) == 1


def test_own_rows_are_a_task_named_after_the_file(tmp_path):
    task = own_task(own(tmp_path, ROW, {**ROW, "classes": [" 1", " 2"]}))
    assert (task.name, task.kind, task.cause) == ("mine", "classification", None)
    assert [item.choices for item in load_items(task).items] == [(" 4", " 5"), (" 1", " 2")]


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"prompt": "a", "completion": " b"}, "sequence_prob"),
        ({**ROW, "other_prompt": "3 + 3 ="}, "logodds"),
    ],
)
def test_the_kind_of_own_data_follows_from_its_columns(tmp_path, row, kind):
    task = own_task(own(tmp_path, row))
    assert task.kind == kind
    assert load_items(task).items[0].other_context == row.get("other_prompt")


def test_own_data_may_be_csv_with_line_ends_within_cells(tmp_path):
    path = tmp_path / "mine.csv"
    text = "\ufeffprompt,classes,answer_index,id\r\n" + '"a\r\nb","["" x"", "" y""]",1,q7\r\n'
    path.write_bytes(text.encode())
    (item,) = load_items(own_task(path)).items
    assert (item.context, item.choices, item.gold, item.item_id) == (
        "a\r\nb",
        (" x", " y"),
        1,
        "q7",
    )


def test_own_data_may_be_packed(tmp_path):
    path = own(tmp_path, ROW)
    with path.open("rb") as plain, gzip.open(tmp_path / "packed.jsonl.gz", "wb") as packed:
        shutil.copyfileobj(plain, packed)
    task = own_task(tmp_path / "packed.jsonl.gz")
    assert task.name == "packed"
    assert len(load_items(task).items) == 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"answer_index": 2}, "answer_index is 2"),
        ({"answer_index": -1}, "answer_index is -1"),
        ({"answer_index": "one"}, "'answer_index' is missing or not a whole number"),
        ({"answer_index": True}, "'answer_index' is missing or not a whole number"),
        ({"classes": "[' 4', ' 4']"}, "' 4' stands twice"),
        ({"classes": "[' 4', '']"}, "choice 1 is empty"),
        ({"classes": "[' 4']"}, "fewer than two choices"),
        ({"classes": "[' 4', 5]"}, "not a list of texts"),
        ({"classes": "[' 4', "}, "not a list of texts"),
        ({"classes": "__import__('os').getcwd()"}, "not a list of texts"),
        ({"prompt": None}, "'prompt' is missing or not a text"),
    ],
)
def test_a_malformed_row_is_named_by_its_line_and_reason(tmp_path, change, problem):
    task = own_task(own(tmp_path, ROW, {**ROW, **change}))
    with pytest.raises(TaskDataError, match=problem) as caught:
        load_items(task)
    assert caught.value.where.endswith("mine.jsonl, line 2")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("content", "problem", "line"),
    [
        (b"{}\n{nonsense\n", "not JSON", 2),
        (b"{}\n\n{}\n", "is empty", 2),
        (b"{}\n[1]\n", "not a JSON object", 2),
        (b"{}\n{}\n\xff\n", "not UTF-8", 3),
    ],
)
def test_a_line_that_is_no_row_is_named(content, problem, line):
    with pytest.raises(TaskDataError, match=problem) as caught:
        list(rows(content, "jsonl", "file"))
    assert caught.value.where == f"file, line {line}"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("mine.jsonl", b"", "has no rows"),
        ("mine.csv", b"prompt,classes,answer_index\n", "has no rows"),
        ("mine.csv", b"prompt,completion\na,b,c\n", "more or fewer cells"),
        ("mine.csv", b"prompt,completion\na\n", "more or fewer cells"),
        ("mine.jsonl", b'{"prompt": "a"}\n', "either 'classes' or 'completion'"),
        ("mine.txt", b"", "no known format"),
    ],
)
def test_own_data_that_is_no_task_is_refused(tmp_path, name, content, problem):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TaskDataError, match=problem):
        own_task(tmp_path / name)


def test_an_id_that_stands_twice_is_refused(tmp_path):
    task = own_task(own(tmp_path, {**ROW, "id": "a"}, {**ROW, "id": "a"}))
    with pytest.raises(TaskDataError, match="'a' stands twice"):
        load_items(task)


@given(prompt=st.text(), choices=st.lists(st.text(min_size=1), min_size=2, max_size=4, unique=True))
def test_texts_of_any_kind_come_through_unchanged(prompt, choices):
    row = {"prompt": prompt, "classes": repr(choices), "answer_index": 0}
    (read,) = rows(jsonl(row), "jsonl", "file")
    item = item_of(read, "classification", 0)
    assert item.context == prompt
    assert item.choices == tuple(choices)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        (
            "half.jsonl",
            '{"prompt": "\\ud800", "classes": [" a", " b"], "answer_index": 0}',
            "surrogate",
        ),
        ("deep.jsonl", '{"prompt": ' + "[" * 100_000, "nested too deeply"),
        ("twice.csv", "prompt,classes,answer_index,prompt\nQ,x,0,Z\n", "'prompt' stands twice"),
    ],
)
def test_a_row_that_no_reader_could_take_is_an_error_with_its_line(
    name, content, problem, tmp_path
):
    (tmp_path / name).write_text(content)
    with pytest.raises(TaskDataError, match=problem) as caught:
        load_items(own_task(tmp_path / name))
    assert "line 1" in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path):
    row = '{"prompt": "Q", "classes": [" a", " b"], "answer_index": 0}'
    (tmp_path / "bom.jsonl").write_text("\ufeff" + row)
    assert load_items(own_task(tmp_path / "bom.jsonl")).items[0].context == "Q"


def test_a_line_that_is_no_csv_is_named_itself_not_the_one_before():
    content = b'prompt,completion\na,b\n"c"d,e\n'
    with pytest.raises(TaskDataError, match="the line is not CSV") as caught:
        list(rows(content, "csv", "file"))
    assert caught.value.where == "file, line 3"


@pytest.mark.parametrize("mark", [";", "\t"])
def test_columns_separated_by_other_marks_than_commas_are_said_to_be(mark):
    content = f'prompt{mark}completion\n"a"{mark}b\n'.encode()
    with pytest.raises(TaskDataError, match="the columns are separated by") as caught:
        list(rows(content, "csv", "file"))
    assert caught.value.where == "file, line 1"
    assert "commas" in caught.value.hint
