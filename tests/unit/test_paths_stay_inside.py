"""Names and archives of others write where they were asked to, and read nothing else."""

import io
import json
import re
import tarfile

import pytest

from ckpt_analyzer.errors import ImportFileError
from ckpt_analyzer.importers import load
from ckpt_analyzer.notebook.exchange import export, import_results
from ckpt_analyzer.reporting.figures import Wanted
from ckpt_analyzer.store.store import open_store

NAMES = ["..", "../../evil", "/evil", "a/../../../evil", "..\\evil", ".", "~", "bell\x07"]


def files(folder):
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", NAMES)
def test_models_and_tasks_with_harmful_names_stay_in_their_folders(name, tmp_path, monkeypatch):
    home = tmp_path / "a" / "b" / "c"
    home.mkdir(parents=True)
    monkeypatch.chdir(home)
    rows = [
        {"model": name, "task": name, "metric": "f1", "step": step, "tokens": step * 10,
         "parameters": 1000, "item": str(item), "score": 1.0}
        for step in (1, 2)
        for item in range(3)
    ]  # fmt: skip
    columns = list(rows[0])
    lines = [",".join(columns), *(",".join(str(row[c]) for c in columns) for row in rows)]
    (home / "x.csv").write_text("\n".join(lines), encoding="utf-8")
    store = open_store(home / "store", create=True)
    found = import_results(store, "table", home / "x.csv")
    assert (found.n_items, found.failures.empty) == (6, True)
    assert store.trends()["task"].unique().tolist() == [name]
    for file_format in ("csv", "parquet", "lm-eval", "hub", "figures"):
        figures = Wanted(charts=("metric-over-tokens",), columns=("single",))
        written = export(store, home / "out" / file_format, file_format, figures=figures)
        assert written["left_out"].isna().all()
        for path in written["path"].dropna():
            assert path.resolve().is_relative_to((home / "out" / file_format).resolve())
    outside = {path for path in files(tmp_path) if not path.is_relative_to(home)}
    assert outside == set()
    assert {path.relative_to(home).parts[0] for path in files(home)} == {"x.csv", "store", "out"}


@pytest.mark.parametrize("member", ["../../evil.json", "/evil.json", "..\\evil.json", "good.json"])
def test_an_archive_is_read_in_memory_whatever_its_members_are_called(member, tmp_path):
    home = tmp_path / "a" / "b"
    home.mkdir(parents=True)
    content = json.dumps({"no": "results"}).encode()
    with tarfile.open(home / "x.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    before = files(tmp_path)
    with pytest.raises(ImportFileError, match=re.escape(f"x.tar.gz!{member}: no `results`")):
        load("lm-eval").read([home / "x.tar.gz"], ())
    assert files(tmp_path) == before


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_in_an_archive_reads_no_file_of_this_machine(kind, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("model,task,metric,step,value\npythia-70m,secret,f1,1000,0.5\n")
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        info = tarfile.TarInfo("linked.csv")
        info.type, info.linkname = kind, str(secret)
        archive.addfile(info)
    with pytest.raises(ImportFileError) as refused:
        load("table").read([tmp_path / "x.tar"], ())
    assert "secret" not in str(refused.value)
