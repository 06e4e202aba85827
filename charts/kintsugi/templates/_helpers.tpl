{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{- define "kintsugi.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "kintsugi.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "kintsugi.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "kintsugi.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "kintsugi.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "kintsugi.selectorLabels" -}}
app.kubernetes.io/name: {{ include "kintsugi.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end }}

{{- define "kintsugi.labels" -}}
{{ include "kintsugi.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: kintsugi
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* metadata of an object in the own namespace */}}
{{- define "kintsugi.metadata" -}}
name: {{ include "kintsugi.fullname" . }}
namespace: {{ include "kintsugi.namespace" . }}
labels:
  {{- include "kintsugi.labels" . | nindent 2 }}
{{- end }}

{{- define "kintsugi.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "kintsugi.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "kintsugi.subjects" -}}
- kind: ServiceAccount
  name: {{ include "kintsugi.serviceAccountName" . }}
  namespace: {{ include "kintsugi.namespace" . }}
{{- end }}

{{/* Two controllers that both think that they lead must never run side by side, not even during an upgrade. */}}
{{- define "kintsugi.strategy" -}}
{{- if .Values.leaderElection.enabled }}
{{- with .Values.strategy }}{{ toYaml . }}{{ end }}
{{- else }}
{{- if gt (int .Values.replicaCount) 1 }}
{{- fail (printf "leaderElection.enabled=false allows one replica, and replicaCount is %v: several would all lead, and each would recover every incident; set replicaCount=1 or leaderElection.enabled=true" .Values.replicaCount) }}
{{- end }}
{{- if ne (default "Recreate" .Values.strategy.type) "Recreate" }}
{{- fail (printf "leaderElection.enabled=false needs strategy.type Recreate, and it is %v: an upgrade would run two controllers that both lead" .Values.strategy.type) }}
{{- end }}
{{- toYaml (dict "type" "Recreate") }}
{{- end }}
{{- end }}

{{- define "kintsugi.image" -}}
{{- with .Values.image.registry }}{{ . }}/{{ end }}
{{- .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ end }}
{{- end }}

{{- define "kintsugi.tlsSecret" -}}
{{- default (printf "%s-signals-tls" (include "kintsugi.fullname" .)) .Values.signals.tls.secretName }}
{{- end }}

{{- define "kintsugi.tokensSecret" -}}
{{- default (printf "%s-signals-tokens" (include "kintsugi.fullname" .)) .Values.signals.tokens.secretName }}
{{- end }}

{{- define "kintsugi.evidenceClaim" -}}
{{- default (printf "%s-evidence" (include "kintsugi.fullname" .)) .Values.evidence.persistentVolumeClaim.existingClaim }}
{{- end }}

{{/* "[address]:port" for IPv6, "address:port" otherwise */}}
{{- define "kintsugi.admission" -}}
{{ include "kintsugi.fullname" . }}-admission
{{- end }}

{{- define "kintsugi.listen" -}}
{{- if contains ":" .listenAddress }}[{{ .listenAddress }}]{{ else }}{{ .listenAddress }}{{ end }}:{{ .port }}
{{- end }}
