"""Drawings for the tests of all rooms that keep or judge some."""

from ukr_letters.sample import Sample

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
