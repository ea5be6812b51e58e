"""What the server promises to those who knock, with and without an invitation."""

import os
import signal
from contextlib import closing

import pytest
from support.commands import stopped
from support.pages import serving
from support.services import KEYS
from support.websocket import Visitor, knock
from tornado.netutil import bind_sockets
from voila import __version__ as VOILA

from ukr_letters.core.settings import root
from ukr_letters.serve.texts import text
from ukr_letters.serve.voila import serve


@pytest.fixture(scope="module")
def full_house(tmp_path_factory):
    "A server without seats, which never spends a kernel on us."
    with serving(tmp_path_factory.mktemp("samples"), seats=0, pool=0) as running:
        yield running


def test_a_full_house_says_so_in_ukrainian(full_house):
    status, headers, body = knock(full_house, "/")
    assert status == 503 and headers["Retry-After"] == "30"
    assert text("full") in body.decode() and text("full", "en") in body.decode()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/voila/files/draw.ipynb", 403),
        ("/voila/files/template/page.html", 403),
        ("/voila/static/../../../dashboards/draw.ipynb", 403),
        ("/draw.ipynb", 404),
        ("/api/contents", 404),
        ("/api/kernels", 404),
        ("/voila/tree", 404),
    ],
)
def test_only_the_page_is_served(full_house, path, status):
    answered, _, body = knock(full_house, path)
    assert answered == status and b"DrawApp" not in body


def test_errors_speak_ukrainian_and_ask_no_other_host(full_house):
    status, _, body = knock(full_house, "/nowhere")
    assert status == 404 and text("nowhere") in body.decode() and b"https://" not in body


def test_scripts_are_packed_and_kept_by_version(full_house):
    packed = knock(full_house, f"/voila/static/{VOILA}/voila.js", **{"Accept-Encoding": "gzip"})
    plain = knock(full_house, "/voila/static/voila.js")
    assert packed[1]["Content-Encoding"] == "gzip" and "immutable" in packed[1]["Cache-Control"]
    assert "Content-Encoding" not in plain[1] and plain[1]["Cache-Control"] == "no-cache"
    assert len(packed[2]) < len(plain[2]) / 2


def test_a_goodbye_from_another_site_is_refused(full_house):
    path = "/voila/api/shutdown/00000000-0000-0000-0000-000000000000"
    assert knock(full_house, path, "POST", Origin="http://elsewhere.example")[0] == 403
    assert knock(full_house, path, "POST", Origin=full_house.url.rstrip("/"))[0] == 404  # heard, but no such kernel


def test_pages_run_on_the_interpreter_of_the_server(tmp_path, foreign_kernel):
    "Whatever kernels Jupyter finds: the page comes with a kernel that answers."
    with serving(tmp_path / "samples", pool=1) as running, closing(Visitor(running.url)) as visitor:
        assert visitor.sit_down().stroke([[20, 20], [20, 90]])["strokes"] == 1


@pytest.mark.parametrize("command", ["ukr_serve", "ukr_review", "ukr_api"])
def test_ctrl_c_ends_a_server_in_one_line(tmp_path, command):
    own = {"UKR_LETTERS_SAMPLES": str(tmp_path / "samples"), "UKR_LETTERS_DESK": str(tmp_path / "desk")}
    status, said, seconds = stopped(command, "--port", "0", sign="http://", **own)
    assert status == 130 and seconds < 10
    assert said.splitlines()[1:] == [f"{command}: stopped: the same command starts it again"]


SLOW = """
import os, signal, sys, time
from multiprocessing.process import BaseProcess

def run(self):
    os.kill(os.getpid(), signal.SIGINT)
    print("loading", flush=True)
    time.sleep(60)

def noticed_late(*arguments, wait=os.waitpid):
    ended = wait(*arguments)
    time.sleep(0.2 if ended[0] else 0)
    return ended

if "--multiprocessing-fork" in sys.argv:
    BaseProcess.run = run
else:
    os.waitpid = noticed_late
"""  # a worker gets Ctrl+C before the server answers and loads for a minute; the server is slow to note how it ended


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_that_is_still_loading_ends_in_silence(tmp_path, by):
    "Ctrl+C reaches all processes in any order, and the signal of a supervisor the first one alone."
    (tmp_path / "sitecustomize.py").write_text(SLOW)
    own = {"UKR_LETTERS_SAMPLES": str(tmp_path / "samples"), "PYTHONPATH": f"{tmp_path}{os.pathsep}{root()}"}
    command = ("ukr_api", "--port", "0", "--workers", "1")
    status, said, seconds = stopped(*command, sign="loading", by=by, whole=by == signal.SIGINT, **own)
    stop = ["ukr_api: stopped: the same command starts it again"] if by == signal.SIGINT else []
    assert status == (130 if stop else 0) and seconds < 5
    assert said.splitlines() == ["loading", *stop]


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        ("https://example.org/samples", "a folder or a bucket, not at https://"),
        ("s3://Bucket", "write s3://bucket"),
        ("s3://drawings/samples", "is the server running"),
        ("file://elsewhere/samples", "three slashes"),
        ("{tmp}/file/samples", "a file stands where a folder should be: choose another folder"),
        ("{tmp}/kept", "cannot write in"),
    ],
)
def test_a_store_that_keeps_nothing_stops_the_server_at_its_start(tmp_path, monkeypatch, samples, reason):
    (tmp_path / "file").touch()
    (tmp_path / "kept" / "inbox").mkdir(parents=True)
    (tmp_path / "kept" / "partial").touch()
    monkeypatch.setenv("UKR_LETTERS_SAMPLES", samples.format(tmp=tmp_path))
    monkeypatch.setenv("UKR_LETTERS_OUTBOX", str(tmp_path / "outbox"))
    for name, value in {**KEYS, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"}.items():
        monkeypatch.setenv(name, value)
    (taken,) = bind_sockets(0, "127.0.0.1")  # a server that did not look would stop here, with another reason
    with closing(taken), pytest.raises(SystemExit, match=f"^ukr_serve: .*{reason}"):
        serve(port=taken.getsockname()[1])


def test_an_outbox_that_keeps_nothing_stops_the_server_at_its_start(tmp_path, monkeypatch):
    (tmp_path / "outbox").touch()
    monkeypatch.setenv("UKR_LETTERS_SAMPLES", str(tmp_path / "samples"))
    monkeypatch.setenv("UKR_LETTERS_OUTBOX", str(tmp_path / "outbox"))
    with pytest.raises(SystemExit, match="^ukr_serve: drawings have nowhere to wait .*choose another folder"):
        serve(port=0)


def test_a_short_token_and_a_proxy_without_an_address_stop_the_server_at_its_start(tmp_path, monkeypatch):
    monkeypatch.setenv("UKR_LETTERS_SAMPLES", str(tmp_path / "samples"))
    monkeypatch.setenv("JUPYTER_TOKEN", "short")
    with pytest.raises(SystemExit, match="^ukr_serve: the token is shorter than 16 characters"):
        serve(port=0, token=True)
    with pytest.raises(SystemExit, match="^ukr_serve: --proxy: .*write an address such as"):
        serve(port=0, proxy="caddy")


def test_a_model_that_is_none_stops_the_server_at_its_start(tmp_path, monkeypatch):
    monkeypatch.setenv("UKR_LETTERS_SAMPLES", str(tmp_path / "samples"))
    monkeypatch.setenv("UKR_LETTERS_MODEL", str(tmp_path / "nowhere"))
    with pytest.raises(SystemExit, match="^ukr_serve: .*ukr_release fetch --into"):
        serve(port=0)
