# shellcheck shell=bash disable=SC2154
# .env.example: every variable that docker-compose.yml reads, each with its explanation.

variable() { printf '\n# %s\n#%s=%s\n' "$1" "$2" "${3-}"; }

environment_file() {
	local s name told=' '
	cat <<'T'
# Copy to .env and uncomment what you want to change; everything has a default. Made by scripts/deployment.

# ---- providers' keys and other secrets: NAME_FILE is a file on this machine that holds the value, NAME the value itself
T
	for name in $(all_secrets); do
		for s in "${services[@]}"; do
			if has_option "$s" "$name"; then variable "gannet-$s: $(help_of "$s" "$name")" "${name}_FILE"; echo "#$name="; break; fi
		done
	done
	for s in "${services[@]}"; do
		for name in ${conf[$s.makes]}; do variable "gannet-$s: $(help_of "$s" "$name"); made at the first start when unset" "$name"; done
	done
	printf '\n# ---- every service\n'
	for name in $common; do variable "$(help_of every "$name")" "$name"; done
	for s in "${services[@]}"; do
		[ -n "$(settable "$s")" ] || continue
		printf '\n# ---- gannet-%s\n' "$s"
		for name in $(settable "$s"); do
			if [[ $told == *" $name "* ]]; then continue; fi
			told+="$name "
			variable "$(help_of "$s" "$name")" "$name" "$(preset_of "$s" "$name")"
		done
	done
	printf '\n# ---- this installation\n'
	variable "address that published ports are bound to; others than loopback need a firewall and TLS before them" GANNET_BIND 127.0.0.1
	[[ $told == *" GANNET_TENANT "* ]] || variable "tenant of docker compose run gannet" GANNET_TENANT acme
	variable "folder that services see as /config: what GANNET_SOURCES, GANNET_WATCHERS and the like name is there" GANNET_CONFIG ./deploy/config
	variable "folder with a folder for each service that reads /config: NAME there is the secret that its files call NAME" GANNET_SECRETS ./deploy/secrets
	variable "begins the names of the services' images" GANNET_IMAGE_PREFIX gannet-
	variable "their tag" GANNET_TAG latest
	variable "revision that is written into images built here" GANNET_COMMIT unknown
	variable "published ports" NATS_PORT 4222
	printf '#%s\n' NATS_MONITOR_PORT=8222 POSTGRES_PORT=5432 VALKEY_PORT=6379 PROMETHEUS_WEB_PORT=9091 GRAFANA_PORT=3000 OTLP_PORT=4318
	for s in "${services[@]}"; do [ -z "${conf[$s.http]}" ] || echo "#GANNET_${s^^}_PORT=${conf[$s.http]}"; done
	variable "images of others" NATS_IMAGE nats:2.10-alpine
	sed -nE 's/.*\$\{([A-Z_]+_IMAGE):-([^}]*)\}.*/#\1=\2/p' "$root/scripts/deployment.d/compose.sh" | sort -u | grep -v '^#NATS_IMAGE'
}
