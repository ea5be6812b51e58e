"""Buckets to a folder and back: `objects.py save FOLDER`, `objects.py restore FOLDER`; BUCKETS names them."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3

WORKERS = 16  # requests at the same time
CLIENT = boto3.client("s3")


def keys(bucket: str) -> Iterator[str]:
    "The keys of all objects in a bucket."
    for page in CLIENT.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from (entry["Key"] for entry in page.get("Contents", []))


def save(bucket: str, folder: Path) -> int:
    "Copy all objects of a bucket into a folder; how many there were."

    def one(key: str) -> None:
        path = folder / key
        if folder not in path.resolve().parents:
            raise ValueError(f"{key!r} in {bucket} would leave the folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        CLIENT.download_file(bucket, key, str(path))

    folder.mkdir(parents=True)
    with ThreadPoolExecutor(WORKERS) as pool:
        return len(list(pool.map(one, keys(bucket))))


def restore(bucket: str, folder: Path) -> int:
    "Copy all files of a folder into a bucket; how many there were."
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    with ThreadPoolExecutor(WORKERS) as pool:
        return len(
            list(
                pool.map(lambda path: CLIENT.upload_file(str(path), bucket, path.relative_to(folder).as_posix()), files)
            )
        )


def main(action: str, folder: Path) -> None:
    "Save or restore all buckets; ends with a message where something would be overwritten."
    buckets = os.environ["BUCKETS"].split()
    if action == "restore" and (full := [name for name in buckets if next(keys(name), None)]):
        sys.exit(f"restore: {', '.join(full)} must be empty first, nothing is overwritten here")
    for name in buckets:
        print(f"{name}: {(save if action == 'save' else restore)(name, folder / name)} objects")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("save", "restore"):
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]).resolve())
