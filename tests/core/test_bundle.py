"""A bundle from elsewhere is opened only after its network has read drawings, within limits; each refusal says why."""

import json
import logging
import os
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from ukr_letters.core import deploy
from ukr_letters.core.bundle import HEADS, BundleError, open_bundle, write_bundle
from ukr_letters.core.deploy import NAMES, TRIED, HotReload, deploy_bundle, smoke_test
from ukr_letters.core.recognizer import CHAMPION, Recognizer

FACTS = {"calibration_temperature": 1.0, "unsure_below": 0.3, "ood_threshold": 0.9, "metrics": {}, "sources": {}}
WIDTH = sum(HEADS)
node, FLOAT = helper.make_node, TensorProto.FLOAT


def value(name: str, *shape: int | str, kind: int = FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def network(*nodes, glyphs: str = "glyphs", batch: int | str = "n", extra=(), outputs=(), **constants) -> bytes:
    "An ONNX file that turns a number for each drawing, `level`, into `logits` by some operations."
    first = [
        node("ReduceMean", [glyphs], ["ink"], axes=[1, 2, 3], keepdims=0),
        node("ReduceMean", ["sizes"], ["height"], axes=[1], keepdims=0),
        node("Add", ["ink", "height"], ["levels"]),
        node("Unsqueeze", ["levels", "one"], ["level"]),
    ]
    constants = {"one": np.ones(1, np.int64), "row": np.linspace(-4, 4, WIDTH, dtype=np.float32)[None]} | constants
    graph = helper.make_graph(
        [*first, *nodes],
        "graph",
        [value(glyphs, batch, 1, 32, 32), value("sizes", batch, 5)],
        [*(outputs or [value("logits", batch, WIDTH)])],
        [*(numpy_helper.from_array(array, name) for name, array in constants.items()), *extra],
    )
    made = [helper.make_opsetid("", 17), helper.make_opsetid("elsewhere", 1)]
    return helper.make_model(graph, opset_imports=made, ir_version=9).SerializeToString()


def bundle(folder: Path, model: bytes, **facts: object) -> Path:
    write_bundle(folder, model, architecture="none", **FACTS | facts)
    return folder


ANSWER = node("Mul", ["level", "row"], ["logits"])
GOOD = network(ANSWER)


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    "Nothing was tried before."
    monkeypatch.setenv(TRIED, "")


# The description


@pytest.mark.parametrize(
    ("field", "nonsense", "reason"),
    [
        *(("calibration_temperature", one, "from 0.01 to 100") for one in (0, -1, 1e9, "1", None, True)),
        *(("calibration_temperature", float(one), "from 0.01 to 100") for one in ("nan", "inf")),
        *(("sized_case_temperature", one, "from 0.01 to 100") for one in (0, "1", float("nan"))),
        ("case_temperature", None, "from 0.01 to 100"),
        *(("unsure_below", one, "from 0 to 1") for one in (1.5, -0.1, float("nan"), "0.3", None)),
        *(("ood_threshold", one, "from 0 to 1") for one in (2, float("-inf"), [], None)),
        *(("ood_label_weight", one, "from 0 to 10") for one in (-1, float("nan"), "0.75")),
        *((name, one, "must be an object") for name in ("metrics", "sources") for one in ([], "fonts", None, 3)),
        ("made_by", "me", "must be an object"),
        ("architecture", 3, "must be a text"),
        ("sha256", None, "must be 64 hexadecimal digits"),
        ("sha256", "../../elsewhere", "must be 64 hexadecimal digits"),
    ],
)
def test_nonsense_in_a_description_is_refused_with_its_name(tmp_path: Path, field, nonsense, reason) -> None:
    path = bundle(tmp_path / "bundle", GOOD) / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: nonsense}))
    with pytest.raises(BundleError, match=f"{field} is .*{reason}.*fetch it again"):
        open_bundle(path.parent)


@pytest.mark.parametrize("text", ["", "null", "[]", "3", "{}", '{"a": 1}', "[" * 100_000, "\x00"])
def test_what_is_no_description_is_refused(tmp_path: Path, text: str) -> None:
    path = bundle(tmp_path / "bundle", GOOD) / "bundle.json"
    path.write_text(text)
    with pytest.raises(BundleError, match="no readable bundle.json"):
        open_bundle(path.parent)


def test_a_file_of_gigabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    for name in NAMES:
        folder = bundle(tmp_path / name, GOOD)
        with (folder / name).open("r+b") as file:
            file.truncate(5 * 2**30)  # which takes no room on the disk
        with pytest.raises(BundleError, match=f"{name} has 5,120 MB, more than 64"):
            open_bundle(folder)


# The network


def endless() -> bytes:
    "A network that counts for ever."
    step = helper.make_graph(
        [node("Identity", ["go"], ["on"]), node("Add", ["sum", "sum"], ["next"])],
        "step",
        [value("turn", kind=TensorProto.INT64), value("go", kind=TensorProto.BOOL), value("sum", "n", WIDTH)],
        [value("on", kind=TensorProto.BOOL), value("next", "n", WIDTH)],
    )
    loop = node("Loop", ["", "yes", "first"], ["logits"], body=step)
    return network(node("Mul", ["level", "row"], ["first"]), loop, yes=np.array(True))


def outside(location: str) -> bytes:
    "A network whose weights lie in another file."
    weights = TensorProto(name="there", data_type=FLOAT, dims=[1, WIDTH], data_location=TensorProto.EXTERNAL)
    weights.external_data.add(key="location", value=location)
    return network(node("Mul", ["level", "there"], ["logits"]), extra=[weights])


def large(gigabytes: int) -> bytes:
    "A network that fills memory with zeros."
    zeros = node("ConstantOfShape", ["shape"], ["zeros"])
    total = node("ReduceSum", ["zeros"], ["sum"], keepdims=0)
    less = node("Sub", ["level", "sum"], ["rest"])
    answer = node("Mul", ["rest", "row"], ["logits"])
    return network(zeros, total, less, answer, shape=np.array([gigabytes, 2**28], np.int64))


IMPOSSIBLE = {
    "no ONNX": (b"MZ\x90", "cannot be used"),
    "another input": (network(ANSWER, glyphs="pixels"), "must take glyphs and sizes and return logits"),
    "no logits": (
        network(node("Mul", ["level", "row"], ["labels"]), outputs=[value("labels", "n", WIDTH)]),
        "must take glyphs and sizes and return logits",
    ),
    "two numbers too few": (
        network(ANSWER, outputs=[value("logits", "n", 75)], row=np.ones((1, 75), np.float32)),
        r"returns logits of \(3, 75\), not \(3, 77\) finite numbers",
    ),
    "one row for all": (
        network(
            node("ReduceMax", ["level"], ["most"], keepdims=1),
            node("Mul", ["most", "row"], ["logits"]),
            outputs=[value("logits", 1, WIDTH)],
        ),
        r"returns logits of \(1, 77\), not \(3, 77\)",
    ),
    "one drawing at once": (network(ANSWER, batch=1), "cannot be used"),
    "no numbers": (
        network(ANSWER, row=np.full((1, WIDTH), np.nan, np.float32)),
        "finite numbers",
    ),
    "no numbers where the size is known": (
        network(
            node("ReduceMax", ["sizes"], ["told"], keepdims=0),
            node("Neg", ["told"], ["less"]),
            node("Sqrt", ["less"], ["root"]),
            node("Add", ["level", "root"], ["most"]),
            node("Mul", ["most", "row"], ["logits"]),
        ),
        "finite numbers",
    ),
    "features of another batch": (
        network(
            ANSWER,
            node("ReduceMax", ["level"], ["features"], keepdims=1),
            outputs=[value("logits", "n", WIDTH), value("features", 1, 1)],
        ),
        r"returns features of \(1, 1\), not \(3, ",
    ),
    "an operation of its own": (
        network(node("Secret", ["level"], ["logits"], domain="elsewhere")),
        "Secret.* is not a registered function/op",
    ),
    "weights in another file": (outside("weights.bin"), "cannot be used"),
    "weights in a file of the system": (outside("/etc/hostname"), "cannot be used"),
    "an endless loop": (endless(), "within 1 s of processor time"),
    "four gigabytes": (large(4), "within .* 256 MB"),
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_a_network_that_cannot_serve_is_refused_with_the_reason(tmp_path: Path, monkeypatch, what: str) -> None:
    monkeypatch.setattr(deploy, "SECONDS", 1)
    model, reason = IMPOSSIBLE[what]
    with pytest.raises(BundleError, match=f"(?s){reason}.*train it again or fetch another"):
        smoke_test(bundle(tmp_path / "bundle", model))
    assert os.environ[TRIED] == ""


# What has passed, and who asks


def untried(folder: Path) -> None:
    raise AssertionError(f"{folder} was tried again")


def test_a_network_that_reads_is_tried_once_by_the_process_and_those_that_it_starts(
    tmp_path: Path, monkeypatch
) -> None:
    folder = bundle(tmp_path / "bundle", GOOD)
    assert smoke_test(folder).version == sha256(GOOD).hexdigest()[:12]
    monkeypatch.setattr(deploy, "trial", untried)
    assert smoke_test(folder) and os.environ[TRIED] == sha256(GOOD).hexdigest()
    with pytest.raises(AssertionError):
        smoke_test(bundle(tmp_path / "other", network(ANSWER, row=np.ones((1, WIDTH), np.float32))))


def test_the_network_in_the_package_starts_without_a_trial(monkeypatch) -> None:
    monkeypatch.setattr(deploy, "trial", untried)
    assert HotReload(CHAMPION, CHAMPION, Recognizer).get().version == open_bundle(CHAMPION)[0].version


@pytest.mark.parametrize("content", [b"", b"not a network", GOOD[:-100]])
def test_a_file_that_is_no_network_has_a_reason(tmp_path: Path, content: bytes) -> None:
    "Not only where it is tried first: opening it ended in an error of onnxruntime."
    with pytest.raises(BundleError, match="train it again or fetch another"):
        Recognizer(bundle(tmp_path / "bundle", content))


def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path) -> None:
    "They were deleted without a word."
    place, good = tmp_path / "place", bundle(tmp_path / "good", GOOD)
    place.mkdir()
    (place / "precious.txt").write_text("mine")
    with pytest.raises(BundleError, match="holds other files"):
        deploy_bundle({name: (good / name).read_bytes() for name in NAMES}, place)
    assert (place / "precious.txt").read_text() == "mine"


def test_a_bad_network_reaches_neither_the_folder_nor_the_server(tmp_path: Path, caplog) -> None:
    place, bad = bundle(tmp_path / "place", GOOD), bundle(tmp_path / "bad", IMPOSSIBLE["four gigabytes"][0])
    serving = HotReload(place, CHAMPION, Recognizer)
    with pytest.raises(BundleError, match="256 MB"):
        deploy_bundle({name: (bad / name).read_bytes() for name in NAMES}, place)
    assert smoke_test(place) and serving.get().version == smoke_test(place).version
    for name in NAMES:
        (place / name).write_bytes((bad / name).read_bytes())
    with caplog.at_level(logging.WARNING):
        assert serving.get().version == sha256(GOOD).hexdigest()[:12]
    assert "the new bundle is rejected" in caplog.text
