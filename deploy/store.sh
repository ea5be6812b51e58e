#!/bin/sh
# SeaweedFS as an S3 server: `store.sh FOLDER`. Only S3 is open to others; its inner parts listen to this machine alone.
# Its users come from the environment and each may do no more than its work needs.
set -eu
folder=${1:?name the folder where the data lies}
umask 077
users=$(mktemp)

user() {  # name of the key, the secret, and what it may do
    printf '{"name": "%s", "actions": [%s], "credentials": [{"accessKey": "%s", "secretKey": "%s"}]}' "$1" "$3" "$1" "$2"
}

drawings=$BUCKET_DRAWINGS mlflow=$BUCKET_MLFLOW dvc=$BUCKET_DVC
look="\"Read:$drawings\", \"List:$drawings\", \"Write:$drawings/probe/*\""
{
    printf '{"identities": ['
    user "$ADMIN_KEY" "$ADMIN_SECRET" '"Admin", "Read", "Write", "List", "Tagging"'
    printf ', '
    user "$PAGE_KEY" "$PAGE_SECRET" "$look, \"Write:$drawings/inbox/*\", \"Write:$drawings/withdrawals/*\""
    printf ', '
    user "$REVIEW_KEY" "$REVIEW_SECRET" "$look, \"Write:$drawings/verdicts/*\""
    printf ', '
    user "$LEARN_KEY" "$LEARN_SECRET" "$look, \"Write:$drawings\", \"Read:$dvc\", \"List:$dvc\", \"Write:$dvc\""
    printf ', '
    user "$MLFLOW_KEY" "$MLFLOW_SECRET" "\"Read:$mlflow\", \"List:$mlflow\", \"Write:$mlflow\""
    printf ']}\n'
} > "$users"

exec weed server -dir="$folder" -ip="$INSIDE" -ip.bind="$INSIDE" -filer -s3 -s3.ip.bind="$LISTEN" -s3.port=8333 \
    -s3.config="$users" -s3.autoCreateBucket=false -s3.port.iceberg=0 -s3.port.lance=0 \
    -master.peers=none -master.telemetry=false -master.volumeSizeLimitMB=1024 -volume.max=100 -volume.preStopSeconds=1
