"""What the HTTP API promises to those who give samples, and to those who run it."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from support.api import Api, gift, opened
from support.networks import leaning
from support.services import S3Server
from support.waiting import eventually

from ukr_letters.core.deploy import NAMES, deploy_bundle
from ukr_letters.core.recognizer import CHAMPION
from ukr_letters.samples.intake import PER_MINUTE
from ukr_letters.samples.store import open_store
from ukr_letters.serve.api import TEE

# Samples: nothing acknowledged is lost


def test_a_flood_of_samples_ends_at_the_limit_and_what_nothing_can_keep_is_not_acknowledged(tmp_path: Path) -> None:
    with opened(tmp_path, rate=0) as api:
        answers = [
            api.post("/samples", json=gift(number, writer="the-same-writer")) for number in range(PER_MINUTE + 3)
        ]
        assert [answer.status_code for answer in answers] == [201] * PER_MINUTE + [429] * 3
        assert api.kept() == {answer.json()["id"] for answer in answers[:PER_MINUTE]}
        assert all(int(answer.headers["retry-after"]) > 0 for answer in answers[PER_MINUTE:])
        for name in ("samples", "outbox"):  # neither the store nor the outbox takes anything any more
            shutil.rmtree(tmp_path / name)
            (tmp_path / name).write_text("in the way")
        answer = api.post("/samples", json=gift(1))
        assert (
            answer.status_code == 503
            and "send it again later" in answer.json()["detail"]
            and answer.headers["retry-after"]
        )
        assert "Traceback" not in answer.text and api.post("/recognize", json={"ink": TEE}).status_code == 200


def test_a_store_that_is_away_for_a_while_costs_no_sample(tmp_path: Path) -> None:
    "Given while the bucket is away: waiting, said so, and delivered when it is back."
    s3 = S3Server(tmp_path / "s3")
    s3.start()
    place = "s3://drawings/away"
    try:
        with opened(tmp_path, {"UKR_LETTERS_SAMPLES": place, **s3.environment}, workers=1) as api:
            given = [api.post("/samples", json=gift(0))]
            s3.stop()
            given += [api.post("/samples", json=gift(number)) for number in (1, 2, 3)]
            assert [answer.status_code for answer in given] == [201, 202, 202, 202]
            assert (
                api.get("/health").json()["samples"] == "waiting"
                and api.post("/recognize", json={"ink": TEE}).status_code == 200
            )
            s3.start()
            assert eventually(lambda: not api.waiting(), 90)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in s3.environment.items():
                patch.setenv(name, value)
            assert set(open_store(place)) == {answer.json()["id"] for answer in given}
    finally:
        s3.stop()


def test_killed_in_the_middle_of_work_it_has_what_it_acknowledged(tmp_path: Path) -> None:
    "kill -9 of all its processes while eight givers give; the next server finds every sample that was acknowledged."
    acknowledged: list[str] = []

    def give(url: str, giver: int) -> None:
        with httpx.Client(base_url=url, timeout=10) as client:
            for number in range(10_000):
                try:
                    answer = client.post("/samples", json=gift(1000 * giver + number))
                except httpx.HTTPError:
                    return
                if answer.status_code in (201, 202):
                    acknowledged.append(answer.json()["id"])

    with opened(tmp_path, rate=0) as api, ThreadPoolExecutor(8) as givers:
        for giver in range(8):
            givers.submit(give, api.url, giver)
        assert eventually(lambda: len(acknowledged) > 100, 20)
        os.killpg(api.process.pid, signal.SIGKILL)
    with opened(tmp_path, rate=0) as api:
        assert eventually(lambda: not api.waiting(), 20)
        assert api.kept() >= set(acknowledged) and len(acknowledged) > 100


# A new champion, and numbers for those who run it


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "The folder of the model that is served."
    return Path(shutil.copytree(CHAMPION, tmp_path_factory.mktemp("model") / "served"))


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, served: Path) -> Iterator[Api]:
    "A server whose model may be changed."
    with opened(tmp_path_factory.mktemp("serving"), {"UKR_LETTERS_MODEL": str(served)}, rate=0) as running:
        yield running


def test_a_new_champion_answers_without_a_restart_and_a_bad_one_never(
    serving: Api, served: Path, tmp_path: Path
) -> None:
    new = leaning(tmp_path / "new", "щ", 100)

    def answers() -> set[tuple]:
        fresh = [httpx.post(f"{serving.url}/recognize", json={"ink": TEE, "mode": "letters"}).json() for _ in range(12)]
        return {(answer["model"], answer["label"]) for answer in fresh}

    assert {label for _, label in answers()} == {"т"}
    deploy_bundle({name: (tmp_path / "new" / name).read_bytes() for name in NAMES}, served)
    assert answers() == {(new.version, "щ")}
    (served / "model.onnx").write_bytes(b"no network")
    assert answers() == {(new.version, "щ")} and serving.get("/model").json()["version"] == new.version


def counted(api: Api, name: str) -> float:
    "The value of a number that the server tells, of all models together."
    said = re.findall(rf"^ukr_letters_{name} (.*)$", api.get("/metrics").text, re.MULTILINE)
    return sum(map(float, said))


def test_its_numbers_are_those_of_all_processes(serving: Api) -> None:
    names = (
        r'drawings_total\{model="\w+"\}',
        r'requests_total\{method="POST",path="/recognize",status="200"\}',
        r'requests_total\{[^}]*path="other",status="404"\}',
        r'request_seconds_bucket\{le="\+Inf",path="/recognize"\}',
    )
    before = [counted(serving, name) for name in names]
    for _ in range(20):
        httpx.post(f"{serving.url}/recognize", json={"drawings": [{"ink": TEE}] * 3})
    serving.get("/wp-login.php")
    assert [counted(serving, name) - then for name, then in zip(names, before, strict=True)] == [60, 20, 1, 20]
    assert "wp-login" not in serving.get("/metrics").text
