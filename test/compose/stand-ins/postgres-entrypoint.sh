# What the public image's entry point does for an empty volume, as far as docker-compose.yml relies on it: a cluster of
# the user POSTGRES_USER, whose database POSTGRES_DB is made by a server that only listens on its socket.
set -euo pipefail

programs=/opt/postgresql/bin
: "${POSTGRES_PASSWORD:?Set POSTGRES_PASSWORD}"
user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}

if [ "$(id --user)" = 0 ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chown postgres:postgres "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --clear-groups bash "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  "$programs/initdb" --pgdata="$PGDATA" --username="$user" --encoding=UTF8 --locale=C.UTF-8 \
    --auth-local=trust --auth-host=scram-sha-256 --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD")
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  "$programs/pg_ctl" --pgdata="$PGDATA" --wait --silent \
    --options="-c listen_addresses='' -c unix_socket_directories=/var/run/postgresql" start
  if [ "$database" != postgres ]; then
    psql --host=/var/run/postgresql --username="$user" --dbname=postgres --set=ON_ERROR_STOP=1 --quiet \
      --set=name="$database" <<<'CREATE DATABASE :"name";'
  fi
  "$programs/pg_ctl" --pgdata="$PGDATA" --mode=fast --wait --silent stop
fi

[ "$1" = postgres ] || exec "$@"
shift
exec "$programs/postgres" -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql "$@"
