"""What ``status`` says of a store."""

from ckpt_analyzer.store.store import open_store
from command_line import run


def test_an_empty_store_is_to_be_filled_before_it_is_fitted(tmp_path):
    open_store(tmp_path / "store", create=True)
    done = run("status", tmp_path / "store")
    assert done.returncode == 0
    assert "no scores yet; next: ckpt-analyzer run" in done.stderr
    assert "fit" not in done.stderr
