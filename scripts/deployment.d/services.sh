# shellcheck shell=bash disable=SC2154,SC2034
# What is known of each service: from its program, and from its deploy.conf.

services=()             # by name, cli left out
bus_services=()         # those with a connection to the broker
declare -A options_of   # NAME<tab>help a line: its own options
declare -A presets      # NAME=VALUE a line
declare -A conf         # conf[<service>.<key>]

# Options that are settled by how the suite is put together.
settled=' DATABASE_URL REDIS_URL PORT PROMETHEUS_PORT HEALTH_BIND MODEL_CACHE_DIR '
# Options of every service that a person may want to set for all of them.
common='LOG_LEVEL GANNET_LEASE GANNET_EVENTS_MAX_AGE GANNET_EVENTS_MAX_BYTES GANNET_JOBS_MAX_BYTES GANNET_STRICT_TENANTS GANNET_WATCHDOG_MS OTEL_EXPORTER_OTLP_ENDPOINT'

option_lines() { sed -nE 's/^  ([A-Z][A-Z0-9_]*) +(.*)/\1\t\2/p'; }
is_secret() { [[ $1 =~ _(API_KEY|KEY|TOKEN|SECRET|PASSWORD)$ ]]; }
has_option() { [[ $'\n'${options_of[$1]} == *$'\n'"$2"$'\t'* ]]; }
lower() { printf '%s' "${1,,}"; }

# Own options a person may set, secrets left out or alone.
settable() {
	local name
	while IFS=$'\t' read -r name _; do
		[[ -n $name && $settled != *" $name "* ]] || continue
		! is_secret "$name" || continue
		[[ ${conf[$1.http_variable]} != "$name" ]] || continue
		echo "$name"
	done <<<"${options_of[$1]}"
}
secrets_of() {
	local name
	while IFS=$'\t' read -r name _; do
		[ -z "$name" ] || ! is_secret "$name" || is_made "$1" "$name" || echo "$name"
	done <<<"${options_of[$1]}"
}
help_of() { printf '%s\n' "${options_of[$1]}" | awk -F '\t' -v name="$2" '$1 == name {print $2; exit}'; }
preset_of() { printf '%s\n' "${presets[$1]-}" | sed -n "s/^$2=//p"; }
uses() { [[ " ${conf[$1.stores]} " == *" $2 "* ]] || case $2 in postgres) has_option "$1" DATABASE_URL ;; valkey) has_option "$1" REDIS_URL ;; esac; }
is_made() { [[ " ${conf[$1.makes]} " == *" $2 "* ]]; }
# Of all services, "<service>/<file>" in the folder of passwords.
all_made() { local s name; for s in "${services[@]}"; do for name in ${conf[$s.makes]}; do echo "$s/$(lower "$name")"; done; done; }
is_on_bus() { [[ " ${bus_services[*]} " == *" $1 "* ]]; }
kinds_of() { "$bin/gannet-$1" --permissions | sed -n 's/^kind //p'; }

preset() { presets[$service]+=$1$'\n'; }

read_service() {
	local service=$1 key
	local profile='' replicas=1 cpu='50m 1' memory='32Mi 256Mi' http='' http_variable=PORT scales=yes stores='' makes='' files=no example='' model_volume=no allow_to=''
	# shellcheck source=/dev/null
	[ ! -f "services/$service/deploy.conf" ] || . "services/$service/deploy.conf"
	for key in profile replicas cpu memory http http_variable scales stores makes files example model_volume allow_to; do conf[$service.$key]=${!key}; done
	if "$bin/gannet-$service" --permissions >/dev/null 2>&1; then bus_services+=("$service"); fi
	options_of[$service]=$("$bin/gannet-$service" --help | sed -n "/^Options of gannet-$service:/,/^Options of every service:/p" | option_lines)
}

read_services() {
	local folder service
	for folder in services/*/; do
		service=$(basename "$folder")
		[ "$service" != cli ] || continue
		services+=("$service")
		read_service "$service"
	done
	options_of[every]=$("$bin/gannet-${bus_services[0]}" --help | sed '1,/^Options of every service:/d' | option_lines)
}
