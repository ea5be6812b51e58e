"""What breaks while people draw: they are told, and nothing that was acknowledged is lost."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect
from support.pages import DRAWING, Serving, code, serving
from support.pointer import Pointer
from support.waiting import eventually
from support.websocket import Visitor, ask

from ukr_letters.core.recognizer import CHAMPION, Recognizer
from ukr_letters.samples.intake import PAUSES
from ukr_letters.serve.texts import text


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
    expect(page.locator(".ukr-status")).to_have_text(text(status))


def labels(server: Serving) -> list[str]:
    "What the drawings kept so far are said to be."
    return sorted(sample.label for sample in server.samples())


def seats(server: Serving) -> int:
    "Free seats."
    return json.loads(ask(server.url, "/health")[2])["free"]


def away(place: Path) -> None:
    "Put a file in the place of a store, which can keep nothing then."
    shutil.rmtree(place)
    place.write_text("a file in the place of the store")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "A model folder that may disappear."
    return Path(shutil.copytree(CHAMPION, tmp_path_factory.mktemp("model") / "served"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Serving]:
    "A server that survives what befalls its kernels and its model."
    folder, settings = tmp_path_factory.mktemp("surviving") / "samples", {"UKR_LETTERS_MODEL": str(model)}
    with serving(folder, settings=settings, seats=4, pool=0) as running:
        yield running


def test_a_killed_kernel_is_told_and_what_was_saved_is_there(windows, server):
    page = windows.visit()
    writer = code(page)
    kept = lambda: sorted(sample.label for sample in server.drawn_by(writer))  # noqa: E731
    finish(page, "5", "saved")
    kernel = kernel_of(page)
    kernel.kill()
    kernel.wait(10)
    hand = Pointer(page)
    begin, end = hand.places([[100, 100], [200, 200]])
    hand.point("press", *begin)
    hand.point("move", *end)
    hand.point("lift", *end)
    expect(page.get_by_role("alert")).to_contain_text(text("lost"))
    assert kept() == ["5"]
    page.get_by_role("button", name=text("reload")).click()
    page.wait_for_selector(f"{DRAWING}[data-strokes='0']")
    finish(page, "8", "saved")
    assert kept() == ["5", "8"]
    windows.leave()
    assert eventually(lambda: seats(server) == 4, 60)  # the killed kernel holds no seat


def test_a_model_that_disappears_stops_nobody(server, model):
    "Who draws goes on with it, who comes afterwards is answered by the champion of the package."
    seated = Visitor(server.url).sit_down("a" * 32)
    shutil.rmtree(model)
    late = Visitor(server.url).sit_down("b" * 32)
    for visitor, writer in ((seated, "a" * 32), (late, "b" * 32)):
        assert visitor.stroke([[100 + x, 100 + x] for x in range(0, 200, 10)])["state"] in ("answer", "unsure")
        visitor.finish("ж")
        assert len(server.drawn_by(writer, 1)) == 1
        visitor.close()
    assert json.loads(ask(server.url, "/health")[2])["model"] == Recognizer().version
    assert eventually(lambda: seats(server) == 4, 60)


def test_a_server_that_ends_has_said_so_and_loses_nothing_it_has_promised(windows, tmp_path):
    "The store is away, drawings wait, the server is killed; the next one delivers, and no kernel is left over."
    place = tmp_path / "samples"
    with serving(place, pool=0) as server:
        page = windows.visit(url=server.url)
        away(place)
        finish(page, "5", "waiting")
        place.unlink()
        expect(page.locator(".ukr-status")).to_have_text(text("saved"))
        assert labels(server) == ["5"]
        away(place)
        finish(page, "8", "waiting")
        kernel = kernel_of(page)
        server.process.kill()
        expect(page.get_by_role("alert")).to_contain_text(text("lost"))
        kernel.wait(20)
    place.unlink()
    with serving(place, pool=1) as again:
        assert eventually(lambda: labels(again) == ["8"], 60)
        page = windows.visit(url=again.url)
        again.process.send_signal(signal.SIGTERM)
        again.process.wait(timeout=60)
        page.get_by_role("button", name="English").click()
        page.get_by_label(text("digits", "en"), exact=True).check(force=True)
        expect(page.get_by_role("alert")).to_contain_text(text("lost", "en"))
        expect(page.get_by_role("button", name=text("reload", "en"))).to_be_visible()


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


def test_a_full_disk_is_told_and_the_drawing_is_held(windows, tmp_path, small_disk):
    with serving(tmp_path / "samples", pool=0, within=small_disk) as server:
        inside = Path(f"/proc/{server.process.pid}/root{tmp_path}")
        server.folder = inside / "samples"
        page = windows.visit(url=server.url)
        finish(page, "5", "saved")
        fill(inside / "filler")
        finish(page, "8", "held")
        assert labels(server) == ["5"]
        finish(page, "А", "held")
        (inside / "filler").unlink()
        longest = max(PAUSES) + 15  # seconds until the next attempt
        expect(page.locator(".ukr-status")).to_have_text(text("saved"), timeout=1000 * longest)
        assert eventually(lambda: labels(server) == ["5", "8", "а"], longest)
