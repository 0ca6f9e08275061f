{{/* Names and labels as v1.3.0's chart made them: an upgrade finds its objects by them, and the selector cannot change. */}}
{{- define "k8s-replicator.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "k8s-replicator.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- .Values.fullnameOverride | default $full | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "k8s-replicator.selectorLabels" -}}
{{- if .Values.selectorLabels -}}
{{- toYaml .Values.selectorLabels -}}
{{- else -}}
app.kubernetes.io/name: {{ include "k8s-replicator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- end -}}

{{- define "k8s-replicator.labels" -}}
app.kubernetes.io/name: {{ include "k8s-replicator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "k8s-replicator.serviceAccountName" -}}
{{- $default := .Values.serviceAccount.create | ternary (include "k8s-replicator.fullname" .) "default" -}}
{{- .Values.serviceAccount.name | default $default -}}
{{- end -}}

{{- define "k8s-replicator.annotationsPrefix" -}}
{{- coalesce .Values.annotationsPrefix .Values.fullnameOverride .Values.nameOverride .Chart.Name | trimSuffix "/" -}}
{{- end -}}

{{/* "true" where roles are to be made. */}}
{{- define "k8s-replicator.makesRoles" -}}
{{- kindIs "bool" .Values.rbac.create | ternary .Values.rbac.create .Values.serviceAccount.create -}}
{{- end -}}

{{/* The kinds as the flag takes them: a comma list. */}}
{{- define "k8s-replicator.replicators" -}}
{{- kindIs "slice" .Values.runReplicators | ternary (join "," .Values.runReplicators) (toString .Values.runReplicators) -}}
{{- end -}}

{{/* The namespaces in which nothing is written, as the flag takes them: a comma list. */}}
{{- define "k8s-replicator.excludeNamespaces" -}}
{{- kindIs "slice" .Values.excludeNamespaces | ternary (join "," .Values.excludeNamespaces) (toString .Values.excludeNamespaces) -}}
{{- end -}}

{{/* The resources of these kinds, as roles name them: a JSON list. */}}
{{- define "k8s-replicator.resources" -}}
{{- $kinds := list -}}
{{- range include "k8s-replicator.replicators" . | splitList "," -}}
{{- $kind := . | trim | lower -}}
{{- if not (has $kind (list "" "all" "secret" "configmap")) -}}
{{- fail (printf "runReplicators: %q is none of all, secret and configMap" .) -}}
{{- end -}}
{{- $kinds = append $kinds $kind -}}
{{- end -}}
{{- $resources := list -}}
{{- if or (has "all" $kinds) (has "secret" $kinds) -}}{{- $resources = append $resources "secrets" -}}{{- end -}}
{{- if or (has "all" $kinds) (has "configmap" $kinds) -}}{{- $resources = append $resources "configmaps" -}}{{- end -}}
{{- if not $resources -}}
{{- fail "runReplicators names nothing to replicate: expected all, or secret and configMap in a list" -}}
{{- end -}}
{{- $resources | toJson -}}
{{- end -}}

{{/* What the account may do with the objects that it replicates. Each verb is explained in docs/security.md. */}}
{{- define "k8s-replicator.rules" -}}
- apiGroups: [""]
  resources: {{ include "k8s-replicator.resources" . }}
  verbs: ["get", "list", "watch", "create", "patch", "delete"]
{{- if .Values.events }}
# Events about what is done, and why something is not, on the objects concerned.
- apiGroups: ["events.k8s.io"]
  resources: ["events"]
  verbs: ["create", "patch"]
{{- end }}
{{- end -}}

{{/* "true" where several pods elect the one that writes. */}}
{{- define "k8s-replicator.elects" -}}
{{- gt (int .Values.replicaCount) 1 -}}
{{- end -}}
