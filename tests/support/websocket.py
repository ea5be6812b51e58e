"""A visitor without a browser: asks for the page, opens the wire to its kernel and says what the page's scripts would say."""

import json
from collections.abc import Callable
from email.message import Message
from http.client import HTTPConnection
from time import monotonic
from urllib.parse import urlsplit
from uuid import uuid4

from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1, serialize_msg_to_ws_v1
from support.pages import Serving
from websocket import ABNF, WebSocket, WebSocketTimeoutException, create_connection

from ukr_letters.serve.security import CONTROL
from ukr_letters.serve.voila import KERNEL, PROTOCOL

WRITER = "0123456789abcdef" * 2


def ask(
    url: str, path: str = "", method: str = "GET", body: bytes | None = None, source: str = "127.0.0.1", **headers: str
) -> tuple[int, Message, bytes]:
    "Status, headers and body of one request from an address of this machine; the path of `url` where none is named."
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=60, source_address=(source, 0))
    connection.request(method, path or f"{parts.path}?{parts.query}", body, headers)
    response = connection.getresponse()
    return response.status, response.headers, response.read()


def knock(server: Serving, path: str, method: str = "GET", **headers: str) -> tuple[int, Message, bytes]:
    "Status, headers and body of one request."
    return ask(server.url, path, method, **headers)


def message(kind: object, content: object, channel: str = "shell", metadata: dict | None = None) -> bytes:
    "A message as browsers send it."
    header = {
        "msg_id": uuid4().hex,
        "msg_type": kind,
        "session": "s",
        "username": "",
        "version": "5.2",
        "date": "2026-11-25T10:00:00Z",
    }
    return serialize_msg_to_ws_v1(
        [json.dumps(part).encode() for part in (header, {}, metadata or {}, content)], channel
    )


class Visitor:
    "Somebody on the page at this address."

    def __init__(self, url: str, **headers: str):
        self.url, self.headers, self.strokes = url, headers, 0
        status, _, body = ask(url, **headers)
        assert status == 200, f"no page but {status}: {body[:200]}"
        self.kernel = KERNEL.search(body.decode())[1]
        self.wire = self.connect()

    def connect(self, **options: object) -> WebSocket:
        "One more wire to the kernel."
        parts = urlsplit(self.url)
        address = f"ws://{parts.netloc}/api/kernels/{self.kernel}/channels?session_id={uuid4()}&{parts.query}"
        headers = {"Host": parts.netloc, "X-Forwarded-Proto": "http", **self.headers}
        host, spoken = headers.pop("Host"), headers["X-Forwarded-Proto"]
        usual = {
            "host": host,
            "origin": f"{spoken}://{host}",
            "subprotocols": [PROTOCOL],
            "header": headers,
            "timeout": 30,
        }
        return create_connection(address, **{**usual, **options})

    def say(self, kind: str, content: dict, **more: object) -> None:
        "Send a message to the kernel."
        self.wire.send_binary(message(kind, content, **more))

    def hear(self, wanted: Callable[[str, dict], object], seconds: float = 30) -> object:
        "What `wanted(kind, content)` makes of the first message for which that is true; raises `TimeoutError`."
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0:
            self.wire.settimeout(left)
            try:
                code, said = self.wire.recv_data()
            except WebSocketTimeoutException:
                break
            if code == ABNF.OPCODE_CLOSE:
                raise ConnectionError(f"the wire was cut: {said}")
            _, (header, _, _, content, *_) = deserialize_msg_from_ws_v1(said)
            if found := wanted(json.loads(header)["msg_type"], json.loads(content)):
                return found
        raise TimeoutError(f"nothing was heard for {seconds} s")

    def sit_down(self, writer: str = WRITER) -> "Visitor":
        "Learn which widgets there are and say hello, as the page does when it opens."
        control = uuid4().hex
        opened = {"comm_id": control, "target_name": CONTROL, "data": {}}
        self.say("comm_open", opened, metadata={"version": "1.0.0"})
        self.say("comm_msg", {"comm_id": control, "data": {"method": "request_states"}})
        states = self.hear(lambda kind, content: kind == "comm_msg" and content["data"].get("states"))
        self.page, self.pad = (
            next(id for id, one in states.items() if name in one["state"]) for name in ("alphabet", "pen")
        )
        self.tell(self.page, kind="hello", writer=writer, collect=True)
        return self

    def tell(self, model: str, **content: object) -> None:
        "Send a message to a widget."
        self.say("comm_msg", {"comm_id": model, "data": {"method": "custom", "content": content}})

    def answer(self, strokes: int, seconds: float = 30) -> dict:
        "The answer for so many strokes on the pad."

        def right(kind: str, content: dict) -> dict | None:
            found = content["data"].get("state", {}).get("answer") if content.get("comm_id") == self.page else None
            return found if found and found["strokes"] == strokes else None

        return self.hear(right, seconds)

    def stroke(self, points: list[list[float]]) -> dict:
        "Draw a stroke; the answer of the page."
        self.strokes += 1
        timed = [[*point[:2], 10_000 * self.strokes + 10 * number] for number, point in enumerate(points)]
        self.tell(self.pad, kind="stroke", number=self.strokes, device="mouse", points=timed)
        return self.answer(self.strokes)

    def told(self, status: str, seconds: float = 60) -> bool:
        "Wait until the page says this of the drawing that was finished last."

        def right(kind: str, content: dict) -> bool:
            state = content["data"].get("state", {}) if content.get("comm_id") == self.page else {}
            return state.get("finished", {}).get("status") == status

        return self.hear(right, seconds)

    def finish(self, char: str) -> None:
        "Say what the drawing is; wait for the empty pad."
        self.tell(self.page, kind="choose", char=char)
        self.answer(0)
        self.strokes = 0

    def close(self) -> None:
        "Close the page, as a browser does."
        self.wire.close()
        stand_up(self.url, self.kernel)


def stand_up(url: str, kernel: str) -> None:
    "End the kernel of a page, as a browser does when the page is closed."
    ask(url, f"/voila/api/shutdown/{kernel}?{urlsplit(url).query}", "POST")


def closed(wire: WebSocket, seconds: float = 10) -> tuple[int, str]:
    "Code and reason with which the other side closes a wire; raises when it does not."
    wire.settimeout(seconds)
    while True:
        kind, content = wire.recv_data()
        if kind == ABNF.OPCODE_CLOSE:
            return int.from_bytes(content[:2], "big"), content[2:].decode()
