"""What the modules of the package import of each other."""

import ast
from pathlib import Path

from support.checkout import ROOT


def imported(module: Path) -> set[str]:
    "Modules of ours that a module imports."
    nodes = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.ImportFrom)]
    return {node.module for node in nodes if node.level == 1}  # nbdev writes imports of ours as relative ones


def reached(names: set[str]) -> set[str]:
    "Modules with all that they import in turn."
    found, queue = set(), set(names)
    while queue:
        name = queue.pop()
        found.add(name)
        queue |= imported(ROOT / "ukr_letters" / f"{name}.py") - found
    return found
