"""The composition of deploy/ is sound, keeps strangers out, walks the whole line from a drawing to a new model, and comes back from a backup."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
import yaml
from playwright.sync_api import Browser, Page, expect
from psycopg import OperationalError, connect
from s3fs import S3FileSystem
from support.api import gift
from support.browser import LAPTOP
from support.checkout import ROOT, change
from support.pages import DRAWING, JUDGING, Windows
from support.pointer import Pointer
from support.processes import within_run
from support.samples import traced
from support.site import DEPLOY, Site, composed, write_settings
from support.strokes import letter
from support.waiting import eventually

from ukr_letters.core.recognizer import CHAMPION, Recognizer
from ukr_letters.samples.intake import PAUSES
from ukr_letters.samples.sample import Sample
from ukr_letters.samples.store import Store, open_store
from ukr_letters.serve.texts import text

SERVICES = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]


# What is written down


def test_everything_is_sound_by_the_word_of_the_real_programs():
    "Docker Compose, hadolint, HAProxy and Caddy have nothing against their files."
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["sh", DEPLOY / "check.sh"], env=within_run({"PATH": path}), capture_output=True, text=True)
    assert done.returncode == 0 and "deploy/ is in order" in done.stdout, done.stdout + done.stderr


def test_nothing_has_a_default(tmp_path: Path):
    "Each line of the environment file is needed: without it nothing starts, and the reason names it."
    settings = write_settings(tmp_path)
    lines = [line for line in settings.read_text().splitlines() if line and line[0] != "#"]
    used = {line.split("=")[0] for line in lines} - {"COMPOSE_PROFILES"}
    assert used == set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    assert not re.findall(r"\$\{\w+(?::?-|\})", (DEPLOY / "compose.yaml").read_text())
    settings.write_text("\n".join(line for line in lines if not line.startswith("UKR_LETTERS_REVIEW_TOKEN")))
    refused = composed(settings)
    assert refused.returncode != 0 and "UKR_LETTERS_REVIEW_TOKEN" in refused.stderr


def test_secrets_are_fresh_private_and_never_overwritten(tmp_path: Path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = write_settings(tmp_path / "one"), write_settings(tmp_path / "two")
    hidden = [
        dict(re.findall(r"(\w+_(?:SECRET|PASSWORD|TOKEN|SESSION_KEY|COOKIE_KEY))=(.+)", path.read_text()))
        for path in (one, two)
    ]
    assert len(set(hidden[0].values()) | set(hidden[1].values())) == 2 * len(hidden[0]) == 26 and all(
        len(v) == 48 for v in hidden[0].values()
    )
    assert one.stat().st_mode & 0o077 == 0
    again = subprocess.run(
        ["sh", one.with_name("secrets.sh"), "elsewhere.example", "a@b.example"], capture_output=True, text=True
    )
    assert again.returncode == 1 and "is there already" in again.stderr and "SITE=localhost" in one.read_text()
    ignored = subprocess.run(
        ["git", "check-ignore", "deploy/.env", "deploy/backups/x"], cwd=ROOT, capture_output=True, text=True
    )
    assert ignored.stdout.split() == ["deploy/.env", "deploy/backups/x"]


def test_only_the_end_of_tls_is_published(tmp_path: Path):
    services = json.loads(composed(write_settings(tmp_path)).stdout)["services"]
    assert [name for name, service in services.items() if service.get("ports")] == ["edge"]
    met = {name: set(service["networks"]) for name, service in services.items()}
    strangers = met["dashboard"] | met["api"] | met["review"] | met["gate"] | met["edge"]
    assert (
        not strangers & (met["mlflow"] | met["database"])
        and "outside" not in met["dashboard"] | met["database"] | met["store"]
    )


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_little(name: str, tmp_path: Path):
    "No root, no writable image, no privileges, no more than its share, and somebody looks whether it is well."
    service = json.loads(composed(write_settings(tmp_path)).stdout)["services"][name]
    assert (
        service["read_only"]
        and service["cap_drop"] == ["ALL"]
        and service["security_opt"] == ["no-new-privileges:true"]
    )
    assert {"memory", "pids"} <= set(service["deploy"]["resources"]["limits"])
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "edge" else [])
    image = (DEPLOY / "Dockerfile").read_text()
    if "build" in service:
        stage = re.search(rf" AS {service['build']['target']}\n(.*?)(?=\nFROM |\Z)", image, re.DOTALL)[1]
        assert re.findall(r"^USER (.*)$", stage, re.MULTILINE)[-1] == "10001:10001"
    else:
        assert service.get("user", "root").split(":")[0] not in ("root", "0")
    assert service["restart"] == "no" or "healthcheck" in service
    assert not any(
        " " in word for word in service.get("healthcheck", {}).get("test") or []
    )  # Podman breaks words there


def test_what_serves_is_small():
    "Its image installs the package with what S3 and the API need; torch, MLflow and DVC come only into the other one."
    stage = re.search(r" AS serving-built\n(.*?)\n\n", (DEPLOY / "Dockerfile").read_text(), re.DOTALL)[1]
    assert re.findall(r"'\.\[(.*)\]'", stage) == ["s3,api"]


def test_what_is_installed_is_whole():
    "Every folder that setup.py puts into the package is copied into the image, and so is the license it asks for."
    stage = re.search(r" AS source\n(.*?)\n\n", (DEPLOY / "Dockerfile").read_text(), re.DOTALL)[1]
    folders = re.search(r"^FOLDERS = (\{.*\})$", (ROOT / "setup.py").read_text(), re.MULTILINE)[1]
    mapped = set(ast.literal_eval(folders).values())
    assert mapped == set(re.findall(r"^COPY (\S+) \1$", stage, re.MULTILINE)) and " LICENSE " in stage
    assert mapped | {"LICENSE"} <= {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines()}


# What strangers meet


def knock(
    site: Site, host: str, path: str, method: str = "GET", source: str = "127.0.0.1", **more: object
) -> httpx.Response:
    "One request through TLS to a host of the site, from an address of this machine."
    headers = {"Host": f"{host}:{site.https}", **more.pop("headers", {})}
    with httpx.Client(transport=httpx.HTTPTransport(verify=False, local_address=source), timeout=30) as client:
        request = client.build_request(
            method, f"https://127.0.0.1:{site.https}{path}", headers=headers, extensions={"sni_hostname": host}, **more
        )
        return client.send(request)


def test_the_three_hosts_answer(site: Site):
    assert knock(site, "localhost", "/health").json()["seats"] == 20
    assert knock(site, "review.localhost", "/health").json()["seats"] == 5
    read = knock(site, "api.localhost", "/recognize", "POST", json={"ink": letter("А")})
    assert read.status_code == 200 and read.json()["label"] == "а"
    answer = knock(site, "localhost", "/health")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    plain = httpx.get(f"http://127.0.0.1:{site.http}/", headers={"Host": "localhost"})
    assert plain.status_code == 308 and plain.headers["Location"].startswith("https://localhost")


@pytest.mark.parametrize(
    ("host", "path", "status"),
    [
        ("localhost", "/metrics", 404),
        ("localhost", "//metrics", 404),
        ("localhost", "/%6Detrics", 404),
        ("api.localhost", "/metrics", 404),
        ("api.localhost", "/api/contents", 404),
        ("review.localhost", "/metrics", 404),
        ("review.localhost", "/voila/files/review.ipynb", 403),
    ],
)
def test_only_public_addresses_pass(site: Site, host: str, path: str, status: int):
    assert knock(site, host, path).status_code == status


def test_another_name_is_no_site_of_ours(site: Site):
    "Neither for TLS, nor behind TLS under the name of ours."
    with pytest.raises(httpx.ConnectError):
        knock(site, "elsewhere.example", "/")
    answer = knock(site, "localhost", "/", headers={"Host": "elsewhere.example"})
    assert answer.content == b"" and "seat" not in answer.cookies


def test_one_address_that_asks_too_often_waits_and_others_do_not(site: Site):
    "Also one that pretends to be another with every request."
    answers = []
    with httpx.Client(transport=httpx.HTTPTransport(verify=False, local_address="127.0.0.77"), timeout=30) as client:
        for number in range(700):
            headers = {"Host": "localhost", "X-Forwarded-For": f"10.0.{number // 250}.{number % 250}"}
            answers.append(
                client.get(
                    f"https://127.0.0.1:{site.https}/health", headers=headers, extensions={"sni_hostname": "localhost"}
                )
            )
            if answers[-1].status_code == 429:
                break
    assert [answer.status_code for answer in answers] == [200] * 600 + [429] and answers[-1].headers[
        "Retry-After"
    ] == "10"
    assert knock(site, "localhost", "/health", source="127.0.0.78").status_code == 200


# Keys and what they open


@pytest.fixture
def s3(site: Site):
    "Files in S3, seen with the keys of a user."

    def files(user: str, key: str = "", secret: str = "") -> S3FileSystem:
        own = site.secrets
        key, secret = key or own[f"UKR_LETTERS_S3_{user}_KEY"], secret or own[f"UKR_LETTERS_S3_{user}_SECRET"]
        return S3FileSystem(
            endpoint_url=f"http://{site.address['store']}:8333",
            key=key,
            secret=secret,
            skip_instance_cache=True,
            use_listings_cache=False,
        )

    return files


@pytest.mark.parametrize(
    ("user", "allowed", "forbidden"),
    [
        (
            "PAGE",
            ["drawings/inbox/aa/x", "drawings/withdrawals/x"],
            ["drawings/verdicts/aa/x", "drawings/x", "mlflow/x", "dvc/x"],
        ),
        ("REVIEW", ["drawings/verdicts/aa/x"], ["drawings/inbox/aa/x", "drawings/withdrawals/x", "mlflow/x", "dvc/x"]),
        ("LEARN", ["drawings/inbox/aa/x", "dvc/x"], ["mlflow/x"]),
        ("MLFLOW", ["mlflow/x"], ["drawings/inbox/aa/x", "dvc/x"]),
    ],
)
def test_each_user_of_s3_writes_only_where_its_work_is(site: Site, s3, user: str, allowed: list, forbidden: list):
    files = s3(user)
    for path in allowed:
        files.pipe_file(path, b"x")
        assert s3("ADMIN").cat_file(path) == b"x"
        files.rm_file(path)
    for path in forbidden:
        with pytest.raises(PermissionError):
            files.pipe_file(path, b"x")
        s3("ADMIN").pipe_file(path, b"kept")
        with pytest.raises(PermissionError):
            files.rm_file(path)
        assert s3("ADMIN").cat_file(path) == b"kept"
        s3("ADMIN").rm_file(path)
    with pytest.raises(PermissionError):
        files.makedir("another")
    with pytest.raises(PermissionError):
        s3(user, secret="f" * 48).ls("drawings")


def test_each_user_of_postgres_is_let_into_one_database(site: Site):
    for user, other in (("mlflow", "tuning"), ("tuning", "mlflow")):
        address = f"postgresql://{user}:{site.secrets[f'UKR_LETTERS_{user.upper()}_PASSWORD']}@{site.address['database']}:5432"
        connect(f"{address}/{user}").close()
        for refused in (f"{address}/{other}", f"{address}wrong/{user}"):
            with pytest.raises(OperationalError):
                connect(refused).close()


def test_mlflow_asks_for_a_password_and_the_follower_only_reads(site: Site):
    address, password = (
        f"http://{site.address['mlflow']}:5000/api/2.0/mlflow",
        site.secrets["UKR_LETTERS_FOLLOWER_PASSWORD"],
    )
    search = f"{address}/registered-models/search"
    assert httpx.get(search).status_code == 401 and httpx.get(search, auth=("follower", "wrong")).status_code == 401
    assert httpx.get(search, auth=("follower", password)).status_code == 200
    secret = site.secrets["UKR_LETTERS_MLFLOW_ADMIN_PASSWORD"]
    made = httpx.post(f"{address}/registered-models/create", json={"name": "kept"}, auth=("admin", secret))
    assert made.status_code == 200
    body = {"name": "kept", "alias": "champion", "version": "1"}
    assert httpx.post(f"{address}/registered-models/alias", json=body, auth=("follower", password)).status_code == 403
    assert (
        httpx.request(
            "DELETE", f"{address}/registered-models/delete", json={"name": "kept"}, auth=("follower", password)
        ).status_code
        == 403
    )
    assert (
        httpx.request(
            "DELETE", f"{address}/registered-models/delete", json={"name": "kept"}, auth=("admin", secret)
        ).status_code
        == 200
    )


# The whole line

SEEN = {**LAPTOP, "ignore_https_errors": True}  # nobody has signed for localhost


@pytest.fixture(scope="module")
def windows(site: Site, browser: Browser) -> Iterator[Windows]:
    "Browser windows on the drawing page."
    windows = Windows(browser, f"https://localhost:{site.https}/")
    yield windows
    windows.close()


@pytest.fixture
def visit(windows: Windows) -> Iterator[Callable[[str], Page]]:
    "Open the drawing page in a window, as a new visitor; all leave at the end, so that replicas are shared evenly again."
    yield lambda window: windows.visit(window, **SEEN)
    windows.leave()


@pytest.fixture
def store(site: Site, monkeypatch) -> Store:
    "The drawings in S3, with the keys of the page."
    for name, value in site.environment("dashboard").items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    return open_store("s3://drawings")


def draw(page: Page, store: Store, char: str) -> Sample:
    "Draw a letter and put it away; what is kept of it in S3."
    before = set(store)
    Pointer(page).draw(char)
    page.keyboard.press("Escape")
    page.wait_for_selector(f"{DRAWING}[data-strokes='0']")
    [fresh] = eventually(lambda: set(store) - before, 30)
    return store.get(fresh)


def test_the_line_from_a_drawing_to_a_new_model(
    site: Site, visit, browser: Browser, store: Store, checkout: Path, tmp_path: Path
):
    "Draw, judge, collect, train, tune, register, promote: the open page reads the next drawing with the new network, and rolls back."
    page = visit("first")
    first = draw(page, store, "А")
    assert first.model == Recognizer().version == knock(site, "localhost", "/health").json()["model"]

    address = f"https://review.localhost:{site.https}/?token={site.secrets['UKR_LETTERS_REVIEW_TOKEN']}"
    desk = Windows(browser, address, JUDGING).visit(**SEEN)
    desk.locator(".ukr-name").fill("olena")
    desk.keyboard.press("Enter")
    desk.wait_for_selector(f".ukr-review[data-id='{first.id}']", timeout=20_000)
    desk.keyboard.press("Enter")
    assert eventually(lambda: [id for id, _, _ in store.accepted()], 30) == [first.id]
    desk.context.close()

    work = tmp_path / "checkout"
    shutil.copytree(checkout, work, symlinks=True)
    change(work, "preprocess", sources=["fonts", "digits8", "scribbles", "collected"])

    def learn(*command: str) -> str:
        done = site.run("learn", "env", f"PYTHONPATH={work}", *command, cwd=work)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "git add data/collected" in learn("ukr_collect")
    learn("dvc", "freeze", "pretrain")  # a drawing more needs no other body
    learn("dvc", "repro")
    assert json.loads((work / "data/prepared/card.json").read_text())["sources"]["collected"]
    tuned = site.run("tuning", "env", f"PYTHONPATH={work}", "ukr_tune", cwd=work)
    assert tuned.returncode == 0, tuned.stdout + tuned.stderr
    with connect(f"{site.environment('backup')['ADMIN_DATABASE']}/tuning") as connection:
        assert connection.execute("select count(*) from trials where state = 'COMPLETE'").fetchone() == (2,)
    assert "is version 2" in learn("ukr_release", "register")
    learn("ukr_release", "promote", "--despite", "a tiny network, to see the line")
    candidate = Recognizer(work / "models/candidate").version
    assert eventually(lambda: knock(site, "localhost", "/health").json()["model"] == candidate, 60)
    assert draw(page, store, "А").model == candidate
    learn("ukr_release", "rollback", "--why", "it was tiny")
    assert eventually(lambda: knock(site, "localhost", "/health").json()["model"] == first.model, 60)
    assert draw(page, store, "А").model == first.model


def test_visitors_are_shared_out_and_each_stays_where_their_page_came_from(visit, store: Store):
    "Two replicas: pages of both can be drawn on, over a websocket that finds the kernel's own process."
    pages = [visit(window) for window in ("first", "second", "third", "fourth")]
    seats = [{cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "seat"} for page in pages]
    assert all(len(seat) == 1 for seat in seats) and len(set().union(*seats)) == 2
    for page in pages:
        assert draw(page, store, "Ж").guess


# What breaks


def lost(page: Page) -> int:
    "Whether a page says that its connection is lost."
    return page.locator("[data-lost=yes]").count()


@pytest.mark.parametrize(
    "places", [["edge"], ["gate"], ["second"], ["api", "review", "follower", "mlflow"]], ids="-".join
)
def test_killed_services_come_back_and_nothing_kept_is_lost(site: Site, visit, store: Store, places: list[str]):
    "`kill -9` while two pages are open, one on each replica: those that lose their wire or their kernel say so, the others go on."
    pages = {window: visit(window) for window in ("first", "second")}
    kept = [draw(page, store, char) for page, char in zip(pages.values(), "А5", strict=True)]
    for place in places:
        site.kill(place)
    cut = {"edge": 2, "gate": 2, "second": 1}.get(places[0], 0)
    assert eventually(lambda: sum(map(lost, pages.values())) == cut, 30)
    if places[0] not in ("edge", "gate"):  # the only way in
        assert draw(visit("third"), store, "8").guess
    for place in places:
        site.start("dashboard" if place == "second" else place, place)
    assert [store.get(sample.id) for sample in kept] == kept
    for window, page in pages.items():
        assert draw(visit(window) if lost(page) else page, store, "Ж").guess
    assert knock(site, "api.localhost", "/recognize", "POST", json={"ink": letter("А")}).json()["label"] == "а"


def test_a_minute_without_s3_and_postgresql_costs_nothing(site: Site, visit, store: Store):
    "Who draws is read and told that the drawing waits, and so is a program; then all of it arrives, and MLflow remembers."
    page, before = visit("first"), set(store)
    for place in ("store", "database"):
        site.kill(place)
    gone = time.monotonic()
    Pointer(page).draw("Ж")
    page.keyboard.press("Escape")
    expect(page.locator(".ukr-status")).to_have_text(text("waiting"), timeout=30_000)
    given = knock(site, "api.localhost", "/samples", "POST", json=gift(0))
    assert given.status_code == 202 and knock(site, "review.localhost", "/health").status_code == 200
    time.sleep(max(0, gone + 60 - time.monotonic()))
    for place in ("database", "store"):
        site.start(place)
    longest = max(PAUSES) + 15  # seconds until the next attempt
    arrived = eventually(lambda: len(fresh := set(store) - before) == 2 and fresh, longest)
    assert given.json()["id"] in arrived
    expect(page.locator(".ukr-status")).to_have_text(text("saved"))
    assert eventually(lambda: site.run("learn", "ukr_release", "history", cwd=ROOT).returncode == 0, 60)


# Everything is lost


def everything(site: Site, s3) -> dict:
    "All rows of the databases and all objects of the buckets, by name."
    rows = {}
    for name in ("mlflow", "tuning"):
        with connect(f"{site.environment('backup')['ADMIN_DATABASE']}/{name}") as connection:
            tables = [
                table for (table,) in connection.execute("select tablename from pg_tables where schemaname = 'public'")
            ]
            rows |= {
                f"{name}.{table}": sorted(map(str, connection.execute(f'select * from "{table}"'))) for table in tables
            }
    files = s3("ADMIN")
    objects = {
        path: sha256(files.cat_file(path)).hexdigest()
        for bucket in ("drawings", "mlflow", "dvc")
        for path in files.find(bucket)
    }
    return rows | objects


def test_what_was_backed_up_comes_back_after_everything_is_lost(site: Site, s3, store: Store):
    "Databases and S3 are thrown away; new ones are prepared, refuse a torn backup, take the whole one, and hold the same."
    store.add(traced("Ж", "Ж"))
    s3("ADMIN").pipe_file("dvc/files/md5/aa/shard", b"a shard")
    assert site.run("learn", "ukr_release", "register", f"--candidate={CHAMPION}", cwd=ROOT).returncode == 0
    before = everything(site, s3)
    done = site.run("backup")
    assert done.returncode == 0, done.stderr
    backup = Path(done.stdout.splitlines()[-1])
    assert (
        site.run("backup", "sh", "/opt/deploy/restore.sh", str(backup)).returncode == 1
    )  # nothing is ever overwritten
    assert (
        everything(site, s3) == before
        and any(name.startswith("drawings/inbox") for name in before)
        and before["mlflow.runs"]
    )

    site.stop("mlflow", "database", "store")
    shutil.rmtree(site.folder / "kept")
    (site.folder / "kept").mkdir()
    site.done -= {"prepare", "accounts"}
    site.up("prepare")
    torn = site.folder / "torn"
    shutil.copytree(backup, torn)
    victim = max((path for path in torn.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    victim.write_bytes(victim.read_bytes()[:-1])
    refused = site.run("backup", "sh", "/opt/deploy/restore.sh", str(torn))
    assert refused.returncode != 0 and "FAILED" in refused.stdout + refused.stderr and not s3("ADMIN").find("drawings")
    restored = site.run("backup", "sh", "/opt/deploy/restore.sh", str(backup))
    assert restored.returncode == 0, restored.stderr
    assert everything(site, s3) == before
    site.up("accounts")
    history = site.run("learn", "ukr_release", "history", cwd=ROOT)
    assert history.returncode == 0 and "it came with the package" in history.stdout


def test_old_backups_make_room_and_a_failed_one_leaves_nothing(site: Site):
    backups = site.folder / "backups"
    for day in range(1, 21):
        (backups / f"2026-01-{day:02}T03-17-00").mkdir()
    done = site.run("backup")
    assert (
        done.returncode == 0
        and len(list(backups.iterdir())) == 14
        and Path(done.stdout.splitlines()[-1]) in backups.iterdir()
    )
    before = set(backups.iterdir())
    failed = site.run("backup", "env", "AWS_SECRET_ACCESS_KEY=wrong", "sh", "/opt/deploy/backup.sh", "/backups")
    assert failed.returncode != 0 and set(backups.iterdir()) == before
