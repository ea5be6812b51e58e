"""The real sources, where a mirror is at hand; on small archives the readers are tested in test_sources."""

import csv
import io
from collections import Counter, defaultdict
from zipfile import ZipFile

import numpy as np
import pytest
from support.archives import archive_of, read_once

from ukr_letters.core.alphabet import LETTERS, OTHER
from ukr_letters.core.recognizer import Recognizer
from ukr_letters.core.settings import mirror
from ukr_letters.learn import sources
from ukr_letters.learn.sources import FOREIGN, HELD_FOREIGN, HELD_FROM, LAST_DRAWN
from ukr_letters.learn.synthetic import pieces

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(mirror() is None, reason="set UKR_LETTERS_MIRROR to the folder with the raw data"),
]


def straddling(drawings) -> set[str]:
    sides: dict[str, set] = {}
    for drawing in drawings:
        sides.setdefault(drawing.group, set()).add(drawing.split)
    return {group for group, side in sides.items() if len(side) > 1}


def test_real_rukopys():
    drawings = read_once("rukopys")
    assert Counter(d.split for d in drawings) == {"train": 754, "valid": 110, "test": 209}
    assert {d.label for d in drawings} == set(LETTERS) and not straddling(drawings)
    capitals = {d.label for d in drawings if d.uppercase}
    assert capitals == set("абвгдеєжзіїйклно")
    flat = [d for d in drawings if d.split == "train" and not d.uppercase and d.label in "агеєжиклмнопстхчшьюя"]
    assert abs(np.median([d.height for d in flat]) - 1) < 0.01  # RUKOPYS_X_HEIGHT is their median
    same = [d for d in drawings if d.label in capitals & set("гежклно")]  # small letters between the lines
    assert np.mean([(d.height > 1.28) == d.uppercase for d in same]) > 0.92
    for drawing in drawings:  # a crop by the names of the columns would cut through the ink
        frame = np.concatenate([drawing.picture[0], drawing.picture[-1], drawing.picture[:, 0], drawing.picture[:, -1]])
        assert frame.min() > 128, drawing.name


def test_real_rukopys_letters_stand_in_the_middle_of_their_sheets():
    archive = archive_of("rukopys")
    middles = {row["label"]: [] for row in archive.table("glyphs.csv")}
    for row in archive.table("glyphs.csv"):
        middles[row["label"]].append((int(row["left"]) + int(row["right"])) / 2)
    # A р and a б would differ if the sheets kept their place on the line.
    assert all(abs(np.median(found) - 99.5) < 1 for found in middles.values())


def test_real_mnist():
    drawings = read_once("mnist")
    assert Counter(d.split for d in drawings) == {"train": 55_000, "valid": 5_000, "test": 10_000}
    assert {d.label for d in drawings} == set("0123456789") and not straddling(drawings)
    assert [d.label for d in drawings[:5]] == list("50419")


def test_real_cmnist_tests_on_nothing_it_trains_on():
    drawings = read_once("cmnist")
    assert Counter(d.split for d in drawings) == {"train": 61_446, "valid": 7_790, "test": 8_648}
    assert {d.label for d in drawings} == set(LETTERS) - set("єїґ")
    for held in ("test", "valid"):
        assert not {d.name for d in drawings if d.split == "train"} & {d.name for d in drawings if d.split == held}
    pictures = {
        split: {d.picture.tobytes() for d in drawings if d.split == split} for split in ("train", "valid", "test")
    }
    assert (
        not pictures["test"] & pictures["train"]
        and not pictures["test"] & pictures["valid"]
        and not pictures["valid"] & pictures["train"]
    )


def test_real_cmnist_frames_tell_heights():
    heights: dict[tuple[str, bool], list[float]] = {}
    for drawing in read_once("cmnist"):
        if drawing.split == "train":
            heights.setdefault((drawing.label, drawing.uppercase), []).append(drawing.height)
    typical = {key: float(np.exp(np.mean(np.log(found)))) for key, found in heights.items()}
    assert abs(typical["х", False] - 1) < 0.02  # CMNIST_X_HEIGHT is this mean
    assert all(typical[letter, True] > 1.3 * typical[letter, False] for letter in "анопт")
    assert all(0.8 < typical[letter, True] / typical[letter, False] < 1.2 for letter in "ур")  # tall in both cases


def test_real_cmnist_labels_follow_from_names():
    with ZipFile(mirror() / "cmnist.zip") as archive:
        table = archive.read("Letter-recognition/datasets/cmnist/train.csv").decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert len(rows) == 96_194
    assert all(sources.cmnist_class(row["filename"]) == int(row["letters81"]) for row in rows)


def test_real_comnist_stops_before_the_reserved_part():
    archive = archive_of("comnist")
    paths = list(archive)
    assert len(paths) == 12_609
    last = {letter: max(path for path in paths if path.split("/")[1] == letter) for letter in LAST_DRAWN}
    assert last == {letter: f"dataset/{letter}/{stem}.png" for letter, stem in LAST_DRAWN.items()}
    some = read_once("comnist")[:309]  # all of а, in order of time
    assert {d.label for d in some} == {"а"} and not straddling(some)
    assert [d.split for d in some] == sorted((d.split for d in some), key=["train", "valid", "test"].index)


def test_real_drawn_letters_are_divided_by_time():
    drawings = read_once("comnist")
    shares = Counter(d.split for d in drawings)
    assert not straddling(drawings)
    assert [round(shares[split] / len(drawings), 2) for split in ("train", "valid", "test")] == [0.81, 0.08, 0.11]
    parents = {d.name: d.split for d in drawings}
    made = [d for d in read_once("comnist_composed") if d.name in parents]  # an э is none of ours
    assert made and all(parents[d.name] == d.split for d in made)
    assert {d.label for d in read_once("comnist_composed")} == set("єїґ")


@pytest.mark.parametrize(("name", "writers", "test"), [("pendigits", 30, 6), ("unipen", 133, 27)])
def test_real_writers_of_strokes_stand_on_one_side(name, writers, test):
    drawings = read_once(name)
    sides = {split: {d.group for d in drawings if d.split == split} for split in ("train", "valid", "test")}
    assert not straddling(drawings) and len({d.group for d in drawings}) == writers
    assert len(sides["test"]) == test and len(sides["valid"]) == writers // 10
    assert all(d.strokes and d.picture is None for d in drawings)


def test_real_unipen_holds_what_may_be_read_and_names_nobody():
    with ZipFile(mirror() / "unipen.zip") as archive:
        inside = {name.partition("/")[2] for name in archive.namelist() if not name.endswith("/")}
        text = archive.read("train_r01_v07/include/app/data/app06/app0688.dat").decode()
    assert inside == sources.unipen_files()
    writer = next(line.split()[1] for line in text.splitlines() if line.startswith(".WRITER_ID"))
    assert not any(writer in d.group + d.name for d in read_once("unipen"))


def test_real_unipen_heights_are_those_of_letters_beside_a_small_one():
    heights = defaultdict(list)
    for drawing in read_once("unipen"):
        if drawing.height:
            heights[drawing.label, drawing.uppercase].append(drawing.height)
    assert abs(np.median(heights["а", False]) - 1) < 0.1 and 1.6 < np.median(heights["а", True]) < 2
    assert 1.7 < np.median(heights["р", False]) < 2.2 and not any(label in "0123456789" for label, _ in heights)


def test_real_composed_letters_stand_where_their_parents_stand():
    drawings = read_once("composed")
    cases = Counter((d.label, d.uppercase) for d in drawings)
    assert (
        set(cases) == {("є", False), ("є", True), ("ї", False), ("ї", True), ("ґ", True)} and min(cases.values()) > 500
    )
    archive = archive_of("cmnist")
    listing = sources.cmnist_listing(archive)
    split_of = {name: sources.CMNIST_PARTS[part] for part, names in listing.items() for name in names}
    assert all(split_of[drawing.name] == drawing.split for drawing in drawings)
    dotted = [len(pieces(d.picture)) for d in drawings if d.label == "ї"]
    assert np.mean(np.array(dotted) == 3) > 0.9  # a stem and two dots, each by itself


def test_real_blocks_of_unseen_writers_are_in_no_training():
    held = defaultdict(list)
    for drawing in (unseen := read_once("cmnist_blocks")):
        held[drawing.label, drawing.uppercase].append(drawing)
    assert {d.split for d in unseen} == {"test"} and len(unseen) == 7_638 and min(map(len, held.values())) >= 48
    known = read_once("cmnist")
    learned = [d for name in ("composed", "others", "near_miss") for d in read_once(name) if d.split != "test"]
    learned += [d for d in known if d.split != "test"]
    assert not {d.group for d in unseen} & {d.group for d in learned}
    assert not {d.name for d in unseen} & {d.name for d in known}
    for (label, uppercase), drawings in held.items():  # they come last on their form
        last = max(
            int(d.name.split("_")[2]) for d in known if (d.label, d.uppercase, d.split) == (label, uppercase, "train")
        )
        assert last < min(int(d.name.split("_")[2]) for d in drawings)


def test_real_held_out_blocks_are_a_tenth_of_each_class():
    archive = archive_of("cmnist")
    names = [path.rpartition("/")[2] for path in archive if path.endswith(".png")]
    shares = {char: [] for char in HELD_FROM}
    for name in names:
        char = sources.CMNIST_CLASSES[sources.cmnist_class(name)]
        shares[char].append(sources.cmnist_block(name) >= HELD_FROM[char])
    assert all(0.05 < np.mean(held) < 0.17 for held in shares.values())
    assert 0.09 < np.mean([held for some in shares.values() for held in some]) < 0.11


def test_real_foreign_letters():
    drawings = read_once("others")
    assert {d.label for d in drawings} == {OTHER} and {d.uppercase for d in drawings} == {None}
    kinds = {
        split: {d.name.split("/")[0] for d in drawings if d.split == split} for split in ("train", "valid", "test")
    }
    assert kinds["train"] == kinds["valid"] == set(FOREIGN) - HELD_FOREIGN and kinds["test"] == set(FOREIGN)
    assert Counter(d.split for d in drawings) == {"train": 14_712, "valid": 1_855, "test": 15_915}


def test_drawn_letters_are_recognised() -> None:
    found = [drawing for drawing in read_once("comnist") if drawing.split == "test"]
    answers = Recognizer().recognize_many([drawing.shown for drawing in found], mode="letters")
    right = np.mean([answer.label == drawing.label for answer, drawing in zip(answers, found, strict=True)])
    assert len(found) > 900 and right > 0.92
