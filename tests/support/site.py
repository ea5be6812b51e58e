"""The services of deploy/compose.yaml as plain processes on loopback, read from that file and started with its environment file."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.checkout import ROOT
from support.processes import within_run
from support.services import PostgresServer, find_postgres, free_ports, wait_until
from support.tiers import starts

DEPLOY = ROOT / "deploy"
NAMES = (
    "edge",
    "gate",
    "dashboard",
    "second",
    "api",
    "review",
    "mlflow",
    "database",
    "store",
    "names",
)  # "second" is a replica
FOLDERS = ("outbox", "champion", "desk", "kept", "backups")
OTHERS = ("minio-users",)  # of a profile that is not chosen
NAMED = re.compile(r"\b(?:mlflow|database|store)(?=:\d{4}\b)")  # a service where its port follows
OWN = re.compile(r"\b(?:0\.0\.0\.0|127\.0\.0\.1)(?=$|:)")
MOUNTED = re.compile(rf"^/({'|'.join(FOLDERS)}|checkout)\b|^/usr/local/etc/haproxy/|^/etc/caddy/")


def write_settings(folder: Path, **changed: str) -> Path:
    "A fresh environment file for localhost, as `make deploy-secrets` writes it, with some values changed."
    shutil.copy2(DEPLOY / "secrets.sh", folder)
    subprocess.run(
        ["sh", folder / "secrets.sh", "localhost", "keeper@ukr-letters.invalid"], check=True, capture_output=True
    )
    lines = (folder / ".env").read_text().splitlines()
    lines = [
        f"{name}={changed.get(name, value)}" if value or "=" in line else line
        for line in lines
        for name, _, value in [line.partition("=")]
    ]
    (folder / ".env").write_text("\n".join(lines) + "\n")
    return folder / ".env"


def composed(settings: Path, file: Path = DEPLOY / "compose.yaml") -> subprocess.CompletedProcess:
    "What Docker Compose makes of the file with these settings, as JSON."
    program = shutil.which(
        "docker-compose", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    command = [program, "--env-file", settings, "--file", file, "--profile", "*", "config", "--format", "json"]
    return subprocess.run(command, env=within_run({"PATH": os.environ["PATH"]}), capture_output=True, text=True)


class Site:
    "A composition without containers: each service is a process with an address, folders and the environment of its own."

    def __init__(self, folder: Path):
        self.folder, self.running, self.done, self.postgres = folder, {}, set(), None
        changed = {
            "GATE": "127.0.0.0/8",
            "BACKUPS": str(folder / "backups"),
            "SHARE": "20",
        }  # every visitor has the same address here
        self.settings = write_settings(folder, **{f"UKR_LETTERS_{name}": value for name, value in changed.items()})
        self.services = json.loads(composed(self.settings).stdout)["services"]
        network = f"127.{random.randrange(1, 255)}.{random.randrange(1, 255)}"
        self.address = {name: f"{network}.{number}" for number, name in enumerate(NAMES, 1)}
        self.http, self.https = free_ports(2)
        for name in FOLDERS:
            (folder / name).mkdir()
        for name in ("Caddyfile", "haproxy.cfg"):
            (folder / name).write_text(self.configured((DEPLOY / name).read_text()))

    @property
    def secrets(self) -> dict[str, str]:
        "What the environment file says."
        return dict(
            line.split("=", 1)
            for line in self.settings.read_text().splitlines()
            if "=" in line and not line.startswith("#")
        )

    def configured(self, text: str) -> str:
        "A proxy's configuration for processes that share one machine."
        edge, gate, names = (self.address[name] for name in ("edge", "gate", "names"))
        for old, new in (
            ("gate:8080", f"{gate}:8080"),
            ("bind :8080", f"bind {gate}:8080"),
            ("bind 127.0.0.1:8404", f"bind {gate}:8404"),
            ("parse-resolv-conf", f"nameserver test {names}:5353"),
            ("http_port 8080", f"http_port {self.http}\n\tdefault_bind 127.0.0.1"),
            ("https_port 8443", f"https_port {self.https}"),
            ("http://127.0.0.1:8081 {", f"http://{edge}:8081 {{\n\tbind {edge}"),
        ):
            text = text.replace(old, new)
        return text

    def here(self, text: str, place: str) -> str:
        "A part of a command, or a value, with the addresses and folders of this machine."
        text = NAMED.sub(lambda found: self.address[found[0]], text)
        text = OWN.sub(self.address.get(place, "127.0.0.1"), text)
        text = text.replace("/opt/deploy/", f"{DEPLOY}/")
        return MOUNTED.sub(lambda found: f"{self.folder}/{found[1] or ''}", text)

    def environment(self, service: str, place: str = "") -> dict[str, str]:
        "What the process of a service knows: what the file says, and where programs are."
        said = {
            name: self.here(value, place or service) for name, value in self.services[service]["environment"].items()
        }
        places = [Path(sys.executable).parent, Path(find_postgres("postgres")).parent, os.environ["PATH"], "/usr/sbin"]
        home = self.folder / "homes" / (place or service)
        home.mkdir(parents=True, exist_ok=True)
        basic = {
            "PATH": os.pathsep.join(map(str, places)),
            "PYTHONPATH": str(ROOT),
            "HOME": str(home),
            "XDG_DATA_HOME": str(home),
        }
        return within_run(basic | said)

    def run(self, service: str, *command: str, cwd: Path | None = None, place: str = "") -> subprocess.CompletedProcess:
        "Run a command, or the one of the service, to its end, as `docker compose run` does."
        command = [self.here(part, place or service) for part in command or self.services[service]["command"]]
        return subprocess.run(
            command, cwd=cwd or self.folder, env=self.environment(service, place), capture_output=True, text=True
        )

    @starts("a service")
    def start(self, service: str, place: str = "") -> None:
        "Start a service, or a further replica of it at another place, and wait until its own health check is content."
        place = place or service
        if service == "database":
            return self._start_database()
        command, log = (
            [self.here(part, place) for part in self.services[service]["command"]],
            self.folder / f"{place}.log",
        )
        with open(log, "ab") as file:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment(service, place),
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self.running[place] = process
        wait_until(lambda: self.healthy(service, place), process, log, 180)

    def _start_database(self) -> None:
        "PostgreSQL with the administrator whom the environment file names."
        said = self.services["database"]["environment"]
        if self.postgres is None:
            self.postgres = PostgresServer(
                (self.address["database"],), said["POSTGRES_USER"], said["POSTGRES_PASSWORD"], 5432
            )
        self.postgres.start()
        assert self.healthy("database", "database")

    def healthy(self, service: str, place: str) -> bool:
        "What the health check of a service says."
        _, *test = self.services[service]["healthcheck"]["test"]
        return self.run(service, *test, place=place).returncode == 0

    def up(self, *services: str) -> None:
        "Start services and all that they depend on, one after the other; a one-shot must end well."
        for service in services:
            if service in self.done:
                continue
            known = self.services[service].get("depends_on", {})
            self.up(*(name for name in known if name not in OTHERS))
            if self.services[service]["restart"] == "no":
                done = self.run(service)
                assert done.returncode == 0, done.stdout + done.stderr
            else:
                self.start(service)
            self.done.add(service)

    def kill(self, place: str) -> None:
        "Kill a process and all that it started, as a machine short of memory does; what is on disks stays there."
        self.done.discard(place)
        if place == "database":
            return self.postgres.kill()
        process = self.running.pop(place)
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, *places: str) -> None:
        "Kill processes, and throw the data of PostgreSQL away."
        for place in places:
            self.kill(place)
            if place == "database":
                shutil.rmtree(self.postgres.folder)
                self.postgres = None

    def close(self) -> None:
        "Stop everything."
        self.stop(*list(self.running), *(["database"] if self.postgres else []))
        for port in (8080, 8333, 8888, 9333):  # SeaweedFS leaves sockets behind when it is killed
            for left in (
                *Path("/tmp").glob(f"seaweedfs-*-{port}.sock"),
                *Path("/tmp").glob(f"seaweedfs-*-{port + 10_000}.sock"),
            ):
                left.unlink(missing_ok=True)

    def start_names(self) -> None:
        "A name server that knows the replicas, as the one of a container engine does."
        known = {"dashboard": ("dashboard", "second"), "api": ("api",), "review": ("review",)}
        records = [f"--host-record={name},{self.address[place]}" for name, places in known.items() for place in places]
        command = [
            "dnsmasq",
            "--no-daemon",
            "--no-resolv",
            "--no-hosts",
            "--port=5353",
            "--bind-interfaces",
            f"--listen-address={self.address['names']}",
        ]
        self.running["names"] = subprocess.Popen(
            [*command, "--conf-file=/dev/null", "--pid-file", *records],
            start_new_session=True,
            stderr=subprocess.DEVNULL,
            env=within_run({"PATH": f"{os.environ['PATH']}:/usr/sbin"}),
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    "Everything that `docker compose up --scale dashboard=2` starts."
    site = Site(tmp_path_factory.mktemp("site"))
    try:
        site.start_names()
        site.up("dashboard", "review", "follower", "api", "gate", "edge")
        site.start("dashboard", "second")
        yield site
    finally:
        site.close()
