import inspect
import subprocess
import sys

import pytest

import ckpt_analyzer

MOST_NAMES = 12


@pytest.mark.parametrize("name", ckpt_analyzer.__all__)
def test_every_public_name_is_a_documented_function(name):
    function = getattr(ckpt_analyzer, name)
    assert inspect.isfunction(function)
    documented = inspect.getdoc(function)
    assert documented
    for parameter in inspect.signature(function).parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty
        if parameter.kind is parameter.KEYWORD_ONLY:
            assert parameter.name in documented, f"{name} does not say what {parameter.name} is"


def test_the_public_names_are_few_sorted_and_offered_for_completion():
    assert len(ckpt_analyzer.__all__) <= MOST_NAMES
    assert list(ckpt_analyzer.__all__) == sorted(ckpt_analyzer.__all__)
    assert set(ckpt_analyzer.__all__) <= set(dir(ckpt_analyzer))


def test_a_star_import_gives_exactly_these():
    names = {}
    exec("from ckpt_analyzer import *", names)
    assert set(names) - {"__builtins__"} == set(ckpt_analyzer.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = ckpt_analyzer.nonsense


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, ckpt_analyzer; assert not {'torch', 'pandas', 'altair'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
