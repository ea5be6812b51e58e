"""Those who do not come to draw: nobody gets in, nothing breaks, and what was refused is said."""

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from copy import copy
from functools import partial
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import psutil
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as fuzzing
from hypothesis import strategies as st
from jupyter_server.services.kernels.connection.base import serialize_msg_to_ws_v1
from support import websocket
from support.browser import LAPTOP
from support.pages import DRAWING, Serving, serving
from support.strokes import letter
from support.waiting import eventually
from support.websocket import Visitor, ask, closed, message, stand_up
from websocket import WebSocket, WebSocketBadStatusException, WebSocketException

from ukr_letters.serve.security import BYTES, GUESSES, HEADERS, MAX_MESSAGE, MESSAGES
from ukr_letters.serve.texts import text
from ukr_letters.serve.voila import KERNEL, MAX_SOCKETS

FUZZ = fuzzing(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
SECRET = "a-secret-of-ours"


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    "A server of which each test expects that it lives on."
    with serving(tmp_path_factory.mktemp("attacked"), pool=1) as running:
        yield running


@pytest.fixture(scope="module")
def intruder(attacked: Serving) -> Iterator[Visitor]:
    "Somebody who has got a page, and with it a kernel that each test leaves with an empty pad."
    visitor = Visitor(attacked.url).sit_down()
    yield visitor
    visitor.close()


@pytest.fixture
def flooder(attacked: Serving) -> Iterator[Visitor]:
    "Somebody whose kernel is sent so much that it would refuse to hear more of another test."
    visitor = Visitor(attacked.url).sit_down()
    yield visitor
    visitor.close()


def draws(visitor: Visitor, char: str = "Ж") -> bool:
    "Whether a visitor is still answered."
    for stroke in letter(char):
        answer = visitor.stroke(stroke)
    visitor.finish(char)
    return answer["named"][0].lower() == char.lower()


def heard_out(visitor: Visitor) -> bool:
    "Wait until the kernel has dealt with all that it was told."
    visitor.tell(visitor.page, kind="pictures", char="о", page=7777)
    return visitor.hear(
        lambda kind, content: kind == "comm_msg" and content["data"].get("content", {}).get("page") == 7777
    )


def process_of(visitor: Visitor) -> psutil.Process:
    "The kernel of a visitor."
    [kernel] = [
        one for one in psutil.process_iter(["cmdline"]) if visitor.kernel in " ".join(one.info["cmdline"] or [])
    ]
    return kernel


def health(server: Serving) -> dict:
    "What a server says of itself."
    status, _, body = ask(server.url, "/health")
    assert status == 200
    return json.loads(body)


def another_wire(visitor: Visitor) -> WebSocket:
    "One more connection to a visitor's kernel, as soon as one is free."

    def opened() -> WebSocket | None:
        with suppress(WebSocketBadStatusException):
            return visitor.connect()

    return eventually(opened, 20)


# What a browser may say to a kernel

FORBIDDEN = [
    ("execute_request", {"code": "1", "silent": True}, "shell"),
    ("execute_request", {"code": "1", "silent": True}, "control"),
    ("inspect_request", {"code": "open", "cursor_pos": 4}, "shell"),
    ("complete_request", {"code": "op", "cursor_pos": 2}, "shell"),
    ("history_request", {"hist_access_type": "tail", "n": 9}, "shell"),
    ("input_reply", {"value": "yes"}, "stdin"),
    ("debug_request", {"type": "request", "command": "evaluate"}, "control"),
    ("create_subshell_request", {}, "control"),
    ("interrupt_request", {}, "control"),
    ("shutdown_request", {"restart": False}, "control"),
    ("shutdown_request", {"restart": True}, "shell"),
    ("kernel_info_request", {}, "iopub"),
    ("comm_open", {"comm_id": "x", "target_name": "jupyter.widget", "data": {}}, "shell"),
    ("comm_msg", {"comm_id": "x", "data": {"method": "update", "state": {"mode": "x"}}}, "shell"),
    (["comm_close"], {}, "shell"),
    (None, {}, "shell"),
]


def test_a_kernel_hears_only_what_pages_say(intruder):
    for kind, content, channel in FORBIDDEN:
        with closing(another_wire(intruder)) as wire:
            wire.send_binary(message(kind, content, channel))
            code, reason = closed(wire)
            assert code == 1008 and "pages do not send" in reason, (kind, channel)
    assert draws(intruder)


def test_no_code_of_a_visitor_runs(intruder, tmp_path):
    "Not under its own name, nor under two names for readers who disagree, nor in the protocol of old."
    proof = tmp_path / "proof"
    content = {
        "code": f"open({str(proof)!r}, 'w').close()",
        "silent": False,
        "store_history": False,
        "allow_stdin": False,
    }
    two_names = b'{"msg_id": "1", "msg_type": "execute_request", "msg_type": "comm_info_request", "session": "s", "username": ""}'
    parts = [two_names, b"{}", b"{}", json.dumps(content).encode()]
    old = {
        "channel": "shell",
        "header": {"msg_id": "1", "msg_type": "execute_request"},
        "parent_header": {},
        "metadata": {},
        "content": content,
    }
    for sent in (
        message("execute_request", content),
        message("execute_request", content, "control"),
        serialize_msg_to_ws_v1(parts, "shell"),
    ):
        with closing(another_wire(intruder)) as wire:
            wire.send_binary(sent)
            wire.send_binary(message("execute_request", content))
            assert closed(wire)[0] == 1008
    with closing(another_wire(intruder)) as wire:
        wire.send(json.dumps(old))
        assert closed(wire) == (1008, "not a message of a page")
    with pytest.raises(WebSocketBadStatusException, match="400"):
        intruder.connect(subprotocols=[])
    assert draws(intruder) and not proof.exists()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
KINDS = st.sampled_from(
    ["kernel_info_request", "comm_info_request", "comm_open", "comm_msg", "comm_close", "execute_request"]
)
DEEP = b"[" * 100_000
BORDERS = [(1 << 60).to_bytes(8, "little"), (6).to_bytes(8, "little") + b"\xff" * 48 + b"x" * 99, b"\x06" + b"\0" * 55]


def test_nonsense_on_the_wire_harms_nobody(attacked, intruder):
    "Random bytes, borders that lie, messages with random insides; the kernel answers afterwards, and so does the server."

    @FUZZ
    @given(
        st.binary(max_size=300)
        | st.builds(message, KINDS | st.text(max_size=9), JSON, st.sampled_from(["shell", "control", "ї"]))
    )
    def say(sent: bytes) -> None:
        with closing(another_wire(intruder)) as wire:
            wire.send_binary(sent)

    say()
    for sent in (*BORDERS, serialize_msg_to_ws_v1([DEEP] * 4, "shell")):
        with closing(another_wire(intruder)) as wire:
            wire.send_binary(sent)
            assert closed(wire) == (1008, "not a message of a page")
    assert draws(intruder) and health(attacked)


def test_nonsense_in_a_message_of_the_page_harms_nobody(intruder):
    "What reaches the page's own code: any content under any of its kinds."
    kinds = ["stroke", "hello", "collect", "mode", "choose", "practise", "skip", "done", "pictures", "delete", "undo"]
    names = st.sampled_from(["number", "device", "points", "palms", "writer", "char", "page", "mode", "collect"])

    @fuzzing(FUZZ, max_examples=40)
    @given(st.sampled_from(kinds), st.dictionaries(names, JSON, max_size=4))
    def tell(kind: str, content: dict) -> None:
        for model in (intruder.pad, intruder.page):
            intruder.tell(model, **{**content, "kind": kind})

    tell()
    for content in ({"kind": "rest"}, {"kind": "mode", "mode": "auto"}, {"kind": "clear"}):
        intruder.tell(intruder.page, **content)
    assert heard_out(intruder) and draws(intruder)


def test_a_message_too_large_and_too_many_are_cut_off(intruder, flooder):
    "The kernel does not grow, and somebody else is answered meanwhile."
    kernel = process_of(flooder)
    before = kernel.memory_full_info().uss
    with pytest.raises((WebSocketException, OSError)), closing(another_wire(flooder)) as wire:
        wire.send_binary(b"x" * (MAX_MESSAGE + 1))
        raise OSError(closed(wire))
    big = message(
        "comm_msg", {"comm_id": flooder.pad, "data": {"method": "custom", "content": {"x": "x" * (MAX_MESSAGE // 2)}}}
    )
    reasons = []
    for sent, count in ((message("kernel_info_request", {}), MESSAGES.amount + 1), (big, BYTES.amount // len(big) + 2)):
        with closing(another_wire(flooder)) as wire:
            with suppress(OSError):
                for _ in range(count):
                    wire.send_binary(sent)
            with suppress(OSError, WebSocketException):
                reasons.append(closed(wire))
    assert reasons[0] == (1008, "too much at once: wait a little") and draws(intruder)
    assert kernel.memory_full_info().uss - before < 40e6


def test_a_pad_does_not_fill_the_memory(flooder):
    kernel = process_of(flooder)
    assert draws(flooder)
    before = kernel.memory_full_info().uss
    stroke = [[x % 400, x // 400, x] for x in range(9_000)]
    for number in range(20):  # all together no more than the wire takes at once
        flooder.tell(flooder.pad, kind="stroke", number=number, device="pen", points=stroke)
    assert flooder.answer(3) and heard_out(flooder) and kernel.memory_full_info().uss - before < 60e6


def test_a_kernel_has_few_wires(intruder):
    wires = [another_wire(intruder) for _ in range(MAX_SOCKETS - 1)]
    with pytest.raises(WebSocketBadStatusException, match="429"):
        intruder.connect()
    for wire in wires:
        wire.close()
    assert draws(intruder)


# Who asks


def strangers(server: Serving) -> list[str]:
    "Origins that are not this server's."
    netloc = urlsplit(server.url).netloc
    likes = [
        f"http://{netloc}.example",
        f"http://example.org/{netloc}",
        f"http://{netloc.split(':')[0]}",
        f"http://example@{netloc}0",
    ]
    return ["http://elsewhere.example", "null", "file://", *likes]


def test_other_sites_reach_no_kernel(attacked, intruder):
    kernel = f"/api/kernels/{intruder.kernel}"
    for origin in strangers(attacked):
        with pytest.raises(WebSocketBadStatusException, match="403"):
            intruder.connect(origin=origin)
        assert ask(attacked.url, f"/voila/api/shutdown/{intruder.kernel}", "POST", Origin=origin)[0] == 403
        assert ask(attacked.url, kernel, "DELETE", Origin=origin)[0] in (403, 404)
        assert "Access-Control-Allow-Origin" not in ask(attacked.url, kernel, Origin=origin)[1]
    assert ask(attacked.url, kernel, "DELETE")[0] == 403  # nobody can forge the cookie that is asked for
    assert draws(intruder)


def test_a_kernel_is_not_found_by_guessing(attacked, intruder):
    for guess in (str(uuid4()), "0-0-0-0-0"):
        guesser = copy(intruder)
        guesser.kernel = guess
        with pytest.raises(WebSocketBadStatusException, match="404"):
            guesser.connect()
        assert ask(attacked.url, f"/api/kernels/{guess}")[0] == 404


def test_another_name_for_this_machine_is_refused(attacked):
    "A site that gives its own name our address (DNS rebinding) would be at home here."
    assert ask(attacked.url, Host="rebound.example")[0] == 403
    assert ask(attacked.url, "/health", Host="localhost")[0] == 200


# Tokens


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    "A server that asks for a token, and never spends a kernel on us."
    folder, settings = tmp_path_factory.mktemp("guarded") / "samples", {"JUPYTER_TOKEN": SECRET}
    with serving(folder, settings=settings, token=True, seats=0, pool=0) as running:
        running.printed, running.url = running.url, running.url.split("?")[0]
        yield running


def test_a_token_is_asked_for_and_never_printed_when_it_is_ours(guarded):
    assert SECRET not in guarded.printed
    refused, allowed = ask(guarded.url, "/")[0], ask(guarded.url, f"/?token={SECRET}")[0]
    assert refused in (302, 403) and allowed == 503


def test_tokens_are_not_guessed(guarded):
    "An address that was wrong too often waits, even with the right one; who is in already does not notice."
    ask = partial(websocket.ask, source="127.0.0.2")  # so that the other tests need not wait
    came_in = ask(guarded.url, f"/?token={SECRET}")
    cookies = "; ".join(cookie.split(";")[0] for cookie in came_in[1].get_all("Set-Cookie"))
    wrong = [SECRET[:-1], SECRET + "x", SECRET.upper(), "", "ї", "%00"]
    for guess in wrong:
        assert ask(guarded.url, f"/?{urlencode({'token': guess})}")[0] == 302
    assert ask(guarded.url, Authorization=f"token {SECRET}x")[0] == 302
    form = urlencode({"password": "guess", "_xsrf": "x"}).encode()
    for _ in range(GUESSES.amount):
        tried = ask(
            guarded.url,
            "/login",
            "POST",
            form,
            Cookie="_xsrf=x",
            **{"Content-Type": "application/x-www-form-urlencoded"},
        )
    assert tried[0] == 429
    status, headers, body = ask(guarded.url, f"/?token={SECRET}")
    assert status == 429 and headers["Retry-After"] == "60" and text("guessed_more") in body.decode()
    assert came_in[0] == 503 == ask(guarded.url, Cookie=cookies)[0]  # no seats here, but inside


def test_an_invitation_leads_nowhere_else_and_changes_nothing(guarded):
    "No other site after the door, and no password that a guest could set for all."
    headers = {"Cookie": "_xsrf=x", "Content-Type": "application/x-www-form-urlencoded"}
    form = urlencode({"password": SECRET, "new_password": "mine now", "_xsrf": "x"}).encode()
    for address in (
        "//elsewhere.example",
        "http://elsewhere.example",
        "/\\elsewhere.example",
        "http:///elsewhere.example",
    ):
        status, answer, _ = ask(guarded.url, f"/login?{urlencode({'next': address})}", "POST", form, **headers)
        assert status == 302 and urlsplit(answer["Location"]).netloc in ("", urlsplit(guarded.url).netloc)
    changed = urlencode({"password": "mine now", "_xsrf": "x"}).encode()
    assert ask(guarded.url, "/login", "POST", changed, **headers)[0] == 401


# Behind a proxy


def addresses(server: Serving) -> int:
    "From how many addresses drawings were counted."
    return len(list(server.folder.with_name(f"{server.folder.name}-outbox").glob("times/address-*")))


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    "A server for strangers that believes the proxies of this machine."
    folder = tmp_path_factory.mktemp("behind") / "samples"
    with serving(folder, pool=0, seats=4, public=True, proxy="127.0.0.0/8") as running:
        yield running


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    "A server that waits for nobody, and believes a proxy that never calls."
    hurry = "voila.UNCLAIMED = 3; voila.TIMEOUTS |= {'idle_connection_timeout': 4, 'body_timeout': 4}"
    folder = tmp_path_factory.mktemp("impatient") / "samples"
    with serving(folder, before=hurry, seats=2, pool=0, proxy="192.0.2.1") as running:
        yield running


@pytest.mark.slow  # its server is a parameter
@pytest.mark.parametrize(("name", "known"), [("behind", 2), ("attacked", 1), ("impatient", 1)])
def test_only_the_proxy_says_who_knocks(request, name, known):
    "Visitors with addresses in their headers; the last one counts, for that one the proxy has seen."
    server, writer = request.getfixturevalue(name), uuid4().hex
    if known == 1:  # without a proxy all are one, whoever has been here before
        visitor = Visitor(server.url).sit_down()
        assert draws(visitor) and eventually(lambda: addresses(server) == 1, 20)
        visitor.close()
    before = addresses(server) - (known == 1)
    for number, again in ((1, 0), (1, 1), (2, 0)):  # what the visitor writes himself makes nobody else of him
        forged = {
            "X-Forwarded-For": f"203.0.113.{again}, 198.51.100.{number}",
            "X-Real-Ip": f"203.0.113.{100 * again + number}",
        }
        visitor = Visitor(server.url, **forged).sit_down(writer)
        assert draws(visitor)
        visitor.close()
    assert len(server.drawn_by(writer, 3)) == 3 and addresses(server) - before == known


def test_a_page_behind_encryption_is_the_same_site(behind):
    "The browser speaks https with the proxy, the proxy http with us: wire, goodbye and cookie know it."
    told = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https", "Host": "draw.example"}
    assert "Secure" in ask(behind.url, "/login", **told)[1]["Set-Cookie"]
    visitor = Visitor(behind.url, **told).sit_down()
    assert draws(visitor)
    with pytest.raises(WebSocketBadStatusException, match="403"):
        visitor.connect(origin="https://elsewhere.example")
    goodbye = f"/voila/api/shutdown/{visitor.kernel}"
    assert ask(behind.url, goodbye, "POST", Origin="https://elsewhere.example", **told)[0] == 403
    assert ask(behind.url, goodbye, "POST", Origin="https://draw.example", **told)[0] == 204


# Requests


def raw(server: Serving, sent: bytes, seconds: float = 5) -> bytes:
    "What comes back for these bytes until the server closes, or says nothing more."
    parts, heard = urlsplit(server.url), b""
    with closing(socket.create_connection((parts.hostname, parts.port), timeout=seconds)) as line, suppress(OSError):
        line.sendall(sent)
        while got := line.recv(65536):
            heard += got
            line.settimeout(0.5)
    return heard


UP = [
    "../" * 9,
    "..%2f" * 9,
    "%2e%2e/" * 9,
    "%2e%2e%2f" * 9,
    "%252e%252e%252f" * 9,
    "....//" * 9,
    "..\\" * 9,
    "..%5c" * 9,
    "/",
    "%2f",
    "//",
]
EXTENSIONS = "/voila/labextensions/"
DOORS = [
    "/",
    "/voila/static/",
    "/voila/templates/",
    "/voila/templates/lab/static/",
    EXTENSIONS,
    f"{EXTENSIONS}ipycanvas/",
    "/voila/files/",
]


def test_no_path_leads_out(attacked):
    free = health(attacked)["free"]
    for door in DOORS:
        for up in UP:
            for goal in ("etc/passwd", "etc/passwd%00.js", "dashboards/draw.ipynb"):
                heard = raw(attacked, f"GET {door}{up}{goal} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
                assert re.match(rb"HTTP/1.1 40[034] ", heard), (door, up, goal, heard[:80])
                assert b"root:" not in heard and b"DrawApp" not in heard
    assert health(attacked)["free"] >= free  # nobody has got a kernel


MALFORMED = [
    b"\x00\xff\xfe\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n",
    b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70_000,
    b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    b"POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"BREW /health HTTP/1.1\r\nHost: a\r\n\r\n",
]


@pytest.mark.parametrize("sent", MALFORMED, ids=lambda sent: repr(sent[:60]))
def test_a_malformed_request_is_refused(attacked, sent):
    heard = raw(attacked, sent)
    assert heard == b"" or re.match(rb"HTTP/1.1 4\d\d ", heard), heard[:200]
    assert health(attacked)


def test_nonsense_requests_are_answered_and_harm_nobody(attacked):
    methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
    doors = st.sampled_from(
        [*DOORS[1:], "/login", "/health", "/api/kernels/", "/voila/api/shutdown/", "/voila/query/", "/no/"]
    )
    asked = [
        "Cookie",
        "Origin",
        "Referer",
        "Authorization",
        "If-None-Match",
        "If-Modified-Since",
        "Range",
        "X-Forwarded-For",
    ]
    names = st.sampled_from([*asked, "Accept-Encoding"])
    plain = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=40)

    @FUZZ
    @given(methods, doors, st.text(max_size=30), st.dictionaries(names, plain, max_size=4), st.binary(max_size=99))
    def knock(method: str, door: str, path: str, headers: dict, body: bytes) -> None:
        address = f"{door}{urlencode({'': path})[1:]}"
        status, _, _ = ask(attacked.url, address, method, body, **headers)
        assert status < 500, (method, address, headers)

    free = health(attacked)["free"]
    knock()
    assert health(attacked)["free"] >= free


def test_the_slow_are_not_waited_for(impatient):
    "Two hundred lines on which nothing more comes, with half a request or half a body; others are answered at once."
    parts = urlsplit(impatient.url)
    lines = [socket.create_connection((parts.hostname, parts.port)) for _ in range(200)]
    for line in lines[::2]:
        line.sendall(b"GET /health HTTP/1.1\r\nHos")
    for line in lines[1::2]:
        line.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx")
    begun = time.monotonic()
    assert health(impatient) and time.monotonic() - begun < 3.5
    for line in lines:
        line.settimeout(15)
        with closing(line), suppress(ConnectionResetError):
            assert not line.recv(9999).startswith(b"HTTP/1.1 2")
    assert health(impatient)


# Seats


@pytest.fixture
def empty(behind: Serving) -> Iterator[Callable[..., int]]:
    "A server with four free seats: ask it for a page from an address, and be told the status; the seats are given back."
    kernels: list[str] = []
    assert eventually(lambda: health(behind)["free"] == 4, 60)

    def comes_from(address: str) -> int:
        status, _, body = ask(behind.url, **{"X-Forwarded-For": address})
        kernels.extend(KERNEL.findall(body.decode()) if status == 200 else ())
        return status

    yield comes_from
    for kernel in kernels:
        stand_up(behind.url, kernel)


def test_a_rush_gets_no_more_seats_than_there_are(behind, empty):
    with ThreadPoolExecutor(12) as crowd:
        got = list(crowd.map(empty, [f"198.51.100.{number}" for number in range(12)]))
    assert sorted(got) == [200] * 4 + [503] * 8 and health(behind)["free"] == 0


def test_one_address_leaves_seats_for_others(behind, empty):
    "Half of them where strangers come, and an IPv6 network is one address."
    assert [empty(f"2001:db8::{number}") for number in range(3)] == [200, 200, 503]
    assert empty("198.51.100.7") == 200 and health(behind)["free"] == 1


def test_a_seat_that_nobody_takes_is_free_again(impatient):
    "Robots ask for pages; somebody who has sat down keeps the seat."
    assert eventually(lambda: health(impatient)["free"] == 2, 60)
    seated = Visitor(impatient.url).sit_down()
    assert ask(impatient.url)[0] == 200 and health(impatient)["free"] == 0
    assert eventually(lambda: health(impatient)["free"] == 1, 60)  # that of the robot, which came later
    assert draws(seated)
    seated.close()


def test_health_tells_what_serves_and_no_secret(guarded):
    status, headers, body = ask(guarded.url, "/health")
    assert (
        status == 200
        and headers["Content-Type"].startswith("application/json")
        and headers["Cache-Control"] == "no-store"
    )
    found = json.loads(body)
    assert (
        found.keys() == {"model", "seats", "free"}
        and found["seats"] == found["free"] == 0
        and re.fullmatch("[0-9a-f]{12}", found["model"])
    )


# What every answer carries

ANSWERS = [
    "/health",
    "/nowhere",
    "/voila/static/voila.js",
    "/voila/files/draw.ipynb",
    "/api/kernels/0-0-0-0-0",
    "/voila/static/../x",
    "/login",
    "/",
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_every_answer_is_sealed(guarded, method):
    for path in ANSWERS:
        _, headers, _ = ask(guarded.url, path, method)
        assert "Server" not in headers
        for name, value in HEADERS.items():
            found = re.sub(r"nonce-[\w-]{22}", "nonce-{word}", headers[name])
            assert found == value, (path, name)
    _, first, _ = ask(guarded.url, f"/?token={SECRET}")
    _, second, _ = ask(guarded.url, f"/?token={SECRET}")
    assert first["Content-Security-Policy"] != second["Content-Security-Policy"]


SMUGGLED = """async () => {
  const blocked = [];
  document.addEventListener("securitypolicyviolation", (event) => blocked.push(event.effectiveDirective));
  document.body.insertAdjacentHTML("beforeend", '<img src="data:," onerror="window.hurt = 1">');
  document.body.insertAdjacentHTML("beforeend", '<a id="trap" href="javascript:window.hurt = 2">x</a>');
  document.getElementById("trap").click();
  const script = document.createElement("script");
  script.textContent = "window.hurt = 3";
  document.body.append(script);
  await fetch("http://127.0.0.1:9/").catch(() => {});
  document.body.insertAdjacentHTML("beforeend", '<iframe src="http://127.0.0.1:9/"></iframe>');
  await new Promise((done) => setTimeout(done, 500));
  return [window.hurt ?? "nothing", [...new Set(blocked)].sort()];
}"""


def test_the_page_works_and_what_is_smuggled_in_does_not(attacked, new_context):
    said = []
    page = new_context(**LAPTOP).new_page()
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(attacked.url, wait_until="commit")
    page.wait_for_selector(DRAWING, timeout=30_000)
    page.wait_for_timeout(500)
    assert not said
    hurt, blocked = page.evaluate(SMUGGLED)
    assert hurt == "nothing" and {"connect-src", "frame-src", "script-src-attr", "script-src-elem"} <= set(blocked)
    page.close(run_before_unload=True)


def test_the_page_stands_in_no_frame(attacked, new_context):
    page = new_context().new_page()
    page.set_content(f"<iframe src='{attacked.url}nowhere'></iframe>")
    page.wait_for_timeout(1000)
    inside = page.frames[1]
    assert inside.url.startswith("chrome-error:") or not inside.locator("h1").count()
