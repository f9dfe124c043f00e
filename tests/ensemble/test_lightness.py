"""The room stays light: who only applies an ensemble, or asks for help, loads no compiler and no torch."""

import subprocess
import sys

import pytest

import ensemble


def test_importing_the_ensemble_loads_nothing_heavy():
    heavy = {"torch", "numpy", "numba", "scipy", "matplotlib", "pandas"}
    probe = f"import ensemble, sys; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True).stdout == "[]\n"


def test_importing_the_commands_loads_no_arrays():
    probe = "import cli.commands.ensemble, sys; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0


@pytest.mark.parametrize("name", ensemble.__all__)
def test_every_export_is_there(name):
    assert getattr(ensemble, name).__name__ == name


def test_an_unknown_export_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        _ = ensemble.fitt
