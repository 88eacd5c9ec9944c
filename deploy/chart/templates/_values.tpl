{{/* All names of values, merged into one map with the structure of `router`, and what follows from them. Older names go before. */}}

{{/* The older chart's values in the structure of `router`. */}}
{{- define "warmpath.older" -}}
{{- $extension := deepCopy (.Values.inferenceExtension | default dict) -}}
{{- $pool := deepCopy (.Values.inferencePool | default dict) -}}
{{- $endpoints := $extension.endpointsServer | default dict -}}
{{- $epp := pick $extension "replicas" "extProcPort" "flags" "pluginsConfigFile" "pluginsConfig" "pluginsCustomConfig"
  "extraContainerPorts" "volumes" "volumeMounts" "resources" "affinity" "tolerations" "podAnnotations" "metricsDataSource" "env" -}}
{{- with $extension.image -}}
{{- $image := pick . "tag" "pullPolicy" -}}
{{- with coalesce .registry .hub -}}{{- $_ := set $image "registry" . -}}{{- end -}}
{{- with coalesce .repository .name -}}{{- $_ := set $image "repository" . -}}{{- end -}}
{{- $_ := set $epp "image" $image -}}
{{- end -}}
{{- with $pool.parser -}}{{- $_ := set $epp "parser" . -}}{{- end -}}
{{- if kindIs "slice" $epp.flags -}}
{{- $flags := dict -}}
{{- range $epp.flags -}}{{- $_ := set $flags .name .value -}}{{- end -}}
{{- $_ := set $epp "flags" $flags -}}
{{- end -}}
{{- if hasKey $extension "enableLeaderElection" -}}
{{- $election := dict "ha-enable-leader-election" $extension.enableLeaderElection -}}
{{- $_ := set $epp "flags" (mergeOverwrite $election ($epp.flags | default dict)) -}}
{{- end -}}
{{- $older := dict "epp" $epp -}}
{{- $_ := set $older "tracing" (mergeOverwrite ($extension.trace | default dict) ($extension.tracing | default dict)) -}}
{{- with $extension.extraServicePorts -}}{{- $_ := set $older "extraServicePorts" . -}}{{- end -}}

{{- $monitoring := $extension.monitoring | default dict -}}
{{- $prometheus := deepCopy ($monitoring.prometheus | default dict) -}}
{{- with ($monitoring.secret | default dict).name -}}
{{- $_ := set $prometheus "auth" (mergeOverwrite (dict "secretName" .) ($prometheus.auth | default dict)) -}}
{{- end -}}
{{- $merged := pick $monitoring "interval" "provider" -}}
{{- if ($monitoring.gke | default dict).enabled -}}
{{- $_ := set $merged "provider" (dict "name" "gmp") -}}
{{- $_ := set $prometheus "enabled" true -}}
{{- end -}}
{{- $_ := set $merged "prometheus" $prometheus -}}
{{- $_ := set $older "monitoring" $merged -}}

{{- /* A sidecar of another image is no proxy: it is a tokenizer of older guides. */ -}}
{{- if eq (include "warmpath.older.isProxy" .) "true" -}}
{{- $_ := set $older "proxy" ($extension.sidecar | default dict) -}}
{{- end -}}

{{- $inferencePool := pick $pool "apiVersion" "failureMode" "create" -}}
{{- if hasKey $pool "enabled" -}}{{- $_ := set $inferencePool "create" $pool.enabled -}}{{- end -}}
{{- with $extension.failureMode -}}{{- $_ := set $inferencePool "failureMode" . -}}{{- end -}}
{{- if hasKey $endpoints "createInferencePool" -}}{{- $_ := set $inferencePool "create" $endpoints.createInferencePool -}}{{- end -}}
{{- $_ := set $older "inferencePool" $inferencePool -}}

{{- $servers := pick ($pool.modelServers | default dict) "matchLabels" -}}
{{- with coalesce $endpoints.modelServerType $pool.modelServerType -}}{{- $_ := set $servers "type" . -}}{{- end -}}
{{- with $pool.modelServerProtocol -}}{{- $_ := set $servers "protocol" . -}}{{- end -}}
{{- with $endpoints.endpointSelector -}}{{- $_ := set $servers "selector" . -}}{{- end -}}
{{- if $pool.targetPorts -}}
{{- $_ := set $servers "targetPorts" $pool.targetPorts -}}
{{- else if $pool.targetPortNumber -}}
{{- $_ := set $servers "targetPorts" (list (dict "number" $pool.targetPortNumber)) -}}
{{- end -}}
{{- if and $endpoints.targetPorts (eq (toString $endpoints.createInferencePool) "false") -}}
{{- $numbers := $endpoints.targetPorts -}}
{{- if not (kindIs "slice" $numbers) -}}{{- $numbers = splitList "," (include "warmpath.text" $numbers) -}}{{- end -}}
{{- $ports := list -}}
{{- range $numbers -}}{{- $ports = append $ports (dict "number" (include "warmpath.text" . | trim | int)) -}}{{- end -}}
{{- $_ := set $servers "targetPorts" $ports -}}
{{- end -}}
{{- $_ := set $older "modelServers" $servers -}}
{{- with .Values.inferenceObjectives -}}{{- $_ := set $older "inferenceObjectives" . -}}{{- end -}}
{{- toYaml $older -}}
{{- end -}}

{{- define "warmpath.older.isProxy" -}}
{{- $sidecar := (.Values.inferenceExtension | default dict).sidecar | default dict -}}
{{- or (empty $sidecar.image) (contains "envoy" (toString $sidecar.image)) (contains "agentgateway" (toString $sidecar.image)) -}}
{{- end -}}

{{/* Numbers of values are floating point numbers, which Go writes as 1e+07. */}}
{{- define "warmpath.text" -}}
{{- if and (kindIs "float64" .) (eq (float64 (int64 .)) .) -}}{{- int64 . -}}{{- else -}}{{- . -}}{{- end -}}
{{- end -}}

{{/* `router`, with the older names merged into it, and beside its members: name, pool, standalone, selector, flags, election, auth. */}}
{{- define "warmpath.values" -}}
{{- $values := mergeOverwrite (deepCopy .Values.router) (include "warmpath.older" . | fromYaml) -}}
{{- $name := include "warmpath.name" . -}}
{{- $epp := $values.epp -}}
{{- /* Older charts of llm-d had these one level up. */ -}}
{{- range $key := list "affinity" "tolerations" "volumes" -}}
{{- if and (get $values $key) (not (get $epp $key)) -}}{{- $_ := set $epp $key (get $values $key) -}}{{- end -}}
{{- end -}}
{{- if and $epp.parser (not $epp.parsers) -}}{{- $_ := set $epp "parsers" (list $epp.parser) -}}{{- end -}}
{{- if kindIs "map" $epp.env -}}
{{- $env := list -}}
{{- range $key, $value := $epp.env -}}{{- $env = append $env (dict "name" $key "value" (include "warmpath.text" $value)) -}}{{- end -}}
{{- $_ := set $epp "env" $env -}}
{{- end -}}

{{- $flags := dict -}}
{{- range $key, $value := $epp.flags -}}
{{- /* Guides write `flag=false: ""` as well. */ -}}
{{- $parts := splitn "=" 2 $key -}}
{{- if and (contains "=" $key) (not $value) -}}
{{- $_ := set $flags $parts._0 $parts._1 -}}
{{- else if not (kindIs "invalid" $value) -}}
{{- $_ := set $flags $key (include "warmpath.text" $value) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $epp "flags" $flags -}}
{{- $election := has (get $flags "ha-enable-leader-election" | lower) (list "true" "t" "1") -}}

{{- $create := get $values.inferencePool "create" -}}
{{- $standalone := eq (toString $create) "false" -}}
{{- if hasKey $values.proxy "enabled" -}}{{- $standalone = eq (toString $values.proxy.enabled) "true" -}}{{- end -}}
{{- $hasPool := not $standalone -}}
{{- if hasKey $values.inferencePool "create" -}}{{- $hasPool = eq (toString $create) "true" -}}{{- end -}}
{{- /* As documents of llm-d spell it. */ -}}
{{- if eq $values.inferencePool.failureMode "FailClosed" -}}{{- $_ := set $values.inferencePool "failureMode" "FailClose" -}}{{- end -}}

{{- $servers := $values.modelServers -}}
{{- if not (or $servers.matchLabels $servers.selector) -}}
{{- fail "no labels of the model servers: set router.modelServers.matchLabels, such as --set router.modelServers.matchLabels.app=vllm" -}}
{{- end -}}
{{- if and $hasPool (not $servers.matchLabels) -}}
{{- fail "an InferencePool needs router.modelServers.matchLabels; a selector alone is for inferencePool.create=false" -}}
{{- end -}}
{{- /* `--set` makes numbers of labels that look like one. */ -}}
{{- $labels := dict -}}
{{- $terms := list -}}
{{- range $key, $value := $servers.matchLabels -}}
{{- $_ := set $labels $key (include "warmpath.text" $value) -}}
{{- $terms = append $terms (printf "%s=%s" $key (get $labels $key)) -}}
{{- end -}}
{{- $_ := set $servers "matchLabels" $labels -}}
{{- if not $servers.selector -}}{{- $_ := set $servers "selector" (join "," $terms) -}}{{- end -}}
{{- $numbers := list -}}
{{- range $servers.targetPorts -}}{{- $numbers = append $numbers (int .number) -}}{{- end -}}
{{- if not $numbers -}}{{- fail "no port of the model servers: set router.modelServers.targetPorts" -}}{{- end -}}

{{- $auth := and $values.monitoring.prometheus.enabled $values.monitoring.prometheus.auth.enabled -}}
{{- with get $flags "metrics-endpoint-auth" -}}{{- $auth = has (lower .) (list "true" "t" "1") -}}{{- end -}}
{{- if not $values.monitoring.prometheus.auth.secretName -}}
{{- $_ := set $values.monitoring.prometheus.auth "secretName" (printf "%s-metrics-reader" $name) -}}
{{- end -}}
{{- if and $epp.autoscaling.enabled $election -}}
{{- fail "router.epp.autoscaling and the flag ha-enable-leader-election exclude each other: standbys do not share the load" -}}
{{- end -}}
{{- if not $values.proxy.configMap.name -}}{{- $_ := set $values.proxy.configMap "name" (printf "%s-envoy" .Release.Name) -}}{{- end -}}

{{- $_ := set $values "name" $name -}}
{{- $_ := set $values "pool" .Release.Name -}}
{{- $_ := set $values "hasPool" $hasPool -}}
{{- $_ := set $values "isLegacyPool" (hasPrefix "inference.networking.x-k8s.io/" $values.inferencePool.apiVersion) -}}
{{- $_ := set $values "standalone" $standalone -}}
{{- $_ := set $values "hasSidecar" (and $standalone (ne $values.proxy.mode "service")) -}}
{{- $_ := set $values "ports" $numbers -}}
{{- $_ := set $values "election" $election -}}
{{- $_ := set $values "auth" $auth -}}
{{- $_ := set $values "grpcPort" (get $flags "grpc-port" | default "9002" | int) -}}
{{- $_ := set $values "healthPort" (coalesce (get $flags "grpc-health-port") $epp.grpcHealthPort "9003" | int) -}}
{{- $_ := set $values "pagePort" (get $flags "metrics-port" | default "9090" | int) -}}
{{- $route := deepCopy .Values.httpRoute -}}
{{- with .Values.experimentalHttpRoute -}}
{{- $route = mergeOverwrite $route (omit . "enabled") -}}
{{- if hasKey . "enabled" -}}{{- $_ := set $route "create" .enabled -}}{{- end -}}
{{- end -}}
{{- $_ := set $values "httpRoute" $route -}}
{{- toYaml $values -}}
{{- end -}}

{{- define "warmpath.name" -}}
{{- printf "%s-epp" (.Release.Name | trunc 40 | trimSuffix "-") -}}
{{- end -}}

{{- define "warmpath.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "warmpath.proxyLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-proxy
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "warmpath.labels" -}}
{{ include "warmpath.selectorLabels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{/* Metadata of an object by its name; the context is a list of the root and the name. */}}
{{- define "warmpath.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 1 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "warmpath.labels" $root | nindent 2 }}
{{- end -}}

{{/* Metadata of an object of the whole cluster. */}}
{{- define "warmpath.clusterMetadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 1 }}
labels:
  {{- include "warmpath.labels" $root | nindent 2 }}
{{- end -}}

{{/* Names of objects of the whole cluster: one for each release. */}}
{{- define "warmpath.clusterName" -}}
{{- printf "%s-%s-%s" .Chart.Name .Release.Namespace .Release.Name -}}
{{- end -}}

{{/* Values that are set and have no effect, a line each. */}}
{{- define "warmpath.withoutEffect" -}}
{{- $root := . -}}
{{- range (.Files.Get "files/without-effect.yaml" | fromYamlArray) -}}
{{- $entry := . -}}
{{- $value := $root.Values -}}
{{- range splitList "." .path -}}
{{- $value = ternary (get (ternary $value dict (kindIs "map" $value)) .) "" (kindIs "map" $value) -}}
{{- end -}}
{{- if or (and $entry.when (eq (toString $value) $entry.when)) (and (not $entry.when) (not (has (toString $value) (list "" "<nil>")))) }}
- {{ $entry.path }}{{ with $entry.when }}={{ . }}{{ end }}: {{ $entry.reason }}
{{- end -}}
{{- end -}}
{{- if ne (include "warmpath.older.isProxy" .) "true" }}
- inferenceExtension.sidecar: it is no Envoy; token ids come from the engines, or from router.tokenizer
{{- end -}}
{{- end -}}
