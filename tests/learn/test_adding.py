"""What somebody adds is added in one place: a reader adds a source, a function adds a network."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from ukr_letters.core.recognizer import Recognizer
from ukr_letters.learn import model, search, sources
from ukr_letters.learn.archives import Source
from ukr_letters.learn.dataset import assemble, card
from ukr_letters.learn.evaluate import data, results, score
from ukr_letters.learn.model import SymbolNet, convolution, create, export
from ukr_letters.learn.recipe import Recipe
from ukr_letters.learn.sources import Drawing, source
from ukr_letters.learn.train import fit


@pytest.fixture
def stamps(monkeypatch: pytest.MonkeyPatch) -> str:
    "The name of a source that nobody but its reader knows."
    monkeypatch.setitem(sources.SOURCES, "stamps", sources.SOURCES["fonts"])  # so that it goes away again

    @source("stamps", licence="ours", origin="this test", coverage="а rubber stamp of ж", test="every third stamp")
    def read_stamps(source: Source) -> Iterator[Drawing]:
        for number in range(9):
            picture = np.full((40, 40), 255, np.uint8)
            picture[5 : 30 + number, 8:12] = picture[20:24, 4 : 30 + number] = 0
            yield Drawing(picture, "ж", False, ("train", "valid", "test")[number % 3], f"stamp-{number}", str(number))

    return "stamps"


@pytest.mark.slow  # it trains
def test_a_source_is_one_reader_and_its_name_in_the_parameters(stamps: str) -> None:
    dataset = assemble([stamps, "fonts"], limit=300)
    counts = card(dataset)["sources"]
    assert counts[stamps] == {"train": 3, "valid": 3, "test": 3}
    fit(create("letternet_w8_s2"), dataset.part("train"), dataset.part("valid"), SHORT, {stamps: 3.0})
    test = dataset.part("test", stamps)
    logits = np.eye(43)[test.label], np.zeros((len(test), 33))
    rows = results({stamps: score(*logits, test.label, test.case)})
    assert "**stamps**: every third stamp" in rows and "rubber stamp" in data(counts)


SHORT = Recipe("letternet_w8_s2", epochs=1, samples_per_epoch=6000, batch=100, learning_rate=0.01)


@pytest.fixture
def pooled(monkeypatch: pytest.MonkeyPatch) -> str:
    "The name of a network with a body of another kind."

    def build() -> SymbolNet:
        layers = convolution(1, 16, kernel=5, stride=2), convolution(16, 48, stride=2), convolution(48, 48)
        return SymbolNet(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten()), 48 * 4 * 4)

    monkeypatch.setitem(model.ARCHITECTURES, "pooled", build)  # as `architecture` does
    return "pooled"


@pytest.mark.slow  # it trains
def test_a_network_is_one_function(pooled: str, tmp_path: Path) -> None:
    dataset = assemble("embedded", limit=600)
    net = fit(create(pooled), dataset.part("train"), dataset.part("valid"), SHORT)
    proof = dataset.part("valid").where(np.arange(len(dataset.part("valid"))) < 300)
    facts = {"calibration_temperature": 1.0, "unsure_below": 0.2, "ood_threshold": 0.9, "metrics": {}}
    export(net, tmp_path / "bundle", proof, ["fonts"], architecture=pooled, **facts)
    stroke = [[x, 200] for x in range(50, 300, 5)]
    assert len(Recognizer(tmp_path / "bundle").recognize([stroke]).top()) > 1


def test_the_search_takes_a_new_network_and_says_when_it_has_no_shape(pooled: str, tmp_path: Path) -> None:
    train = {"architecture": pooled, "learning_rate": 0.01}
    for path in (search.DATA, search.PRETRAINED):
        (tmp_path / path).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / path).touch()
    tune = {"searched": ["learning_rate"], "epochs": 1, "samples_per_epoch": 100, "judged": 10, "seed": 0}
    plan, _ = search.plan_of(tune, train, tmp_path)
    assert isinstance(search.network(plan.held | {"seed": 0}).body[-1], nn.Flatten)
    with pytest.raises(search.TuneError, match="pooled has no shape"):
        search.plan_of(tune | {"searched": ["shape.small"]}, train, tmp_path)
    with pytest.raises(search.TuneError, match="def letternet_found"):
        search.named({"small": 8})
