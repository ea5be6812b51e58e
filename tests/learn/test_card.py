"""What a hub reads of the model card: a head in YAML, with figures that are those of the details."""

import json

import yaml

from ukr_letters.core.bundle import open_bundle
from ukr_letters.core.recognizer import CHAMPION
from ukr_letters.core.settings import root
from ukr_letters.learn.evaluate import front_matter


def test_the_head_of_the_card_says_what_a_hub_asks_for() -> None:
    bundle, _ = open_bundle(CHAMPION)
    metrics = json.loads((root() / "reports/details.json").read_text())
    before, head, after = front_matter(bundle, metrics).split("---\n")
    said = yaml.safe_load(head)
    assert before == "" == after and len(head) < 4000
    assert (said["license"], said["language"], said["library_name"]) == ("apache-2.0", "uk", "onnx")
    assert said["pipeline_tag"] == "image-classification" and said["metrics"] == ["accuracy"]
    assert said["datasets"] == list(bundle.sources)
    [model] = said["model-index"]
    figures = {result["dataset"]["type"]: result["metrics"] for result in model["results"]}
    assert "cmnist" in figures and "out of distribution" not in figures
    for test, [figure] in figures.items():
        assert figure["value"] == metrics[test]["auto"]["value"] and figure["type"] == "accuracy"
