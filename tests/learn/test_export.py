"""A bundle gives its features beside its logits, and programs that ask old bundles for them are told that there are none."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from ukr_letters.core.alphabet import CLASSES
from ukr_letters.core.bundle import open_bundle, write_bundle
from ukr_letters.core.recognizer import CHAMPION, Recognizer
from ukr_letters.learn.dataset import Dataset, assemble
from ukr_letters.learn.model import (
    SymbolNet,
    agreement,
    create,
    features_likeness,
    inputs_of,
    parity,
    to_int8,
    to_onnx,
)

FACTS = {"calibration_temperature": 1.0, "unsure_below": 0.3, "ood_threshold": 0.9, "metrics": {}, "sources": {}}


@pytest.fixture(scope="module")
def lesson() -> Dataset:
    return assemble("embedded", limit=200)


@pytest.fixture(scope="module", params=["letternet_w8_s2", "letternet_w16_s3", "letternet_w32_s2"])
def net(request: pytest.FixtureRequest) -> SymbolNet:
    return create(request.param).eval()


def test_the_features_of_a_bundle_are_those_of_torch_in_both_precisions(net, lesson, tmp_path: Path) -> None:
    asked = inputs_of(lesson)
    with torch.inference_mode():
        ours = net.body(torch.from_numpy(asked["glyphs"])).numpy()
    whole = to_onnx(net)
    small = to_int8(whole, asked)
    for name, network in (("whole", whole), ("small", small)):
        write_bundle(tmp_path / name, network, architecture="none", **FACTS)
    found, rough = (Recognizer(tmp_path / name).features(asked["glyphs"][:, 0]) for name in ("whole", "small"))
    assert parity(net, whole, asked) < 1e-4 and agreement(whole, small, asked) > 0.9
    assert found.shape == ours.shape and np.abs(found - ours).max() < 1e-4
    assert rough.shape == ours.shape and features_likeness(whole, small, asked) > 0.99


def test_features_hang_on_the_glyph_alone(net, lesson, tmp_path: Path) -> None:
    network = onnx.load_from_string(to_onnx(net))
    makers = {name: node for node in network.graph.node for name in node.output}
    read, waiting = set(), ["features"]
    while waiting:
        read |= (found := set(makers[waiting.pop()].input) - read)
        waiting += found & makers.keys()
    assert [one.name for one in network.graph.output] == ["logits", "features"]
    assert "glyphs" in read and "sizes" not in read


def test_a_bundle_from_before_has_no_features(tmp_path: Path) -> None:
    network = onnx.load_from_string(open_bundle(CHAMPION)[1])
    (features,) = (output for output in network.graph.output if output.name == "features")
    network.graph.output.remove(features)
    write_bundle(tmp_path / "old", network.SerializeToString(), architecture="none", **FACTS)
    glyphs, old = np.zeros((2, 32, 32), np.float32), Recognizer(tmp_path / "old")
    assert old.features(glyphs) is None and old.logits(glyphs)[0].shape == (2, 43)


def test_the_network_says_what_it_is_without_its_bundle() -> None:
    "Classes in the order of its outputs, our version, and the licences of what it learnt from."
    network = onnx.load_from_string(open_bundle(CHAMPION)[1])
    said = {entry.key: entry.value for entry in network.metadata_props}
    assert said["classes"] == "".join(CLASSES) and said["version"].startswith("ukr-letters ")
    assert said["licence"].startswith("Apache-2.0; learnt from ") and "unipen (CC BY 4.0" in said["licence"]
