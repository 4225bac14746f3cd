# shellcheck shell=bash disable=SC2154
# The services: every folder of services/ whose program gannet-<folder> was built, each with its own health port.
#
# A service that needs more than NATS_URL, DATABASE_URL and REDIS_URL says so in services/<folder>/stack.env, a shell file of
#   port NAME PREFERRED   a free port, the preferred one if it can be had, as variable NAME here and in the service's environment
#   own NAME=VALUE        for this service's environment only
#   share NAME=VALUE      for var/env and the environment of every service
#   announce NAME=VALUE   for var/env alone: what people need and services must not have
#   ready_at URL          where it answers 200 once it is ready, if not at /health/ready of its PROMETHEUS_PORT
# It may use what the services before it in the alphabet share. services/<folder>/prepare.sh, if there is one, is run with the service's
# environment each time before it starts, while the servers run: it makes what the service needs, and does nothing where that is there.

services=()
shared=()
announced=()
declare -A own_settings # newline after each NAME=VALUE
declare -A ready_urls

port() {
	printf -v "$1" '%s' "$(port_for "$service" "$service.$1" "$2")"
	own "$1=${!1}"
}
own() { own_settings[$service]+="$1"$'\n'; }
share() {
	shared+=("$1")
	printf -v "${1%%=*}" '%s' "${1#*=}"
}
announce() { announced+=("$1"); }

ready_at() { ready_urls[$service]=$1; }

plan_services() {
	local folder service health_port=9090 PROMETHEUS_PORT upper base
	share "NATS_URL=$NATS_URL"
	share "NATS_MONITOR_URL=$NATS_MONITOR_URL"
	share "DATABASE_URL=$DATABASE_URL"
	share "REDIS_URL=$REDIS_URL"
	for folder in "$root"/services/*/; do
		service=$(basename "$folder")
		[ -x "$bin/gannet-$service" ] || continue
		services+=("$service")
		own_settings[$service]=''
		# shellcheck source=/dev/null
		[ ! -f "$folder/stack.env" ] || . "$folder/stack.env"
		if [ -z "${ready_urls[$service]-}" ]; then
			port PROMETHEUS_PORT $health_port
			ready_at "http://127.0.0.1:$PROMETHEUS_PORT/health/ready"
		fi
		health_port=$((health_port + 1))
		base=${ready_urls[$service]%/ready}
		upper=${service^^}
		share "GANNET_${upper//-/_}_HEALTH_URL=${base%/health}"
	done
	[ ${#services[@]} -gt 0 ] || die "no service is built in $bin; make up builds and starts them"
}

write_env() {
	local one
	(
		umask 077
		{
			say "# Where the local stack is; written by scripts/stack up, gone after scripts/stack down."
			for one in "${shared[@]}" "${announced[@]}"; do printf "export %s='%s'\n" "${one%%=*}" "${one#*=}"; done
		} >"$var/env.new"
	)
	mv "$var/env.new" "$var/env"
}

settings_of() {
	printf '%s\n' "${shared[@]}"
	printf '%s' "${own_settings[$1]}"
}

# What the settings come to, together with what a person may have set for the services; only this digest is kept.
digest_of() {
	{
		settings_of "$1"
		# sed: that none is set is no failure, as it would be to grep
		env | sed -nE '/^(GANNET|OPENAI|ANTHROPIC|OLLAMA|OTEL|MAX|TASK|MODEL|RESULT|RETRY|LOG)_/p' | sort
	} | sha256sum
}

# Whether what runs is the program as it was built last, with the settings it would get now.
is_current() {
	alive "$1" && [ "$(stat -L -c %d:%i "/proc/$(pid_of "$1")/exe" 2>/dev/null)" = "$(stat -L -c %d:%i "$bin/gannet-$1")" ] &&
		[ "$(digest_of "$1")" = "$(cat "$run/$1.digest" 2>/dev/null)" ]
}

# prepare NAME NAME=VALUE…
prepare() {
	local script=$root/services/$1/prepare.sh log=$var/log/$1.prepare.log
	shift
	[ -x "$script" ] || return 0
	(export "$@"; "$script") >"$log" 2>&1 9>&- || { tail -n 15 "$log" >&2; die "$script failed; see $log"; }
}

start_services() {
	local name old=() new=() settings
	for name in "${services[@]}"; do
		is_current "$name" && continue
		new+=("$name")
		! alive "$name" || old+=("$name")
	done
	stop "${old[@]}"
	for name in "${new[@]}"; do
		digest_of "$name" >"$run/$name.digest"
		mapfile -t settings < <(settings_of "$name")
		prepare "$name" "${settings[@]}"
		(
			unset WORKER_ID
			export HEALTH_BIND=127.0.0.1 GANNET_DRAIN_MS="${GANNET_DRAIN_MS:-5s}" "${settings[@]}"
			launch "$name" "$bin/gannet-$name"
		)
	done
}

wait_services() {
	local name until=$((SECONDS + 60)) left failed=0
	for name in "${services[@]}"; do
		left=$((until - SECONDS))
		wait_until $((left > 1 ? left : 1)) "$name" curl -fsS --max-time 3 "${ready_urls[$name]}" && continue
		failed=1
		! alive "$name" || curl -sS --max-time 3 "${ready_urls[$name]}" >&2 || true
	done
	[ $failed = 0 ] || die "not everything is healthy"
}

# where NAME: what a person wants to know about something that runs.
where() {
	local file what
	printf 'pid %-8s' "$(pid_of "$1")"
	for file in "$run/$1.port" "$run/$1".*.port; do
		[ -f "$file" ] || continue
		what=$(basename "$file" .port)
		case $what in
		*.PROMETHEUS_PORT) what=health ;;
		*.PORT | "$1") what=port ;;
		*) what=${what#*.} ;;
		esac
		printf '%s %-7s' "$what" "$(cat "$file")"
	done
	printf '\n'
}
