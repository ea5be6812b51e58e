"What the modules of the package import."

import ast
from pathlib import Path

from support.checkout import ROOT

PACKAGE = "ukr_letters"
MODULES = sorted(path for path in (ROOT / PACKAGE).glob("*.py") if not path.name.startswith("_"))


def imported_names(module: Path) -> set[str]:
    "Absolute dotted names of everything that a module imports, inside functions too."
    names = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(filter(None, [PACKAGE if node.level else "", node.module]))
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return names


def imported(module: Path) -> set[str]:
    "Modules of ours that a module imports."
    parts = [name.split(".") for name in imported_names(module)]
    ours = {path.stem for path in MODULES}
    return {part[1] for part in parts if part[0] == PACKAGE and len(part) > 1 and part[1] in ours}


def reached(names: set[str]) -> set[str]:
    "Modules with all that they import in turn."
    found, queue = set(), set(names)
    while queue:
        name = queue.pop()
        found.add(name)
        queue |= imported(ROOT / PACKAGE / f"{name}.py") - found
    return found
