"""How fast the network answers, beside the one this project grew from, in the same run: `make bench ONLY=model`."""

import io
import statistics
import time
from collections.abc import Callable

import numpy as np
import onnxruntime
import torch
from support.strokes import TURNS, letter
from torch import nn

from ukr_letters.core.ink import SIZE_INPUTS
from ukr_letters.core.recognizer import CHAMPION, Recognizer

ROUNDS, CALLS, BATCH = 60, 50, 500


class Predecessor(nn.Module):
    "The shape of the predecessor's network, 834,476 parameters; time does not depend on the weights."

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(3136, 256), nn.BatchNorm1d(256), nn.ReLU()),
        )
        self.label, self.case = nn.Linear(256, 43), nn.Linear(256, 1)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        "Pictures (N, 3, 28, 28) to label logits and a case logit."
        features = self.body(pictures)
        return self.label(features), self.case(features)


def session(model: bytes | str) -> onnxruntime.InferenceSession:
    "One thread, as the page runs it."
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def predecessor() -> Callable[[], object]:
    "A call of the predecessor for one picture."
    exported, picture = io.BytesIO(), torch.rand(1, 3, 28, 28)
    torch.onnx.export(Predecessor().eval(), (picture,), exported, dynamo=True, input_names=["pictures"], verbose=False)
    network, inputs = session(exported.getvalue()), {"pictures": picture.numpy()}
    return lambda: network.run(None, inputs)


def champion() -> Callable[[], object]:
    "A call of the champion for one glyph."
    network = session(str(CHAMPION / "model.onnx"))
    inputs = {"glyphs": np.random.rand(1, 1, 32, 32), "sizes": np.zeros((1, SIZE_INPUTS))}
    inputs = {name: value.astype(np.float32) for name, value in inputs.items()}
    return lambda: network.run(["logits"], inputs)


def milliseconds(calls: list[Callable[[], object]]) -> list[float]:
    "Median time of each call; the calls take turns, so that a busy machine is busy for all of them."
    times = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, taken in zip(calls, times, strict=True):
            start = time.thread_time()
            for _ in range(CALLS):
                call()
            taken.append(1000 * (time.thread_time() - start) / CALLS)
    return [statistics.median(taken) for taken in times]


def throughput() -> float:
    "Drawings a second through `recognize_many`, strokes to answers."
    recognizer, drawings = Recognizer(), [letter(char) for char in TURNS] * (BATCH // len(TURNS) + 1)
    start = time.thread_time()
    recognizer.recognize_many(drawings)
    return len(drawings) / (time.thread_time() - start)


def main() -> None:
    "Print the table."
    old, new = milliseconds([predecessor(), champion()])
    print("| measured | value |\n|---|---|")
    print(f"| predecessor's network, one picture, one thread | {old:.3f} ms |")
    print(f"| champion, one glyph, one thread | {new:.3f} ms |")
    print(f"| champion's share of the predecessor's time | {new / old:.2f} |")
    print(f"| champion's model.onnx | {(CHAMPION / 'model.onnx').stat().st_size / 1e6:.2f} MB |")
    print(
        f"| `recognize_many`, strokes to answers | {statistics.median(throughput() for _ in range(5)):,.0f} drawings/s |"
    )


if __name__ == "__main__":
    main()
