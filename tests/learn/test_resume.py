"""A training goes on only from a checkpoint of the very same training."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.checkout import run

from ukr_letters.learn import train as training
from ukr_letters.learn.dataset import Dataset, assemble
from ukr_letters.learn.model import create
from ukr_letters.learn.recipe import Recipe
from ukr_letters.learn.train import fit

NETWORK = "letternet_w8_s2"
RECIPE = Recipe(NETWORK, epochs=2, samples_per_epoch=100, batch=50)


class Cut(Exception):
    "The power went."


def cut(epoch: object) -> None:
    "End the training after its first epoch."
    raise Cut


@pytest.fixture(scope="module")
def data() -> Dataset:
    return assemble("embedded", limit=60)


@pytest.fixture(scope="module")
def stopped(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    "The checkpoint of a training that was cut off after its first epoch."
    path = tmp_path_factory.mktemp("resume") / "train.checkpoint"
    with pytest.raises(Cut):
        fit(**arguments(data), checkpoint=path, on_epoch=cut)
    return path


def arguments(data: Dataset) -> dict:
    "What the training is made of."
    return {
        "model": create(NETWORK),
        "train": data.part("train"),
        "valid": data.part("valid"),
        "recipe": RECIPE,
        "source_weights": {"fonts": 2.0},
    }


def other_labels(train: Dataset) -> Dataset:
    "The data where the first drawing has another label."
    return replace(train, label=(train.label + (np.arange(len(train)) == 0)) % 43)


def other_paths(train: Dataset) -> Dataset:
    "The data where all pens went another way."
    return replace(train, paths=train.paths[:, ::-1].copy())


CHANGES: dict[str, Callable[[dict], dict]] = {
    "source_weights": lambda given: {"source_weights": {"fonts": 3.0}},
    "training data": lambda given: {"train": other_paths(given["train"])},
    "training data, source_weights": lambda given: {"train": other_labels(given["train"])},
    "validation data": lambda given: {"valid": given["valid"].where(np.arange(len(given["valid"])) > 0)},
    "initial weights": lambda given: {"model": create(NETWORK, seed=9)},
    "weight_decay": lambda given: {"recipe": replace(RECIPE, weight_decay=0.1)},
    "epochs": lambda given: {"recipe": replace(RECIPE, epochs=3)},
    "code": lambda given: {},
}


@pytest.mark.parametrize("what", CHANGES)
def test_another_training_begins_anew_and_says_why(
    what: str, data: Dataset, stopped: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    checkpoint, numbers = Path(shutil.copy2(stopped, tmp_path)), []
    if what == "code":
        monkeypatch.setattr(training, "CODE", training.CODE[1:])
    given = arguments(data)
    fit(**given | CHANGES[what](given), checkpoint=checkpoint, on_epoch=lambda epoch: numbers.append(epoch.seconds))
    assert f"of another training ({what} differ)" in capsys.readouterr().out
    assert len(set(numbers)) == len(numbers) >= 2


def test_the_same_training_goes_on(data: Dataset, stopped: Path, tmp_path: Path, capsys) -> None:
    epochs = []
    checkpoint = Path(shutil.copy2(stopped, tmp_path))
    fit(**arguments(data), checkpoint=checkpoint, on_epoch=epochs.append)
    assert "it goes on after epoch 1" in capsys.readouterr().out
    assert [epoch.number for epoch in epochs] == [1, 2] and checkpoint.exists()


def test_another_number_of_processes_is_another_training(data: Dataset) -> None:
    "Each process draws random numbers of its own."
    given = arguments(data)
    parts = given["model"], given["train"], given["valid"], RECIPE, np.ones(1)
    one, two = (training.identity_of(*parts, processes=number) for number in (1, 2))
    assert {name for name in one if one[name] != two[name]} == {"number of processes"}


@pytest.mark.parametrize("content", [b"", b"PK", b"no checkpoint", b"hello world\n", b"\x80\x02garbage"])
def test_a_damaged_checkpoint_is_named(data: Dataset, tmp_path: Path, content: bytes) -> None:
    (path := tmp_path / "train.checkpoint").write_bytes(content)
    with pytest.raises(ValueError, match="train.checkpoint is damaged: delete it"):
        fit(**arguments(data), checkpoint=path)
    assert path.read_bytes() == content


def test_a_checkpoint_of_earlier_code_is_no_checkpoint_of_this_training(
    data: Dataset, stopped: Path, tmp_path: Path, capsys
) -> None:
    "Its identity was one text."
    state = training.torch.load(stopped, weights_only=True) | {"identity": "Recipe(...) 100 5"}
    training.torch.save(state, tmp_path / "train.checkpoint")
    fit(**arguments(data), checkpoint=tmp_path / "train.checkpoint")
    assert "begins anew" in capsys.readouterr().out


def test_a_training_that_diverges_ends_at_once(data: Dataset) -> None:
    "And not with a network of which nothing can be made."
    given = arguments(data) | {"recipe": replace(RECIPE, learning_rate=1e30)}
    with pytest.raises(ValueError, match="the loss of epoch 1 is nan: lower learning_rate"):
        fit(**given)


def test_a_stage_keeps_its_checkpoint_until_its_outputs_stand(checkout: Path) -> None:
    "What fails after the last epoch costs no training."
    checkpoint, output = checkout / "models/train.checkpoint", checkout / "models/weights.npz"
    assert not checkpoint.exists()
    output.unlink()
    output.mkdir()
    failed = run(checkout, "ukr_stage", "train")
    assert failed.returncode == 1 and checkpoint.exists()
    output.rmdir()
    done = run(checkout, "ukr_stage", "train")
    assert done.returncode == 0 and "it goes on after epoch 2" in done.stdout
    assert output.is_file() and not checkpoint.exists()
