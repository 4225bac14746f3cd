# shellcheck shell=bash disable=SC2154,SC2016
# docker-compose.yml: servers, the one-shot steps before the services, the services, and what watches them.

# Where names of a service's secrets and the settings it is given end up.
compose_service() {
	local s=$1 name value secret
	cat <<Y

  $s:
    <<: *service
    image: \${GANNET_IMAGE_PREFIX:-gannet-}$s:\${GANNET_TAG:-latest}
    build: { context: ., args: { SERVICE: $s, COMMIT: "\${GANNET_COMMIT:-unknown}" } }
Y
	[ -z "${conf[$s.profile]}" ] || echo "    profiles: [${conf[$s.profile]}]"
	if [ "${conf[$s.replicas]}" != 1 ]; then echo "    scale: ${conf[$s.replicas]}"; fi
	echo "    deploy: { resources: { limits: { cpus: \"$(cores "${conf[$s.cpu]#* }")\", memory: $(mebi "${conf[$s.memory]#* }") } } }"
	if is_on_bus "$s"; then
		echo "    depends_on:"
		echo "      bootstrap: { condition: service_completed_successfully }"
		! uses "$s" postgres || echo "      postgres: { condition: service_healthy }"
		! uses "$s" valkey || echo "      valkey: { condition: service_healthy }"
		[ -z "${conf[$s.example]}" ] || echo "      example-$s: { condition: service_completed_successfully, required: false }"
	fi
	echo "    environment:"
	if is_on_bus "$s"; then
		echo "      NATS_URL_FILE: /run/keys/nats_url"
		echo "      NATS_INBOX_PREFIX: _INBOX_$s"
		! uses "$s" postgres || echo "      DATABASE_URL_FILE: /run/keys/database_url"
		! uses "$s" valkey || echo "      REDIS_URL_FILE: /run/keys/redis_url"
		for name in $common; do echo "      $name: \${$name:-$(preset_of "$s" "$name")}"; done
	fi
	[ -z "${conf[$s.http]}" ] || echo "      ${conf[$s.http_variable]}: ${conf[$s.http]}"
	while IFS='=' read -r name value; do
		[ -z "$name" ] || [[ " $(settable "$s" | xargs) " == *" $name "* ]] || echo "      $name: $value"
	done <<<"${presets[$s]-}"
	for name in $(settable "$s"); do echo "      $name: \${$name:-$(preset_of "$s" "$name")}"; done
	[ "${conf[$s.files]}" != yes ] || echo "      GANNET_SECRETS: /secrets"
	name=${conf[$s.example]}
	[ -z "$name" ] || echo "      ${name^^}_URL_FILE: /run/keys/${name}_url"
	for secret in $(secrets_of "$s"); do
		echo "      $secret: \${$secret:-}"
		echo "      ${secret}_FILE: /run/secrets/$(lower "$secret")"
	done
	for secret in ${conf[$s.makes]}; do
		echo "      $secret: \${$secret:-}"
		echo "      ${secret}_FILE: /run/keys/$(lower "$secret")"
	done
	if [ -n "$(secrets_of "$s")" ]; then
		echo "    secrets:"
		for secret in $(secrets_of "$s"); do echo "      - $(lower "$secret")"; done
	fi
	[ -z "${conf[$s.http]}" ] || echo "    ports: [\"\${GANNET_BIND:-127.0.0.1}:\${GANNET_${s^^}_PORT:-${conf[$s.http]}}:${conf[$s.http]}\"]"
	if is_on_bus "$s" || [ "${conf[$s.model_volume]}${conf[$s.files]}" != nono ]; then echo "    volumes:"; fi
	! is_on_bus "$s" || echo "      - keys-$s:/run/keys:ro"
	if [ "${conf[$s.files]}" = yes ]; then
		echo "      - \${GANNET_CONFIG:-./deploy/config}:/config:ro"
		echo "      - \${GANNET_SECRETS:-./deploy/secrets}/$s:/secrets:ro"
	fi
	[ -z "${conf[$s.example]}" ] || echo "      - ./services/$s/examples:/examples:ro"
	[ "${conf[$s.model_volume]}" != yes ] || echo "      - models:/models"
}

# Example data of a service, made once, with a user of its own that may only read it.
compose_example() {
	local s=$1 name=${conf[$1.example]}
	cat <<Y

  example-$s:
    image: \${POSTGRES_IMAGE:-pgvector/pgvector:pg17}
    profiles: [demo]
    entrypoint: ["/bin/bash", "/example-data.sh", "$name", "$name", "/keys/${name}_url"]
    read_only: true
    tmpfs: [/tmp]
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    logging: *logging
    depends_on: { postgres: { condition: service_healthy } }
    volumes:
      - ./deploy/example-data.sh:/example-data.sh:ro
      - ./services/$s:/example:ro
      - keys-postgres:/run/keys:ro
      - keys-$s:/keys
Y
}

# Kubernetes writes 500m and 256Mi, compose 0.5 and 256m.
cores() { case $1 in *m) printf '%d.%03d' $((${1%m} / 1000)) $((${1%m} % 1000)) ;; *) printf '%s' "$1" ;; esac; }
mebi() { printf '%sm' "${1%Mi}"; }

all_secrets() { for s in "${services[@]}"; do secrets_of "$s"; done | sort -u; }
needing() { for s in "${services[@]}"; do ! uses "$s" "$1" || printf '%s ' "$s"; done; }
all_kinds() { for s in "${bus_services[@]}"; do kinds_of "$s"; done | sort -u; }

compose_file() {
	local s
	cat <<'Y'
# The whole suite on one machine: docker compose up --build --wait. Made by scripts/deployment; see docs/operations.md.
name: gannet

x-service: &service
  restart: unless-stopped
  read_only: true
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  stop_grace_period: 40s
  logging: &logging { driver: json-file, options: { max-size: 10m, max-file: "3" } }

services:
  # Makes the passwords, once. Each service sees its own only, in a volume of its own.
  keys:
    image: ${NATS_IMAGE:-nats:2.10-alpine}
    entrypoint: ["/bin/sh", "/keys.sh"]
    network_mode: none
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
Y
	echo "    environment:"
	echo "      SERVICES: ${bus_services[*]}"
	echo "      WITH_POSTGRES: $(needing postgres)"
	echo "      WITH_VALKEY: $(needing valkey)"
	echo "      MADE: $(all_made | xargs)"
	cat <<'Y'
    volumes:
      - ./deploy/keys.sh:/keys.sh:ro
      - keys-nats:/keys/nats
      - keys-postgres:/keys/postgres
      - keys-valkey:/keys/valkey
      - keys-bootstrap:/keys/bootstrap
Y
	for s in "${bus_services[@]}"; do echo "      - keys-$s:/keys/$s"; done
	cat <<'Y'

  nats:
    image: ${NATS_IMAGE:-nats:2.10-alpine}
    command: ["--config", "/etc/nats/nats.conf"]
    restart: unless-stopped
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    stop_grace_period: 60s
    logging: *logging
    depends_on: { keys: { condition: service_completed_successfully } }
    deploy: { resources: { limits: { cpus: "2", memory: 1g } } }
    ports: ["${GANNET_BIND:-127.0.0.1}:${NATS_PORT:-4222}:4222", "${GANNET_BIND:-127.0.0.1}:${NATS_MONITOR_PORT:-8222}:8222"]
    volumes:
      - ./deploy/nats/nats.conf:/etc/nats/nats.conf:ro
      - ./deploy/nats/accounts.conf:/etc/nats/accounts.conf:ro
      - keys-nats:/etc/nats/keys:ro
      - nats:/data
    healthcheck: { test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8222/healthz"], interval: 2s, timeout: 2s, retries: 15 }

  postgres:
    image: ${POSTGRES_IMAGE:-pgvector/pgvector:pg17}
    restart: unless-stopped
    security_opt: ["no-new-privileges:true"]
    stop_grace_period: 60s
    shm_size: 128m
    logging: *logging
    depends_on: { keys: { condition: service_completed_successfully } }
    deploy: { resources: { limits: { cpus: "2", memory: 1g } } }
    environment: { POSTGRES_USER: gannet, POSTGRES_DB: gannet, POSTGRES_PASSWORD_FILE: /run/keys/password }
    ports: ["${GANNET_BIND:-127.0.0.1}:${POSTGRES_PORT:-5432}:5432"]
    volumes:
      - keys-postgres:/run/keys:ro
      - postgres:/var/lib/postgresql/data
    healthcheck: { test: ["CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", "gannet", "-d", "gannet"], interval: 2s, timeout: 2s, retries: 30 }

  valkey:
    image: ${VALKEY_IMAGE:-valkey/valkey:8-alpine}
    command: ["valkey-server", "/run/keys/valkey.conf"]
    restart: unless-stopped
    security_opt: ["no-new-privileges:true"]
    logging: *logging
    depends_on: { keys: { condition: service_completed_successfully } }
    deploy: { resources: { limits: { cpus: "1", memory: 512m } } }
    ports: ["${GANNET_BIND:-127.0.0.1}:${VALKEY_PORT:-6379}:6379"]
    volumes:
      - keys-valkey:/run/keys:ro
      - valkey:/data
    # It answers also those who have no password, to say so.
    healthcheck: { test: ["CMD-SHELL", "valkey-cli ping | grep -qE 'PONG|NOAUTH'"], interval: 2s, timeout: 2s, retries: 15 }

  # Creates streams, buckets and consumers, with the one user that may; the services only look at them.
  bootstrap:
    image: ${GANNET_IMAGE_PREFIX:-gannet-}cli:${GANNET_TAG:-latest}
    build: { context: ., args: { SERVICE: cli, COMMIT: "${GANNET_COMMIT:-unknown}" } }
Y
	printf '    command: ["bootstrap"'
	for s in $(all_kinds); do printf ', "--kind", "%s"' "$s"; done
	printf ']\n'
	cat <<'Y'
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    logging: *logging
    healthcheck: { disable: true }
    depends_on: { nats: { condition: service_healthy } }
    environment:
      NATS_URL_FILE: /run/keys/nats_url
      NATS_INBOX_PREFIX: _INBOX_bootstrap
      GANNET_LEASE: ${GANNET_LEASE:-}
      GANNET_EVENTS_MAX_AGE: ${GANNET_EVENTS_MAX_AGE:-}
      GANNET_EVENTS_MAX_BYTES: ${GANNET_EVENTS_MAX_BYTES:-}
      GANNET_JOBS_MAX_BYTES: ${GANNET_JOBS_MAX_BYTES:-}
    volumes: ["keys-bootstrap:/run/keys:ro"]

  # docker compose run --rm gannet submit …
  gannet:
    image: ${GANNET_IMAGE_PREFIX:-gannet-}cli:${GANNET_TAG:-latest}
    profiles: [cli]
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    healthcheck: { disable: true }
    environment: { NATS_URL: "nats://nats:4222", GANNET_TENANT: "${GANNET_TENANT:-acme}" }
Y
	for s in "${services[@]}"; do
		compose_service "$s"
		[ -z "${conf[$s.example]}" ] || compose_example "$s"
	done
	cat <<'Y'

  prometheus:
    image: ${PROMETHEUS_IMAGE:-prom/prometheus:v3.5.0}
    profiles: [observability]
    command: ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.retention.time=15d"]
    restart: unless-stopped
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    logging: *logging
    deploy: { resources: { limits: { cpus: "1", memory: 512m } } }
    ports: ["${GANNET_BIND:-127.0.0.1}:${PROMETHEUS_WEB_PORT:-9091}:9090"]
    volumes:
      - ./deploy/prometheus/prometheus.yml:/etc/prometheus/prometheus.yml:ro
      - ./k8s/observability/rules:/etc/prometheus/rules:ro
      - prometheus:/prometheus

  nats-exporter:
    image: ${NATS_EXPORTER_IMAGE:-natsio/prometheus-nats-exporter:0.17.3}
    profiles: [observability]
    command: ["-port=7777", "-varz", "-connz", "-jsz=all", "http://nats:8222"]
    restart: unless-stopped
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    logging: *logging
    deploy: { resources: { limits: { cpus: "0.5", memory: 128m } } }

  grafana:
    image: ${GRAFANA_IMAGE:-grafana/grafana:12.1.1}
    profiles: [observability]
    restart: unless-stopped
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    logging: *logging
    deploy: { resources: { limits: { cpus: "1", memory: 512m } } }
    environment:
      GF_AUTH_ANONYMOUS_ENABLED: "true"
      GF_AUTH_ANONYMOUS_ORG_ROLE: Viewer
      GF_ANALYTICS_REPORTING_ENABLED: "false"
      GF_ANALYTICS_CHECK_FOR_UPDATES: "false"
    ports: ["${GANNET_BIND:-127.0.0.1}:${GRAFANA_PORT:-3000}:3000"]
    volumes:
      - ./deploy/grafana/provisioning:/etc/grafana/provisioning:ro
      - ./k8s/observability/dashboards:/var/lib/grafana/dashboards:ro
      - grafana:/var/lib/grafana

  # Set OTEL_EXPORTER_OTLP_ENDPOINT=http://otel-collector:4318 in .env to send traces there.
  otel-collector:
    image: ${OTEL_COLLECTOR_IMAGE:-otel/opentelemetry-collector:0.134.1}
    profiles: [observability]
    command: ["--config=/etc/otelcol/config.yaml"]
    restart: unless-stopped
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    logging: *logging
    deploy: { resources: { limits: { cpus: "0.5", memory: 256m } } }
    ports: ["${GANNET_BIND:-127.0.0.1}:${OTLP_PORT:-4318}:4318"]
    volumes: ["./deploy/otel-collector.yaml:/etc/otelcol/config.yaml:ro"]

  ollama:
    image: ${OLLAMA_IMAGE:-ollama/ollama:0.11.10}
    profiles: [local-llm]
    restart: unless-stopped
    security_opt: ["no-new-privileges:true"]
    logging: *logging
    volumes: ["ollama:/root/.ollama"]

volumes:
  nats:
  postgres:
  valkey:
  prometheus:
  grafana:
  ollama:
  keys-nats:
  keys-postgres:
  keys-valkey:
  keys-bootstrap:
Y
	for s in "${bus_services[@]}"; do echo "  keys-$s:"; done
	for s in "${services[@]}"; do
		if [ "${conf[$s.model_volume]}" = yes ]; then echo "  models:"; break; fi
	done
	if [ -n "$(all_secrets)" ]; then
		printf '\nsecrets:\n'
		for s in $(all_secrets); do echo "  $(lower "$s"): { file: \"\${${s}_FILE:-/dev/null}\" }"; done
	fi
}

# Every instance of a service has an address of its own in the network's DNS.
prometheus_file() {
	local s
	cat <<'Y'
# Made by scripts/deployment.
global:
  scrape_interval: 10s
  evaluation_interval: 10s
rule_files: ["/etc/prometheus/rules/*.yaml"]
scrape_configs:
Y
	for s in "${bus_services[@]}"; do
		cat <<Y
  - job_name: gannet-$s
    dns_sd_configs: [{ names: ["$s"], type: A, port: 9090, refresh_interval: 10s }]
Y
	done
	cat <<'Y'
  - job_name: nats
    static_configs: [{ targets: ["nats-exporter:7777"] }]
Y
}
