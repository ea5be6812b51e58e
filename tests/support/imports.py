"What the modules of the package import."

import ast
import re
from pathlib import Path

from support.checkout import ROOT

PACKAGE = "ukr_letters"
MODULES = sorted(path for path in (ROOT / PACKAGE).rglob("*.py") if not path.name.startswith("_"))


def name_of(module: Path) -> str:
    "Dotted name of a module of ours, such as `ukr_letters.core.ink`; one that lies elsewhere has its own name."
    within = module.relative_to(ROOT) if module.is_relative_to(ROOT) else Path(module.name)
    return ".".join(within.with_suffix("").parts)


NAMES = {name_of(path): path for path in MODULES}


def imported_names(module: Path) -> set[str]:
    "Absolute dotted names of everything that a module imports, inside functions too."
    names, parents = set(), name_of(module).split(".")[:-1]
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = parents[: len(parents) + 1 - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return names


def imported(module: Path) -> set[str]:
    "Modules of ours that a module imports, by their dotted names."
    return imported_names(module) & NAMES.keys()


def reached(names: set[str]) -> set[str]:
    "Modules with all that they import in turn, by their dotted names."
    found, queue = set(), set(names)
    while queue:
        name = queue.pop()
        found.add(name)
        queue |= imported(NAMES[name]) - found
    return found


def modules_of(stage: dict) -> set[str]:
    "Modules of ours that a stage of a dvc.yaml depends on, by their dotted names."
    return {name_of(ROOT / dep) for dep in stage["deps"] if re.match(rf"{PACKAGE}/.*\.py$", dep)}


def lists_of(modules: set[str]) -> set[str]:
    "Text files of the package that modules name, as paths in the checkout."
    files = {path.relative_to(ROOT).as_posix(): path.name for path in (ROOT / PACKAGE).rglob("*.txt")}
    code = [NAMES[name].read_text(encoding="utf-8") for name in modules]
    return {path for path, name in files.items() if any(name in text for text in code)}
