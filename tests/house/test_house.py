"""The house rules, read from the notebooks and the modules as they are; a failure names the file."""

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from support.checkout import ROOT

PACKAGE = "ukr_letters"
EXPORTED = re.compile(r"^#\|\s*default_exp\s+(\w+)", re.MULTILINE)


def named(paths) -> dict:
    "Test parameters that carry the path of each file below the root as their name."
    paths = sorted(paths)
    return dict(argvalues=paths, ids=[path.relative_to(ROOT).as_posix() for path in paths])


def notebooks(folder: str) -> list[Path]:
    "The notebooks below a folder of the checkout."
    return [path for path in (ROOT / folder).rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts]


@cache
def cells(path: Path) -> list[dict]:
    "The cells of a notebook, their sources joined."
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in found]


@cache
def tree(path: Path) -> ast.Module:
    "The syntax of a module, or of all code cells of a notebook without their magics."
    if path.suffix == ".py":
        return ast.parse(path.read_text(encoding="utf-8"))
    code = [cell["source"] for cell in cells(path) if cell["cell_type"] == "code"]
    lines = [line for source in code if not source.startswith("%%") for line in source.splitlines()]
    return ast.parse("\n".join(line for line in lines if not line.lstrip().startswith(("%", "!"))))


def exported_module(path: Path) -> str | None:
    "The module that a notebook is exported to."
    found = [EXPORTED.search(cell["source"]) for cell in cells(path)]
    return next((match[1] for match in found if match), None)


LIBRARY = [path for path in notebooks("nbs/lib") if exported_module(path)]
NUMBER = {exported_module(path): int(path.name.split("_")[0]) for path in LIBRARY}  # module -> floor
MODULES = [path for path in (ROOT / PACKAGE).glob("*.py") if not path.name.startswith("_")]
ALL_NOTEBOOKS = notebooks("nbs") + notebooks("dashboards")


# The number is the floor


def imported_names(path: Path) -> set[str]:
    "Absolute dotted names of all imports of one of our modules, those inside functions included."
    names = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(filter(None, [PACKAGE if node.level else "", node.module]))
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return names


def own_imports(path: Path) -> set[str]:
    "The modules of our package that a module imports."
    parts = [name.split(".") for name in imported_names(path)]
    return {part[1] for part in parts if part[0] == PACKAGE and len(part) > 1 and part[1] in known_modules()}


def known_modules() -> set[str]:
    "Modules that have a notebook or a file."
    return set(NUMBER) | {path.stem for path in MODULES}


def test_the_reader_of_imports_sees_all_forms(tmp_path):
    "Relative, absolute, whole-module and lazy imports are all found."
    path = tmp_path / "probe.py"
    path.write_text(
        "from .ink import glyph\nfrom . import config\nimport ukr_letters.alphabet\n"
        "def f():\n    from ukr_letters import sample\n    from ukr_letters.store import open_store\n"
    )
    assert own_imports(path) == {"ink", "config", "alphabet", "sample", "store"}


def test_each_floor_has_its_own_number():
    assert len(set(NUMBER.values())) == len(NUMBER) == len(LIBRARY)


@pytest.mark.parametrize("path", **named(MODULES))
def test_a_module_stands_only_on_lower_floors(path):
    "Each module has its notebook and imports only modules with smaller numbers."
    assert path.stem in NUMBER, f"{path.name} has no notebook in nbs/lib: modules are exported, never written"
    higher = {name for name in own_imports(path) if NUMBER.get(name, 1000) >= NUMBER[path.stem]}
    assert not higher, f"{path.stem} is number {NUMBER[path.stem]} and imports {', '.join(sorted(higher))}"


# Two houses: serving knows nothing of learning

LEARNING = ("torch", "torchvision", "mlflow", "dvc", "optuna", "sklearn", "pandas", "matplotlib")
SERVING = sorted((m for m, n in NUMBER.items() if n < 24 or n in (53, 57) or n >= 58 and m != "cli"), key=NUMBER.get)

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


@cache
def brought_along(modules: tuple[str, ...]) -> dict[str, list[str]]:
    "For each module, imported in this order by a fresh Python: what of learning it loads, or its error."
    command = [sys.executable, "-c", PROBE, json.dumps([LEARNING, modules])]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def test_the_probe_sees_what_is_loaded():
    "A module that brings learning along is caught, and so is one that cannot be imported."
    answers = brought_along(("json", "sklearn", "no_such_module"))
    assert not answers["json"] and "sklearn" in answers["sklearn"]
    assert "ModuleNotFoundError" in answers["no_such_module"][0]


@pytest.mark.parametrize("module", SERVING)
def test_serving_loads_nothing_of_learning(module):
    "Importing a serving module, and everything it imports, leaves torch and its like alone."
    assert not brought_along(tuple(f"{PACKAGE}.{name}" for name in SERVING))[f"{PACKAGE}.{module}"]


def module_level(node: ast.AST):
    "The statements that run when a module is imported."
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from module_level(child)


@pytest.mark.parametrize("path", **named(path for path in MODULES if path.stem in SERVING))
def test_serving_names_nothing_of_learning(path):
    "Not even behind a `try` that swallows the error on a machine without torch."
    found = set()
    for node in module_level(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    assert not found & set(LEARNING)


# A notebook is an essay

MAX_LINES, MAX_CELLS = 40, 80
WORDS_PER_CODE_CELL = 4


@pytest.mark.parametrize("path", **named(notebooks("nbs")))
def test_a_notebook_begins_with_its_title(path):
    "`# Title` and `> subtitle`; the dashboards are pages for visitors and bring their own."
    lines = cells(path)[0]["source"].splitlines()
    assert cells(path)[0]["cell_type"] == "markdown" and len(lines) > 1, "the first cell is the title"
    assert re.match(r"# \S", lines[0]) and re.match(r"> \S", lines[1])


@pytest.mark.parametrize("path", **named(ALL_NOTEBOOKS))
def test_cells_are_small_and_few(path):
    long = [c["source"].splitlines()[0] for c in cells(path) if len(c["source"].splitlines()) > MAX_LINES]
    assert not long, f"cells over {MAX_LINES} lines, beginning with {long}"
    assert len(cells(path)) <= MAX_CELLS


@pytest.mark.parametrize("path", **named(notebooks("nbs")))
def test_prose_stands_between_the_code(path):
    kinds = {kind: [c["source"] for c in cells(path) if c["cell_type"] == kind] for kind in ("code", "markdown")}
    words = sum(len(source.split()) for source in kinds["markdown"])
    assert words >= WORDS_PER_CODE_CELL * len(kinds["code"])


@pytest.mark.parametrize("path", **named(ALL_NOTEBOOKS + MODULES))
def test_imports_are_named(path):
    "No `import *`: a reader must see where a name comes from."
    stars = [n.module for n in ast.walk(tree(path)) if isinstance(n, ast.ImportFrom) and n.names[0].name == "*"]
    assert not stars


@pytest.mark.parametrize("path", **named(notebooks("nbs/lib") + notebooks("nbs/explore")))
def test_imports_have_their_own_cells(path):
    "nbdev runs import cells by themselves when it makes documentation; code among them would run twice."
    mixed = []
    for cell in cells(path):
        if cell["cell_type"] != "code" or cell["source"].startswith(("%", "!")):
            continue
        kinds = {isinstance(node, ast.Import | ast.ImportFrom) for node in ast.parse(cell["source"]).body}
        if kinds == {True, False}:
            mixed.append(cell["source"].splitlines()[0])
    assert not mixed, f"cells that mix imports with code, beginning with {mixed}"


@pytest.mark.parametrize("path", **named(ALL_NOTEBOOKS))
def test_notebooks_are_clean(path):
    "Saved outputs change a stage's hash and hide the real change in a diff: `nbdev_clean` removes them."
    code = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] for cell in code), "saved outputs"
    assert not any(cell["execution_count"] for cell in code), "execution counts"


@pytest.mark.parametrize("path", **named([*notebooks("nbs/pipeline"), *notebooks("dashboards")]))
def test_stages_and_pages_hold_no_logic(path):
    "They call the library; a function or class there could not be tested or reused."
    logic = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    assert not [node.name for node in ast.walk(tree(path)) if isinstance(node, logic)]


PICTURE = re.compile(r"!\[[^\]]+\]\((images/[^)]+)\)")
MAX_PICTURE = 120_000  # bytes: they live in git, where nothing is ever thrown away


@pytest.mark.parametrize("path", **named(notebooks("nbs/explore")))
def test_essays_come_with_their_pictures(path):
    "A reader on a code host sees what running the essay showed."
    shown = [path.parent / name for cell in cells(path) for name in PICTURE.findall(cell["source"])]
    assert shown and not [picture.name for picture in shown if not picture.is_file()]
    assert max(picture.stat().st_size for picture in shown) <= MAX_PICTURE


def test_no_picture_is_left_over():
    "Every picture of the essays is shown in one of them."
    shown = {
        name for path in notebooks("nbs/explore") for cell in cells(path) for name in PICTURE.findall(cell["source"])
    }
    assert {f"images/{picture.name}" for picture in (ROOT / "nbs/explore/images").iterdir()} == shown


# The library explains itself

MAX_FUNCTION = 35
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def public_definitions(body: list[ast.stmt]):
    "Functions, classes and methods without a leading underscore."
    for node in body:
        if isinstance(node, (*FUNCTION, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node.body)


@pytest.mark.parametrize("path", **named(MODULES))
def test_public_names_are_explained(path):
    bare = [node.name for node in public_definitions(tree(path).body) if not ast.get_docstring(node)]
    assert not bare, f"without a docstring: {', '.join(bare)}"


@pytest.mark.parametrize("path", **named(MODULES))
def test_functions_fit_on_a_screen(path):
    functions = [node for node in ast.walk(tree(path)) if isinstance(node, FUNCTION)]
    long = [f.name for f in functions if f.end_lineno - f.lineno + 1 > MAX_FUNCTION]
    assert not long, f"over {MAX_FUNCTION} lines: {', '.join(long)}"


# One place for words

CYRILLIC = re.compile(r"[\u0400-\u04ff]")
MAY_SPEAK = {
    "alphabet": "it defines the letters",
    "texts": "it holds every word that a visitor reads",
    "composed": "it knows which mark makes one letter into another",
    "sources": "folders and files of the raw data are named with letters",
}


def spoken(path: Path) -> list[str]:
    "String literals with Cyrillic letters, docstrings left out."
    explained = [n for n in ast.walk(tree(path)) if isinstance(n, (ast.Module, ast.ClassDef, *FUNCTION))]
    docstrings = {id(n.body[0].value) for n in explained if ast.get_docstring(n, clean=False) is not None}
    strings = [n for n in ast.walk(tree(path)) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return [n.value for n in strings if CYRILLIC.search(n.value) and id(n) not in docstrings]


def test_the_reader_of_words_tells_docstrings_apart(tmp_path):
    path = tmp_path / "probe.py"
    path.write_text('"ї"\ndef f(x):\n    "є"\n    return f"ґ{x}"  # ж\n')
    assert spoken(path) == ["ґ"]


@pytest.mark.parametrize("path", **named(path for path in MODULES if path.stem not in MAY_SPEAK))
def test_words_live_in_texts(path):
    "Ukrainian in any other room would escape translation."
    assert not spoken(path)


# Nothing of this machine

ELSEWHERE = [  # put together here, so that this file does not hold them itself
    *("/".join(["", folder, ""]) for folder in ("work", "root")),
    *(".".join(host) for host in (("pypi", "org"), ("registry", "npmjs", "org"), ("deb", "debian", "org"))),
]


def files_of_git() -> list[Path]:
    "Files that git tracks or would add; none where the tree was copied without its history."
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    except (FileNotFoundError, subprocess.CalledProcessError):
        return []
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("path", **named(files_of_git()))
def test_no_file_knows_this_machine(path):
    "Paths of the machine it was written on, and hosts that another one may not reach, stay out."
    content = path.read_bytes()
    assert not [word for word in ELSEWHERE if word.encode() in content]
