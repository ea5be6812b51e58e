"""The environment of a machine that was set up at d04006e: each variable is read under its name, and means what it meant."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.api import gift, opened
from support.checkout import ROOT
from support.networks import leaning
from support.notebooks import NOTEBOOK, sources
from support.processes import within_run
from support.site import composed

PAGE = """
from ukr_letters.serve.review import ReviewApp
app = ReviewApp()
print(app.judge, app.backlog.desk.parent)
"""
RULES = "from ukr_letters.serve.api import Rules; print(Rules.read())"
STUDY = """
from ukr_letters.core.settings import study_url
from ukr_letters.learn.search import open_storage
open_storage(study_url())
"""
LOG = "from ukr_letters.release.runlog import log_metrics; log_metrics({'loss': 0.5}, 1); print(open('run/metrics.jsonl').read())"
ADDRESS = """
from pathlib import Path
from ukr_letters.samples.intake import note_visitor
note_visitor('kernel', '192.0.2.7')
print(Path('visitors/kernel').read_text())
"""
API, STAGE, PYTHON = ("ukr_api", "--port=0"), ("ukr_stage", "train"), (sys.executable, "-c")
# variable that the package of d04006e read: a value, what is started with it, and what this says
READ = {
    "API_KEY": ("short", API, "UKR_LETTERS_API_KEY: each key is at least"),
    "API_ORIGINS": ("https://a.example", (*PYTHON, RULES), "origins=('https://a.example',)"),
    "API_RATE": ("7", (*PYTHON, RULES), "rate=7"),
    "DESK": ("desk", (*PYTHON, PAGE), " desk\n"),
    "JUDGE": ("olena", (*PYTHON, PAGE), "olena"),
    "MIRROR": (
        "away",
        (*PYTHON, "from ukr_letters.core.settings import mirror; mirror()"),
        "UKR_LETTERS_MIRROR names 'away'",
    ),
    "MODEL": ("away", ("ukr_serve", "--port=0"), "(UKR_LETTERS_MODEL)"),
    "OUTBOX": ("settings.ini/outbox", API, "(UKR_LETTERS_OUTBOX)"),
    "PROCESSES": ("many", STAGE, "UKR_LETTERS_PROCESSES is 'many'"),
    "PROXY": ("192.0.2.0/24", (*PYTHON, RULES), "proxies=('192.0.2.0/24',)"),
    "REVIEW_TOKEN": ("short", ("ukr_review", "--port=0"), "the token is shorter than"),
    "RUN": ("run", (*PYTHON, LOG), '"metrics": {"loss": 0.5}'),
    "SALT": ("a-salt", (*PYTHON, ADDRESS), "address-6018739b827dd8768788c0e90d6cf521"),  # what d04006e made of both
    "SAMPLES": ("ftp://away", API, "mend UKR_LETTERS_SAMPLES"),
    "STUDY": ("postgresql+psycopg://127.0.0.1:1/tuning", (*PYTHON, STUDY), "or unset UKR_LETTERS_STUDY"),
    "VISITORS": ("visitors", (*PYTHON, ADDRESS), "address-"),
}
# .env as `make deploy-secrets` of d04006e wrote it, with other values, each of which tells its name
SETTINGS = {
    "SITE": "letters.example.org",
    "MAIL": "keeper@example.org",
    "VERSION": "0.0.9",
    "CLOSED": "false",
    "DATABASE": "database.example.org:5432",
    "DATABASE_TLS": "require",
    "DATABASE_ADMIN": "administrator",
    "S3": "http://s3.example.org:8333",
    "S3_REGION": "a-region",
    "BUCKET_DRAWINGS": "bucket-of-drawings",
    "BUCKET_MLFLOW": "bucket-of-mlflow",
    "BUCKET_DVC": "bucket-of-dvc",
    "NETWORK": "10.86.99.0/24",
    "GATE": "10.86.99.2",
    "SEATS": "21",
    "SHARE": "11",
    "USER": "1234:5678",
    "BACKUPS": "/backups-of-then",
    "BACKUPS_KEPT": "15",
    **{
        name: f"secret-{number:02}"
        for number, name in enumerate(
            "REVIEW_TOKEN API_KEY COOKIE_KEY DATABASE_PASSWORD MLFLOW_PASSWORD TUNING_PASSWORD MLFLOW_ADMIN_PASSWORD"
            " MLFLOW_SESSION_KEY FOLLOWER_PASSWORD S3_ADMIN_KEY S3_ADMIN_SECRET S3_PAGE_KEY S3_PAGE_SECRET S3_REVIEW_KEY"
            " S3_REVIEW_SECRET S3_LEARN_KEY S3_LEARN_SECRET S3_MLFLOW_KEY S3_MLFLOW_SECRET".split()
        )
    },
}
# where its containers kept what must not be lost: service and volume, and where the volume was mounted
MOUNTED = {
    ("api", "champion"): "/champion",
    ("api", "outbox"): "/outbox",
    ("dashboard", "champion"): "/champion",
    ("dashboard", "outbox"): "/outbox",
    ("database", "database"): "/var/lib/postgresql/data",
    ("edge", "certificates"): "/kept",
    ("follower", "champion"): "/champion",
    ("prepare", "champion"): "/champion",
    ("review", "desk"): "/desk",
    ("store", "store"): "/kept",
}
INSIDE = {
    ("api", "MODEL"): "/champion/served",
    ("api", "OUTBOX"): "/outbox",
    ("dashboard", "MODEL"): "/champion/served",
    ("dashboard", "OUTBOX"): "/outbox",
    ("prepare", "MODEL"): "/champion/served",
    ("review", "DESK"): "/desk",
}  # and what its programs were told of these places


def test_each_variable_is_still_in_the_table():
    [table] = [text for text in sources(NOTEBOOK["ukr_letters.core.settings"], "markdown") if "| variable |" in text]
    assert {f"UKR_LETTERS_{name}" for name in READ} <= set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


@pytest.mark.slow
@pytest.mark.parametrize("name", READ)
def test_a_variable_is_read(name: str, tmp_path: Path):
    "A program is started with it for real: it does what the variable says, or refuses it by name."
    value, command, said = READ[name]
    for copied in ("settings.ini", "params.yaml"):
        shutil.copy2(ROOT / copied, tmp_path)
    shutil.copytree(ROOT / "nbs/pipeline", tmp_path / "nbs/pipeline")
    for folder in ("run", "visitors"):
        (tmp_path / folder).mkdir()
    others = {"UKR_LETTERS_SALT": "a-salt", "UKR_LETTERS_VISITORS": "visitors"} if command[-1] == ADDRESS else {}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    basic = {"PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment = within_run(basic | others | {f"UKR_LETTERS_{name}": value})
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30)
    assert said in done.stdout + done.stderr, done.stdout + done.stderr


def test_the_api_serves_with_all_of_them(tmp_path: Path):
    "The key, the network and the places of then: one drawing is read and kept there."
    bundle, key = leaning(tmp_path / "served", "щ", 100), "a-key-of-d04006e-and-of-today"
    with opened(tmp_path, {"UKR_LETTERS_API_KEY": key, "UKR_LETTERS_MODEL": str(tmp_path / "served")}) as api:
        assert api.get("/model").status_code == 401
        api.headers["Authorization"] = f"Bearer {key}"
        assert bundle.version in api.get("/model").text
        assert api.post("/samples", json=gift(1)).status_code < 300 and len(api.kept()) == 1


def test_an_environment_file_of_then_starts_the_site_of_today(tmp_path: Path):
    "Docker Compose misses no line of it and uses each; volumes, and what lies in them, are where they were."
    lines = [f"UKR_LETTERS_{name}={value}" for name, value in SETTINGS.items()]
    (tmp_path / ".env").write_text("\n".join(["COMPOSE_PROFILES=postgres,seaweedfs", *lines]) + "\n")
    made = composed(tmp_path / ".env")
    assert made.returncode == 0 and not made.stderr, made.stderr
    values = {value for name, value in SETTINGS.items() if name != "CLOSED"}
    assert {value for value in values if value not in made.stdout} == set()
    site = json.loads(made.stdout)
    assert "internal" not in site["networks"]["records"] and "internal" not in site["networks"]["drawings"]
    assert {volume["name"] for volume in site["volumes"].values()} >= {f"ukr-letters_{name}" for _, name in MOUNTED}
    mounted = {
        (name, mount["source"]): mount["target"]
        for name, service in site["services"].items()
        for mount in service.get("volumes", [])
    }
    assert MOUNTED.items() <= mounted.items()
    told = {key: site["services"][key[0]]["environment"][f"UKR_LETTERS_{key[1]}"] for key in INSIDE}
    assert told == INSIDE
