#!/bin/sh
# A backup into empty servers: `restore.sh FOLDER/<UTC time>`. It is checked first, and nothing is ever overwritten.
set -eu
here=$(dirname "$0")
backup=${1:?name the backup to restore}
(cd "$backup" && sha256sum --check --quiet sums)
for database in mlflow tuning; do
    tables=$(psql --tuples-only --no-align --command "select count(*) from pg_tables where schemaname = 'public'" "$ADMIN_DATABASE/$database")
    [ "$tables" = 0 ] || { echo "restore: the database $database must be empty first, nothing is overwritten here" >&2; exit 1; }
done
python "$here/objects.py" restore "$backup/buckets"
for database in mlflow tuning; do
    pg_restore --exit-on-error --single-transaction --no-owner --role="$database" --dbname="$ADMIN_DATABASE/$database" \
        "$backup/databases/$database.dump"
done
