"What an answer names and how sure it is are decided once: page, HTTP API, command line and review say the same."

import json
from pathlib import Path

import pytest
from fastcore.basics import chunked
from support.api import opened
from support.samples import example
from support.strokes import ONE_SHAPE, arc, plain_letter, read_on_pad, ring, two_bows

from ukr_letters.cli import recognize_files
from ukr_letters.core.recognizer import Recognizer
from ukr_letters.samples.triage import facts_of
from ukr_letters.serve.draw import describe
from ukr_letters.serve.pad import LINES

SIZES = range(24, 180, 6)


ELLIPSES = [  # a wider one is refused as a word
    [arc(200, width, height, 0, 1)] for width in SIZES for height in SIZES if width < 3 * height
]
ELLIPSES += [  # wheels are no symbol
    [arc(200, size, size, 0, 1), [[200 - size, 200], [200 + size, 200]], [[200, 200 - size], [200, 200 + size]]]
    for size in SIZES
]


def test_the_page_and_the_http_api_are_sure_of_the_same_ellipses(tmp_path: Path):
    "Of 676 ellipses they disagreed on 128."
    states = [describe(answer)["state"] for answer in Recognizer().recognize_many(ELLIPSES)]
    with opened(tmp_path, rate=0) as api:
        answers = [
            answer
            for some in chunked(ELLIPSES, 256)
            for answer in api.post("/recognize", json={"drawings": [{"ink": ink} for ink in some]}).json()["answers"]
        ]
    assert len(answers) == len(states) == 639 and set(states) == {"answer", "unsure"}
    assert [answer["sure"] for answer in answers] == [state == "answer" for state in states]


@pytest.mark.parametrize("wanted", [["0"], ["О", "0"], ["о", "О"], "unsure"])
def test_every_door_names_the_same_and_is_as_sure(wanted: list[str] | str, tmp_path: Path, capsys):
    "One reading, two of one shape, a letter in both cases, and none; no door knows the size of this drawing."
    recognitions = Recognizer().recognize_many(ELLIPSES)
    number = next(n for n, one in enumerate(recognitions) if (one.state if wanted == "unsure" else one.named) == wanted)
    (tmp_path / "drawn.json").write_text(json.dumps(ELLIPSES[number]))
    for as_json in (False, True):
        assert recognize_files([tmp_path / "drawn.json"], as_json=as_json)
    line, row = capsys.readouterr().out.splitlines()
    page, row = describe(recognitions[number]), json.loads(row)
    named = row["rivals"] or [row["char"]]
    assert (row["sure"], named) == (page["state"] == "answer", page["named"])
    assert page["percent"] == min(99, round(100 * row["probability"]))
    said = f"{' or '.join(named)} ({row['probability']:.0%})" if row["sure"] else "unsure, perhaps "
    assert line.removeprefix(f"{tmp_path / 'drawn.json'}: ").startswith(said)
    with opened(tmp_path, rate=0) as api:
        told = api.post("/recognize", json={"ink": ELLIPSES[number]}).json()
    assert {name: told[name] for name in ("char", "rivals", "sure")} == {
        name: row[name] for name in ("char", "rivals", "sure")
    }
    assert told["probability"] == pytest.approx(row["probability"], abs=1e-6)
    judged = facts_of(example(ink=ELLIPSES[number]), recognitions[number])
    assert (list(judged.named), judged.probability) == (named, recognitions[number].probability)


def test_what_is_set_aside_in_review_is_unsure_on_the_page():
    "A scribble for the judges is no answer for its writer."
    for ink, answer in zip(ELLIPSES[::7], Recognizer().recognize_many(ELLIPSES[::7]), strict=True):
        assert not facts_of(example(ink=ink), answer).strange or answer.state == "unsure"


@pytest.mark.xfail(
    strict=True, reason="d7849e9e2664 still names 0 beside о, at a tenth: remove this with the next champion"
)
def test_a_small_ring_on_the_guide_lines_is_no_digit():
    named = read_on_pad(ring(LINES["x_height"], 60)).named
    assert named[0] == "о" and "0" not in named


@pytest.mark.parametrize(("top", "bottom"), [(10, 60), (50, 120), (254, 296), (300, 398)])
def test_a_drawing_off_the_guide_lines_is_read_by_its_shape(top: int, bottom: int):
    "A cross was surely a з, a в or a щ there."
    side = bottom - top
    assert read_on_pad([[[180, top], [180 + side, bottom]], [[180 + side, top], [180, bottom]]]).label == "х"


def test_a_small_circle_on_the_guide_lines_is_no_digit():
    assert read_on_pad(ring(LINES["x_height"], 70)).named == ["о"]
    assert all(read_on_pad(ring(LINES["x_height"], width)).char == "о" for width in (45, 60))  # narrow as a 0


@pytest.mark.parametrize("char", ONE_SHAPE)
def test_the_guide_lines_tell_the_case_of_a_letter_of_one_shape(char: str):
    "A в between the lines was called В, 85 % sure, and so were м, т, н and к."
    small, capital = (read_on_pad(plain_letter(char, LINES[line])) for line in ("x_height", "cap"))
    assert (small.char, capital.char) == (char, char.upper())
    assert max(small.probability_of(char.upper()), capital.probability_of(char)) < 0.4


@pytest.mark.parametrize("ink, named", [(ring(LINES["cap"], 90), "О0"), (two_bows(LINES["cap"], 60), "З3")])
def test_what_neither_shape_nor_size_can_tell_is_named_as_a_pair(ink: list, named: str):
    assert set(read_on_pad(ink).named) == set(named)
