#!/bin/sh
# Nothing is started here: the real programs read the files that they would run with, with an environment file of its own.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$here/secrets.sh" "$folder"
sh "$folder/secrets.sh" letters.example.org keeper@example.org > /dev/null
export UKR_LETTERS_SITE=letters.example.org UKR_LETTERS_MAIL=keeper@example.org UKR_LETTERS_COOKIE_KEY=0123456789abcdef

docker-compose --env-file "$folder/.env" --file "$here/compose.yaml" --profile '*' config --quiet
hadolint "$here/Dockerfile"
PATH=$PATH:/usr/sbin haproxy -c -q -f "$here/haproxy.cfg"
caddy fmt "$here/Caddyfile" | diff - "$here/Caddyfile"
XDG_DATA_HOME=$folder caddy validate --config "$here/Caddyfile" --adapter caddyfile > "$folder/said" 2>&1 || { cat "$folder/said" >&2; exit 1; }
for script in "$here"/*.sh; do sh -n "$script"; done
echo "deploy/ is in order"
