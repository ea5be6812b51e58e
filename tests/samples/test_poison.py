"""Poison and rubbish: review sees it first, limits hold it back, and what is forced through stops at the gate."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from skimage.measure import block_reduce
from skimage.morphology import skeletonize
from support.archives import read_once
from support.checkout import ROOT
from support.samples import CREATED, accept, example

from ukr_letters.core.bundle import write_bundle
from ukr_letters.core.ink import ink_levels
from ukr_letters.core.recognizer import Recognizer
from ukr_letters.core.settings import mirror
from ukr_letters.learn.dataset import Dataset, assemble, render
from ukr_letters.learn.model import create, to_onnx
from ukr_letters.learn.recipe import Recipe
from ukr_letters.learn.sources import Drawing, read
from ukr_letters.learn.train import fit
from ukr_letters.release.gate import compare, correctness_of, judgement
from ukr_letters.samples.collect import COPY, Limits, collect, plan
from ukr_letters.samples.sample import Sample, SampleError
from ukr_letters.samples.store import open_store
from ukr_letters.samples.triage import facts_of, read_all, suspicion, usefulness

SHARE = 0.3  # of one class that the poisoner turns into another
DRAWN = "comnist" if mirror() else "fonts"  # drawings on a screen where they are at hand
pytestmark = pytest.mark.slow
CANVAS = {"width": 400, "height": 400, "cap": 0, "x_height": 400, "baseline": 400, "descender": 400}  # tells no size


def traced(picture: np.ndarray) -> list[list[list[float]]]:
    "Strokes along the middle of a picture's ink: from each point on to an unvisited neighbour, while there is one."
    levels = ink_levels(picture)
    side = max(1, max(levels.shape) // 70)  # coarse enough for a few hundred points
    left = {tuple(point) for point in np.argwhere(skeletonize(block_reduce(levels, side, np.max) > 0.5)).tolist()}
    strokes = []
    while left:
        ends = [p for p in left if len(neighbours(p, left)) == 1]
        stroke = [min(ends or left)]
        left.remove(stroke[0])
        while near := neighbours(stroke[-1], left):
            stroke.append(min(near))
            left.remove(stroke[-1])
        strokes.append([[4 * x, 4 * y] for y, x in stroke])
    return sorted(strokes, key=len, reverse=True)[:40]


def neighbours(point: tuple[int, int], among: set) -> list[tuple[int, int]]:
    "The points beside a point."
    y, x = point
    return [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (y + dy, x + dx) in among]


@cache
def pool(*splits: str) -> list[Drawing]:
    "Drawings of all letters, at most sixty of each."
    found, counts = [], Counter()
    for drawing in read_once(DRAWN):
        if drawing.split in splits and counts[drawing.label] < 60:
            counts[drawing.label] += 1
            found.append(drawing)
    return found


def as_sample(number: int, drawing: Drawing, label: str) -> Sample:
    "A drawing as somebody sends it who says that it is this label; ten drawings by each writer."
    case = None if label.isdigit() else drawing.uppercase
    guess = {"mode": "auto", "top": [], "uppercase_probability": None}
    ink = traced(drawing.picture)
    return example(number // 10, ink=ink, label=label, uppercase=case, guess=guess, canvas=CANVAS)


def flipped(drawings: list[Drawing], label: str, to: str, share: float = SHARE, seed: int = 0) -> list[str]:
    "What poisoners say the drawings are: a share of one class is called another."
    said, rows = [d.label for d in drawings], [row for row, d in enumerate(drawings) if d.label == label]
    for row in np.random.default_rng(seed).permutation(rows)[: round(share * len(rows))]:
        said[row] = to
    return said


def test_tracing_keeps_the_drawing():
    "What is traced is still what was drawn, or the tests below would test nothing."
    champion, drawings = Recognizer(), pool("valid", "test")[::10]
    seen = [champion.recognize(traced(drawing.picture)) for drawing in drawings]
    same = np.mean([one.label == drawing.label for one, drawing in zip(seen, drawings, strict=True)])
    assert same > 0.8


# Review


@pytest.fixture(scope="module")
def queue() -> tuple[list[Drawing], list[Sample], list, Recognizer]:
    "Drawings that the champion never learned from, as samples, with what it sees in them."
    drawings, champion = pool("valid", "test"), Recognizer()
    samples = [as_sample(number, drawing, drawing.label) for number, drawing in enumerate(drawings)]
    return drawings, samples, champion.recognize_many([one.ink for one in samples]), champion


@pytest.mark.parametrize(
    "label, to", ["шщ", "жх", "дл", "ао", "иі", "вф", "о0", *(["з3"] if mirror() else [])]
)  # in print з is 3
def test_review_sees_the_flips_first(queue, label: str, to: str):
    "Nine of ten flipped drawings stand in the first third of the queue, eight where о is called 0."
    drawings, samples, seen, champion = queue
    said = flipped(drawings, label, to)
    told = [
        replace(s, label=says, uppercase=None if says.isdigit() else s.uppercase)
        for s, says in zip(samples, said, strict=True)
    ]
    worth = [usefulness(facts_of(s, found)) for s, found in zip(told, seen, strict=True)]
    place = np.argsort(np.argsort(-np.array(worth), kind="stable"))
    wrong = np.array([says != drawing.label for says, drawing in zip(said, drawings, strict=True)])
    assert wrong.sum() >= 5
    least = 0.8 if label + to == "о0" else 0.9  # without a size nobody can tell every о from 0
    assert (place[wrong] < len(told) / 3).mean() >= least


# Rubbish


def test_nothing_drawn_cannot_even_be_sent(tmp_path):
    "An empty drawing is refused by the store."
    blank = replace(as_sample(0, pool("valid", "test")[0], "а"), ink=[])
    with pytest.raises(SampleError, match="ink: is empty"):
        open_store(str(tmp_path)).add(blank)


def test_scribbles_and_taps_are_marked(queue):
    "Most scribbles and every tap are suspected; of honest drawings hardly any are."
    _, samples, _, champion = queue
    pictures = [drawing.picture for drawing in read("scribbles", limit=800) if drawing.split == "test"][::2]
    scribbles = [replace(samples[0], ink=traced(picture)) for picture in pictures]
    tap = replace(samples[0], ink=[[[200, 200], [203, 202]]])
    marked = [
        [suspicion(facts) is not None for facts, _ in read_all(some, champion)] for some in (scribbles, [tap], samples)
    ]
    assert np.mean(marked[0]) > 0.7 and marked[1] == [True] and np.mean(marked[2]) < 0.15


def test_copies_and_floods_hardly_get_in(tmp_path):
    "Were everything accepted by mistake, copies count once and one hand counts for little."
    store = open_store(str(tmp_path / "samples"))
    drawings = [d for d in pool("train") if d.label in "жшф"][::3]
    honest_ones = [as_sample(number, drawing, drawing.label) for number, drawing in enumerate(drawings)]
    for honest in honest_ones:
        accept(store, honest)
    alone = plan(store, folder=tmp_path / "collected")
    assert len(alone.new) > 20
    for number, honest in enumerate(honest_ones):
        for copy in range(3):  # the same drawing elsewhere on the pad, from three other browsers
            moved = [[[x + 7 * copy + 7, y + 3] for x, y in stroke] for stroke in honest.ink]
            accept(
                store,
                replace(honest, ink=moved, writer=f"copyist-{copy}-{number:04}", created=CREATED.replace("T09", "T10")),
            )
    harvest = plan(store, folder=tmp_path / "collected")
    assert [row.id for row in harvest.new] == [row.id for row in alone.new]
    assert harvest.left_out == alone.left_out + Counter({COPY: 3 * len(drawings)})
    flood = open_store(str(tmp_path / "flood"))
    for honest in honest_ones:
        accept(flood, replace(honest, label="ж", uppercase=False, writer="flooder-1"))
    assert len(plan(flood, folder=tmp_path / "collected").new) == Limits().per_writer_symbol < len(alone.new)


# The gate

FEW = "абдежо"  # letters that a tiny network tells apart after seconds, whatever its seed and the processor


def small_net(folder: Path, dataset: Dataset, seed: int = 0) -> Path:
    "A bundle of a network that learns from a data set for some seconds."
    recipe = Recipe(
        "letternet_w8_s2", epochs=3, samples_per_epoch=64_000, batch=128, learning_rate=1e-2, ema_decay=0.99, seed=seed
    )
    net = fit(create(recipe.architecture, seed), dataset.part("train"), dataset.part("valid"), recipe)
    facts = {"calibration_temperature": 1.0, "unsure_below": 0.3, "ood_threshold": 0.99, "metrics": {}, "sources": {}}
    write_bundle(folder, to_onnx(net), architecture=recipe.architecture, **facts)
    return folder


def learnt_from(root: Path, drawings: list[Drawing], said: list[str], monkeypatch) -> Dataset:
    "Send drawings, accept whatever their writers say, collect, and assemble a data set with the shards."
    store, folder = open_store(str(root / "samples")), root / "data" / "collected"
    for number, (drawing, says) in enumerate(zip(drawings, said, strict=True)):
        accept(store, as_sample(number, drawing, says))
    collect(store, folder=folder)
    monkeypatch.chdir(root)
    return assemble(["collected"])


def checkout(root: Path) -> Path:
    "A folder that DVC and we take for a checkout."
    root.mkdir()
    shutil.copy2(ROOT / "settings.ini", root)
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=root, check=True)
    return root


def gate(tests: Dataset, champion: Path, candidate: Path) -> str:
    "What the gate says of a candidate."
    return judgement(compare(correctness_of(champion, tests), correctness_of(candidate, tests), tests))


@pytest.mark.skipif(
    not mirror(), reason="needs drawings of many hands: networks that learn from few fonts differ by chance"
)
def test_what_is_forced_through_stops_at_the_gate(tmp_path, monkeypatch):
    """Half of all а are called о and all of it is accepted: the network that learns it is refused, by name and figure.

    57 drawings of а do not show less: of two networks that learnt three of ten so, neither was refused, on an EPYC with AVX2."""
    drawings = [drawing for drawing in pool("train") if drawing.label in FEW]
    truth, lies = [drawing.label for drawing in drawings], flipped(drawings, "а", "о", share=0.5)
    honest = learnt_from(checkout(tmp_path / "honest"), drawings, truth, monkeypatch)
    poisoned = learnt_from(checkout(tmp_path / "poisoned"), drawings, lies, monkeypatch)
    counts = [(data.part("train").label == 0).sum() for data in (honest, poisoned)]
    assert 0.4 * counts[0] < counts[1] < 0.6 * counts[0]  # it went all the way into the data set
    tests = render([one for one in read_once(DRAWN) if one.split != "train" and one.label in FEW], DRAWN)
    champion = small_net(tmp_path / "champion", honest)
    passed = gate(tests, champion, small_net(tmp_path / "another", honest, seed=1))
    assert passed.startswith("PASSED"), passed
    refused = gate(tests, champion, small_net(tmp_path / "candidate", poisoned))
    assert re.search(r"REFUSED: .*symbol а, sure from [\d.]+ to [\d.]+ %", refused)


def test_gold_holds_nothing_collected(tmp_path, monkeypatch):
    "However many writers send drawings, none of them stands in a test part, and none on two sides."
    drawings = pool("train")[::8]
    dataset = learnt_from(checkout(tmp_path / "checkout"), drawings, [d.label for d in drawings], monkeypatch)
    with_tests = assemble(["digits8", "collected"], limit=300)
    assert set(with_tests.part("test").source) == {"digits8"} and "collected" in with_tests.source
    sides = {split: set(dataset.part(split, "collected").group) for split in ("train", "valid")}
    assert sides["train"] and sides["valid"] and not sides["train"] & sides["valid"]
