{{- define "loadtest-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "loadtest-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "loadtest-operator.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "loadtest-operator.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "loadtest-operator.selector" -}}
app.kubernetes.io/name: {{ include "loadtest-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "loadtest-operator.labels" -}}
{{- $ours := include "loadtest-operator.selector" . | fromYaml }}
{{- $_ := set $ours "app.kubernetes.io/part-of" "loadtest-operator" }}
{{- $_ := set $ours "app.kubernetes.io/version" (.Chart.AppVersion | trunc 63) }}
{{- $_ := set $ours "app.kubernetes.io/managed-by" .Release.Service }}
{{- $_ := set $ours "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63) }}
{{- merge $ours .Values.commonLabels | toYaml }}
{{- end }}

{{/* Call with (dict "root" $ "name" ... "namespace" ... "annotations" ... "labels" ...): all but root and name may be left out. */}}
{{- define "loadtest-operator.metadata" -}}
name: {{ .name }}
{{- with .namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- merge (include "loadtest-operator.labels" .root | fromYaml) (.labels | default dict) | toYaml | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "loadtest-operator.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "loadtest-operator.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "loadtest-operator.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{- define "loadtest-operator.claim" -}}
{{- .Values.store.existingClaim | default (include "loadtest-operator.fullname" .) }}
{{- end }}

{{/* Not empty when LoadTests may have ephemeral namespaces, which an installation without cluster-wide rights cannot make. */}}
{{- define "loadtest-operator.environments" -}}
{{- if and .Values.environments.enabled (not .Values.watchNamespaces) }}yes{{ end }}
{{- end }}

{{/* The file that the operator reads. */}}
{{- define "loadtest-operator.settings" -}}
{{- $fullname := include "loadtest-operator.fullname" . }}
{{- $ours := dict "instance" $fullname "lease_name" $fullname "store" "/var/lib/loadtest-operator/store.db" "listen_port" 8080 }}
{{- with .Values.watchNamespaces }}
{{- $_ := set $ours "watch_namespaces" . }}
{{- end }}
{{- if not (include "loadtest-operator.environments" .) }}
{{- $_ := set $ours "environments" false }}
{{- end }}
{{- $defaults := dict "image" (include "loadtest-operator.image" .) "log_format" "json" }}
{{- if ne .Values.image.pullPolicy "IfNotPresent" }}
{{- $_ := set $defaults "image_pull_policy" .Values.image.pullPolicy }}
{{- end }}
{{- merge $ours .Values.settings $defaults | toYaml }}
{{- end }}

{{/* What a schema cannot say in a sentence. */}}
{{- define "loadtest-operator.check" -}}
{{- if gt (int .Values.replicas) 1 }}
{{- fail (printf "replicas: %v is not possible: results are kept in one SQLite file, which one process writes; use 1" .Values.replicas) }}
{{- end }}
{{- if and .Values.store.emptyDir .Values.store.existingClaim }}
{{- fail "store: emptyDir and existingClaim exclude each other; set one of them" }}
{{- end }}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) }}
{{- fail "serviceAccount.name: with create: false, name the ServiceAccount that you made" }}
{{- end }}
{{- range $name, $why := include "loadtest-operator.decidedSettings" . | fromJson }}
{{- if hasKey $.Values.settings $name }}
{{- fail (printf "settings.%s: leave it out, %s" $name $why) }}
{{- end }}
{{- end }}
{{- end }}
