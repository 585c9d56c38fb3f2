"""What all verbs have in common: ``-v`` after the verb, too, and a clean end on Ctrl-C.

In: a verb's function. Out: the same with one more option. The talk of the
libraries (log, warnings, a traceback behind an error) is off the screen unless ``-v`` is given.
"""

from __future__ import annotations

import functools
import inspect
import logging
import sys
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Annotated

import typer

from ckpt_analyzer.cli.interrupt import INTERRUPTED, raised, stopped
from ckpt_analyzer.cli.output import talk

Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="Show the log of the libraries, too.")
]


def silence_libraries() -> None:
    """Keep log lines and warnings of libraries off the screen."""
    logging.disable(logging.WARNING)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def show_libraries() -> None:
    """Show log lines and warnings of libraries on stderr."""
    logging.disable(logging.NOTSET)
    logging.basicConfig(stream=sys.stderr, format="%(name)s: %(message)s")
    logging.getLogger().setLevel(logging.INFO)
    # The Hub's client has a handler of its own: without this each line would stand twice.
    logging.getLogger("huggingface_hub").propagate = False
    logging.getLogger("httpx2").addFilter(_without_signatures)
    if not sys.warnoptions:
        warnings.simplefilter("default")


def _without_signatures(record: logging.LogRecord) -> bool:
    """Cut the queries off the addresses in `record`: who has a signed one may read the file."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            str(each).partition("?")[0] if "://" in str(each) else each for each in record.args
        )
    return True


def is_verbose() -> bool:
    """Return whether libraries are shown."""
    return logging.root.manager.disable < logging.WARNING


def _paragraphs(text: str) -> str:
    """Return `text` with a line for each paragraph: typer keeps line ends after the first one."""
    return "\n\n".join(" ".join(each.split()) for each in inspect.cleandoc(text).split("\n\n"))


def verb(command: Callable[..., None], *, ends_at_once: bool = False) -> Callable[..., None]:
    """Return `command` with ``-v``, and with one line and exit code 130 on Ctrl-C.

    One that `ends_at_once` has nothing to put in order: on Ctrl-C its process is gone.
    """

    @functools.wraps(command)
    def wrapped(*args: object, verbose: bool, **kwargs: object) -> None:
        if verbose:
            show_libraries()
        try:
            with nullcontext() if ends_at_once else raised():
                command(*args, **kwargs)
        except KeyboardInterrupt:
            talk(stopped())
            raise typer.Exit(INTERRUPTED) from None

    wrapped.__doc__ = _paragraphs(command.__doc__ or "")
    # typer reads both: the parameters from the signature, their types from the annotations.
    more = inspect.Parameter(
        "verbose", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Verbose
    )
    own = inspect.signature(command, eval_str=True)
    wrapped.__signature__ = own.replace(parameters=[*own.parameters.values(), more])  # type: ignore[attr-defined]
    types = {name: each.annotation for name, each in own.parameters.items()}
    wrapped.__annotations__ = {**types, "verbose": Verbose, "return": None}
    return wrapped
