#!/bin/sh
# One backup of the databases and buckets: `backup.sh FOLDER` makes FOLDER/<UTC time>, whole or not at all.
# Databases first: a file in a bucket that no record knows does no harm, a record without its file does.
set -eu
umask 077
here=$(dirname "$0")
folder=${1:?name the folder that keeps the backups}
name=$(date -u +%Y-%m-%dT%H-%M-%S)
partial=$folder/.$name
mkdir -p "$partial/databases"
trap 'rm -rf "$partial"' EXIT
for database in mlflow tuning; do
    pg_dump --format=custom --file="$partial/databases/$database.dump" "$ADMIN_DATABASE/$database"
done
python "$here/objects.py" save "$partial/buckets"
(cd "$partial" && find databases buckets -type f -exec sha256sum {} + | sort -k 2 > sums)
sync
mv "$partial" "$folder/$name"
find "$folder" -mindepth 1 -maxdepth 1 -name '2*T*' | sort | head -n "-$BACKUPS_KEPT" | xargs -r rm -r
echo "$folder/$name"
