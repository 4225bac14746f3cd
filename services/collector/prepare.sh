#!/bin/bash
# Makes the example database that the local stack collects from, and makes it anew when what it says of the last day is old.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# The password goes by the environment, which others cannot see.
export PGPASSWORD=${DATABASE_URL#*://*:}
PGPASSWORD=${PGPASSWORD%%@*}
server=${DATABASE_URL%%:*}://${DATABASE_URL#*://}
server=${server/":$PGPASSWORD@"/@}
ask() { psql --no-psqlrc -Atqc "$2" "${server%/*}/$1"; }

[ "$(ask "${DATABASE_URL##*/}" "SELECT count(*) FROM pg_database WHERE datname = 'content_platform'")" = 1 ] ||
	ask "${DATABASE_URL##*/}" 'CREATE DATABASE content_platform'
is_fresh() {
	[ "$(ask content_platform "SELECT to_regclass('content_platform.generated') IS NOT NULL")" = t ] &&
		[ "$(ask content_platform "SELECT at > now() - interval '6 hours' FROM content_platform.generated")" = t ]
}
is_fresh || DATABASE_URL=$CONTENT_PLATFORM_URL examples/content-platform/generate --rows 1000
