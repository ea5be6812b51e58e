"""The golden master: what a change of form must leave as it is. `pytest tests -k golden --write-golden` records it anew."""

import json
import platform
import re
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageChops
from playwright.sync_api import Page
from support.api import opened
from support.browser import LAPTOP
from support.checkout import ROOT, is_wide
from support.pages import JUDGING, serving
from support.pointer import Pointer
from support.samples import traced

from ukr_letters.samples.store import open_store

GOLDEN = ROOT / "tests/golden"


@pytest.fixture
def golden(pytestconfig: pytest.Config) -> Callable[[str, object], object]:
    "What a JSON file of the golden master holds; with `--write-golden` it is written first."

    def kept(name: str, now: object) -> object:
        path = GOLDEN / name
        if pytestconfig.getoption("--write-golden"):
            path.write_text(json.dumps(now, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
        return json.loads(path.read_text(encoding="utf-8"))

    return kept


def digest(path: Path) -> str:
    "Hash of the arrays in a file, which does not depend on how they are packed."
    content = sha256()
    with np.load(path) as arrays:
        for name in sorted(arrays):
            content.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode() + arrays[name].tobytes())
    return content.hexdigest()


def sizes(path: Path) -> dict[str, float]:
    "Mean absolute value of each array of weights; biases and running statistics follow each rounding."
    with np.load(path) as arrays:
        return {name: float(np.abs(arrays[name].astype(float)).mean()) for name in sorted(arrays) if "weight" in name}


def processor() -> str:
    "What the bits of a training hang on: whose processor it is (MKL asks for that), what it is used for, which torch."
    facts = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
    maker = re.search(r"vendor_id\s*:\s*(\w+)", facts)
    width = "AVX-512 held to AVX2" if is_wide() else torch.backends.cpu.get_cpu_capability()
    return f"{maker[1] if maker else platform.machine()}, {width}, torch {torch.__version__.split('+')[0]}"


def test_golden_data_and_weights_of_the_embedded_pipeline(checkout: Path, golden):
    "Data sets are equal to the bit; weights too on processors that are known, elsewhere within what rounding does."
    files = {name: checkout / f"models/{name}.npz" for name in ("pretrained", "weights")}
    now = {
        "dataset": digest(checkout / "data/prepared/dataset.npz"),
        "weights": {processor(): {name: digest(path) for name, path in files.items()}},
        "sizes": {name: sizes(path) for name, path in files.items()},
    }
    kept = golden("pipeline.json", now)
    assert now["dataset"] == kept["dataset"]
    known = kept["weights"].get(processor(), now["weights"][processor()])
    assert now["weights"][processor()] == known
    for name, known in kept["sizes"].items():
        assert now["sizes"][name] == pytest.approx(known, rel=0.1, abs=0.01), name


def test_golden_http_schema(golden, tmp_path: Path):
    with opened(tmp_path) as api:
        now = api.get("/openapi.json").json()
    assert now == golden("openapi.json", now)


def differing(one: Image.Image, other: Image.Image) -> float:
    "Share of pixels that differ by more than what the smoothing of edges does."
    difference = ImageChops.difference(one.convert("L"), other.convert("L"))
    return float((np.asarray(difference) > 48).mean())


def look(page: Page, name: str, write: bool) -> float:
    "Share of pixels in which the page differs from its golden picture."
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)  # until nothing fades any more
    path = GOLDEN / f"{name}.png"
    shot = page.screenshot(animations="disabled", path=path if write else None)
    now, kept = Image.open(BytesIO(shot)), Image.open(path)
    assert now.size == kept.size
    return differing(now, kept)


def test_golden_drawing_page(visit, pytestconfig):
    write, page = pytestconfig.getoption("--write-golden"), visit()
    assert look(page, "draw-empty", write) < 0.002
    Pointer(page).draw("Ж")
    assert look(page, "draw-answer", write) < 0.002


def test_golden_review_page(new_context, tmp_path, pytestconfig):
    store = open_store(str(tmp_path / "samples"))
    for number, char in enumerate("Жїс5"):
        store.add(traced(char, char, number))
    with serving(tmp_path / "samples", "review", pool=1) as server:
        page = new_context(**LAPTOP).new_page()
        page.goto(server.url)
        page.wait_for_selector(JUDGING, timeout=30_000)
        page.locator(".ukr-name").fill("olena")
        page.keyboard.press("Enter")
        page.wait_for_selector(".ukr-review:not([data-id=''])", timeout=20_000)
        assert look(page, "review", pytestconfig.getoption("--write-golden")) < 0.002
