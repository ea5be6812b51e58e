"""The servers of the tests are what they say: records in PostgreSQL, artifacts in S3, no keys at the client, strangers refused."""

import json
import urllib.error
import urllib.request

import pytest
from psycopg import connect
from s3fs import S3FileSystem
from support.services import BUCKET, KEYS, MlflowServer, S3Server


def call(server: MlflowServer, path: str, body: dict | bytes, method: str = "POST", **headers: str) -> dict:
    "One request to the tracking server, without any key."
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{server.url}/api/2.0/{path}", data, {"Content-Type": "application/json", **headers}, method=method
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"{}")


def test_records_lie_in_postgres_and_artifacts_in_s3(mlflow_server: MlflowServer, s3: S3Server) -> None:
    experiment = call(mlflow_server, "mlflow/experiments/create", {"name": "servers"})["experiment_id"]
    run = call(mlflow_server, "mlflow/runs/create", {"experiment_id": experiment, "start_time": 0})["run"]["info"]
    assert run["artifact_uri"].startswith("mlflow-artifacts:")  # passed on by the server, so the client needs no keys
    place = f"{experiment}/{run['run_id']}/artifacts/note.txt"
    call(mlflow_server, f"mlflow-artifacts/artifacts/{place}", b"kept", "PUT", **{"Content-Type": "text/plain"})
    database = next(option.partition("=")[2] for option in mlflow_server.options if "backend-store" in option)
    with connect(database.replace("+psycopg", "")) as connection:
        assert connection.execute("select count(*) from runs where run_uuid = %s", [run["run_id"]]).fetchone() == (1,)
    files = S3FileSystem(endpoint_url=s3.url, key=KEYS["AWS_ACCESS_KEY_ID"], secret=KEYS["AWS_SECRET_ACCESS_KEY"])
    assert any(name.endswith(place) for name in files.find(BUCKET))


def test_a_page_that_pretends_to_be_the_server_is_refused(mlflow_server: MlflowServer) -> None:
    "Host checking is on: a name that was pointed at this address by somebody else gets nothing."
    with pytest.raises(urllib.error.HTTPError) as refusal:
        call(mlflow_server, "mlflow/experiments/search", {"max_results": 1}, Host="stranger.example")
    assert refusal.value.code == 403


def test_databases_are_empty_and_apart(database: str, postgres) -> None:
    other = postgres.create()
    with connect(database.replace("+psycopg", "")) as connection:
        connection.execute("create table note (text text)")
    with connect(other.replace("+psycopg", "")) as connection:
        assert connection.execute("select count(*) from pg_tables where tablename = 'note'").fetchone() == (0,)
