"""How many recognitions a second the HTTP door gives, and how fast, beside requests that recognise nothing: `python tests/bench_api.py`."""

import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
from hand import TURNS, letter
from test_api import Door, opened

SECONDS, CONNECTIONS, BATCH = 10, 16, 64
SCRIPT = """
local bodies, turn = %s, 0
wrk.headers["Content-Type"] = "application/json"
request = function()
  turn = turn %% #bodies + 1
  return wrk.format("%s", nil, nil, bodies[turn])
end
"""


def find_wrk() -> str:
    "The client; raises `FileNotFoundError` that says how to get it."
    found = shutil.which("wrk")
    if found is None:
        raise FileNotFoundError("no client to measure with: apt-get install wrk")
    return found


def milliseconds(said: str) -> float:
    "A time as wrk writes it."
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", said).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def load(door: Door, path: str, bodies: list[dict], connections: int = CONNECTIONS) -> tuple[float, float, float]:
    "Requests a second, and milliseconds for 50 and 99 of 100; fails where a request does."
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        quoted = "{" + ",".join(f"[==[{json.dumps(body, ensure_ascii=False)}]==]" for body in bodies) + "}"
        script.write(SCRIPT % (quoted, "POST" if bodies[0] else "GET"))
        script.flush()
        command = [find_wrk(), "-t1", f"-c{connections}", f"-d{SECONDS}", "--latency", "-s", script.name, door.url + path]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in said and "Socket errors" not in said, said
    half, most = (milliseconds(re.search(rf"{share}%\s+(\S+)", said)[1]) for share in (50, 99))
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), half, most


def memory(door: Door) -> float:
    "MB that one of its processes has for itself."
    workers = [child for child in psutil.Process(door.process.pid).children(recursive=True) if "spawn_main" in " ".join(child.cmdline())]
    return max(worker.memory_full_info().uss for worker in workers) / 1e6


def main() -> None:
    drawings = [{"ink": letter(char), "mode": "letters"} for char in TURNS]
    batch = {"drawings": (drawings * BATCH)[:BATCH]}
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        with opened(Path(folder), rate=0) as door:
            ready = time.perf_counter() - start
            load(door, "/recognize", drawings)  # warm
            nothing, one, many = load(door, "/health", [{}]), load(door, "/recognize", drawings), load(door, "/recognize", [batch], 4)
            own = memory(door)
    print("| HTTP door, two processes; wrk on the same two cores, connections kept | value |\n|---|---|")
    print(f"| requests that recognise nothing, {CONNECTIONS} connections | {nothing[0]:,.0f}/s, {nothing[1]:.1f} ms, 99 %: {nothing[2]:.1f} ms |")
    print(f"| one drawing in each request, {CONNECTIONS} connections | {one[0]:,.0f}/s, {one[1]:.1f} ms, 99 %: {one[2]:.1f} ms |")
    print(f"| {BATCH} drawings in each request, 4 connections | {BATCH * many[0]:,.0f} drawings/s, {BATCH * many[0] / one[0]:.1f} times as many |")
    print(f"| from the command to the first answer | {ready:.1f} s |\n| memory of a process | {own:.0f} MB |")


if __name__ == "__main__":
    main()
