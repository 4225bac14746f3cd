#!/bin/sh -eu
# Makes every password of the suite that is not there yet, and puts into KEYS/<service> what that service needs to connect:
# nats_url, database_url, redis_url. KEYS is /keys unless set; SERVICES, WITH_POSTGRES and WITH_VALKEY name services, TENANTS tenants,
# MADE other secrets, <service>/<file>.
keys=${KEYS:-/keys}

password() { od -An -N 24 -t x1 /dev/urandom | tr -d ' \n'; }

# save FILE: standard input, whole or not at all. Only those that have the folder can read it.
save() {
	mkdir -p "${1%/*}"
	cat >"$1.new"
	chmod 444 "$1.new"
	mv "$1.new" "$1"
}

# broker_password USER: the one there is, else a new one.
broker_password() {
	known=$(sed -n "s/^PASSWORD_$1: \"\(.*\)\"$/\1/p" "$keys/nats/passwords.conf")
	if [ -z "$known" ]; then
		known=$(password)
		{ cat "$keys/nats/passwords.conf"; echo "PASSWORD_$1: \"$known\""; } | save "$keys/nats/passwords.conf"
	fi
	echo "$known"
}

[ -f "$keys/nats/passwords.conf" ] || : | save "$keys/nats/passwords.conf"
[ -f "$keys/postgres/password" ] || password | save "$keys/postgres/password"
[ -f "$keys/valkey/password" ] || password | save "$keys/valkey/password"
printf 'requirepass %s\nappendonly yes\ndir /data\nmaxmemory 384mb\nmaxmemory-policy noeviction\nprotected-mode no\n' \
	"$(cat "$keys/valkey/password")" | save "$keys/valkey/valkey.conf"

for name in admin sys; do broker_password $name >/dev/null; done
for name in bootstrap $SERVICES; do
	echo "${NATS_SCHEME:-nats}://$name:$(broker_password "$name")@nats:4222" | save "$keys/$name/nats_url"
	[ "$name" = bootstrap ] || broker_password "$name-next" >/dev/null
done
for name in ${TENANTS-}; do
	echo "${NATS_SCHEME:-nats}://tenant-$name:$(broker_password "tenant-$name")@nats:4222" | save "$keys/tenant-$name/nats_url"
done
for name in $WITH_POSTGRES; do
	echo "${DATABASE_URL:-postgresql://gannet:$(cat "$keys/postgres/password")@postgres:5432/gannet}" | save "$keys/$name/database_url"
done
for name in $WITH_VALKEY; do
	echo "${REDIS_URL:-redis://:$(cat "$keys/valkey/password")@valkey:6379/0}" | save "$keys/$name/redis_url"
done
for name in ${MADE-}; do
	[ -s "$keys/$name" ] || password | save "$keys/$name"
done
echo "keys are in place"
