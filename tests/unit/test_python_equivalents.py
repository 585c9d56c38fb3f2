"""Everything that the command line does has a name in Python: every verb, every option."""

import dataclasses
import inspect
import re

import pytest
import typer.main

import ckpt_analyzer
from ckpt_analyzer.cli import app
from docs.python_equivalents import EQUIVALENTS, OF_THE_TERMINAL
from docs.python_reference import RECORDS, RETURNED

NAMED = {record.__name__: record for record in (*RECORDS, *RETURNED)}


def verbs(command, name=""):
    if not hasattr(command, "commands"):
        yield name, command
        return
    for key, each in command.commands.items():
        yield from verbs(each, f"{name} {key}".strip())


VERBS = dict(verbs(typer.main.get_command(app)))


def option_names(command):
    for parameter in command.params:
        is_argument = parameter.param_type_name == "argument"
        yield (parameter.metavar or parameter.name) if is_argument else max(parameter.opts, key=len)


def found(name):
    """What a name of the table stands for: a public function, a method, or a record's field."""
    owner, _, attribute = name.partition(".")
    if not attribute:
        assert name in ckpt_analyzer.__all__, f"{name} is no public name"
        return getattr(ckpt_analyzer, name)
    assert owner in NAMED, f"{owner} is not in docs/python.md"
    fields = {field.name for field in dataclasses.fields(NAMED[owner])}
    assert attribute in fields or callable(getattr(NAMED[owner], attribute, None)), name
    return getattr(NAMED[owner], attribute, None)


def test_every_verb_is_in_the_table_and_no_other():
    assert set(EQUIVALENTS) == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_a_verb_has_a_name_in_python(verb):
    options = {name for name in option_names(VERBS[verb]) if name not in OF_THE_TERMINAL}
    assert options == set(EQUIVALENTS[verb].options)


@pytest.mark.parametrize("verb", EQUIVALENTS)
def test_every_name_of_the_table_is_there(verb):
    equivalent = EQUIVALENTS[verb]
    parameters = inspect.signature(found(equivalent.call)).parameters
    for where in equivalent.options.values():
        call, _, named = re.fullmatch(r"([\w.]+)(\((\w+)\))?", where).groups()
        if named:
            assert named in inspect.signature(found(call)).parameters, where
        elif where not in parameters:
            found(where)
