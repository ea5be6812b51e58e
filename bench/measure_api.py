"""How many recognitions a second the HTTP API gives, and how fast."""

import json
import re
import shutil
import subprocess
import tempfile

import psutil
from support.api import Api

SECONDS, CONNECTIONS = 5, 8
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


def load(api: Api, path: str, bodies: list[dict], connections: int = CONNECTIONS) -> tuple[float, float, float]:
    "Requests a second, and milliseconds for 50 and 99 of 100; fails where a request does."
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        quoted = "{" + ",".join(f"[==[{json.dumps(body, ensure_ascii=False)}]==]" for body in bodies) + "}"
        script.write(SCRIPT % (quoted, "POST" if bodies[0] else "GET"))
        script.flush()
        command = [
            find_wrk(),
            "-t1",
            f"-c{connections}",
            f"-d{SECONDS}",
            "--latency",
            "-s",
            script.name,
            api.url + path,
        ]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in said and "Socket errors" not in said, said
    half, most = (milliseconds(re.search(rf"{share}%\s+(\S+)", said)[1]) for share in (50, 99))
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), half, most


def memory(api: Api) -> float:
    "MB that one of its processes has for itself."
    workers = [
        child
        for child in psutil.Process(api.process.pid).children(recursive=True)
        if "spawn_main" in " ".join(child.cmdline())
    ]
    return max(worker.memory_full_info().uss for worker in workers) / 1e6
