"""Letters and digits as strokes of a hand."""

import json
from pathlib import Path

# Traced by hand on the guide lines of the pad (400 x 400 units): the points where a pen turns.
TURNS = json.loads((Path(__file__).parent / "strokes.json").read_text(encoding="utf-8"))
STEPS = 6  # points between two turns, about what a browser reports at a writing pace


def between(before: list, start: list, end: list, after: list, part: float) -> list[float]:
    "A point on the smooth curve through four turns (Catmull-Rom), `part` of the way from start to end."
    weights = (
        part * (part * (2 - part) - 1) / 2,
        (part**2 * (3 * part - 5) + 2) / 2,
        part * (part * (4 - 3 * part) + 1) / 2,
        part**2 * (part - 1) / 2,
    )
    return [sum(w * p[axis] for w, p in zip(weights, (before, start, end, after), strict=True)) for axis in (0, 1)]


def smooth(turns: list[list[float]]) -> list[list[float]]:
    "The path of the pen through its turns; a single turn is a tap, and a tap trembles."
    if len(turns) == 1:
        (x, y), *_ = turns
        return [[x, y], [x + 1, y + 1], [x, y]]
    ends = [turns[0], *turns, turns[-1]]
    path = [between(*ends[i : i + 4], step / STEPS) for i in range(len(turns) - 1) for step in range(STEPS)]
    return [*path, turns[-1]]


def letter(char: str) -> list[list[list[float]]]:
    "The strokes of a letter or digit, as the pad records them but without times."
    return [smooth(turns) for turns in TURNS[char]]
