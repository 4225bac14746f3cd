#!/bin/bash
# Makes the example database of a service, and a user who may do nothing but read it: example-data.sh NAME SCHEMA FILE. The script
# /example/prepare.sh makes the data; FILE gets the URL of database NAME for that user.
set -euo pipefail
name=$1 schema=$2 file=$3
password=$(cat /run/keys/password)
server=postgres:5432
variable=${name^^}_URL
export DATABASE_URL="postgresql://gannet:$password@$server/gannet" "$variable=postgresql://gannet:$password@$server/$name" PGPASSWORD=$password
/example/prepare.sh
reader=$(od -An -N 24 -t x1 /dev/urandom | tr -d ' \n')
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set user="${name}_reader" --set schema="$schema" --set password="$reader" \
	"postgresql://gannet@$server/$name" <<'S'
SET client_min_messages = warning;
SELECT format('CREATE ROLE %I LOGIN', :'user') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'user') \gexec
ALTER ROLE :"user" PASSWORD :'password';
GRANT USAGE ON SCHEMA :"schema" TO :"user";
GRANT SELECT ON ALL TABLES IN SCHEMA :"schema" TO :"user";
S
echo "postgresql://${name}_reader:$reader@$server/$name" >"$file.new"
chmod 444 "$file.new"
mv "$file.new" "$file"
echo "$name is there"
