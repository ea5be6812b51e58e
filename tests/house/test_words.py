"The library explains itself, speaks from one place, and no file knows this machine; a failure names each offender."

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from support.checkout import ROOT
from support.imports import MODULES, NAMES, PACKAGE
from support.notebooks import FUNCTION, NOTEBOOK, assert_kept, sources, tree

MAX_FUNCTION = 35
CYRILLIC = re.compile(r"[\u0400-\u04ff]")
VARIABLE = re.compile(r"UKR_LETTERS_[A-Z_]+")
MAY_SPEAK = {
    "core.alphabet": "it defines the letters",
    "serve.texts": "it holds every word that a visitor reads",
    "learn.synthetic": "it knows which mark makes one letter into another",
    "learn.sources": "folders and files of the raw data are named with letters",
}
ELSEWHERE = [  # put together here, so that this file does not hold them itself
    *("/".join(["", folder, ""]) for folder in ("work", "root")),
    *(".".join(host) for host in (("pypi", "org"), ("registry", "npmjs", "org"), ("deb", "debian", "org"))),
]


def public_definitions(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    "Functions, classes and methods without a leading underscore."
    for node in body:
        if isinstance(node, (*FUNCTION, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node.body)


def unexplained(module: Path) -> Iterator[str]:
    "A public name has a docstring."
    for node in public_definitions(tree(module).body):
        if not ast.get_docstring(node):
            yield f"{node.name} has no docstring"


def test_public_names_are_explained():
    assert_kept(unexplained, MODULES)


def patched(module: Path) -> Iterator[str]:
    "A class is written whole: no checker or editor sees a method that fastcore's `patch` adds."
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "fastcore":
            yield from (f"imports {alias.name} of {node.module}" for alias in node.names if "patch" in alias.name)


def test_classes_are_written_whole():
    assert_kept(patched, MODULES)


def unwieldy(module: Path) -> Iterator[str]:
    "A function fits on a screen."
    for node in ast.walk(tree(module)):
        if isinstance(node, FUNCTION) and (lines := node.end_lineno - node.lineno + 1) > MAX_FUNCTION:
            yield f"{node.name} has {lines} lines"


def test_functions_fit_on_a_screen():
    assert_kept(unwieldy, MODULES)


def spoken(module: Path) -> list[str]:
    "String literals with Cyrillic letters, docstrings left out; in any module but a few they would escape translation."
    explained = [n for n in ast.walk(tree(module)) if isinstance(n, (ast.Module, ast.ClassDef, *FUNCTION))]
    docstrings = {id(n.body[0].value) for n in explained if ast.get_docstring(n, clean=False) is not None}
    strings = [n for n in ast.walk(tree(module)) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return [n.value for n in strings if CYRILLIC.search(n.value) and id(n) not in docstrings]


def test_words_live_in_texts():
    assert_kept(spoken, (path for name, path in NAMES.items() if name.removeprefix(f"{PACKAGE}.") not in MAY_SPEAK))


def test_every_variable_is_in_the_table():
    "The notebook of settings lists each variable of ours that the package names, and no other."
    [table] = [
        source for source in sources(NOTEBOOK[f"{PACKAGE}.core.settings"], "markdown") if "| variable |" in source
    ]
    named = {name for path in MODULES for name in VARIABLE.findall(path.read_text(encoding="utf-8"))}
    assert set(VARIABLE.findall(table)) == named


def elsewhere(file: Path) -> Iterator[str]:
    "Paths of the machine it was written on, and hosts that another one may not reach, stay out of a file."
    content = file.read_bytes()
    yield from (word for word in ELSEWHERE if word.encode() in content)


def files_of_git() -> list[Path]:
    "Files that git tracks or would add; none where the tree was copied without its history."
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    except (FileNotFoundError, subprocess.CalledProcessError):
        return []
    return sorted(ROOT / name for name in names if name and (ROOT / name).is_file())


def test_no_file_knows_this_machine():
    assert_kept(elsewhere, files_of_git())


# The rules see what breaks them


def test_the_rules_of_words_see_their_offenders(tmp_path: Path):
    module, speaking = tmp_path / "module.py", tmp_path / "speaking.py"
    body = "    x = 1\n" * MAX_FUNCTION
    module.write_text(
        f"class Kept:\n    'Kept.'\n    def bare(self): pass\ndef _own(): pass\ndef long():\n    'ї'\n{body}"
    )
    assert list(unexplained(module)) == ["bare has no docstring"]
    assert list(unwieldy(module)) == ["long has 37 lines"]
    patching = tmp_path / "patching.py"
    patching.write_text("from fastcore.basics import patch, patch_to\nfrom fastcore.script import call_parse")
    assert list(patched(patching)) == [f"imports {name} of fastcore.basics" for name in ("patch", "patch_to")]
    speaking.write_text('"ї"\ndef f(x):\n    "є"\n    return f"ґ{x}"  # ж\n')
    assert spoken(speaking) == ["ґ"]
    speaking.write_text(f"{ELSEWHERE[0]}file, {ELSEWHERE[2]}")
    assert list(elsewhere(speaking)) == [ELSEWHERE[0], ELSEWHERE[2]]
