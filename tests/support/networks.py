"""Networks that can be told from the champion."""

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from ukr_letters.core.alphabet import CLASSES
from ukr_letters.core.bundle import HEADS, Bundle, open_bundle, write_bundle
from ukr_letters.core.recognizer import CHAMPION


def leaning(folder: Path, char: str = "", push: float = 0.0) -> Bundle:
    "The champion, its label logit of one symbol raised; by nothing it only becomes another network that reads the same."
    bundle, model = open_bundle(CHAMPION)
    network, raised = onnx.load_from_string(model), np.zeros((1, sum(HEADS)), np.float32)
    raised[0, CLASSES.index(char) if char else 0] = push
    last = next(node for node in network.graph.node if "logits" in node.output)
    last.output[0] = "before"
    network.graph.initializer.append(numpy_helper.from_array(raised, "raised"))
    network.graph.node.append(onnx.helper.make_node("Add", ["before", "raised"], ["logits"]))
    facts = {
        name: value for name, value in vars(bundle).items() if name not in ("sha256", "made_by")
    }  # nobody trained it
    return write_bundle(folder, network.SerializeToString(), **facts)
