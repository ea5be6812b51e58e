"""What breaks while people draw: they are told, and nothing that was acknowledged is lost."""

import json
import shutil
import subprocess
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect
from support.browser import LAPTOP
from support.pages import DRAWING, Serving, serving
from support.pointer import Pointer
from support.waiting import eventually
from support.websocket import Visitor, ask

from ukr_letters.collector import PAUSES
from ukr_letters.recognizer import CHAMPION, Recognizer
from ukr_letters.texts import text


def kernel_of(page: Page) -> psutil.Process:
    "The process behind a page."
    name = json.loads(page.locator("#jupyter-config-data").text_content())["kernelId"]
    [kernel] = [one for one in psutil.process_iter(["cmdline"]) if name in " ".join(one.info["cmdline"] or [])]
    return kernel


def finish(page: Page, char: str, status: str) -> None:
    "Draw a symbol, confirm it, and wait until the page says what became of it."
    Pointer(page).draw(char)
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{DRAWING}[data-strokes='0']")
    expect(page.locator(".ukr-status")).to_have_text(text(status), timeout=10_000)


def labels(server: Serving) -> list[str]:
    "What the drawings kept so far are said to be."
    return sorted(sample.label for sample in server.samples())


def seats(server: Serving) -> int:
    "Free seats."
    return json.loads(ask(server.url, "/health")[2])["free"]


def test_a_killed_kernel_is_told_and_what_was_saved_is_there(visit, tmp_path):
    with serving(tmp_path / "samples", seats=2, pool=1) as server:
        page = visit(server.url, **LAPTOP)
        finish(page, "5", "saved")
        kernel = kernel_of(page)
        kernel.kill()
        kernel.wait(10)
        hand = Pointer(page)
        hand.point("press", *hand.place(100, 100))
        hand.point("move", *hand.place(200, 200))
        hand.point("lift", *hand.place(200, 200))
        expect(page.get_by_role("alert")).to_contain_text(text("lost"), timeout=15_000)
        assert labels(server) == ["5"]
        page.get_by_role("button", name=text("reload")).click()
        page.wait_for_selector(f"{DRAWING}[data-strokes='0']", timeout=30_000)
        finish(page, "8", "saved")
        assert labels(server) == ["5", "8"]
        page.close(run_before_unload=True)
        assert eventually(lambda: seats(server) == 2, 20)  # the killed kernel holds no seat


def test_a_killed_server_loses_nothing_it_has_promised(visit, tmp_path):
    "The store is away, the drawing waits, the server is killed; the next one delivers, and no kernel is left over."
    place = tmp_path / "samples"
    with serving(place, pool=1) as server:
        page = visit(server.url, **LAPTOP)
        shutil.rmtree(place)
        place.write_text("a file in the place of the store")
        finish(page, "5", "waiting")
        kernel = kernel_of(page)
        server.process.kill()
        expect(page.get_by_role("alert")).to_contain_text(text("lost"), timeout=15_000)
        kernel.wait(20)
    place.unlink()
    with serving(place, pool=1) as again:
        assert eventually(lambda: labels(again) == ["5"], 20)


SMALL = 'mount -t tmpfs -o size=600k tmpfs "$0" && exec "$@"'


@pytest.fixture
def small_disk(tmp_path: Path) -> tuple[str, ...]:
    "A command that runs another one with a disk of 600 kB in this folder, in a namespace of its own that ends with it."
    command = ("unshare", "--map-root-user", "--mount", "sh", "-c", SMALL, str(tmp_path))
    if not shutil.which("unshare") or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small file system")
    return command


def fill(path: Path) -> None:
    "Write into a file until the disk is full."
    with open(path, "wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(b"x" * 4096)


def test_a_full_disk_is_told_and_the_drawing_is_held(visit, tmp_path, small_disk):
    with serving(tmp_path / "samples", pool=1, within=small_disk) as server:
        inside = Path(f"/proc/{server.process.pid}/root{tmp_path}")
        server.folder = inside / "samples"
        page = visit(server.url, **LAPTOP)
        finish(page, "5", "saved")
        fill(inside / "filler")
        finish(page, "8", "held")
        assert labels(server) == ["5"]
        finish(page, "А", "held")
        (inside / "filler").unlink()
        longest = max(PAUSES) + 15  # seconds until the next attempt
        expect(page.locator(".ukr-status")).to_have_text(text("saved"), timeout=1000 * longest)
        assert eventually(lambda: labels(server) == ["5", "8", "а"], longest)


def test_a_model_that_disappears_stops_nobody(tmp_path, monkeypatch):
    "Who draws goes on with it, who comes afterwards is answered by the champion of the package."
    place = tmp_path / "served"
    shutil.copytree(CHAMPION, place)
    monkeypatch.setenv("UKR_LETTERS_MODEL", str(place))
    with serving(tmp_path / "samples", pool=0) as server:
        seated = Visitor(server.url).sit_down()
        shutil.rmtree(place)
        late = Visitor(server.url).sit_down()
        for visitor in (seated, late):
            assert visitor.stroke([[100 + x, 100 + x] for x in range(0, 200, 10)])["state"] in ("answer", "unsure")
            visitor.finish("ж")
        assert json.loads(ask(server.url, "/health")[2])["model"] == Recognizer().version
        assert eventually(lambda: len(server.samples()) == 2)
