"The runner of lessons finds what is wrong with one, and never harms a notebook."

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.checkout import ROOT

JUDGE = """
import sys
from pathlib import Path
sys.path.insert(0, "tests")
from house.lessons import judge
print(judge(Path(sys.argv[1]), sys.argv[2] == "write"))
"""


def lesson(path: Path, code: str, shows: str = "") -> Path:
    "Write a notebook of one cell, with the text that it keeps."
    output = {"output_type": "stream", "name": "stdout", "text": [shows]}
    cell = {"cell_type": "code", "id": "one", "metadata": {}, "execution_count": None, "source": [code]}
    cells = [{**cell, "outputs": [output] if shows else []}]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def judged(path: Path, how: str = "compare") -> str:
    "What the runner says of a notebook."
    done = subprocess.run(
        [sys.executable, "-c", JUDGE, path, how], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip() or done.stderr


@pytest.mark.parametrize(
    ("code", "shows", "found"),
    [
        ("print(6 * 7)", "42\n", "[]"),
        ("print(0.3334)", "0.3333\n", "[]"),
        ("print(6 * 7)", "41\n", "shows something new"),
        ("print(6 * 7)", "", "shows something new"),
        ("1 / 0", "", "ZeroDivisionError"),
        ("import sys; sys.exit()", "", "ends its process"),
    ],
)
def test_what_is_wrong_with_a_lesson_is_found(tmp_path: Path, code: str, shows: str, found: str):
    assert found in judged(lesson(tmp_path / "10_lesson.ipynb", code, shows))


def test_a_lesson_that_shows_too_much_ends_and_one_that_cannot_be_kept_stays_whole(tmp_path: Path):
    crowded = "from PIL import Image\nprint('x' * 29_500)\nImage.new('L', (64, 64))"
    assert judged(lesson(tmp_path / "10_crowded.ipynb", crowded), "write") == "[]"
    odd = lesson(tmp_path / "20_odd.ipynb", r"print('\udcff')")
    before = odd.read_text()
    assert "no file can keep" in judged(odd, "write") and odd.read_text() == before
    assert not list(tmp_path.glob("*.part"))
