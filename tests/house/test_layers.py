"The number of a notebook is its floor, and serving knows nothing of learning; a failure names each offender."

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkout import ROOT
from support.imports import MODULES, PACKAGE, imported
from support.notebooks import FUNCTION, LIBRARY, NUMBER, assert_kept, tree

LEARNING = ("torch", "torchvision", "mlflow", "dvc", "optuna", "sklearn", "pandas", "matplotlib")
SERVING = sorted((m for m, n in NUMBER.items() if n < 24 or n in (53, 57) or n >= 58 and m != "cli"), key=NUMBER.get)


# The number is the floor


def test_the_reader_of_imports_sees_all_forms(tmp_path: Path):
    "Relative, absolute, whole-module and lazy imports are all found."
    path = tmp_path / "probe.py"
    path.write_text(
        "from .ink import glyph\nfrom . import config\nimport ukr_letters.alphabet\n"
        "def f():\n    from ukr_letters import sample\n    from ukr_letters.store import open_store\n"
    )
    assert imported(path) == {"ink", "config", "alphabet", "sample", "store"}


def test_each_floor_has_its_own_number():
    assert len(set(NUMBER.values())) == len(NUMBER) == len(LIBRARY)


def without_notebook(module: Path) -> Iterator[str]:
    "Modules are exported, never written."
    if module.stem not in NUMBER:
        yield "no notebook in nbs/lib is exported to it"


def climbing(module: Path) -> Iterator[str]:
    "A module imports only modules with smaller numbers."
    own = NUMBER.get(module.stem, 1000)
    higher = sorted(name for name in imported(module) if NUMBER.get(name, 1000) >= own)
    if higher:
        yield f"is number {own} and imports {', '.join(f'{name} ({NUMBER.get(name)})' for name in higher)}"


def test_each_module_has_its_notebook():
    assert_kept(without_notebook, MODULES)


def test_a_module_stands_only_on_lower_floors():
    assert_kept(climbing, MODULES)


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
    serving = [f"{PACKAGE}.{name}" for name in SERVING]
    answers = brought_along(*serving, "offender", "no_such_module")
    assert answers.pop("offender") == ["torch"]
    assert "ModuleNotFoundError" in answers.pop("no_such_module")[0]
    assert list(answers) == serving
    assert not (found := {module: loaded for module, loaded in answers.items() if loaded}), found


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    "The syntax that runs when a module is imported."
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (*FUNCTION, ast.Lambda)):
            yield child
            yield from at_import(child)


def learning_named(module: Path) -> Iterator[str]:
    "A module of serving names nothing of learning, not even behind a `try` that swallows the error without torch."
    for node in at_import(tree(module)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        yield from (f"imports {name}" for name in names if name.split(".")[0] in LEARNING)


def test_serving_names_nothing_of_learning():
    assert_kept(learning_named, (path for path in MODULES if path.stem in SERVING))


# The rules see what breaks them


def test_the_rules_of_layers_see_their_offenders(tmp_path: Path):
    odd, low = tmp_path / "odd.py", tmp_path / "alphabet.py"
    odd.write_text(
        "try:\n    import torch.nn\nexcept ImportError:\n    from optuna import Study\ndef f():\n    import dvc"
    )
    low.write_text("from .ink import glyph\nfrom ukr_letters import alphabet")
    assert list(without_notebook(odd)) and not list(without_notebook(low))
    assert list(learning_named(odd)) == ["imports torch.nn", "imports optuna"]
    (wrong,) = climbing(low)
    assert "ink (" in wrong and "alphabet (" in wrong
    assert not list(climbing(odd))
