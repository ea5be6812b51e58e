#!/bin/sh
# The users of MinIO, each with no more rights than its work needs: the same as in store.sh.
set -eu
mc alias set site "$SERVER" "$ADMIN_KEY" "$ADMIN_SECRET"

user() {  # name, secret, bucket, and where in it this user may write
    name=$1 secret=$2 bucket=$3
    shift 3
    resources=$(printf ', "arn:aws:s3:::%s"' "$@")
    cat > "/tmp/$name.json" <<END
{"Version": "2012-10-17", "Statement": [
 {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": ["arn:aws:s3:::$bucket"]},
 {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::$bucket/*"]},
 {"Effect": "Allow", "Action": ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"], "Resource": [${resources#, }]}]}
END
    mc admin user add site "$name" "$secret"
    mc admin policy create site "$name-$bucket" "/tmp/$name.json"
    mc admin policy attach site "$name-$bucket" --user "$name" || true  # it is attached already
}

drawings=$BUCKET_DRAWINGS
user "$PAGE_KEY" "$PAGE_SECRET" "$drawings" "$drawings/probe/*" "$drawings/inbox/*" "$drawings/withdrawals/*"
user "$REVIEW_KEY" "$REVIEW_SECRET" "$drawings" "$drawings/probe/*" "$drawings/verdicts/*"
user "$LEARN_KEY" "$LEARN_SECRET" "$drawings" "$drawings/*"
user "$LEARN_KEY" "$LEARN_SECRET" "$BUCKET_DVC" "$BUCKET_DVC/*"
user "$MLFLOW_KEY" "$MLFLOW_SECRET" "$BUCKET_MLFLOW" "$BUCKET_MLFLOW/*"
