#!/bin/sh
# Makes or updates the two databases of the Temporal server. Safe to repeat: what is there already is kept.
set -eu

: "${SQL_HOST:?}" "${SQL_USER:?}" "${SQL_PASSWORD:?}"
export SQL_PASSWORD

tool() {
  database=$1
  shift
  temporal-sql-tool --plugin postgres12 --ep "$SQL_HOST" --port 5432 --user "$SQL_USER" --db "$database" "$@"
}

for pair in temporal:temporal temporal_visibility:visibility; do
  database=${pair%%:*}
  schema=${pair#*:}
  tool "$database" create
  # Version 0.0 makes the tables that hold the version; on a database that has one it is refused, rightly.
  tool "$database" setup-schema --version 0.0 || echo "$database has a schema already"
  tool "$database" update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
