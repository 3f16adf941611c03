{{/* The name of what belongs to a component: the release's, and the component's. */}}
{{- define "actinium.name" -}}
{{- printf "%s-%s" .release .component | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "actinium.selector" -}}
app.kubernetes.io/name: actinium
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "actinium.labels" -}}
{{ include "actinium.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "actinium.image" -}}
{{ .root.Values.image.prefix }}actinium-{{ .image }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* A variable whose value is in the Secret that the values name. */}}
{{- define "actinium.secret" -}}
- name: {{ .name }}
  valueFrom: {secretKeyRef: {name: {{ .root.Values.existingSecret }}, key: {{ .key }}}}
{{- end }}

{{/* What all our processes are given; as x-environment of docker-compose.yml. */}}
{{- define "actinium.environment" -}}
{{ include "actinium.secret" (dict "root" .root "name" "ACTINIUM_DATABASE_URL" "key" (.databaseKey | default "database-url")) }}
{{ include "actinium.secret" (dict "root" .root "name" "ACTINIUM_REDIS_URL" "key" "redis-url") }}
- {name: FORWARDED_ALLOW_IPS, value: {{ .root.Values.trustedProxies | quote }}}
- {name: ACTINIUM_LOG_JSON, value: {{ .root.Values.logJson | quote }}}
- {name: ACTINIUM_LOG_LEVEL, value: {{ .root.Values.logLevel | quote }}}
- {name: ACTINIUM_HOME, value: /tmp/actinium}
- {name: ACTINIUM_CHECKPOINT_DIR, value: {{ .root.Values.storage.url | default "/var/lib/actinium" | quote }}}
- {name: ACTINIUM_SCRATCH_DIR, value: /var/lib/actinium/scratch}
- {name: ACTINIUM_TRAINING_THREADS, value: {{ .threads | default .root.Values.worker.threads | quote }}}
{{- range $name, $value := .root.Values.settings }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{/* No root, no capabilities, nothing to write but what is named. */}}
{{- define "actinium.confined" -}}
securityContext:
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "actinium.pod" -}}
automountServiceAccountToken: false
# A Service called actinium would otherwise set ACTINIUM_PORT, a setting of ours, to an address.
enableServiceLinks: false
# The pod's own first process reaps what a container leaves, as Compose's `init` does.
shareProcessNamespace: true
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Where a component's pods run. */}}
{{- define "actinium.placement" -}}
{{- range $name := list "nodeSelector" "tolerations" "affinity" }}
{{- with get $.values $name }}
{{ $name }}: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "actinium.volumes" -}}
- name: tmp
  emptyDir: {medium: Memory, sizeLimit: 64Mi}
- name: training-data
{{- if .Values.storage.url }}
  emptyDir: {}
{{- else }}
  persistentVolumeClaim:
    claimName: {{ .Values.storage.existingClaim | default (printf "%s-training-data" .Release.Name) }}
{{- end }}
{{- end }}

{{/*
The probes of a component are the health check of its service in docker-compose.yml: as often, as
patient, and from the first second on while it starts.
*/}}
{{- define "actinium.probes" -}}
{{- $check := "" }}
{{- if eq .component "api" }}
{{- $check = `exec 3<>/dev/tcp/127.0.0.1/$ACTINIUM_PORT && printf 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&3 && read -r -t 10 protocol status rest <&3 && test "$status" = 200` }}
{{- else }}
{{- $check = printf `test $(( $(date +%%s) - $(stat -c %%Y "$ACTINIUM_HOME/alive/%s") )) -lt 60` .alive }}
{{- end }}
{{- $command := list (ternary "bash" "sh" (eq .component "api")) "-c" $check }}
startupProbe:
  exec: {command: {{ toJson $command }}}
  periodSeconds: 1
  timeoutSeconds: {{ .timeout }}
  failureThreshold: 180
livenessProbe:
  exec: {command: {{ toJson $command }}}
  periodSeconds: {{ .period }}
  timeoutSeconds: {{ .timeout }}
  failureThreshold: 3
{{- end }}
