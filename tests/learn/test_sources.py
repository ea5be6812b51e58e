"""Sources: what they hold, how they are fetched, and what happens when they cannot be had."""

import gzip
import io
import signal
import struct
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from ukr_letters.core.alphabet import CLASSES, LETTERS, OTHER
from ukr_letters.core.ink import glyph
from ukr_letters.core.settings import root
from ukr_letters.learn import sources
from ukr_letters.learn.archives import SourceError, digest, obtain
from ukr_letters.learn.sources import LAST_DRAWN, SOURCES, read
from ukr_letters.learn.synthetic import (
    CHARACTERS,
    COUNTS,
    FACES,
    HANDS,
    HELD_COUNT,
    HELD_LATIN,
    HELD_SIGNS,
    HELD_STYLES,
    LATIN,
    PACKAGES,
    SHEET,
    SIGNS,
    STYLES,
    open_face,
    placement,
    typeset,
)

# A small repository as GitHub would pack it, and a server that behaves well or badly.


def png(picture: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return out.getvalue()


SHEET_WITH_BAR = np.full((200, 200), 255, np.uint8)
SHEET_WITH_BAR[40:101, 120:131] = 0  # rows 40-100, columns 120-130
TABLE = "label,is_uppercase,top,bottom,left,right,filename\nї,True,120,130,40,100,glyphs/yi-28.png\n"
MEMBERS = {"glyphs.csv": TABLE.encode(), "glyphs/yi-28.png": png(SHEET_WITH_BAR)}
INTACT = digest(MEMBERS.items())


def packed(members: dict[str, bytes], top: str = "rukopys-dataset-d02f11f") -> bytes:
    out = io.BytesIO()
    with ZipFile(out, "w") as archive:
        for path, content in {"README.md": b"", **members}.items():
            archive.writestr(f"{top}/{path}", content)
    return out.getvalue()


class Home(BaseHTTPRequestHandler):
    "A public home: `/good.zip`, `/short.zip` (stops early), `/slow.zip` (stops in the middle and waits)."

    def do_GET(self):
        server = self.server
        server.asked.append(self.path)
        if self.path not in ("/good.zip", "/short.zip", "/slow.zip"):
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(server.body)))
        self.end_headers()
        half = len(server.body) // 2
        self.wfile.write(server.body[:half])
        self.wfile.flush()
        if self.path == "/slow.zip":
            server.halfway.set()
            server.released.wait(30)
        elif self.path == "/good.zip":
            self.wfile.write(server.body[half:])

    def log_message(self, *_):
        pass


@pytest.fixture
def home():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Home)
    server.daemon_threads = True
    server.body, server.asked = packed(MEMBERS), []
    server.halfway, server.released = Event(), Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    "An empty folder as the root, without a mirror."
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UKR_LETTERS_MIRROR", raising=False)
    return tmp_path


def rukopys_at(url: str, **changes):
    return replace(SOURCES["rukopys"], origin=url, sha256=INTACT, **changes)


def files_under(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# Fetching


def test_download_from_the_public_home_once(home, elsewhere):
    found = rukopys_at(f"{home.url}/good.zip")
    [drawing] = read(found)
    assert (drawing.label, drawing.uppercase, drawing.split, drawing.name) == ("ї", True, "test", "yi-28.png")
    [again] = read(found)
    assert (again.picture == drawing.picture).all()
    assert home.asked == ["/good.zip"]
    assert files_under(elsewhere) == ["data/raw/.verified/rukopys", "data/raw/rukopys.zip"]


def test_the_swapped_axes_are_read_as_they_are_meant(home, elsewhere):
    [drawing] = read(rukopys_at(f"{home.url}/good.zip"))
    rows, columns = np.nonzero(drawing.picture == 0)
    assert drawing.picture.shape == (61 + 16, 11 + 16)
    assert len(rows) == 61 * 11 and (rows.min(), columns.min()) == (8, 8)


@pytest.mark.parametrize("path", ["short.zip", "absent.zip"])
def test_a_failed_download_leaves_nothing_and_says_what_to_do(home, elsewhere, path):
    with pytest.raises(SourceError) as failure:
        list(read(rukopys_at(f"{home.url}/{path}")))
    message = str(failure.value)
    for part in ("'rukopys'", f"{home.url}/{path}", "UKR_LETTERS_MIRROR", "'rukopys.zip'", "params.yaml", "embedded"):
        assert part in message
    assert files_under(elsewhere) == []


def test_no_home_at_all(elsewhere):
    with pytest.raises(SourceError, match="cannot be had from http://127.0.0.1:9/"):
        list(read(rukopys_at("http://127.0.0.1:9/gone.zip")))


@pytest.mark.parametrize("signal_sent", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_download_never_looks_whole(home, elsewhere, signal_sent):
    command = f"""
import signal
from pathlib import Path
from ukr_letters.learn.archives import download
signal.signal(signal.SIGINT, signal.default_int_handler)  # the shell that started the tests may have it ignored
download('{home.url}/slow.zip', Path('data/raw/rukopys.zip'))
"""
    process = subprocess.Popen([sys.executable, "-c", command], stderr=subprocess.DEVNULL)
    assert home.halfway.wait(60)
    process.send_signal(signal_sent)
    assert process.wait(60) != 0
    left = files_under(elsewhere)
    assert "data/raw/rukopys.zip" not in left
    if signal_sent == signal.SIGINT:
        assert left == []
    assert len(list(read(rukopys_at(f"{home.url}/good.zip")))) == 1


def test_the_mirror_is_read_in_place_and_never_written_to(home, elsewhere, monkeypatch):
    folder = elsewhere / "mirror"
    folder.mkdir()
    (folder / "rukopys.zip").write_bytes(packed(MEMBERS, top="another-top-folder"))
    monkeypatch.setenv("UKR_LETTERS_MIRROR", str(folder))
    assert len(list(read(rukopys_at(f"{home.url}/good.zip")))) == 1
    assert home.asked == [] and files_under(folder) == ["rukopys.zip"]
    assert not (elsewhere / "data/raw/rukopys.zip").exists()


def test_changed_content_is_refused_with_both_hashes(home, elsewhere):
    home.body = packed({**MEMBERS, "glyphs/yi-28.png": png(255 - SHEET_WITH_BAR)})
    with pytest.raises(SourceError) as failure:
        list(read(rukopys_at(f"{home.url}/good.zip")))
    message = str(failure.value)
    assert INTACT in message and "Delete" in message and "rukopys.zip and try again" in message


def test_a_file_that_changes_after_its_check_is_checked_again(home, elsewhere):
    found = rukopys_at(f"{home.url}/good.zip")
    list(read(found))
    obtain(found)[0].write_bytes(packed({**MEMBERS, "glyphs.csv": TABLE.replace("ї", "і").encode()}))
    with pytest.raises(SourceError, match="is not what it should be"):
        list(read(found))


def test_a_torn_archive_is_refused(home, elsewhere):
    home.body = home.body[: len(home.body) // 2]
    with pytest.raises(SourceError, match="cannot be unpacked"):
        list(read(rukopys_at(f"{home.url}/good.zip")))


def test_packing_does_not_matter_but_paths_do():
    members = list(MEMBERS.items())
    assert digest(members) == digest(reversed(members))
    assert digest(members) != digest([("glyphs.csv", members[1][1]), (members[1][0], members[0][1])])


# MNIST


def idx(array: np.ndarray) -> bytes:
    return gzip.compress(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes())


@pytest.mark.slow  # torchvision takes seconds to load
def test_mnist_is_read_through_torchvision_from_a_mirror(elsewhere, monkeypatch):
    raw = elsewhere / "mirror/MNIST/raw"
    raw.mkdir(parents=True)
    pictures = np.random.default_rng(0).integers(0, 255, (5, 28, 28), dtype=np.uint8)
    parts = {"train": pictures[:3], "t10k": pictures[3:]}
    for part, some in parts.items():
        (raw / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(some))
        (raw / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(np.arange(len(some), dtype=np.uint8)))
    monkeypatch.setenv("UKR_LETTERS_MIRROR", str(elsewhere / "mirror"))
    unpacked = {name: gzip.decompress((raw / f"{name}.gz").read_bytes()) for name in sources.MNIST_FILES}
    drawings = list(read(replace(SOURCES["mnist"], sha256=digest(unpacked.items()))))
    assert [(d.label, d.split, d.uppercase) for d in drawings] == [
        (label, split, None) for split, n in (("train", 3), ("test", 2)) for label in "012"[:n]
    ]
    assert all((d.picture == picture).all() for d, picture in zip(drawings, pictures))
    assert len(files_under(elsewhere / "mirror")) == 4
    with pytest.raises(SourceError, match="is not what it should be"):
        list(read("mnist"))


@pytest.mark.slow  # torchvision takes seconds to load
def test_mnist_without_mirror_or_network_says_what_to_do(elsewhere):
    with pytest.raises(SourceError, match="'mnist' cannot be had"):
        list(read(replace(SOURCES["mnist"], origin="http://127.0.0.1:9/")))


# The register


def test_the_register_says_where_everything_comes_from():
    assert list(SOURCES) == [
        "rukopys",
        "mnist",
        "cmnist",
        "cmnist_blocks",
        "comnist",
        "composed",
        "others",
        "comnist_composed",
        "comnist_others",
        "near_miss",
        "pendigits",
        "unipen",
        "unipen_others",
        "fonts",
        "digits8",
        "scribbles",
        "collected",
    ]
    for name, known in SOURCES.items():
        assert known.name == name and known.licence and known.coverage and known.origin
        assert known.embedded or len(known.sha256) == 64 or name == "collected"  # shards are named by their hashes
    for name in [name for name, known in SOURCES.items() if known.file.endswith(".zip")]:
        assert SOURCES[name].origin.startswith("https://github.com/") and len(Path(SOURCES[name].origin).stem) == 40


def test_an_unknown_source_is_answered_with_the_known_ones():
    with pytest.raises(SourceError, match="rukopys, mnist"):
        read("emnist")


def test_reading_the_register_needs_no_training_package():
    code = "import sys, ukr_letters.learn.sources; print(*({'torch', 'torchvision', 'sklearn', 'scipy', 'tqdm'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


# Reserved drawings


def test_reserved_drawings_are_not_members():
    keep = SOURCES["comnist"].keep
    assert set(LAST_DRAWN) == set(LETTERS) - set("єїґ")
    for letter, last in LAST_DRAWN.items():
        later = last[:-1] + chr(ord(last[-1]) + 1) if letter == "і" else f"{int(last, 16) + 1:x}"
        assert keep(f"dataset/{letter}/{last}.png") and not keep(f"dataset/{letter}/{later}.png")
    for path in (
        "dataset/ә/58bbc2cb5d1f6.png",
        "dataset/о/adqerltpdy.png",
        "dataset/а/58bbc2cb5d1f6 - Copie.png",
        "58bbc2cb5d1f6.png",
    ):
        assert not keep(path)


# Embedded sources


def test_fonts_have_every_character_and_held_out_families():
    assert {c.lower() for c in CHARACTERS} == set(CLASSES) and len(CHARACTERS) == 76
    sides: dict[str, set] = {}
    for face in FACES:
        sides.setdefault(face.family, set()).add(face.split)
    assert all(len(side) == 1 for side in sides.values())
    assert Counter(next(iter(side)) for side in sides.values()) == {"train": 10, "valid": 2, "test": 3}


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.file)
def test_no_letter_is_missing_or_cut_off(face):
    font = open_face(face, face.weights[0])
    absent = typeset("\uffff", font).tobytes()  # what the font draws for a character that it lacks
    for char in CHARACTERS:
        sheet = typeset(char, font)
        assert sheet.tobytes() != absent, char
        for hand in (HANDS[4], HANDS[7]):  # the strongest slant, the strongest stretch
            left, top, right, bottom = sheet.transform(sheet.size, Image.Transform.AFFINE, placement(hand)).getbbox()
            assert min(left, top) > 0 and max(right, bottom) < SHEET, char


def test_fonts_are_the_same_every_time():
    first, second = ([d.picture.tobytes() for d in islice(read("fonts"), 200)] for _ in range(2))
    assert first == second and len(set(first)) == 200


@pytest.mark.slow
def test_fonts_tell_the_case_by_the_height():
    drawings = list(read("fonts"))
    by_case = {case: [d for d in drawings if d.label == "с" and d.uppercase is case] for case in (False, True)}
    assert max(d.height for d in by_case[False]) < 1.2 < 1.3 < min(d.height for d in by_case[True])
    assert all(0.5 < d.height < 4.5 and -2.5 < d.drop < 2 for d in drawings)
    drops = {
        label: np.median([d.drop for d in drawings if d.label == label and d.uppercase is False]) for label in "нор"
    }
    assert abs(drops["н"]) < 0.1 and abs(drops["о"]) < 0.1 and drops["р"] > 0.3


def test_font_packages_are_pinned():
    settings = (root() / "settings.ini").read_text(encoding="utf-8")
    missing = [package for package in PACKAGES if f"{package}==" not in settings]
    assert not missing, f"add to train_requirements in settings.ini with exact versions: {missing}"


def test_digits8_counts_and_blocks():
    drawings = list(read("digits8"))
    assert Counter(d.split for d in drawings) == {"train": 1250, "valid": 200, "test": 347}
    sides: dict[str, set] = {}
    for drawing in drawings:
        sides.setdefault(drawing.group, set()).add(drawing.split)
    assert all(len(side) == 1 for side in sides.values())
    assert {d.picture.shape for d in drawings} == {(64, 64)} and {d.uppercase for d in drawings} == {None}


def test_scribbles_are_the_same_every_time():
    first, second = ([d.picture.tobytes() for d in islice(read("scribbles"), 50)] for _ in range(2))
    assert first == second and len(set(first)) == 50


@pytest.mark.slow
def test_held_out_styles_are_never_trained_on():
    drawings = list(read("scribbles"))
    assert {d.label for d in drawings} == {OTHER} and {d.uppercase for d in drawings} == {None}
    counts = Counter((d.name.split("/")[0], d.split) for d in drawings)
    seen = set(STYLES) - HELD_STYLES
    assert counts == {(style, split): count for style in seen for split, count in COUNTS.items()} | {
        (style, "test"): HELD_COUNT for style in HELD_STYLES
    }
    assert len({d.name for d in drawings}) == len(drawings)
    for drawing in drawings[::97]:
        rendered = glyph(drawing.picture)
        # Ink and paper the right way round: the corners of a scribble's glyph are mostly paper.
        assert rendered.any() and rendered[[0, 0, -1, -1], [0, -1, 0, -1]].max() == 0, drawing.name


def test_every_font_has_the_signs_of_the_scribbles():
    for face in FACES:
        font = open_face(face, face.weights[0])
        absent = typeset("\uffff", font).tobytes()
        assert not [
            char for char in LATIN + HELD_LATIN + SIGNS + HELD_SIGNS if typeset(char, font).tobytes() == absent
        ], face.file
