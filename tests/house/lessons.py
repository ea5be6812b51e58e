"""The lessons of the library: run them, and hold what they show against the outputs that are kept.

python tests/house/lessons.py [NOTEBOOK ...]          run; fail when a lesson fails or shows another text than the kept one
python tests/house/lessons.py --write [NOTEBOOK ...]  run, and keep what they show: `make outputs`

Texts must be equal, decimal numbers nearly; of a picture only its kind is compared. Processors add in different orders,
and another version of a library draws other pixels. What a program writes to standard error is not kept. A cell that
shows what differs between runs or machines begins with `#| output: false`, and keeps nothing.
"""

import json
import os
import re
import sys
from base64 import b64decode, b64encode
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import BytesIO, StringIO
from math import isclose
from multiprocessing import get_context
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).parents[2]
WORKERS = 2
BUDGET, PICTURE = 29_000, 10_000  # characters of outputs in a notebook, and of a picture in base64
PICTURES = ("image/png", "image/jpeg")
DECIMAL = re.compile(r"-?\d+\.\d+(?:e[+-]?\d+)?")
SLOW = ["mlflow", "nbdev.clean", "optuna", "pandas", "torch.export", "torch.onnx"]  # to import


def is_lesson(path: Path) -> bool:
    "Whether a file is a notebook that is exported to the package."
    return path.suffix == ".ipynb" and "#| default_exp" in path.read_text(encoding="utf-8")


def squeezed(picture: str, most: int) -> str:
    "Return a picture as a PNG of at most so many characters in base64: in few shades, and smaller as far as needed."
    from PIL import Image

    opened = Image.open(BytesIO(b64decode(picture)))
    paper = Image.new("RGB", opened.size, "white")
    paper.paste(opened, mask=opened.convert("RGBA").getchannel("A"))
    share, shades = 1.0, 4 if opened.mode in ("L", "1") else 16
    while True:
        side = [max(1, round(length * share)) for length in paper.size]
        file = BytesIO()
        paper.resize(side, Image.Resampling.LANCZOS).quantize(shades).save(file, "png", optimize=True)
        if len(written := b64encode(file.getvalue()).decode()) <= most or max(side) == 1:
            return written
        share *= 0.9


def kept(cells: list) -> None:
    "Leave in cells what a notebook keeps: text, and pictures that fit into it together."
    outputs = [output for cell in cells for output in cell.outputs]
    found = []
    for data in (output["data"] for output in outputs if "data" in output):
        kinds = sorted((kind for kind in data if kind in PICTURES), key=lambda kind: len(data[kind]))
        found += [(data, kind) for kind in kinds[:1]]
        for kind in kinds[1:]:
            del data[kind]
    room = BUDGET - sum(len(json.dumps(output)) for output in outputs) + sum(len(data[kind]) for data, kind in found)
    for place, (data, kind) in enumerate(sorted(found, key=lambda pair: len(pair[0][pair[1]]))):
        picture = data.pop(kind)
        most = min(PICTURE, room // (len(found) - place))
        data["image/png"] = picture if kind == "image/png" and len(picture) <= most else squeezed(picture, most)
        room -= len(data["image/png"])


def shown(outputs: list[dict]) -> list[dict]:
    "Return the texts of outputs by kind, and the kinds of pictures."
    kinds = [output.get("data") or {output.get("name", ""): output.get("text", "")} for output in outputs]
    return [{kind: "" if kind in PICTURES else "".join(text) for kind, text in data.items()} for data in kinds]


def alike(old: str, new: str) -> bool:
    "Whether two texts are equal but for small differences of decimal numbers."
    if DECIMAL.sub("", old) != DECIMAL.sub("", new):
        return False
    pairs = zip(DECIMAL.findall(old), DECIMAL.findall(new), strict=True)
    return all(isclose(float(one), float(two), rel_tol=0.02, abs_tol=0.01) for one, two in pairs)


def current(old: list[dict], new: list[dict]) -> bool:
    "Whether kept outputs say what new ones say."
    before, after = shown(old), shown(new)
    if list(map(set, before)) != list(map(set, after)):
        return False
    return all(alike(one[kind], two[kind]) for one, two in zip(before, after, strict=True) for kind in one)


def run(path: Path) -> tuple[dict, str]:
    "Run a notebook in this process; return it with new outputs, and the error that ended it."
    from execnb.nbio import read_nb
    from execnb.shell import CaptureShell
    from nbdev.clean import clean_nb

    for name in [name for name in os.environ if name.startswith("UKR_LETTERS_")]:
        del os.environ[name]  # a lesson shows the same whatever is set here
    sys.path.insert(0, str(ROOT))
    notebook, shell = read_nb(path), CaptureShell(path)
    with chdir(path.parent), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        try:
            shell.run_all(notebook, exc_stop=True)
            error = ""
        except Exception:
            error = shell.prettytb(fname=path)
        except SystemExit as end:
            error = f"the lesson ends its process: {end!r}"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            hidden = cell.source.startswith("#| output: false")
            outputs = [dict(output) for output in cell.get("outputs", []) if output.get("name") != "stderr"]
            cell.outputs = [] if hidden else outputs
    kept([cell for cell in notebook.cells if cell.cell_type == "code"])
    clean_nb(notebook)
    return notebook, error


def judge(path: Path, write: bool) -> list[str]:
    "Run a notebook and return what is wrong with it; with `write`, keep what it shows."
    from execnb.nbio import read_nb, write_nb

    before, (after, error) = read_nb(path), run(path)
    if error:
        return [error]
    if write:
        part = path.with_suffix(".part")
        try:
            write_nb(after, part)
            os.replace(part, path)
        except UnicodeEncodeError as trouble:
            return [f"shows what no file can keep: {trouble}"]
        finally:
            part.unlink(missing_ok=True)
        return []
    changed = [
        new.source.partition("\n")[0]
        for old, new in zip(before.cells, after.cells, strict=True)
        if not current(old.get("outputs", []), new.get("outputs", []))
    ]
    return [f"shows something new, keep it with `make outputs`: {line}" for line in changed]


def timed(path: Path, write: bool) -> tuple[list[str], float]:
    "Judge a notebook; return what is wrong with it, and the seconds it took."
    begun = monotonic()
    return judge(path, write), monotonic() - begun


def main() -> int:
    "Run the lessons that are named, or all; return 1 when one of them is wrong."
    names = [Path(name).resolve() for name in sys.argv[1:] if name != "--write"]
    if absent := [str(name) for name in names if not (name.is_file() and ROOT in name.parents)]:
        sys.exit(f"no notebook of this checkout: {', '.join(absent)}")
    failed, context = 0, get_context("forkserver")
    if len(names) != 1:
        context.set_forkserver_preload(SLOW)  # each lesson gets a process of its own, and none imports these anew
    with ProcessPoolExecutor(WORKERS, context, max_tasks_per_child=1) as pool:
        runs = {
            pool.submit(timed, path, "--write" in sys.argv): path
            for path in names or filter(is_lesson, sorted((ROOT / "nbs").rglob("*.ipynb")))
        }
        for done in as_completed(runs):
            wrong, took = done.result()
            failed += bool(wrong)
            print(
                f"{took:6.1f} s  {runs[done].relative_to(ROOT)} {'FAILED' if wrong else 'passed'}",
                *wrong,
                sep="\n",
                flush=True,
            )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
