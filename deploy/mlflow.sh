#!/bin/sh
# MLflow's server: records in PostgreSQL, files passed on to S3, and nobody without a password.
set -eu
umask 077
MLFLOW_AUTH_CONFIG_PATH=$(mktemp)
export MLFLOW_AUTH_CONFIG_PATH
cat > "$MLFLOW_AUTH_CONFIG_PATH" <<END
[mlflow]
default_permission = READ
# Comparing a password takes 0.1 s of a core, several times a request. Seconds; a changed one is forgotten at once.
auth_cache_ttl_seconds = 60
database_uri = $RECORDS
admin_username = admin
admin_password = $ADMIN_PASSWORD
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
END
exec mlflow server --app-name basic-auth --host "$LISTEN" --port 5000 --workers 1 \
    --allowed-hosts "$NAMES" --backend-store-uri "$RECORDS" --artifacts-destination "$FILES"
