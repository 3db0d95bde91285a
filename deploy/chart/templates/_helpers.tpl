{{/* What the names of all objects begin with: the release's, with the chart's unless that is in it already. */}}
{{- define "cloudjob-operator.fullname" -}}
{{- $name := contains .Chart.Name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) }}
{{- $name | trunc 53 | trimSuffix "-" }}
{{- end }}

{{- define "cloudjob-operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "cloudjob-operator.labels" -}}
{{ include "cloudjob-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "cloudjob-operator.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion }}
{{- .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ $tag }}{{ end }}
{{- end }}

{{/* The names of the ConfigMaps change with what is in them. */}}
{{- define "cloudjob-operator.configName" -}}
{{ include "cloudjob-operator.fullname" . }}-config-{{ .Values.config | toYaml | sha256sum | trunc 10 }}
{{- end }}

{{- define "cloudjob-operator.caName" -}}
{{ include "cloudjob-operator.fullname" . }}-ca-{{ .Values.caBundle | sha256sum | trunc 10 }}
{{- end }}

{{/* Where its own credentials come from; empty: it has none. */}}
{{- define "cloudjob-operator.ownCredentials" -}}
{{- dig "ownCredentials" "from" "kind" "" .Values.config }}
{{- end }}

{{/* The Lease that it holds; with shards, the Leases. As src/kube/leaseRecord.ts names them. */}}
{{- define "cloudjob-operator.leases" -}}
{{- $scope := .Values.namespaces | sortAlpha | join "." }}
{{- $name := $scope | empty | ternary "cloudjob-operator" (printf "cloudjob-operator.%s" $scope) }}
{{- if gt (len $name) 50 }}
{{- $name = $scope | sha256sum | trunc 12 | printf "cloudjob-operator.%s" }}
{{- end }}
{{- $count := int .Values.shards }}
{{- if gt $count 1 }}
{{- range until $count }}{{ if . }} {{ end }}{{ $name }}-shard-{{ . }}-of-{{ $count }}{{ end }}
{{- else }}
{{- $name }}
{{- end }}
{{- end }}

{{/* Ports of the proxies and of the user, as a list in JSON. */}}
{{- define "cloudjob-operator.egressPorts" -}}
{{- $ports := .Values.networkPolicy.egressPorts }}
{{- range list .Values.proxy.https .Values.proxy.http }}
{{- if . }}
{{- $port := . | trimSuffix "/" | regexFind ":[0-9]+$" | trimPrefix ":" }}
{{- $ports = append $ports ($port | default (hasPrefix "https:" . | ternary 443 80) | int) }}
{{- end }}
{{- end }}
{{- $ports | uniq | toJson }}
{{- end }}

{{/* The part of the environment that the values decide. */}}
{{- define "cloudjob-operator.env" -}}
{{- with .Values.namespaces }}
- name: CLOUDJOB_NAMESPACE
  value: {{ join "," . }}
{{- end }}
{{- if gt (int .Values.shards) 1 }}
- name: CLOUDJOB_SHARDS
  value: {{ .Values.shards | quote }}
{{- end }}
{{- if .Values.caBundle }}
- name: NODE_EXTRA_CA_CERTS
  value: /etc/cloud-ca/ca.crt
{{- end }}
{{- with .Values.proxy.https }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.http }}
- name: HTTP_PROXY
  value: {{ . | quote }}
{{- end }}
{{- if or .Values.proxy.https .Values.proxy.http }}
- name: NO_PROXY
  value: {{ .Values.proxy.noProxy | quote }}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end }}
