#!/bin/sh
# Write .env beside this file, with fresh secrets: `secrets.sh letters.example.org you@example.org`.
# It never overwrites one: the servers know the old secrets.
set -eu
umask 077
cd "$(dirname "$0")"
site=${1:?name the site, such as letters.example.org, or localhost to try it out}
mail=${2:?give the mail address that certificates are issued to}
[ ! -e .env ] || { echo "secrets: deploy/.env is there already; move it away only with the data that its secrets open" >&2; exit 1; }
if [ "$(id -u)" = 0 ]; then user=10001:10001; else user=$(id -u):$(id -g); fi  # nothing runs as root, so neither does root's work
secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

cat > .env <<END
# The site: three names lead to it, this one and api. and review. before it
UKR_LETTERS_SITE=$site
UKR_LETTERS_MAIL=$mail
UKR_LETTERS_VERSION=0.1.0

# Servers that run here; leave one out where a provider runs it, and then UKR_LETTERS_CLOSED=false lets us reach it
COMPOSE_PROFILES=postgres,seaweedfs
UKR_LETTERS_CLOSED=true
UKR_LETTERS_DATABASE=database:5432
UKR_LETTERS_DATABASE_TLS=prefer
UKR_LETTERS_DATABASE_ADMIN=postgres
UKR_LETTERS_S3=http://store:8333
UKR_LETTERS_S3_REGION=us-east-1
UKR_LETTERS_BUCKET_DRAWINGS=drawings
UKR_LETTERS_BUCKET_MLFLOW=mlflow
UKR_LETTERS_BUCKET_DVC=dvc

# Where HAProxy is found: only it is believed when it says whose request it passes on
UKR_LETTERS_NETWORK=10.86.43.0/24
UKR_LETTERS_GATE=10.86.43.2

# Seats of each drawing page, about 65 MB of memory each, and how many of them one address may take
UKR_LETTERS_SEATS=20
UKR_LETTERS_SHARE=10

# Who works in this checkout, and where backups are kept and how many
UKR_LETTERS_USER=$user
UKR_LETTERS_BACKUPS=./backups
UKR_LETTERS_BACKUPS_KEPT=14

# Secrets. Judges are given the review token; with an API key, only programs that have it are answered
UKR_LETTERS_REVIEW_TOKEN=$(secret)
UKR_LETTERS_API_KEY=
UKR_LETTERS_COOKIE_KEY=$(secret)
UKR_LETTERS_DATABASE_PASSWORD=$(secret)
UKR_LETTERS_MLFLOW_PASSWORD=$(secret)
UKR_LETTERS_TUNING_PASSWORD=$(secret)
UKR_LETTERS_MLFLOW_ADMIN_PASSWORD=$(secret)
UKR_LETTERS_MLFLOW_SESSION_KEY=$(secret)
UKR_LETTERS_FOLLOWER_PASSWORD=$(secret)
UKR_LETTERS_S3_ADMIN_KEY=admin
UKR_LETTERS_S3_ADMIN_SECRET=$(secret)
UKR_LETTERS_S3_PAGE_KEY=page
UKR_LETTERS_S3_PAGE_SECRET=$(secret)
UKR_LETTERS_S3_REVIEW_KEY=review
UKR_LETTERS_S3_REVIEW_SECRET=$(secret)
UKR_LETTERS_S3_LEARN_KEY=learn
UKR_LETTERS_S3_LEARN_SECRET=$(secret)
UKR_LETTERS_S3_MLFLOW_KEY=mlflow
UKR_LETTERS_S3_MLFLOW_SECRET=$(secret)
END
echo "deploy/.env is written: keep a copy of it apart from the backups"
