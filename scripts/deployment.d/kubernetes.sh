# shellcheck shell=bash disable=SC2154,SC2016
# k8s/base/<service>: what every service has in Kubernetes; and what scales it, in k8s/components.

deployed() { for s in "${services[@]}"; do [ -n "${conf[$s.profile]}" ] || ! is_on_bus "$s" || echo "$s"; done; }

scaled() { for s in $(deployed); do [ "${conf[$s.scales]}" = no ] || echo "$s"; done; }

kubernetes_files() {
	local s
	for s in $(deployed); do
		write "k8s/base/$s/kustomization.yaml" service_kustomization "$s"
		write "k8s/base/$s/workload.yaml" service_workload "$s"
		write "k8s/base/$s/network.yaml" service_network "$s"
	done
	for s in $(scaled); do
		write "k8s/components/keda/$s.yaml" service_keda "$s"
		write "k8s/components/hpa/$s.yaml" service_hpa "$s"
	done
	write k8s/base/kustomization.yaml base_kustomization
	write k8s/base/bootstrap/job.yaml bootstrap_job
	write k8s/nack/jetstream.yaml nack_file
	write k8s/base/nats/accounts.conf scripts/nats-accounts
	write k8s/overlays/local/accounts.conf scripts/nats-accounts --local
	write k8s/components/keda/kustomization.yaml component_kustomization
	write k8s/components/hpa/kustomization.yaml component_kustomization
}

base_kustomization() {
	local s
	cat <<'Y'
# Made by scripts/deployment: every service by its folder.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: gannet
labels: [{pairs: {app.kubernetes.io/part-of: gannet}, includeSelectors: false, includeTemplates: true}]
resources:
  - common.yaml
  - network.yaml
  - nats
  - bootstrap
Y
	for s in $(deployed); do echo "  - $s"; done
}

component_kustomization() {
	local s
	printf '# Made by scripts/deployment.\napiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources:\n'
	for s in $(scaled); do echo "  - $s.yaml"; done
}

# Settings with another default than the program's.
service_kustomization() {
	local s=$1
	cat <<Y
# Made by scripts/deployment out of what gannet-$s says and services/$s/deploy.conf.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [workload.yaml, network.yaml]
configMapGenerator:
  - name: $s
    literals:
      - NATS_INBOX_PREFIX=_INBOX_$s
Y
	[ -z "${conf[$s.http]}" ] || echo "      - ${conf[$s.http_variable]}=${conf[$s.http]}"
	printf '%s' "${presets[$s]-}" | sed '/^$/d; s/^/      - /'
}

# What it may reach is decided by labels where the stores are outside the cluster.
store_labels() {
	local store
	for store in postgres valkey; do ! uses "$1" $store || printf ', gannet.io/%s: "true"' $store; done
}

service_workload() {
	local s=$1 secret
	cat <<Y
# Made by scripts/deployment out of what gannet-$s says and services/$s/deploy.conf.
apiVersion: v1
kind: ServiceAccount
metadata: { name: $s }
automountServiceAccountToken: false
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: $s
  labels: { app.kubernetes.io/name: $s }
spec:
  replicas: ${conf[$s.replicas]}
  revisionHistoryLimit: 5
  # A new one is ready before an old one goes.
  strategy: { type: RollingUpdate, rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
  selector: { matchLabels: { app.kubernetes.io/name: $s } }
  template:
    metadata:
      labels: { app.kubernetes.io/name: $s, gannet.io/bus: "true"$(store_labels "$s") }
      annotations: { prometheus.io/scrape: "true", prometheus.io/port: "9090", prometheus.io/path: /metrics }
    spec:
      serviceAccountName: $s
      automountServiceAccountToken: false
      enableServiceLinks: false
      # Longer than the drain of 25 s and the 10 s in which a drain that hangs is cut off.
      terminationGracePeriodSeconds: 45
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        runAsGroup: 10001
        fsGroup: 10001
        seccompProfile: { type: RuntimeDefault }
      topologySpreadConstraints:
        - { maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: ScheduleAnyway, labelSelector: { matchLabels: { app.kubernetes.io/name: $s } } }
        - { maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: { matchLabels: { app.kubernetes.io/name: $s } } }
      containers:
        - name: $s
          image: gannet-$s
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
          envFrom:
            - configMapRef: { name: gannet-common }
            - configMapRef: { name: $s }
          env:
            - { name: WORKER_ID, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
            - { name: NATS_URL_FILE, value: /run/keys/nats_url }
Y
	! uses "$s" postgres || echo '            - { name: DATABASE_URL_FILE, value: /run/keys/database_url }'
	! uses "$s" valkey || echo '            - { name: REDIS_URL_FILE, value: /run/keys/redis_url }'
	for secret in $(secrets_of "$s"); do
		echo "            - { name: $secret, valueFrom: { secretKeyRef: { name: $s-secrets, key: $(lower "$secret"), optional: true } } }"
	done
	for secret in ${conf[$s.makes]}; do echo "            - { name: ${secret}_FILE, value: /run/keys/$(lower "$secret") }"; done
	[ "${conf[$s.files]}" != yes ] || echo '            - { name: GANNET_SECRETS, value: /secrets }'
	[ "${conf[$s.model_volume]}" != yes ] || echo '            - { name: MODEL_CACHE_DIR, value: /models }'
	echo '          ports:'
	echo '            - { name: health, containerPort: 9090 }'
	[ -z "${conf[$s.http]}" ] || echo "            - { name: http, containerPort: ${conf[$s.http]} }"
	cat <<Y
          # It may wait five minutes for the broker before it is ready for the first time.
          startupProbe: { httpGet: { path: /health/ready, port: health }, periodSeconds: 2, failureThreshold: 160 }
          # 503 when the main loop stands still.
          livenessProbe: { httpGet: { path: /health, port: health }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 }
          # 503 while something it needs is away, and while it drains.
          readinessProbe: { httpGet: { path: /health/ready, port: health }, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 2 }
          resources:
            requests: { cpu: ${conf[$s.cpu]% *}, memory: ${conf[$s.memory]% *} }
            limits: { memory: ${conf[$s.memory]#* } }
          volumeMounts:
            - { name: keys, mountPath: /run/keys, readOnly: true }
Y
	if [ "${conf[$s.files]}" = yes ]; then
		echo '            - { name: files, mountPath: /config, readOnly: true }'
		echo '            - { name: secrets, mountPath: /secrets, readOnly: true }'
	fi
	[ "${conf[$s.model_volume]}" != yes ] || echo '            - { name: models, mountPath: /models }'
	echo '      volumes:'
	echo "        - { name: keys, secret: { secretName: $s-keys, defaultMode: 288 } }"
	if [ "${conf[$s.files]}" = yes ]; then
		echo "        - { name: files, configMap: { name: $s-files, optional: true } }"
		echo "        - { name: secrets, secret: { secretName: $s-secrets, optional: true, defaultMode: 288 } }"
	fi
	[ "${conf[$s.model_volume]}" != yes ] || echo '        - { name: models, persistentVolumeClaim: { claimName: models } }'
	cat <<Y
---
apiVersion: v1
kind: Service
metadata:
  name: $s
  labels: { app.kubernetes.io/name: $s }
spec:
  selector: { app.kubernetes.io/name: $s }
  ports:
    - { name: health, port: 9090, targetPort: health }
Y
	[ -z "${conf[$s.http]}" ] || echo "    - { name: http, port: ${conf[$s.http]}, targetPort: http }"
	cat <<Y
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: $s }
spec:
  maxUnavailable: 1
  selector: { matchLabels: { app.kubernetes.io/name: $s } }
Y
}

# Its own way out and in; the broker and the DNS are allowed for all in network.yaml.
service_network() {
	local s=$1 to
	cat <<Y
# Made by scripts/deployment out of what gannet-$s says and services/$s/deploy.conf.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: $s }
spec:
  podSelector: { matchLabels: { app.kubernetes.io/name: $s } }
  policyTypes: [Ingress, Egress]
  ingress:
    - from: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: monitoring } } }]
      ports: [{ port: 9090 }]
Y
	[ -z "${conf[$s.http]}" ] || echo "    - ports: [{ port: ${conf[$s.http]} }]"
	echo '  egress:'
	echo '    - to: [{ podSelector: { matchLabels: { app.kubernetes.io/name: nats } } }]'
	echo '      ports: [{ port: 4222 }]'
	echo '    - to: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: monitoring } } }]'
	echo '      ports: [{ port: 4318 }]'
	! uses "$s" postgres || printf '    - to: [{ podSelector: { matchLabels: { app.kubernetes.io/name: postgres } } }]\n      ports: [{ port: 5432 }]\n'
	! uses "$s" valkey || printf '    - to: [{ podSelector: { matchLabels: { app.kubernetes.io/name: valkey } } }]\n      ports: [{ port: 6379 }]\n'
	for to in ${conf[$s.allow_to]}; do
		if [ "$to" = internet ]; then
			cat <<'Y'
    # The internet, but nothing that is inside.
    - to: [{ ipBlock: { cidr: 0.0.0.0/0, except: [10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16] } }]
      ports: [{ port: 443 }]
Y
		else
			echo "    - to: [{ podSelector: { matchLabels: { app.kubernetes.io/name: $to } } }]"
		fi
	done
}

# The consumers it pulls from, "STREAM CONSUMER", without those of schedules.
consumers_of() {
	"$bin/gannet-$1" --permissions | sed -nE 's/^publish \$JS\.API\.CONSUMER\.MSG\.NEXT\.([^.]+)\.(.+)$/\1 \2/p' | grep -v '^TICKS ' || true
}

most_replicas() { echo $((${conf[$1.replicas]} * 10)); }

service_keda() {
	local s=$1 stream consumer
	if [ -z "$(consumers_of "$s")" ]; then
		service_hpa "$s"
		return
	fi
	cat <<Y
# Made by scripts/deployment: as many instances as wait in the consumers that gannet-$s pulls from.
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: { name: $s }
spec:
  scaleTargetRef: { name: $s }
  minReplicaCount: ${conf[$s.replicas]}
  maxReplicaCount: $(most_replicas "$s")
  pollingInterval: 10
  cooldownPeriod: 300
  # When the broker cannot be asked, nothing changes.
  fallback: { failureThreshold: 3, replicas: ${conf[$s.replicas]}, behavior: currentReplicasIfHigher }
  triggers:
Y
	while read -r stream consumer; do
		cat <<Y
    - type: nats-jetstream
      metadata: { natsServerMonitoringEndpoint: "nats.gannet.svc:8222", account: GANNET, stream: $stream, consumer: $consumer, lagThreshold: "1000", useHttps: "false" }
Y
	done < <(consumers_of "$s")
}

service_hpa() {
	local s=$1
	cat <<Y
# Made by scripts/deployment.
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: $s }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: $s }
  minReplicas: ${conf[$s.replicas]}
  maxReplicas: $(most_replicas "$s")
  metrics:
    - { type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 300 } } }
  behavior:
    scaleDown: { stabilizationWindowSeconds: 300 }
Y
}

# For those who let NACK look after streams instead of the job `bootstrap`.
nack_file() {
	local kind options=(--replicas 3)
	for kind in $(all_kinds); do options+=(--kind "$kind"); done
	echo '# Made by scripts/deployment: gannet bootstrap --nack. The alternative to the job bootstrap, for NACK.'
	"$bin/gannet" bootstrap --nack "${options[@]}"
}

bootstrap_job() {
	local kind
	cat <<'Y'
# Made by scripts/deployment. Creates streams, buckets and consumers; run again for every release.
apiVersion: batch/v1
kind: Job
metadata:
  name: bootstrap
  labels: { app.kubernetes.io/name: bootstrap }
spec:
  backoffLimit: 20
  ttlSecondsAfterFinished: 600
  template:
    metadata:
      labels: { app.kubernetes.io/name: bootstrap, gannet.io/bus: "true" }
    spec:
      restartPolicy: OnFailure
      automountServiceAccountToken: false
      enableServiceLinks: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        runAsGroup: 10001
        fsGroup: 10001
        seccompProfile: { type: RuntimeDefault }
      containers:
        - name: bootstrap
          image: gannet-cli
Y
	printf '          args: [bootstrap'
	for kind in $(all_kinds); do printf ', --kind, %s' "$kind"; done
	cat <<'Y'
]
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
          envFrom: [{ configMapRef: { name: gannet-common } }]
          env:
            - { name: NATS_URL_FILE, value: /run/keys/nats_url }
            - { name: NATS_INBOX_PREFIX, value: _INBOX_bootstrap }
          resources:
            requests: { cpu: 10m, memory: 16Mi }
            limits: { memory: 64Mi }
          volumeMounts: [{ name: keys, mountPath: /run/keys, readOnly: true }]
      volumes:
        - { name: keys, secret: { secretName: bootstrap-keys, defaultMode: 288 } }
Y
}
