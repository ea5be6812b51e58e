"Pictures of paper are read, more than one symbol is refused on every door, and large pictures cost little."

import io
import json
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps, features
from support.api import opened
from support.checkout import ROOT
from support.strokes import TURNS, letter

from ukr_letters.cli import recognize_files
from ukr_letters.core.ink import draw_strokes
from ukr_letters.core.picture import (
    LARGEST,
    SEVERAL,
    WORK,
    UnreadableError,
    drafted,
    is_several,
    read_picture,
    shrunk,
)
from ukr_letters.core.recognizer import Recognizer
from ukr_letters.core.settings import mirror
from ukr_letters.learn.paper import PAPERS
from ukr_letters.serve.draw import describe

FOUND = [folder / "cases" for folder in (Path(mirror() or ROOT).parent, ROOT.parent / "shared")]
CASES = sorted({path.name: path for folder in FOUND for path in folder.glob("*_?.png")}.values())


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer()


def beside(*chars: str) -> list:
    "Strokes of letters beside each other."
    return [[[x + 320 * place, y] for x, y in stroke] for place, char in enumerate(chars) for stroke in letter(char)]


def painted(ink: list, side: int = 600) -> Image.Image:
    "A clean picture of strokes, dark on white, this many pixels wide."
    points = [[(20 + x * side / 1400, 20 + y * side / 1400) for x, y in stroke] for stroke in ink]
    sheet = Image.new("L", (side, 200 * side // 600), 250)
    for stroke in points:
        ImageDraw.Draw(sheet).line(stroke, 30, side // 60, joint="curve")
    return sheet


# Paper


UNSURE = pytest.mark.xfail(
    strict=True, reason="d7849e9e2664 reads it and is unsure: remove this with the next champion"
)


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[UNSURE] * (path.stem == "black_edge_р")) for path in CASES],
    ids=lambda path: path.stem,
)
def test_a_case_from_outside_is_read_right(recognizer: Recognizer, path: Path):
    for mode in ("auto", "letters"):
        answer = recognizer.recognize(Image.open(path), mode)
        assert (answer.label, answer.state) == (path.stem[-1], "answer")


@pytest.mark.parametrize("kind", PAPERS)
def test_letters_on_paper_are_read_as_they_are_when_clean(recognizer: Recognizer, kind: str):
    wrong = []
    for number, char in enumerate("Жїмя5Б"):
        ink = np.asarray(draw_strokes(letter(char)), dtype=np.float32) / 255
        clean = recognizer.recognize(letter(char))
        answer = recognizer.recognize(PAPERS[kind](ink, np.random.default_rng(number)))
        wrong += [(char, answer.label, answer.state)] if answer.label != clean.label or answer.refusal else []
    assert len(wrong) <= (kind == "tight_marker"), wrong


FRAMES = {
    f"box of {side} by {width}": ((450 - side // 2, 350 - side // 2, 450 + side // 2, 350 + side // 2), width)
    for side in (500, 600, 650)
    for width in (4, 8, 12, 18)
}
LINES = {
    f"line of {width} from {left} to {right}": ((left, 560, right, 560 + width - 1), width)
    for left, right, widths in ((100, 800, (2, 8, 12, 20)), (200, 700, (2, 8, 12, 20)), (300, 600, (2, 8, 12)))
    for width in widths
}
CELLS = {f"cells with lines of {width}": ((-400, 50, 700, 650), width) for width in (4, 8, 12)}
PRINTED = FRAMES | LINES | CELLS


@pytest.mark.parametrize("what", PRINTED)
def test_printed_boxes_and_lines_of_any_width_are_no_part_of_a_letter(recognizer: Recognizer, what: str):
    "A box whose sides were long enough to be taken for lines of the paper left two bars; a short line was read as a 2."
    box, width = PRINTED[what]
    for char in "ЖмяАБ5":
        clean = Image.new("L", (900, 700), 235)
        for stroke in letter(char):
            ImageDraw.Draw(clean).line([(300 + x, 170 + y) for x, y in stroke], 40, 18, joint="curve")
        printed = clean.copy()
        ImageDraw.Draw(printed).rectangle(box, outline=30, width=width)
        wanted, answer = recognizer.recognize(clean), recognizer.recognize(printed)
        assert answer.label == wanted.label and answer.state == wanted.state, char


def test_a_clean_picture_is_passed_on_as_it_is():
    for char in TURNS:
        sheet = ImageOps.invert(draw_strokes(letter(char)))
        for clean in (sheet, ImageOps.expand(sheet, 200, 255), ImageOps.invert(sheet), sheet.resize((28, 28))):
            assert read_picture(clean)[0] is clean, char


def test_a_texture_is_refused(recognizer: Recognizer):
    squares = np.kron(np.indices((40, 40)).sum(0) % 2 * 200 + 20, np.ones((12, 12))).astype(np.uint8)
    with pytest.raises(UnreadableError, match="photograph it again"):
        read_picture(squares)
    answer = recognizer.recognize(squares)
    assert answer.state == "refused" and "photograph it again" in answer.refusal and not answer.rivals


# Large pictures


def test_a_large_picture_is_made_small_before_it_is_read(tmp_path: Path):
    page = np.full((3000, 4000), 250, np.uint8)
    page[1000:2000, 1900:2000] = 30
    Image.fromarray(page).save(tmp_path / "page.jpg")
    for large in (
        page,
        Image.fromarray(page),
        Image.fromarray(page).convert("RGBA"),
        Image.open(tmp_path / "page.jpg"),
    ):
        kept, boxes = read_picture(large)
        size = kept.shape if isinstance(kept, np.ndarray) else kept.size
        assert max(size) <= LARGEST and len(boxes) == 1
    lazy = Image.open(tmp_path / "page.jpg")
    assert max(drafted(lazy, WORK).size) <= 4 * WORK  # the decoder itself makes it smaller
    assert shrunk(lazy, WORK).size == (WORK, 3 * WORK // 4)
    assert lazy.size == (4000, 3000) and lazy.getpixel((1950, 1500)) < 60  # the caller's picture stays as it is


# More than one symbol


def test_letters_of_several_parts_are_one_symbol(recognizer: Recognizer):
    drawn = {char: recognizer.recognize(letter(char)) for char in TURNS}
    assert not [char for char, answer in drawn.items() if answer.refusal]
    apart = {
        "Ю": [[[0, 0], [0, 100]], [[4, 50], [50, 50]], [[55, 50], [80, 0], [120, 50], [80, 100], [55, 50]]],
        "Ш": [[[0, 0], [0, 96]], [[50, 0], [50, 96]], [[100, 0], [100, 96]], [[0, 100], [100, 100]]],
        "Ж": [[[0, 0], [40, 50], [0, 100]], [[50, 0], [50, 100]], [[100, 0], [60, 50], [100, 100]]],
        "ї": [[[50, 40], [50, 120]], [[30, 15]], [[70, 15]]],
    }
    assert not [char for char, ink in apart.items() if recognizer.recognize(ink).refusal]
    assert not is_several([])


def test_joined_letters_are_refused_by_their_width(recognizer: Recognizer):
    "They have one part, and were answered with the letter that looks most like them."
    waves = [[[x, 50 - 50 * ((x // 20) % 2)] for x in range(0, 340, 20)]]
    assert recognizer.recognize(waves).refusal == SEVERAL
    assert not recognizer.recognize([[[0, 0], [100, 2]]]).refusal  # a dash is no word


@pytest.mark.parametrize("ink", [beside("Ж", "м"), beside("5", "Б"), beside("Ж", "ї", "м", "я")])
def test_more_than_one_symbol_is_refused_by_page_api_and_command(ink: list, tmp_path: Path, capsys):
    answer = Recognizer().recognize(ink)
    assert answer.refusal == SEVERAL == Recognizer().recognize(painted(ink)).refusal
    assert describe(answer)["state"] == "refused" and not answer.plain()["sure"]
    (tmp_path / "word.json").write_text(json.dumps(ink))
    painted(ink).save(tmp_path / "word.png")
    for name in ("word.json", "word.png"):
        assert not recognize_files([tmp_path / name], as_json=True)
    said = capsys.readouterr()
    assert not said.out and said.err.count(SEVERAL) == 2


def test_the_api_refuses_words_alone_and_in_a_batch_and_reads_avif(tmp_path: Path):
    word, file = beside("Ж", "м"), io.BytesIO()
    painted(word).save(file, "PNG")
    asked = [
        {"json": {"ink": word}},
        {"json": {"drawings": [{"ink": letter("Ж")}, {"ink": word}]}},
        {"json": {"picture": b64encode(file.getvalue()).decode()}},
        {"content": file.getvalue(), "headers": {"Content-Type": "image/png"}},
    ]
    with opened(tmp_path, rate=0) as api:
        answers = [api.post("/recognize", **one) for one in asked]
        assert [answer.status_code for answer in answers] == [422] * 4
        assert all(SEVERAL in answer.text for answer in answers) and "drawings[1]" in answers[1].text
        if features.check("avif"):
            sheet, file = ImageOps.invert(draw_strokes(letter("Ж"))), io.BytesIO()
            sheet.save(file, "AVIF")
            answer = api.post("/recognize", content=file.getvalue(), headers={"Content-Type": "image/avif"})
            assert answer.json()["label"] == "ж"


@pytest.mark.parametrize("dots", [[[[0.0, 0.0]]] * 3, [[[0.0, 0.0]], [[50.0, 0.0]]]])
def test_dots_are_no_row_of_letters(dots):
    assert Recognizer().recognize(dots).state != "refused"
