"""What other programs rely on: the recogniser's answers, its bundle, and the command line."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from ukr_letters.core.alphabet import CLASSES, LETTERS
from ukr_letters.core.bundle import BundleError
from ukr_letters.core.ink import draw_strokes, measure
from ukr_letters.core.recognizer import CHAMPION, Recognition, Recognizer

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


# One certainty: what the answer names, and how probable that is in letter and case. The network's logits are made up.

SIZED, UNSIZED = (1.3, 0.0), (np.nan, np.nan)


def answered(chances: dict[str, float], capital: float, size: tuple = SIZED, mode="auto", **facts) -> Recognition:
    "The answer when a network gives labels these probabilities, and each letter this one of being a capital."
    recognizer = Recognizer()
    plain = {"calibration_temperature": 1.0, "case_temperature": 1.0, "unsure_below": 0.0, "ood_threshold": 1.0}
    plain |= dict.fromkeys(("sized_calibration_temperature", "sized_case_temperature"))  # as without a size
    recognizer.bundle = replace(recognizer.bundle, **plain | facts)
    labels = np.full((1, len(CLASSES)), -400.0)
    for label, chance in chances.items():
        labels[0, CLASSES.index(label)] = np.log(chance)
    cases = np.full((1, len(LETTERS)), np.log(capital / (1 - capital)))
    recognizer.logits = lambda glyphs, sizes=None: (labels, cases, np.full(1, -40.0))
    return recognizer.recognize(STROKES["х"], mode, size)


@pytest.mark.parametrize(
    ("chances", "capital", "size", "named", "probability"),
    [
        ({"в": 0.98, "з": 0.02}, 0.9, SIZED, ["В"], 0.882),  # letter and case together
        ({"в": 0.98, "з": 0.02}, 0.1, SIZED, ["в"], 0.882),
        ({"7": 0.98, "з": 0.02}, 0.5, SIZED, ["7"], 0.98),  # a digit has no case
        ({"в": 0.98, "з": 0.02}, 0.69, SIZED, ["В", "в"], 0.98),  # the case is in doubt
        ({"в": 0.98, "з": 0.02}, 0.31, SIZED, ["в", "В"], 0.98),
        ({"в": 0.98, "з": 0.02}, 0.99, UNSIZED, ["В", "в"], 0.98),  # one shape, and no size to tell
        ({"а": 0.98, "з": 0.02}, 0.99, UNSIZED, ["А"], 0.9702),  # the shape tells
        ({"о": 0.6, "0": 0.4}, 0.9, SIZED, ["О", "0"], 0.94),  # twins
        ({"0": 0.6, "о": 0.4}, 0.9, SIZED, ["0", "О"], 0.96),
        ({"о": 0.95, "0": 0.05}, 0.9, SIZED, ["О"], 0.855),  # the twin is not close
        ({"м": 0.6, "ш": 0.4}, 0.9, SIZED, ["М"], 0.54),  # close, and no twin
        ({"о": 0.6, "0": 0.4}, 0.6, SIZED, ["О", "0"], 0.76),  # both doubts: the two likeliest readings
        ({"о": 0.75, "0": 0.25}, 0.6, SIZED, ["О", "о"], 0.75),
    ],
)
def test_an_answer_names_what_nobody_can_tell_apart(chances, capital, size, named, probability) -> None:
    answer = answered(chances, capital, size)
    assert answer.named == named and answer.char == named[0]
    assert answer.rivals == (named if len(named) == 2 else [])
    assert answer.probability == pytest.approx(probability, abs=1e-6)
    assert answer.plain()["probability"] == answer.probability


def test_a_symbol_as_written_has_one_probability() -> None:
    answer = answered({"в": 0.8, "8": 0.2}, 0.9)
    found = [answer.probability_of(char) for char in ("В", "в", "8", "з")]
    assert found == pytest.approx([0.72, 0.08, 0.2, 0], abs=1e-6)
    with pytest.raises(ValueError, match="is not one of"):
        answer.probability_of("W")


def test_a_case_in_doubt_is_no_reason_not_to_know() -> None:
    "At a probability of 0.8 the letter is known well enough, whatever its case: it may be named in both cases."
    for capital in np.linspace(0.02, 0.98, 33):
        assert answered({"в": 0.8, "ш": 0.2}, capital, unsure_below=0.7).state == "answer"
        assert answered({"в": 0.6, "ш": 0.4}, capital, unsure_below=0.7).state == "unsure"
    assert answered({"о": 0.5, "0": 0.5}, 0.5, unsure_below=0.7).state == "answer"
    assert answered({"о": 0.3, "0": 0.3, "д": 0.2, "в": 0.2}, 0.9, unsure_below=0.7).state == "unsure"


def test_the_other_readings_are_offered_and_not_what_is_named() -> None:
    assert answered({"в": 0.8, "ш": 0.2}, 0.9).alternatives[:2] == ["в", "Ш"]
    assert answered({"в": 0.8, "ш": 0.2}, 0.6).alternatives[:1] == ["Ш"]
    assert answered({"о": 0.6, "0": 0.3, "д": 0.1}, 0.9).alternatives[:2] == ["о", "Д"]
    assert answered({"0": 0.6, "о": 0.3, "д": 0.1}, 0.9).alternatives[:2] == ["о", "Д"]
    assert answered({"в": 0.6, "ш": 0.4}, 0.6, unsure_below=0.7).alternatives[:3] == ["В", "в", "Ш"]


@pytest.mark.parametrize(
    ("asked", "capital", "size", "right"),
    [
        ("в", 0.1, SIZED, True),
        ("в", 0.9, SIZED, False),  # the size is known, and the case is clear
        ("в", 0.65, SIZED, True),  # the case is in doubt
        ("в", 0.99, UNSIZED, True),  # nobody knows the size
        ("а", 0.99, UNSIZED, False),  # another letter
        ("8", 0.1, SIZED, False),
    ],
)
def test_a_right_letter_is_not_blamed_for_an_unclear_case(asked, capital, size, right) -> None:
    assert answered({"в": 0.9, "з": 0.1}, capital, size).agrees(asked) is right


def test_a_named_twin_is_right_in_either_case_if_its_case_is_unclear() -> None:
    twins = answered({"0": 0.6, "о": 0.4}, 0.6)
    assert twins.named == ["0", "О"] and all(twins.agrees(char) for char in "0Оо") and not twins.agrees("8")


def test_temperatures_depend_on_whether_the_size_is_known() -> None:
    chances = {"в": 0.9, "8": 0.1}
    facts = {"case_temperature": 2.0, "sized_calibration_temperature": 3.0, "sized_case_temperature": 4.0}
    found = [answered(chances, 0.9, size, **facts) for size in (UNSIZED, SIZED)]
    labels = [one.probabilities[CLASSES.index("в")] for one in found]
    assert labels == pytest.approx([0.9, 9 ** (1 / 3) / (1 + 9 ** (1 / 3))], abs=1e-6)
    capitals = [one.uppercase_probability for one in found]
    assert capitals == pytest.approx([3 / 4, 3**0.5 / (1 + 3**0.5)], abs=1e-6)
    old = [answered(chances, 0.8, size, calibration_temperature=2.0) for size in (UNSIZED, SIZED)]
    assert [one.probabilities[CLASSES.index("в")] for one in old] == pytest.approx([0.75, 0.75], abs=1e-6)
    assert [one.uppercase_probability for one in old] == pytest.approx([0.8, 0.8], abs=1e-6)


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


def test_the_command_says_in_a_line_what_it_cannot_read_and_goes_on(tmp_path: Path) -> None:
    "Each of these ended in a traceback, and the files behind it had no answer."
    (tmp_path / "nested.json").write_text("[" * 200_000)
    (tmp_path / "huge.json").write_text(f"[[[1{'0' * 400}, 1], [2, 3]]]")
    (tmp_path / "x.JSON").write_text(json.dumps(STROKES["х"]), encoding="utf-8-sig")
    (tmp_path / "none.json").write_text("strokes")
    (tmp_path / "none.png").write_text("strokes")
    Image.new("1", (16_000, 16_000)).save(tmp_path / "bomb.png")
    Image.linear_gradient("L").save(tmp_path / "damaged.avif")
    head, data = (tmp_path / "damaged.avif").read_bytes().split(b"mdat")
    (tmp_path / "damaged.avif").write_bytes(head + b"mdat" + bytes(4) + b"\xff" * 8 + data[12:])
    names = ("nested.json", "huge.json", "none.json", "none.png", "bomb.png", "damaged.avif", "x.JSON")
    files = [tmp_path / name for name in names]
    command = [Path(sys.executable).parent / "ukr_recognize", "--mode", "letters"]
    result = subprocess.run(
        [*command, *files], capture_output=True, text=True, env=os.environ | {"PYTHONIOENCODING": "ascii"}
    )
    assert result.returncode == 1 and "Traceback" not in result.stderr and len(result.stderr.splitlines()) == 6
    assert result.stdout.startswith(f"{files[-1]}: ")
    result = subprocess.run([*command, "--model", tmp_path / "none", files[-1]], capture_output=True, text=True)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("sizes", [[(-1, 0)], [(1,)], [(1, 0), (1, 0)], [None], [(float("inf"), 0)]])
def test_an_impossible_size_is_refused_with_the_reason(recognizer: Recognizer, sizes) -> None:
    with pytest.raises(ValueError, match="size|height"):
        recognizer.recognize_many([STROKES["х"]], sizes=sizes)
    assert recognizer.recognize([[[0, 50], [100, 50]]], size=measure([[[0, 50], [100, 50]]], 20, 60)).label  # no height
    with pytest.raises(ValueError, match="baseline"):
        measure(STROKES["х"], 50, 50)
