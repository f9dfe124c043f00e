"""The front door of `zoo`: each name is there, and loading it costs nothing until it is used."""

import subprocess
import sys

import pytest

import zoo


@pytest.mark.parametrize("name", zoo.__all__)
def test_each_name_is_the_function_or_class_of_that_name(name):
    assert getattr(zoo, name).__name__ == name


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'tain'"):
        zoo.tain  # noqa: B018


def test_importing_zoo_loads_neither_torch_nor_numpy():
    code = "import sys, zoo; assert not {'torch', 'numpy', 'pandas'} & set(sys.modules); assert callable(zoo.train)"
    subprocess.run([sys.executable, "-c", code], check=True)
