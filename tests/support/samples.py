"""Drawings for the tests of all rooms that keep or judge some."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from support.strokes import letter

from ukr_letters.pad import LINES, SIZE
from ukr_letters.sample import Sample, Verdict

CANVAS = {"width": 320, "height": 300, "cap": 60, "x_height": 110, "baseline": 220, "descender": 270}
GUESS = {"mode": "auto", "top": [["ї", 0.91], ["і", 0.06]], "uppercase_probability": 0.2}


def drawing(number: int = 0, points: int = 60) -> Sample:
    "A sample of usual size; each number gives another drawing."
    strokes = [[[100 + i, 120 + number % 97 + i / 10, 8 * i] for i in range(points)], [[90.5, 95, 8 * points]]]
    return Sample(
        ink=strokes,
        label="ї",
        uppercase=False,
        guess=GUESS,
        model="3f9c2a7d",
        renderer="1",
        writer=f"writer-{number:06d}",
        device="touch",
        canvas=CANVAS,
        created="2026-11-23T09:45:12.345+00:00",
        notice="1",
    )


GOOD = drawing()


def said(decision: str, label: str | None = None, judge: str = "olena", second: int = 0, **changes) -> Verdict:
    "A verdict on the good drawing, given in a second of a morning."
    moment = datetime(2026, 11, 24, 8, tzinfo=UTC) + timedelta(seconds=second)
    reason = "scribble" if decision == "reject" else None
    verdict = Verdict(GOOD.id, decision, label, False if label else None, reason, judge, moment.isoformat())
    return replace(verdict, **changes)


SLANT = 0.07  # how much more one drawing of a letter leans than the one before


def traced(char: str, said: str | None, number: int = 0, writer: str = "0") -> Sample:
    "A letter drawn once more, and what its writer says that it is."
    ink, clock = [], 0
    for stroke in letter(char):
        ink.append([[x + SLANT * number * (296 - y), y, clock + 10 * i] for i, (x, y) in enumerate(stroke)])
        clock = ink[-1][-1][2] + 100
    label = said and said.lower()
    return Sample(
        ink=ink, label=label, uppercase=said.isupper() if said and said.isalpha() else None,
        guess={"mode": "auto", "top": [[char.lower(), 0.9]], "uppercase_probability": None},
        model="test", renderer="1", writer=writer * 32, device="pen",
        canvas={"width": SIZE, "height": SIZE, **LINES}, created="2026-11-23T09:45:12.345+00:00", notice="2026-11",
    )  # fmt: skip
