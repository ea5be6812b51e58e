"The glossary and the package name things alike."

import ast
import re
from collections.abc import Iterator

import pytest
import yaml
from support.checkout import ROOT
from support.imports import MODULES, NAMES, PACKAGE
from support.notebooks import FUNCTION, names_of, tree

CODE = re.compile(r"`(\w+)`")
TERMS, FORMER_MODULES = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").split("## Modules")
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in TERMS.splitlines() if line.startswith("| ")][1:]


def bound(node: ast.stmt) -> Iterator[str]:
    "Yield the names that a statement of a module or a class gives to others: functions, parameters, classes, fields."
    yield from () if isinstance(node, ast.Import | ast.ImportFrom) else names_of(node)
    if isinstance(node, FUNCTION):
        yield from (argument.arg for argument in [*node.args.args, *node.args.kwonlyargs])
        if node.name == "__init__":
            stored = (
                one for one in ast.walk(node) if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store)
            )
            yield from (one.attr for one in stored)
    if isinstance(node, ast.ClassDef):
        yield from (name for inner in node.body for name in bound(inner))


@pytest.fixture(scope="module")
def public() -> set[str]:
    "All names that the package gives to others, and those of params.yaml."
    sections = yaml.safe_load((ROOT / "params.yaml").read_text())
    inner = {name for section in sections.values() for name in section}
    names = {name for module in MODULES for node in tree(module).body for name in bound(node)}
    return {name for name in names if not name.startswith("_")} | sections.keys() | inner


def test_a_row_explains_one_term_in_a_sentence():
    terms = [row[0] for row in ROWS]
    assert len(terms) > 40 and terms == sorted(set(terms), key=str.lower)
    assert not [row for row in ROWS if len(row) != 4 or not row[2].endswith(".")]


def test_each_name_in_code_exists(public: set[str]):
    assert not [name for row in ROWS for name in CODE.findall(row[1]) if name not in public]


def test_no_former_name_is_in_use(public: set[str]):
    former = [name for row in ROWS for name in CODE.findall(row[3])]
    assert len(former) > 20 and not [name for name in former if name in public]


def test_former_modules_are_gone_and_lead_to_those_of_today():
    rows = [line.split("|")[1:3] for line in FORMER_MODULES.splitlines() if line.startswith("| `")]
    today = [name for _, cell in rows for name in re.findall(r"`([\w.]+)`", cell)]
    assert len(rows) > 10 and not [name for name in today if f"{PACKAGE}.{name}" not in NAMES]
    assert not [name for cell, _ in rows for name in CODE.findall(cell) if f"{PACKAGE}.{name}" in NAMES]
