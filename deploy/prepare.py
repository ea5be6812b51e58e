"""What must be there before the site starts, made by the administrators of the servers; running it again harms nothing.

`prepare.py ground` makes databases with their users, buckets, and the folder with a first model; `prepare.py accounts`
lets the follower of the champion read in MLflow."""

import json
import os
import shutil
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path

import boto3
from botocore.exceptions import ClientError
from psycopg import Connection, connect
from psycopg.sql import SQL, Identifier, Literal

from ukr_letters.core.recognizer import CHAMPION


def make_database(
    connection: Connection,  # as an administrator
    name: str,  # of the database and of the user that owns it
    password: str,
) -> None:
    "Make a database and its user, who is let into no other one."
    found = lambda query: connection.execute(query, [name]).fetchone()
    action = "alter" if found("select 1 from pg_roles where rolname = %s") else "create"
    connection.execute(SQL(f"{action} role {{}} login password {{}}").format(Identifier(name), Literal(password)))
    connection.execute(SQL("grant {} to current_user").format(Identifier(name)))  # managed servers have no superuser
    if not found("select 1 from pg_database where datname = %s"):
        connection.execute(SQL("create database {0} owner {0}").format(Identifier(name)))
    connection.execute(SQL("revoke connect on database {} from public").format(Identifier(name)))


def make_buckets(names: list[str]) -> None:
    "Make the buckets that are missing."
    client = boto3.client("s3")
    for name in names:
        try:
            client.head_bucket(Bucket=name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise
            client.create_bucket(Bucket=name)


def lay_first_model(place: Path) -> None:
    "Put the champion of the package where serving reads, until the follower brings the promoted one."
    if not place.exists():
        fresh = place.with_name(f".{place.name}")
        shutil.rmtree(fresh, ignore_errors=True)  # of a start that was cut off
        shutil.copytree(CHAMPION, fresh)
        fresh.rename(place)


def ask(path: str, method: str, body: dict) -> None:
    "One request to MLflow as its administrator; raises `urllib.error.HTTPError`."
    key = b64encode(
        f"{os.environ['MLFLOW_TRACKING_USERNAME']}:{os.environ['MLFLOW_TRACKING_PASSWORD']}".encode()
    ).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {key}"}
    request = urllib.request.Request(
        f"{os.environ['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/users/{path}",
        json.dumps(body).encode(),
        headers,
        method=method,
    )
    urllib.request.urlopen(request, timeout=60).close()


def make_account(name: str, password: str) -> None:
    "Make a user of MLflow who may read, or give them a new password."
    account = {"username": name, "password": password}
    try:
        ask("create", "POST", account)
    except urllib.error.HTTPError as error:
        if error.code != 400:
            raise
        ask("update-password", "PATCH", account)


def ground() -> None:
    "Everything that the servers of the site stand on."
    with connect(f"{os.environ['ADMIN_DATABASE']}/postgres", autocommit=True) as connection:
        make_database(connection, "mlflow", os.environ["MLFLOW_PASSWORD"])
        make_database(connection, "tuning", os.environ["TUNING_PASSWORD"])
    make_buckets(os.environ["BUCKETS"].split())
    lay_first_model(Path(os.environ["UKR_LETTERS_MODEL"]))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["ground"]:
            ground()
        case ["accounts"]:
            make_account("follower", os.environ["FOLLOWER_PASSWORD"])
        case _:
            sys.exit(__doc__)
