"""Letters and digits as strokes of a hand."""

import json
from itertools import product
from math import cos, pi, sin
from pathlib import Path

from ukr_letters.core.ink import measure
from ukr_letters.core.recognizer import Recognition, Recognizer
from ukr_letters.serve.pad import LINES

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


def doubted() -> list[list[list[float]]]:
    "A bow between a small с and a capital, of which the shipped network names both."
    for height in range(100, 180, 5):
        ink = [
            [[200 + height / 140 * (x - 200), 296 - height / 140 * (296 - y)] for x, y in stroke]
            for stroke in letter("с")
        ]
        if set(read_on_pad(ink).named) == set("сС"):
            return ink
    raise ValueError("the network tells every с from С")


def arc(middle: float, width: float, height: float, start: float, end: float) -> list[list[float]]:
    "A part of an ellipse with these radii, clockwise between two turns; 0 is its top."
    turns = [2 * pi * (start + (end - start) * step / 40) for step in range(41)]
    return [[200 + width * sin(turn), middle - height * cos(turn)] for turn in turns]


def ring(top: float, width: float) -> list[list[list[float]]]:
    "An ellipse from a height of the pad down to the baseline."
    height = (LINES["baseline"] - top) / 2
    return [arc(top + height, width, height, 0, 1)]


def two_bows(top: float, width: float) -> list[list[list[float]]]:
    "A shape that is з, З or 3, from a height of the pad down to the baseline."
    height = (LINES["baseline"] - top) / 4
    return [arc(top + height, width, height, -0.17, 0.5) + arc(top + 3 * height, 1.1 * width, height, 0, 0.67)]


def round_twin() -> list[list[list[float]]]:
    "A ring on the baseline of which the shipped network names a digit and a letter."
    for width, height in product(range(30, 100, 10), range(60, 120, 10)):
        ink = ring(LINES["baseline"] - 2 * height, width)
        if set("0") < set(named := read_on_pad(ink).named) and named[0] in "оО":
            return ink
    raise ValueError("the network tells every О from 0")


UPRIGHT = [(0, 0), (0, 1)]
BOWS = [(0, 0), (0.5, 0.02), (0.7, 0.2), (0.5, 0.45), (0, 0.48), (0.6, 0.52), (0.85, 0.75), (0.6, 0.97), (0, 1)]
ONE_SHAPE = {  # turns of letters whose small and capital forms are alike; 0, 0 is the upper left corner, 1, 1 the lower right
    "в": [UPRIGHT, BOWS],
    "г": [[(0.7, 0), (0, 0), (0, 1)]],
    "ж": [[(0, 0), (0.5, 0.5), (0, 1)], [(0.5, 0), (0.5, 1)], [(1, 0), (0.5, 0.5), (1, 1)]],
    "и": [[(0, 0), (0, 1), (0.8, 0), (0.8, 1)]],
    "к": [UPRIGHT, [(0.7, 0), (0, 0.5), (0.7, 1)]],
    "м": [[(0, 1), (0.1, 0), (0.5, 0.7), (0.9, 0), (1, 1)]],
    "н": [UPRIGHT, [(0, 0.5), (0.8, 0.5)], [(0.8, 0), (0.8, 1)]],
    "п": [[(0, 1), (0, 0), (0.8, 0), (0.8, 1)]],
    "т": [[(0, 0), (0.9, 0)], [(0.45, 0), (0.45, 1)]],
    "х": [[(0, 0), (0.8, 1)], [(0.8, 0), (0, 1)]],
    "ш": [[(0, 0), (0, 1), (1, 1), (1, 0)], [(0.5, 0), (0.5, 1)]],
}


def plain_letter(char: str, top: float) -> list[list[list[float]]]:
    "A letter in straight strokes, from a height of the pad down to the baseline."
    side = LINES["baseline"] - top
    return [[[200 + side * (x - 0.5), top + side * y] for x, y in turns] for turns in ONE_SHAPE[char]]


def read_on_pad(ink: list[list[list[float]]]) -> Recognition:
    "What the shipped network reads in strokes on the guide lines of the pad."
    return Recognizer().recognize(ink, size=measure(ink, LINES["x_height"], LINES["baseline"]))


def letter(char: str) -> list[list[list[float]]]:
    "The strokes of a letter or digit, as the pad records them but without times."
    return [smooth(turns) for turns in TURNS[char]]
