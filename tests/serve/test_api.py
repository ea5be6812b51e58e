"""What the HTTP API promises to programs, to those who run it, and to those who mean harm."""

import io
import os
import re
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page
from support.api import Api, opened
from support.strokes import TURNS, letter

from ukr_letters.core.recognizer import Recognizer
from ukr_letters.serve.api import EXAMPLE, TEE, serve_api

KEY = "a-key-of-the-tests-4711"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    "A server for all tests that do not harm it."
    with opened(tmp_path_factory.mktemp("api"), rate=0) as running:
        yield running


# Answers


def test_it_answers_what_the_recogniser_answers(api: Api) -> None:
    "Alone, in a batch, and in a batch of several modes."
    drawings = [{"ink": letter(char), "mode": mode} for char in TURNS for mode in ("auto", "letters", "digits")]
    alone = [api.post("/recognize", json=drawing).json() for drawing in drawings]
    batch = api.post("/recognize", json={"drawings": drawings}).json()
    assert [answer.pop("model") for answer in alone] == [batch["model"]] * len(drawings)
    for one, other, drawing in zip(alone, batch["answers"], drawings, strict=True):
        here = Recognizer().recognize(drawing["ink"], drawing["mode"])
        assert (one["char"], one["uppercase"]) == (other["char"], other["uppercase"]) == (here.char, here.uppercase)
        assert one["probability"] == pytest.approx(here.probability, abs=1e-4) == other["probability"]
        assert [reading["label"] for reading in one["top"]] == [label for label, _ in here.top(5)]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_it_reads_pictures(api: Api, format: str) -> None:
    "As the body and inside JSON, the same."
    sheet = Image.new("L", (200, 200), 240)
    for stroke in letter("Ж"):
        ImageDraw.Draw(sheet).line([(x / 2, y / 2) for x, y in stroke], fill=20, width=7)
    file = io.BytesIO()
    sheet.save(file, format)
    kind = {"Content-Type": f"image/{format.lower()}"}
    bare = api.post("/recognize?mode=letters", content=file.getvalue(), headers=kind)
    wrapped = api.post("/recognize", json={"picture": b64encode(file.getvalue()).decode(), "mode": "letters"})
    assert bare.json() == wrapped.json() and bare.json()["label"] == "ж"


def test_guide_lines_tell_the_case(api: Api) -> None:
    "The same curve is С when it is taller than a small letter."
    lines = [{"x_height": 155, "baseline": 298}, {"x_height": 230, "baseline": 298}]
    answers = [
        api.post("/recognize", json={"ink": letter("с"), "mode": "letters", "guides": guides}).json()
        for guides in lines
    ]
    assert [answer["char"] for answer in answers] == ["с", "С"]


def test_its_documentation_asks_no_other_host(api: Api, page: Page) -> None:
    "In a real browser, and without an error in its console."
    asked, troubles = [], []
    page.on("request", lambda request: asked.append(urlsplit(request.url)))
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.goto(f"{api.url}/docs")
    page.get_by_text("Recognise one drawing or many").wait_for()
    hosts = {address.netloc for address in asked if address.scheme != "data"}
    assert hosts == {urlsplit(api.url).netloc} and not troubles


# Whatever the documentation allows, and whatever it does not

CHECKS = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "422", "429"]  # a schema cannot say that bytes are a picture, or who has given enough

[checks.negative_data_rejection]
expected-statuses = ["405", "413", "415", "422"]
"""


def test_it_keeps_to_its_documentation(api: Api, tmp_path: Path) -> None:
    "Made-up requests, good and bad: no failure of ours, no undocumented answer, nothing bad taken for good."
    (tmp_path / "checks.toml").write_text(CHECKS)
    program = str(Path(sys.executable).parent / "schemathesis")
    command = [
        program,
        "--config-file",
        "checks.toml",
        "run",
        f"{api.url}/openapi.json",
        "--max-examples=60",
        "--seed=1",
        "--no-color",
    ]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, "\n".join(line[:300] for line in ran.stdout.splitlines())
    assert re.search(r"Tested: 5\b", ran.stdout)


@pytest.mark.parametrize(
    ("how", "status", "words"),
    [
        ({"json": {"ink": [[[1, 2], [3, "4"]]]}}, 422, "ink[0][1][1]: must be a valid number"),
        ({"json": {"ink": [[[1, 2], [3, 1e9]]]}}, 422, "less than or equal to"),
        ({"json": {"ink": [[[1, 2]] * 8000, [[1, 2]]]}}, 422, "8001 points are more than 8000"),
        ({"json": {"drawings": [{"ink": TEE}] * 257}}, 422, "drawings: "),
        ({"json": {"drawings": []}}, 422, "drawings: "),
        ({"json": {"picture": "data:image/png;base64,AAAA"}}, 422, "in base64, without a prefix"),
        ({"json": [TEE]}, 422, "an object with ink, picture or drawings"),
        ({"content": b'{"ink": [[[1, NaN]]]}', "headers": {"Content-Type": "application/json"}}, 422, "finite"),
        ({"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}}, 422, "JSON"),
        ({"content": b"\x89PNG\r\n\x1a\n", "headers": {"Content-Type": "image/png"}}, 422, "cannot be read"),
        ({"content": b"<svg/>", "headers": {"Content-Type": "image/svg+xml"}}, 415, "image/png"),
        ({"data": {"ink": "1"}}, 415, "Content-Type"),
        ({"content": b" " * 2_000_001, "headers": {"Content-Type": "application/json"}}, 413, "2000000 bytes"),
        ({"json": {"ink": TEE}, "params": {"mode": "greek"}}, 422, "mode"),
        ({"json": {"ink": TEE}, "params": {"mode": "digits"}}, 422, "mode: write it in the JSON"),
        ({"json": {"ink": TEE, "guides": {"x_height": 0, "baseline": 1e-320}}}, 422, "guides: the baseline must lie"),
    ],
)
def test_a_refusal_says_why(api: Api, how: dict, status: int, words: str) -> None:
    answer = api.post("/recognize", **how)
    assert answer.status_code == status and words in answer.json()["detail"], answer.text


def test_a_picture_that_unpacks_to_gigabytes_is_refused_before_it_does(api: Api) -> None:
    file = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(file, "PNG", compress_level=9)
    answer = api.post("/recognize", content=file.getvalue(), headers={"Content-Type": "image/png"})
    assert answer.status_code == 422 and "make it smaller" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/../settings.ini",
        "/static-offline-docs/../../../settings.ini",
        "/static-offline-docs/%2e%2e/%2e%2e/RECORD",
        "/%00",
        "/docs/.env",
    ],
)
def test_nothing_else_is_served(api: Api, path: str) -> None:
    "Sent as it is written; a tidy client would mend it."
    address = urlsplit(api.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as wire:
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        head = b"".join(iter(lambda: wire.recv(65536), b"")).decode(errors="replace")
    assert re.match(r"HTTP/1.1 40[04] ", head), head[:200]


def test_slow_senders_are_hung_up_on_and_hold_up_nobody(api: Api) -> None:
    "Headers or a body at a byte a second: after ten seconds there is an end, and meanwhile others are answered."
    address = urlsplit(api.url)
    starts = [
        b"POST /recognize HTTP/1.1\r\nHost: x\r\n",
        b"POST /recognize HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n",
    ]
    with ExitStack() as stack:
        wires = [stack.enter_context(socket.create_connection((address.hostname, address.port))) for _ in range(60)]
        for number, wire in enumerate(wires):
            wire.sendall(starts[number % 2])
        began, times = time.monotonic(), []
        while time.monotonic() - began < 9:
            start = time.monotonic()
            assert api.post("/recognize", json={"ink": TEE}).status_code == 200
            times.append(time.monotonic() - start)
            for wire in wires:
                wire.sendall(b"x")
            time.sleep(0.5)
        for number, wire in enumerate(wires):
            wire.settimeout(8)
            said = wire.recv(4096)
            assert (b" 408 " in said) if number % 2 else (said == b"" or b" 408 " in said or b" 400 " in said)
    assert max(times) < 2


# Keys, counting, proxies, other origins


def test_without_a_key_nobody_comes_in_and_guessing_ends_soon(tmp_path: Path) -> None:
    with opened(tmp_path, {"UKR_LETTERS_API_KEY": f"{KEY},a-second-key-of-ours"}, workers=1) as api:
        ask = lambda key: api.post(
            "/recognize", json={"ink": TEE}, headers={"Authorization": f"Bearer {key}"} if key else {}
        )  # noqa: E731
        assert ask(None).status_code == 401 and ask(None).headers["www-authenticate"] == "Bearer"
        assert [ask(key).status_code for key in (KEY, "a-second-key-of-ours")] == [200, 200]
        closed = [api.get(path).status_code for path in ("/model", "/metrics")] + [
            api.post("/samples", json=EXAMPLE).status_code
        ]
        assert closed == [401] * 3 and api.get("/health").status_code == 200 and not api.kept()
        assert "HTTPBearer" in api.get("/openapi.json").text
        guesses = [ask(f"a guess {number}") for number in range(12)]
        assert guesses[-1].status_code == 429 and int(guesses[-1].headers["retry-after"]) > 0
        assert ask(KEY).status_code == 429  # from this address it is too late, even for the right one
        assert KEY not in (tmp_path / "log").read_text()


SHARE = {"drawings": [{"ink": TEE}] * 20}  # what an address may ask for in ten seconds


def asked_by(api: Api, visitor: str) -> httpx.Response:
    "What an address is answered that asks for all its share."
    return api.post("/recognize", json=SHARE, headers={"X-Forwarded-For": visitor})


def test_an_address_has_its_share_over_all_connections(tmp_path: Path) -> None:
    "What strangers write into a header changes nothing."
    with opened(tmp_path, workers=1, rate=2, proxy="192.0.2.0/24") as api:
        assert asked_by(api, "203.0.113.1").status_code == 200
        refused = asked_by(api, "203.0.113.2")
        assert refused.status_code == 429 and "more than 2 drawings a second" in refused.json()["detail"]
        assert 0 < int(refused.headers["retry-after"]) <= 10


def test_only_a_proxy_may_name_an_address_and_scripts_ask_only_where_they_were_invited(
    api: Api, tmp_path: Path
) -> None:
    there = {"Origin": "https://example.org", "Api-Control-Request-Method": "POST"}
    assert not [name for name in api.options("/recognize", headers=there).headers if name.startswith("access-control")]
    with opened(tmp_path, workers=1, rate=2, proxy="127.0.0.1", origins="https://example.org") as inviting:
        answer = inviting.options("/recognize", headers=there)
        assert answer.headers["access-control-allow-origin"] == "https://example.org"
        other = inviting.options("/recognize", headers=there | {"Origin": "https://example.com"})
        assert "access-control-allow-origin" not in other.headers
        visitors = ["203.0.113.1", "203.0.113.1", "203.0.113.2", "198.51.100.9, 203.0.113.1"]
        asked = [asked_by(inviting, visitor).status_code for visitor in visitors]
        assert asked == [200, 429, 200, 429]  # what the last one claims stands before what the proxy saw


@pytest.mark.parametrize(
    ("settings", "options", "reason"),
    [
        ({}, {"host": "0.0.0.0"}, "set UKR_LETTERS_API_KEY, or add --public"),
        ({"UKR_LETTERS_API_KEY": "short"}, {}, "at least 16 plain characters"),
        ({"UKR_LETTERS_MODEL": "/nowhere"}, {}, "ukr_release fetch"),
        ({"UKR_LETTERS_SAMPLES": "https://example.org/samples"}, {}, "a folder or a bucket"),
    ],
)
def test_what_cannot_work_stops_it_at_its_start(tmp_path: Path, settings: dict, options: dict, reason: str) -> None:
    own = {f"UKR_LETTERS_{name}": str(tmp_path / name) for name in ("SAMPLES", "OUTBOX")}
    with patch.dict(os.environ, own | settings), pytest.raises(SystemExit, match=f"^ukr_api: .*{reason}"):
        serve_api(port=0, **options)
