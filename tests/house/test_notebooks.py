"A notebook is an essay and a dashboard is a page; a failure names each offender."

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

from support.checkout import ROOT
from support.imports import MODULES, NAMES
from support.notebooks import (
    ALL_NOTEBOOKS,
    FUNCTION,
    LIBRARY,
    assert_kept,
    cells,
    names_of,
    notebooks,
    parsed,
    probe,
    sources,
    tree,
)

MAX_LINES, MAX_CELLS = 45, 100
WORDS_PER_CODE_CELL = 4
PICTURE = re.compile(r"!\[[^\]]+\]\((images/[^)]+)\)")
NOTEBOOK_LINK = re.compile(r"\]\(([^)#:]+\.ipynb)")
MAX_OUTPUTS, MAX_SHOWN = 30_000, 10_000  # characters, of a notebook's outputs and of a picture among them
MAX_PICTURE = 120_000  # bytes: they live in git, where nothing is ever thrown away


def first_line(source: str) -> str:
    "The line by which a reader finds a cell: its first one that is no directive."
    return next((line for line in source.splitlines() if not line.startswith("#|")), source)


def untitled(path: Path) -> Iterator[str]:
    "A notebook begins with `# Title` and `> subtitle`."
    lines = [*cells(path)[0]["source"].splitlines(), "", ""]
    if cells(path)[0]["cell_type"] != "markdown" or not re.match(r"# \S", lines[0]) or not re.match(r"> \S", lines[1]):
        yield "does not begin with `# Title` and `> subtitle`"


def test_a_notebook_begins_with_its_title():
    "The dashboards are pages for visitors and bring their own."
    assert_kept(untitled, notebooks("nbs"))


def too_long(path: Path) -> Iterator[str]:
    "A cell fits on a screen, unless it is one class: its methods stand together, where editors and checkers see them."
    for cell in cells(path):
        lines = len(cell["source"].splitlines())
        if lines <= MAX_LINES:
            continue
        body = parsed(cell["source"]).body if cell["cell_type"] == "code" else []
        if [type(node) for node in body] != [ast.ClassDef]:
            yield f"a cell of {lines} lines that is not one class: {first_line(cell['source'])}"


def test_cells_are_small():
    assert_kept(too_long, ALL_NOTEBOOKS)


def too_many(path: Path) -> Iterator[str]:
    "A notebook can be read in one sitting."
    if len(cells(path)) > MAX_CELLS:
        yield f"{len(cells(path))} cells"


def test_cells_are_few():
    assert_kept(too_many, ALL_NOTEBOOKS)


def wordless(path: Path) -> Iterator[str]:
    "Prose stands between the code."
    words, code = sum(len(source.split()) for source in sources(path, "markdown")), len(sources(path, "code"))
    if words < WORDS_PER_CODE_CELL * code:
        yield f"{words} words for {code} cells of code"


def test_prose_stands_between_the_code():
    assert_kept(wordless, notebooks("nbs"))


def starred(path: Path) -> Iterator[str]:
    "No `import *`: a reader must see where a name comes from."
    if not re.search(r"import[\s\\]*\*", path.read_text(encoding="utf-8")):
        return  # parsing everything would take seconds
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            yield f"from {node.module} import *"


def test_imports_are_named():
    assert_kept(starred, [*ALL_NOTEBOOKS, *MODULES])


def is_import(node: ast.stmt) -> bool:
    "Whether a statement only imports, as `if TYPE_CHECKING:` does for checkers."
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return all(map(is_import, node.body))
    return isinstance(node, ast.Import | ast.ImportFrom)


def mixed(path: Path) -> Iterator[str]:
    "nbdev runs import cells by themselves when it makes documentation; code among them would run twice."
    for source in sources(path, "code"):
        if source.startswith(("%", "!")):
            continue
        if {is_import(node) for node in ast.parse(source).body} == {True, False}:
            yield f"a cell mixes imports with code: {first_line(source)}"


def test_imports_have_their_own_cells():
    assert_kept(mixed, [*LIBRARY, *notebooks("nbs/explore")])


def unclean(path: Path) -> Iterator[str]:
    "Counts change at each run, and outputs change the hash of a stage; `make clean-notebooks` removes them."
    for cell in cells(path):
        if cell["cell_type"] == "code" and cell["outputs"] and path not in LIBRARY:
            yield f"saved outputs: {first_line(cell['source'])}"
        if cell["cell_type"] == "code" and cell["execution_count"]:
            yield f"execution count: {first_line(cell['source'])}"


def overfull(path: Path) -> Iterator[str]:
    "Outputs stay so small that a page opens quickly and a diff can be read; `make outputs` squeezes pictures."
    outputs = [output for cell in cells(path) if cell["cell_type"] == "code" for output in cell["outputs"]]
    pictures = [data for output in outputs for kind, data in output.get("data", {}).items() if "image" in kind]
    if (size := len(json.dumps(outputs))) > MAX_OUTPUTS:
        yield f"{size} characters of outputs"
    yield from (f"a picture of {len(data)} characters" for data in pictures if len(data) > MAX_SHOWN)
    yield from ("an output on standard error" for output in outputs if output.get("name") == "stderr")


def test_outputs_are_small():
    assert_kept(overfull, LIBRARY)


def test_the_library_shows_what_it_says():
    shown = [path for path in LIBRARY if any(cell.get("outputs") for cell in cells(path))]
    assert shown == LIBRARY


def test_notebooks_are_clean():
    assert_kept(unclean, ALL_NOTEBOOKS)


def logic(path: Path) -> Iterator[str]:
    "Stages and pages call the library; a function or class there could not be tested or reused."
    for node in ast.walk(tree(path)):
        if isinstance(node, (*FUNCTION, ast.ClassDef)):
            yield f"defines {node.name}"


def test_stages_and_pages_hold_no_logic():
    assert_kept(logic, notebooks("nbs/pipeline", "dashboards"))


def shown(path: Path) -> list[str]:
    "The pictures that an essay shows."
    return [name for cell in cells(path) for name in PICTURE.findall(cell["source"])]


def pictureless(path: Path) -> Iterator[str]:
    "A reader on a code host sees what running the essay showed."
    if not shown(path):
        yield "shows no picture"
    for name in shown(path):
        size = (path.parent / name).stat().st_size if (path.parent / name).is_file() else None
        if size is None or size > MAX_PICTURE:
            yield f"{name} is missing" if size is None else f"{name} has {size} bytes, more than {MAX_PICTURE}"


def test_essays_come_with_their_pictures():
    assert_kept(pictureless, notebooks("nbs/explore"))


def test_no_picture_is_left_over():
    "Every picture of the essays is shown in one of them."
    known = {name for path in notebooks("nbs/explore") for name in shown(path)}
    there = {f"images/{picture.name}" for picture in (ROOT / "nbs/explore/images").iterdir()}
    assert not there - known, f"shown nowhere: {', '.join(sorted(there - known))}"


def broken_links(path: Path) -> Iterator[str]:
    "A link to another notebook leads to it; those of the README begin at the root, where it stands."
    start = ROOT if path.name == "index.ipynb" else path.parent
    for source in sources(path, "markdown"):
        yield from (f"links to {name}" for name in NOTEBOOK_LINK.findall(source) if not (start / name).is_file())


def test_links_lead_to_notebooks():
    assert_kept(broken_links, ALL_NOTEBOOKS)


def unknown_imports(path: Path) -> Iterator[str]:
    "What a notebook imports of ours exists; essays are not run by the tests, so a former name would stay unseen."
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and (module := NAMES.get(node.module or "")):
            known = {name for one in tree(module).body for name in names_of(one)}
            yield from (f"{node.module} has no {alias.name}" for alias in node.names if alias.name not in known)


def test_notebooks_import_what_there_is():
    assert_kept(unknown_imports, ALL_NOTEBOOKS)


# The rules see what breaks them


def test_the_rules_of_notebooks_see_their_offenders(tmp_path: Path):
    long = "a = 0\n" * (MAX_LINES + 1)
    untidy = probe(
        tmp_path / "10_untidy.ipynb",
        [long, "from os import *\nasync def f(): pass", "if True:\n    class Shown: pass"],
        words="no title, ![picture](images/absent.png)",
        outputs=["text"],
        execution_count=1,
    )
    found = {rule.__name__: list(rule(untidy)) for rule in (untitled, too_long, wordless, starred, mixed, logic)}
    assert found == {
        "untitled": ["does not begin with `# Title` and `> subtitle`"],
        "too_long": ["a cell of 46 lines that is not one class: a = 0"],
        "wordless": ["3 words for 3 cells of code"],
        "starred": ["from os import *"],
        "mixed": ["a cell mixes imports with code: from os import *"],
        "logic": ["defines f", "defines Shown"],
    }
    assert len(list(unclean(untidy))) == 6
    large = {"output_type": "display_data", "data": {"image/png": "x" * (MAX_OUTPUTS + 1)}}
    noisy = {"output_type": "stream", "name": "stderr", "text": "careful"}
    assert len(list(overfull(probe(tmp_path / "20_full.ipynb", ["1"], words="full", outputs=[large, noisy])))) == 3
    assert list(pictureless(untidy)) == ["images/absent.png is missing"]
    (tmp_path / "images").mkdir()
    (tmp_path / "images/absent.png").write_bytes(bytes(MAX_PICTURE + 1))
    assert list(pictureless(untidy)) == ["images/absent.png has 120001 bytes, more than 120000"]
    bare = probe(tmp_path / "11_bare.ipynb", ["1"] * MAX_CELLS, words="# Title\n> and what it is about")
    assert list(too_many(bare)) == ["101 cells"] and list(pictureless(bare)) == ["shows no picture"]
    assert not list(untitled(bare)) and not list(unclean(bare))
    lost = probe(tmp_path / "12_lost.ipynb", [], words="[here](11_bare.ipynb) and [there](../12_gone.ipynb)")
    assert list(broken_links(lost)) == ["links to ../12_gone.ipynb"]


def test_a_cell_over_the_cap_may_hold_only_one_class(tmp_path: Path):
    whole = "#| export\nclass Long:\n    'It is one.'\n" + "    a = 0\n" * MAX_LINES
    assert not list(too_long(probe(tmp_path / "10_one.ipynb", [whole], "# One")))
    assert list(too_long(probe(tmp_path / "11_more.ipynb", [f"{whole}Long()"], "# More")))
