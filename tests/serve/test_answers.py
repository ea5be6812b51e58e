"Whether an answer is sure is decided once: the page, the HTTP API, the command line and the review say the same."

import json
from math import cos, pi, sin
from pathlib import Path

import pytest
from fastcore.basics import chunked
from support.api import opened
from support.samples import example

from ukr_letters.cli import recognize_files
from ukr_letters.core.recognizer import Recognizer
from ukr_letters.samples.triage import facts_of
from ukr_letters.serve.draw import describe

SIZES = range(24, 180, 6)


def ellipse(width: float, height: float) -> list[list[list[float]]]:
    "One closed stroke: a zero, an о, a stem or nothing of ours."
    turns = [2 * pi * step / 40 for step in range(41)]
    return [[[200 + width * sin(turn), 200 - height * cos(turn)] for turn in turns]]


ELLIPSES = [ellipse(width, height) for width in SIZES for height in SIZES]


def test_the_page_and_the_http_api_are_sure_of_the_same_ellipses(tmp_path: Path):
    "Of 676 ellipses they disagreed on 128."
    states = [describe(answer)["state"] for answer in Recognizer().recognize_many(ELLIPSES)]
    with opened(tmp_path, rate=0) as api:
        answers = [
            answer
            for some in chunked(ELLIPSES, 256)
            for answer in api.post("/recognize", json={"drawings": [{"ink": ink} for ink in some]}).json()["answers"]
        ]
    assert len(answers) == len(states) == 676 and set(states) == {"answer", "unsure"}
    assert [answer["sure"] for answer in answers] == [state == "answer" for state in states]


@pytest.mark.parametrize("char", ["0", "unsure"])
def test_the_command_line_says_what_the_page_says(char: str, tmp_path: Path, capsys):
    recognitions = Recognizer().recognize_many(ELLIPSES)
    number = next(n for n, one in enumerate(recognitions) if (one.state if char == "unsure" else one.char) == char)
    (tmp_path / "drawn.json").write_text(json.dumps(ELLIPSES[number]))
    for as_json in (False, True):
        assert recognize_files([tmp_path / "drawn.json"], as_json=as_json)
    line, row = capsys.readouterr().out.splitlines()
    page, row = describe(recognitions[number]), json.loads(row)
    assert (row["sure"], row["rivals"]) == (page["state"] == "answer", page["rivals"])
    assert ("unsure, perhaps " in line) == (not row["sure"]) and all(rival in line for rival in row["rivals"])


def test_what_is_set_aside_in_review_is_unsure_on_the_page():
    "A scribble for the judges is no answer for its writer."
    for ink, answer in zip(ELLIPSES[::7], Recognizer().recognize_many(ELLIPSES[::7]), strict=True):
        assert not facts_of(example(ink=ink), answer).strange or answer.state == "unsure"
