"The notebooks and modules of the checkout, read as they are, and rules that all of them keep."

import ast
import json
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from support.checkout import ROOT
from support.imports import PACKAGE

EXPORTED = re.compile(r"^#\|\s*default_exp\s+([\w.]+)", re.MULTILINE)
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def notebooks(*folders: str) -> list[Path]:
    "The notebooks below folders of the checkout."
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.ipynb")]
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


@cache
def cells(path: Path) -> list[dict]:
    "The cells of a notebook, their sources joined."
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in found]


def sources(path: Path, kind: str) -> list[str]:
    "The sources of a notebook's cells of one kind, `code` or `markdown`."
    return [cell["source"] for cell in cells(path) if cell["cell_type"] == kind]


def parsed(source: str) -> ast.Module:
    "The syntax of a code cell without its magics."
    lines = [] if source.startswith("%%") else source.splitlines()
    return ast.parse("\n".join(line for line in lines if not line.lstrip().startswith(("%", "!"))))


def names_of(node: ast.stmt) -> set[str]:
    "Names that a statement of a module or a class binds there."
    if isinstance(node, (*FUNCTION, ast.ClassDef)):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    targets = [target for target in getattr(node, "targets", [getattr(node, "target", None)]) if target]
    stored = (one for target in targets for one in ast.walk(target) if isinstance(one, ast.Name))
    return {one.id for one in stored if isinstance(one.ctx, ast.Store)}


@cache
def tree(path: Path) -> ast.Module:
    "The syntax of a module, or of all code cells of a notebook."
    if path.suffix == ".py":
        return ast.parse(path.read_text(encoding="utf-8"))
    return ast.Module([node for source in sources(path, "code") for node in parsed(source).body], [])


def exported_module(path: Path) -> str | None:
    "The module that a notebook is exported to, such as `ukr_letters.core.ink`."
    found = [EXPORTED.search(cell["source"]) for cell in cells(path)]
    return next((f"{PACKAGE}.{match[1]}" for match in found if match), None)


LIBRARY = [path for path in notebooks("nbs") if exported_module(path)]
NOTEBOOK = {exported_module(path): path for path in LIBRARY}
ALL_NOTEBOOKS = notebooks("nbs", "dashboards")


def assert_kept(rule: Callable[[Path], Iterable[str]], paths: Iterable[Path]) -> None:
    "Fail with each file that breaks a rule; the rule says of one file all that is wrong with it."
    found = [f"{path.relative_to(ROOT).as_posix()}: {wrong}" for path in paths for wrong in rule(path)]
    assert not found, "\n".join(["", *found])


def probe(path: Path, code: list[str], words: str, outputs: list = (), execution_count: int | None = None) -> Path:
    "A notebook of one cell of words and some of code, to break a rule with."
    cell = {"cell_type": "code", "outputs": list(outputs), "execution_count": execution_count}
    written = [{"cell_type": "markdown", "source": words}, *({**cell, "source": source} for source in code)]
    path.write_text(json.dumps({"cells": written}))
    return path
