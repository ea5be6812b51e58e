"""The names that `import ukr_letters` offers, and what that costs."""

import ast
import importlib
import subprocess
import sys

import pytest
from support.checkout import ROOT

import ukr_letters


def test_the_public_names_are_those_of_their_modules():
    "What a type checker reads, what `__getattr__` finds and what `__all__` lists are the same."
    tree = ast.parse((ROOT / "ukr_letters/__init__.py").read_text(encoding="utf-8"))
    read = {
        alias.name: node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    del read["import_module"]
    assert read.keys() == set(ukr_letters.__all__) <= set(dir(ukr_letters))
    for name, module in read.items():
        assert getattr(ukr_letters, name) is getattr(importlib.import_module(f"ukr_letters.{module}"), name)


def test_a_name_that_is_none_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'Recogniser'"):
        _ = ukr_letters.Recogniser


def test_what_the_readme_once_showed_tells_its_name_of_today():
    for module in ("ink", "recognizer"):
        with pytest.raises(ModuleNotFoundError, match=f"is now ukr_letters.core.{module}"):
            importlib.import_module(f"ukr_letters.{module}")
    with pytest.raises(ModuleNotFoundError, match="No module named 'ukr_letters.recogniser'"):
        importlib.import_module("ukr_letters.recogniser")
    with pytest.raises(AttributeError, match="ood_score"):
        _ = ukr_letters.Recognizer().recognize([]).other


def test_importing_the_package_loads_nothing_else():
    "No numpy, no onnxruntime, no torch, and no module of ours until a name is asked for."
    ask = (
        "import sys; before = set(sys.modules); import ukr_letters; print(sorted(set(sys.modules) - before));"
        "from ukr_letters import Recognizer; print('onnxruntime' in sys.modules, 'torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == ["['ukr_letters']", "True False"]


@pytest.mark.parametrize(
    ("command", "missing", "extra"), [("ukr_api", "fastapi", "api"), ("ukr_tune", "torch", "train")]
)
def test_a_command_says_what_it_needs_where_that_is_not_installed(command: str, missing: str, extra: str):
    "Not even its help can be shown, because that is read from the function that it calls."
    ask = f"import sys; sys.modules[{missing!r}] = None; from ukr_letters.cli import {command}; {command}()"
    told = subprocess.run(
        [sys.executable, "-c", ask, *(["--help"] if extra == "api" else [])], cwd=ROOT, capture_output=True, text=True
    )
    assert told.returncode == 1 and "Traceback" not in told.stderr, told.stderr
    assert f"{missing} is not installed" in told.stderr and f"pip install -e '.[{extra}]'" in told.stderr
