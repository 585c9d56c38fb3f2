"""The notebook of the documentation, its cells run one after the other."""

import ast
import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "notebook.ipynb"


def cells():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def test_the_notebook_is_kept_without_outputs():
    for cell in cells():
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def shown(source):
    """The source with its last expression kept under a name, as a notebook shows it."""
    tree = ast.parse(source)
    assert isinstance(tree.body[-1], ast.Expr), f"a cell ends in nothing to see: {source}"
    last = ast.Assign([ast.Name("_shown", ast.Store())], tree.body[-1].value)
    tree.body[-1] = ast.copy_location(last, tree.body[-1])
    return compile(ast.fix_missing_locations(tree), str(NOTEBOOK), "exec")


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for cell in cells():
        if cell["cell_type"] == "code":
            exec(shown("".join(cell["source"])), names)
            assert names["_shown"] is not None
    assert names["ran"].n_scored == len(names["planned"].units) > 20
    assert names["ran"].failed.empty
    verdicts = names["flips"].set_index(["task", "model"])["verdict"]
    assert verdicts["toy-proverb", "toy-neox-73k"] == "U"
    assert set(names["compared"].tasks["size"]) == {"36k", "73k"}
    assert (tmp_path / "report.html").stat().st_size > 10**5
    assert all(Path(path).is_file() for path in names["written"]["path"])
