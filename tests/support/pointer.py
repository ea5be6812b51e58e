"""A hand that draws real letters on the page, with a mouse, a finger or a pen."""

from playwright.sync_api import Page
from support.pages import DRAWING
from support.strokes import letter


class Pointer:
    "Draws on the pad of an open page."

    def __init__(self, page: Page, device: str = "mouse"):
        self.page, self.device = page, device
        self.browser = page.context.new_cdp_session(page)

    def places(self, path: list[list[float]]) -> list[tuple[float, float]]:
        "Pad units to the browser's pixels; the pad is looked for once, as the browser takes long to say where it is."
        box = self.page.locator(".ukr-pad-layer").bounding_box()
        return [(box["x"] + x * box["width"] / 400, box["y"] + y * box["height"] / 400) for x, y in path]

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
        return int(self.page.locator(DRAWING).get_attribute("data-strokes"))

    def stroke(self, path: list[list[float]]) -> None:
        "Draw one stroke and wait for its answer."
        before, places = self.strokes(), self.places(path)
        self.point("press", *places[0])
        for place in places[1:]:
            self.point("move", *place)
        self.point("lift", *places[-1])
        self.page.wait_for_selector(f"{DRAWING}[data-strokes='{before + 1}']", timeout=20_000)

    def draw(self, char: str) -> None:
        "Draw a letter or digit."
        for path in letter(char):
            self.stroke(path)
