"""A hand that draws real letters on the page, with a mouse, a finger or a pen."""

import json
from pathlib import Path

from playwright.sync_api import Page

# Traced by hand on the guide lines of the pad (400 x 400 units): the points where a pen turns.
TURNS = json.loads((Path(__file__).parent / "strokes.json").read_text(encoding="utf-8"))
STEPS = 6  # points between two turns, about what a browser reports at a writing pace
READY = ".ukr-page[data-ready=yes]"


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


class Hand:
    "Draws on the pad of an open page."

    def __init__(self, page: Page, device: str = "mouse"):
        self.page, self.device = page, device
        self.browser = page.context.new_cdp_session(page)

    def place(self, x: float, y: float) -> tuple[float, float]:
        "Pad units to the browser's pixels."
        box = self.page.locator(".ukr-pad-layer").bounding_box()
        return box["x"] + x * box["width"] / 400, box["y"] + y * box["height"] / 400

    def point(self, kind: str, x: float, y: float, finger: int = 0) -> None:
        "Send one event of the device: press, move or lift."
        if self.device == "touch":
            event = {"press": "touchStart", "move": "touchMove", "lift": "touchEnd"}[kind]
            points = [] if kind == "lift" else [{"x": x, "y": y, "id": finger}]
            self.browser.send("Input.dispatchTouchEvent", {"type": event, "touchPoints": points})
            return
        event = {"press": "mousePressed", "move": "mouseMoved", "lift": "mouseReleased"}[kind]
        button = {"button": "left", "buttons": 0 if kind == "lift" else 1, "clickCount": 1, "pointerType": self.device}
        self.browser.send("Input.dispatchMouseEvent", {"type": event, "x": x, "y": y, **button})

    def strokes(self) -> int:
        "How many strokes the kernel has answered for."
        return int(self.page.locator(READY).get_attribute("data-strokes"))

    def stroke(self, path: list[list[float]]) -> None:
        "Draw one stroke and wait for its answer."
        before = self.strokes()
        places = [self.place(x, y) for x, y in path]
        self.point("press", *places[0])
        for place in places[1:]:
            self.point("move", *place)
        self.point("lift", *places[-1])
        self.page.wait_for_selector(f"{READY}[data-strokes='{before + 1}']", timeout=5000)

    def draw(self, char: str) -> None:
        "Draw a letter or digit."
        for path in letter(char):
            self.stroke(path)
