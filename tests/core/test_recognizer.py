"""What other programs rely on: the recogniser's answers, its bundle, and the command line."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from ukr_letters.core.bundle import BundleError
from ukr_letters.core.ink import draw_strokes
from ukr_letters.core.recognizer import CHAMPION, Recognizer

STROKES = {
    "ж": [[[20, 20], [55, 60], [20, 100]], [[60, 20], [60, 100]], [[100, 20], [65, 60], [100, 100]]],
    "т": [[[20, 20], [100, 20]], [[60, 20], [60, 110]]],
    "х": [[[20, 20], [90, 110]], [[90, 20], [20, 110]]],
    "ш": [[[20, 20], [20, 100], [110, 100], [110, 20]], [[65, 20], [65, 100]]],
}


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer()


@pytest.mark.parametrize("label", "жтхш")
def test_size_tells_the_case_of_letters_with_one_shape(recognizer: Recognizer, label: str) -> None:
    small, tall = (recognizer.recognize(STROKES[label], "letters", (height, 0.0)) for height in (1.0, 1.6))
    assert (small.char, tall.char) == (label, label.upper())
    assert (
        small.uppercase_probability
        < recognizer.recognize(STROKES[label], "letters").uppercase_probability
        < tall.uppercase_probability
    )


def test_what_is_none_of_ours_is_noticed(recognizer: Recognizer) -> None:
    crossing = [
        [[x, 20 + 80 * (x % 20 == 0)] for x in range(10, 160, 10)],
        [[10, 60], [160, 60]],
        [[10, 90], [160, 30]],
    ]
    turns = np.linspace(0, 8 * np.pi, 160)
    spiral = [[[100 + 3 * turn * np.cos(turn), 100 + 3 * turn * np.sin(turn)] for turn in turns]]
    ours = [recognizer.recognize(strokes).ood_score for strokes in STROKES.values()]
    assert min(recognizer.recognize(scribble).ood_score for scribble in (crossing, spiral)) > max(ours)


@pytest.mark.parametrize("label", STROKES)
def test_strokes_pictures_and_arrays_agree(recognizer: Recognizer, label: str) -> None:
    dark_on_light = ImageOps.expand(ImageOps.invert(draw_strokes(STROKES[label])), 20, 255)
    ways = [
        STROKES[label],
        dark_on_light,
        ImageOps.invert(dark_on_light),
        np.asarray(dark_on_light),
        dark_on_light.convert("RGB"),
    ]
    answers = recognizer.recognize_many(ways, mode="letters")
    assert [answer.label for answer in answers] == [label] * len(ways)
    assert all(answer.char in (label, label.upper()) and answer.uppercase in (True, False) for answer in answers)


def test_one_and_many_agree(recognizer: Recognizer) -> None:
    many = recognizer.recognize_many(list(STROKES.values()))
    for strokes, together in zip(STROKES.values(), many, strict=True):
        alone = recognizer.recognize(strokes)
        assert alone.label == together.label and abs(alone.probability - together.probability) < 1e-5
    assert recognizer.recognize_many([]) == []


def test_modes_leave_out_what_is_not_meant(recognizer: Recognizer) -> None:
    ring = [[[60 + 40 * np.cos(a), 60 + 50 * np.sin(a)] for a in np.linspace(0, 2 * np.pi, 40)]]
    assert recognizer.recognize(ring, mode="letters").label == "о"
    digit = recognizer.recognize(ring, mode="digits")
    assert (digit.label, digit.uppercase, digit.uppercase_probability) == ("0", None, None)
    assert abs(sum(p for _, p in digit.top(43)) - 1) < 1e-6 and len(digit.top(43)) == 10
    with pytest.raises(ValueError, match="no mode"):
        recognizer.recognize(ring, mode="numbers")


@pytest.mark.parametrize(
    "blank", [[], np.zeros((9, 9), np.uint8), Image.new("RGBA", (30, 30)), Image.new("L", (30, 30), 200)]
)
def test_nothing_drawn_is_no_answer(recognizer: Recognizer, blank) -> None:
    answer = recognizer.recognize(blank)
    assert (
        answer.empty
        and answer.char is None
        and answer.label is None
        and answer.probability == 0
        and answer.top(5) == []
    )


def test_a_damaged_bundle_is_refused(tmp_path: Path) -> None:
    for name in ("bundle.json", "model.onnx"):
        (tmp_path / name).write_bytes((CHAMPION / name).read_bytes())
    Recognizer(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"0" + (CHAMPION / "model.onnx").read_bytes())
    with pytest.raises(BundleError, match="not the network"):
        Recognizer(tmp_path)
    described = json.loads((CHAMPION / "bundle.json").read_text()) | {"renderer": "0"}
    (tmp_path / "bundle.json").write_text(json.dumps(described))
    with pytest.raises(BundleError, match="renderer"):
        Recognizer(tmp_path)
    with pytest.raises(BundleError, match="bundle.json"):
        Recognizer(tmp_path / "nowhere")


def test_the_champion_is_small_and_has_its_papers() -> None:
    assert sum(path.stat().st_size for path in CHAMPION.iterdir()) < 2_000_000
    bundle = Recognizer().bundle
    assert bundle.metrics["test"] and all(source["licence"] for source in bundle.sources.values())


def test_command_line(tmp_path: Path) -> None:
    drawn, picture, broken = tmp_path / "x.json", tmp_path / "x.png", tmp_path / "broken.png"
    drawn.write_text(json.dumps(STROKES["х"]))
    ImageOps.expand(ImageOps.invert(draw_strokes(STROKES["х"])), 9, 255).save(picture)
    broken.write_text("not a picture")
    command = [Path(sys.executable).parent / "ukr_recognize", "--json", "--mode", "letters"]
    result = subprocess.run([*command, drawn, broken, picture], capture_output=True, text=True)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["label"] for row in rows] == ["х", "х"] and result.returncode == 1 and "broken.png" in result.stderr
