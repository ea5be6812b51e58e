"""An example of a drawing that somebody gave, and of a verdict on it, for all tests that keep or judge some."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from support.strokes import letter, smooth

from ukr_letters.samples.sample import Sample, Verdict
from ukr_letters.samples.store import Store
from ukr_letters.serve.pad import LINES, SIZE

CANVAS = {"width": 320, "height": 300, "cap": 60, "x_height": 110, "baseline": 220, "descender": 270}
PAD = {"width": SIZE, "height": SIZE, **LINES}
GUESS = {"mode": "auto", "top": [["ї", 0.91], ["і", 0.06]], "uppercase_probability": 0.2}
CREATED = "2026-11-23T09:45:12.345+00:00"
SLANT = 0.07  # how much more one drawing of a letter leans than the one before


def timed(strokes: list[list[list[float]]]) -> list[list[list[float]]]:
    "Strokes with the time of each point in milliseconds: ten between two points, and a pause after each stroke."
    ink, clock = [], 0
    for stroke in strokes:
        ink.append([[x, y, clock + 10 * i] for i, (x, y) in enumerate(stroke)])
        clock = ink[-1][-1][2] + 100
    return ink


def example(number: int = 0, **changes: object) -> Sample:
    "A zigzag under a dot that its writer calls ї; each number gives another writer, and of 128 shapes the next."
    turns = [[60 + 40 * (step % 2) + 90 * ((number >> step) & 1), 60 + 30 * step] for step in range(7)]
    sample = Sample(
        ink=timed([smooth(turns), [[90.5, 40]]]),
        label="ї",
        uppercase=False,
        guess=GUESS,
        model="3f9c2a7d",
        renderer="1",
        writer=f"writer-{number:06d}",
        device="touch",
        canvas=CANVAS,
        created=CREATED,
        notice="1",
    )
    return replace(sample, **changes)


GOOD = example()


def traced(char: str, says: str | None, number: int = 0, writer: str = "0") -> Sample:
    "An example of a letter or digit on the pad, each number leaning more, and what its writer says that it is."
    strokes = [[[x + SLANT * number * (296 - y), y] for x, y in stroke] for stroke in letter(char)]
    return example(
        ink=timed(strokes),
        label=says and says.lower(),
        uppercase=says.isupper() if says and says.isalpha() else None,
        guess={"mode": "auto", "top": [[char.lower(), 0.9]], "uppercase_probability": None},
        canvas=PAD,
        writer=writer * 32,
        device="pen",
    )


def said(decision: str, label: str | None = None, judge: str = "olena", second: int = 0, **changes: object) -> Verdict:
    "A verdict on the good drawing, given in a second of a morning."
    moment = datetime(2026, 11, 24, 8, tzinfo=UTC) + timedelta(seconds=second)
    reason = "scribble" if decision == "reject" else None
    verdict = Verdict(GOOD.id, decision, label, False if label else None, reason, judge, moment.isoformat())
    return replace(verdict, **changes)


def accept(store: Store, sample: Sample, judge: str = "olena") -> str:
    "Keep a drawing in a store and accept it as what its writer says; returns its id."
    id = store.add(sample)
    store.judge(said("accept", sample.label, judge, sample=id, uppercase=sample.uppercase))
    return id
