import inspect
import logging
import sys
import warnings

import pytest
import typer

from ckpt_analyzer.cli.interrupt import typed_again
from ckpt_analyzer.cli.output import quoted, talk
from ckpt_analyzer.cli.verb import is_verbose, show_libraries, silence_libraries, verb


@pytest.fixture(autouse=True)
def logging_as_before():
    root = logging.getLogger()
    handlers, level, disabled = root.handlers[:], root.level, logging.root.manager.disable
    with warnings.catch_warnings():
        yield
    root.handlers[:], root.level = handlers, level
    logging.disable(disabled)
    logging.getLogger("huggingface_hub").propagate = True


def test_ctrl_c_in_any_verb_is_one_line_and_exit_code_130(capsys, monkeypatch):
    def command(*, name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.argv", ["x", "plan", "a b.yaml"])
    with pytest.raises(typer.Exit) as caught:
        verb(command)(name="x", verbose=False)
    assert caught.value.exit_code == 130
    assert capsys.readouterr().err.strip() == (
        "stopped. Do it again with: ckpt-analyzer plan 'a b.yaml'"
    )


def test_signatures_of_addresses_are_not_shown(capsys):
    show_libraries()
    logging.getLogger().addHandler(logging.StreamHandler(sys.stderr))
    url = "https://storage.example/weights?signature=secret"
    logging.getLogger("httpx2").info('HTTP Request: %s %s "%s"', "GET", url, 206)
    shown = capsys.readouterr().err
    assert "https://storage.example/weights" in shown
    assert "secret" not in shown


def test_every_verb_takes_verbose(monkeypatch):
    def command(name: str) -> None:
        assert name == "x"

    shown = []
    monkeypatch.setitem(verb.__globals__, "show_libraries", lambda: shown.append(1))
    wrapped = verb(command)
    assert "verbose" in inspect.signature(wrapped).parameters
    wrapped("x", verbose=False)
    assert shown == []
    wrapped("x", verbose=True)
    assert shown == [1]


def test_libraries_are_silent_until_they_are_asked_for():
    silence_libraries()
    assert not is_verbose()
    assert not logging.getLogger("huggingface_hub").isEnabledFor(logging.WARNING)
    assert logging.getLogger("huggingface_hub").isEnabledFor(logging.ERROR)
    show_libraries()
    assert is_verbose()
    assert logging.getLogger("httpx").isEnabledFor(logging.INFO)


def test_brackets_in_names_are_said_as_they_are(capsys):
    talk("stores/[b]x[/b]: [red]", mark="failed:", style="red")
    assert capsys.readouterr().err == "failed: stores/[b]x[/b]: [red]\n"


def test_a_command_can_be_pasted_into_a_shell(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["/bin/x", "run", "my sweep.yaml", "--store", "s"])
    assert typed_again() == "ckpt-analyzer run 'my sweep.yaml' --store s"
    assert quoted(tmp_path / "a b").startswith("'")
