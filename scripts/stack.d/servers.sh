# shellcheck shell=bash disable=SC2154
# The servers beneath the services: nats-server, PostgreSQL and Redis (or Valkey).

server_names='nats postgres redis'
is_server() { case " $server_names " in *" $1 "*) return 0 ;; *) return 1 ;; esac }

need() {
	command -v "$1" || die "$1 is not installed; scripts/deps installs it"
}

start_servers() {
	local nats_port monitor_port postgres_port redis_port
	nats_port=$(port_for nats nats 4222)
	monitor_port=$(port_for nats nats.monitor 8222)
	alive nats || start_nats "$nats_port" "$monitor_port"
	redis_port=$(port_for redis redis 6379)
	alive redis || start_redis "$redis_port"
	alive postgres || prepare_postgres
	postgres_port=$(port_for postgres postgres 5432)
	alive postgres || start_postgres "$postgres_port"
	NATS_URL=nats://127.0.0.1:$nats_port
	NATS_MONITOR_URL=http://127.0.0.1:$monitor_port
	REDIS_URL=redis://127.0.0.1:$redis_port
	DATABASE_URL=postgresql://gannet:$(cat "$var/postgres.password")@127.0.0.1:$postgres_port/gannet
	wait_until 30 nats nats_answers || exit 1
	wait_until 30 redis redis_answers "$redis_port" || exit 1
	wait_until 60 postgres postgres_answers || exit 1
}

# That the right one answers is asked of each: two stacks may have started at once and met at a port.

start_nats() {
	local server
	server=$(need nats-server)
	mkdir -p "$var/nats"
	cat >"$run/nats.conf" <<C
listen: "127.0.0.1:$1"
http: "127.0.0.1:$2"
server_name: "$(nats_name)"
max_payload: 8MB
jetstream { store_dir: "$var/nats" }
C
	# A tenth less processor time per job, for more memory; see docs/broker.md.
	GOGC=${GOGC:-400} launch nats "$server" -c "$run/nats.conf"
}

nats_name() { say "gannet-$(printf '%s' "$var" | cksum | cut -d ' ' -f 1)"; }
nats_answers() {
	curl -fsS --max-time 2 "$NATS_MONITOR_URL/varz" | grep -qF "\"$(nats_name)\"" && curl -fsS --max-time 2 "$NATS_MONITOR_URL/healthz"
}

start_redis() {
	local server
	server=$(command -v valkey-server || need redis-server)
	mkdir -p "$var/redis"
	launch redis "$server" --bind 127.0.0.1 --port "$1" --dir "$var/redis" --appendonly yes --save ''
}

redis_answers() {
	(
		exec 3<>"/dev/tcp/127.0.0.1/$1"
		printf 'INFO server\r\nQUIT\r\n' >&3
		timeout 2 grep -q "^process_id:$(pid_of redis)" <&3
	)
}

# ---- PostgreSQL refuses to run as root: then it runs as the user that its package made.

as=()
[ "$(id -u)" != 0 ] || as=(setpriv --reuid postgres --regid postgres --init-groups)

# In a folder that every user can be in.
as_postgres() { (cd / && "${as[@]}" "$@"); }

# A folder for the data, whose real path becomes $data. As root it belongs to the user postgres, who must be able to reach it; a checkout
# under /root, say, cannot be reached, and then var/postgres links to a folder under /var/tmp.
make_data_folder() {
	local elsewhere
	if [ ! -d "$var/postgres/" ]; then
		rm -f "$var/postgres"
		if [ "$(id -u)" != 0 ]; then
			mkdir -m 700 "$var/postgres"
		elif as_postgres test -x "$var"; then
			install -d -m 700 -o postgres -g postgres "$var/postgres"
		else
			elsewhere=$(mktemp -d /var/tmp/gannet-postgres.XXXXXX)
			chown postgres:postgres "$elsewhere"
			ln -s "$elsewhere" "$var/postgres"
			say "PostgreSQL's user cannot reach $var; its data is in $elsewhere"
		fi
	fi
	data=$(readlink -f "$var/postgres")
}

# The newest installed version, or the one that the data was made with.
find_postgres() {
	local version folder
	version=$(as_postgres cat "$data/cluster/PG_VERSION" 2>/dev/null) || version='*'
	# shellcheck disable=SC2086 # a pattern
	folder=$(printf '%s\n' /usr/lib/postgresql/$version/bin | sort -V | tail -n 1)
	if [ -x "$folder/postgres" ]; then
		say "$folder"
	elif [ "$version" = '*' ]; then
		dirname "$(need postgres)"
	else
		die "$data holds data of PostgreSQL $version, which is not installed; install it or move that folder away"
	fi
}

# Made beside its place and moved there when complete, so that an interrupted start leaves no half of it.
make_cluster() {
	local new=$data/new password=$data/password
	say "creating a PostgreSQL database in $data"
	as_postgres rm -rf "$new"
	(umask 077; head -c 18 /dev/urandom | base64 | tr '+/' '-_' >"$var/postgres.password")
	# The server's user reads the password from a file of its own.
	as_postgres sh -c 'umask 077; cat >"$1"' - "$password" <"$var/postgres.password"
	as_postgres env LC_ALL=C.UTF-8 "$postgres_bin/initdb" --pgdata "$new" --username gannet --pwfile "$password" --encoding UTF8 \
		--locale C.UTF-8 --auth scram-sha-256 >"$var/log/initdb.log" 2>&1 || die "initdb failed; see $var/log/initdb.log"
	as_postgres sh -c 'echo "CREATE DATABASE gannet" | "$0" --single -D "$1" postgres' "$postgres_bin/postgres" "$new" \
		>>"$var/log/initdb.log" 2>&1 || die "cannot create the database; see $var/log/initdb.log"
	as_postgres rm -f "$password"
	as_postgres mv "$new" "$data/cluster"
}

prepare_postgres() {
	make_data_folder
	postgres_bin=$(find_postgres)
	as_postgres test -d "$data/cluster" || make_cluster
}

start_postgres() {
	(
		cd /
		LC_ALL=C.UTF-8 launch postgres "${as[@]}" "$postgres_bin/postgres" -D "$data/cluster" -p "$1" \
			-c listen_addresses=127.0.0.1 -c unix_socket_directories=
	)
}

# The password goes by the environment, which others cannot see.
postgres_answers() {
	local at=${DATABASE_URL#*@}
	at=${at%/*}
	PGPASSWORD=$(cat "$var/postgres.password") psql --no-psqlrc -h "${at%:*}" -p "${at#*:}" -U gannet -Atc 'select 1' gannet
}
