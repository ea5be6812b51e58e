"The folders are floors, and serving knows nothing of learning; a failure names each offender."

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkout import ROOT
from support.imports import MODULES, NAMES, PACKAGE, imported, name_of
from support.notebooks import NOTEBOOK, assert_kept

LEARNING = ("torch", "torchvision", "mlflow", "dvc", "optuna", "sklearn", "pandas", "matplotlib")
SERVING = sorted(name for name in NAMES if name.split(".")[1] in ("core", "samples", "serve"))


# What pyproject.toml says of the floors


def contracts(folder: Path) -> subprocess.CompletedProcess:
    "What import-linter says of the package in a folder."
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache", folder / "pyproject.toml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_no_floor_imports_from_above():
    done = contracts(ROOT)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


# The number of a notebook orders the chapters of its folder


def test_the_reader_of_imports_sees_all_forms(tmp_path: Path):
    "Relative, absolute, whole-module and lazy imports are all found."
    path = tmp_path / "probe.py"
    path.write_text(
        "import ukr_letters.core.alphabet\nfrom ukr_letters.core import ink\n"
        "def f():\n    from ukr_letters.samples.store import open_store\n"
    )
    assert imported(path) == {f"ukr_letters.{name}" for name in ("core.alphabet", "core.ink", "samples.store")}
    assert {"ukr_letters.core.ink", "ukr_letters.samples.sample"} <= imported(NAMES["ukr_letters.samples.collect"])


def without_notebook(module: Path) -> Iterator[str]:
    "Modules are exported, never written."
    if name_of(module) not in NOTEBOOK:
        yield "no notebook in nbs is exported to it"


def from_a_later_chapter(module: Path) -> Iterator[str]:
    "A module imports of its own folder only what comes before it."
    own = NOTEBOOK[name_of(module)]
    books = {NOTEBOOK[name] for name in imported(module)}
    later = sorted(book.name for book in books if book.parent == own.parent and book.name >= own.name)
    if later:
        yield f"is {own.name} and imports {', '.join(later)}"


def test_each_module_has_its_notebook():
    assert_kept(without_notebook, MODULES)


def test_a_chapter_uses_what_comes_before_it():
    assert_kept(from_a_later_chapter, (path for path in MODULES if path.parent != ROOT / PACKAGE))


# Serving loads nothing of learning

PROBE = """
import importlib, json, sys
learning, modules = json.loads(sys.argv[1])
answers = {}
for module in modules:
    before = set(sys.modules)
    try:
        importlib.import_module(module)
        answers[module] = [name for name in learning if name in sys.modules and name not in before]
    except Exception as error:
        answers[module] = [f"{type(error).__name__}: {error}"]
print(json.dumps(answers))
"""


def brought_along(*modules: str) -> dict[str, list[str]]:
    "For each module, imported in this order by one fresh Python: what of learning it loads, or its error."
    command = [sys.executable, "-c", PROBE, json.dumps([LEARNING, modules])]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
def test_serving_loads_nothing_of_learning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    "Nor does anything that it imports; probes that load some, or cannot be imported, are caught by the same reader."
    (tmp_path / "torch.py").touch()
    (tmp_path / "offender.py").write_text("import torch")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{tmp_path}")
    answers = brought_along(*SERVING, "offender", "no_such_module")
    assert answers.pop("offender") == ["torch"]
    assert "ModuleNotFoundError" in answers.pop("no_such_module")[0]
    assert list(answers) == SERVING
    assert not (found := {module: loaded for module, loaded in answers.items() if loaded}), found


# The rules see what breaks them


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("core/ink.py", "from ukr_letters.samples.sample import Sample"),
        ("samples/store.py", "from ukr_letters.learn.model import create"),
        ("learn/train.py", "from ukr_letters.samples.store import open_store"),
        ("serve/draw.py", "from ukr_letters.release.registry import Registry"),
        ("serve/api.py", "def f():\n    import torch"),
    ],
)
def test_the_contracts_see_what_breaks_them(module: str, line: str, tmp_path: Path):
    "Modules without any import keep each contract; one line breaks it."
    for path in MODULES:
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        for file in (copy, copy.with_name("__init__.py"), tmp_path / PACKAGE / "__init__.py"):
            file.touch()
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    assert contracts(tmp_path).returncode == 0
    (tmp_path / PACKAGE / module).write_text(line)
    broken = contracts(tmp_path)
    assert broken.returncode == 1 and "is not allowed to import" in broken.stdout, broken.stdout


def test_the_rules_of_chapters_see_their_offenders(tmp_path: Path):
    odd = tmp_path / "odd.py"
    odd.write_text("from ukr_letters.core.ink import glyph")
    assert list(without_notebook(odd)) and not list(without_notebook(NAMES["ukr_letters.core.ink"]))
