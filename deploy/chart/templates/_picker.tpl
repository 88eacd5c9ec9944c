{{/* The picker's container: its arguments, variables and default configuration. The context is a map of root and values. */}}

{{/* Each flag once: the chart's own with what the values say instead, then the others of the values. */}}
{{- define "warmpath.arguments" -}}
{{- $values := .values -}}
{{- $flags := $values.epp.flags -}}
{{- $own := list -}}
{{- if $values.hasPool -}}
{{- $own = append $own (list "pool-name" $values.pool) -}}
{{- $own = append $own (list "pool-group" (splitList "/" $values.inferencePool.apiVersion | first)) -}}
{{- else -}}
{{- $own = append $own (list "endpoint-selector" $values.modelServers.selector) -}}
{{- $own = append $own (list "endpoint-target-ports" (join "," $values.ports)) -}}
{{- end -}}
{{- if not (hasKey $flags "config-text") -}}
{{- $own = append $own (list "config-file" (printf "/config/%s" $values.epp.pluginsConfigFile)) -}}
{{- end -}}
{{- if not (hasKey $flags "zap-encoder") -}}{{- $own = append $own (list "log-format" "json") -}}{{- end -}}
{{- $own = append $own (list "drain-timeout" (printf "%ds" (max 1 (sub (int $values.epp.terminationGracePeriodSeconds) 10)))) -}}
{{- with include "warmpath.memoryLimit" $values.epp.resources -}}
{{- /* Below the limit together, with room for the rest of the process; and a body of the largest size has room. */ -}}
{{- $own = append $own (list "max-index-bytes" (include "warmpath.mebibytes" (max 16 (div (int64 .) 2)))) -}}
{{- $own = append $own (list "max-buffered-bytes" (include "warmpath.mebibytes" (max 32 (min 512 (div (int64 .) 4))))) -}}
{{- end -}}
{{- $own = append $own (list "metrics-endpoint-auth" (toString $values.auth)) -}}
{{- if $values.epp.grpcHealthPort -}}{{- $own = append $own (list "grpc-health-port" (toString $values.healthPort)) -}}{{- end -}}
{{- if $values.tracing.enabled -}}{{- $own = append $own (list "tracing" "true") -}}{{- end -}}
{{- $arguments := list -}}
{{- $named := list -}}
{{- range $own -}}
{{- $key := index . 0 -}}
{{- $named = append $named $key -}}
{{- $value := index . 1 -}}
{{- if hasKey $flags $key -}}{{- $value = get $flags $key -}}{{- end -}}
{{- $arguments = append $arguments (printf "--%s=%s" $key $value) -}}
{{- end -}}
{{- range $key, $value := $flags -}}
{{- if not (has $key $named) -}}{{- $arguments = append $arguments (printf "--%s=%s" $key $value) -}}{{- end -}}
{{- end -}}
{{- toYaml $arguments -}}
{{- end -}}

{{/* A size of so many MiB as a flag takes it. */}}
{{- define "warmpath.mebibytes" -}}
{{- if eq (mod . 1024) 0 -}}{{ div . 1024 }}Gi{{- else -}}{{ . }}Mi{{- end -}}
{{- end -}}

{{/* The memory limit of resources in MiB; nothing where there is none. */}}
{{- define "warmpath.memoryLimit" -}}
{{- $memory := dig "limits" "memory" "" (. | default dict) -}}
{{- $number := regexFind "^[0-9.]+" (toString $memory) -}}
{{- $unit := regexFind "[A-Za-z]*$" (toString $memory) -}}
{{- if and $memory (not (kindIs "string" $memory)) -}}
{{- /* Bytes as a number, which would be written with an exponent. */ -}}
{{- $number = printf "%d" (int64 $memory) -}}
{{- $unit = "" -}}
{{- end -}}
{{- $units := dict "" 1048576 "k" 1048.576 "M" 1.048576 "G" 0.001048576 "T" 0.000001048576 "Ki" 1024 "Mi" 1 "Gi" 0.0009765625
  "Ti" 0.00000095367431640625 -}}
{{- if and $number (hasKey $units $unit) -}}{{- divf (float64 $number) (get $units $unit) | floor | int64 -}}{{- end -}}
{{- end -}}

{{/* A variable of the values replaces the chart's own of that name. */}}
{{- define "warmpath.environment" -}}
{{- $values := .values -}}
{{- $tracing := $values.tracing -}}
{{- $own := list
  (dict "name" "NAMESPACE" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.namespace")))
  (dict "name" "POD_NAME" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.name")))
  (dict "name" "POD_IP" "valueFrom" (dict "fieldRef" (dict "fieldPath" "status.podIP"))) -}}
{{- if $tracing.enabled -}}
{{- $own = concat $own (list
  (dict "name" "NODE_NAME" "valueFrom" (dict "fieldRef" (dict "fieldPath" "spec.nodeName")))
  (dict "name" "OTEL_TRACES_EXPORTER" "value" "otlp")
  (dict "name" "OTEL_EXPORTER_OTLP_ENDPOINT" "value" (toString $tracing.otelExporterEndpoint))
  (dict "name" "OTEL_TRACES_SAMPLER" "value" (toString $tracing.sampling.sampler))
  (dict "name" "OTEL_TRACES_SAMPLER_ARG" "value" (include "warmpath.text" $tracing.sampling.samplerArg))
  (dict "name" "OTEL_RESOURCE_ATTRIBUTES" "value"
    "k8s.namespace.name=$(NAMESPACE),k8s.node.name=$(NODE_NAME),k8s.pod.name=$(POD_NAME)")) -}}
{{- end -}}
{{- $given := list -}}
{{- range $values.epp.env -}}{{- $given = append $given .name -}}{{- end -}}
{{- $variables := list -}}
{{- range $own -}}{{- if not (has .name $given) -}}{{- $variables = append $variables . -}}{{- end -}}{{- end -}}
{{- toYaml (concat $variables ($values.epp.env | default list)) -}}
{{- end -}}

{{/* Whether the picker takes its endpoint for one of gRPC, and sends traces to port 4318 instead. Variables of the values go before. */}}
{{- define "warmpath.tracing.isGRPC" -}}
{{- $names := list "OTEL_EXPORTER_OTLP_ENDPOINT" "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" "OTEL_EXPORTER_OTLP_PROTOCOL"
  "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL" "OTEL_TRACES_EXPORTER" -}}
{{- $isGRPC := and .tracing.enabled (regexMatch "^grpcs?://|:4317(/|$)" .tracing.otelExporterEndpoint) -}}
{{- range .epp.env -}}{{- if has .name $names -}}{{- $isGRPC = false -}}{{- end -}}{{- end -}}
{{- $isGRPC -}}
{{- end -}}

{{/* The files of the ConfigMap. */}}
{{- define "warmpath.files" -}}
{{- $epp := .values.epp -}}
{{- $files := dict "default-plugins.yaml" (include "warmpath.defaultConfig" .) -}}
{{- $_ := set $files "payload-agnostic.yaml" (include "warmpath.agnosticConfig" .) -}}
{{- $custom := $epp.pluginsCustomConfig | default dict -}}
{{- if $epp.pluginsConfig -}}
{{- if hasKey $custom $epp.pluginsConfigFile -}}
{{- fail (printf "router.epp.pluginsConfig and pluginsCustomConfig both have contents for %s" $epp.pluginsConfigFile) -}}
{{- end -}}
{{- $_ := set $files $epp.pluginsConfigFile (toYaml $epp.pluginsConfig) -}}
{{- end -}}
{{- range $key, $text := $custom -}}{{- $_ := set $files $key $text -}}{{- end -}}
{{- if not (or (hasKey $files $epp.pluginsConfigFile) (hasKey $epp.flags "config-file") (hasKey $epp.flags "config-text")) -}}
{{- fail (printf "router.epp.pluginsConfigFile is %q, which is no key of router.epp.pluginsCustomConfig; there are: %s"
  $epp.pluginsConfigFile (keys $files | sortAlpha | join ", ")) -}}
{{- end -}}
{{- toYaml $files -}}
{{- end -}}

{{- define "warmpath.defaultConfig" -}}
{{- $epp := .values.epp -}}
{{- $type := .values.modelServers.type | lower -}}
{{- $parsers := $epp.parsers | default list -}}
{{- if and (eq $type "vllm") (eq (.values.modelServers.protocol | lower) "grpc") -}}
{{- $parsers = list "vllmgrpc-parser" -}}
{{- else if and (eq $type "triton") (not $parsers) -}}
{{- $parsers = list "passthrough-parser" -}}
{{- end -}}
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: session-affinity-scorer
  parameters: { strategy: session_id }
{{- $page := $epp.metricsDataSource | default dict }}
{{- if ne (toJson $page) (toJson (dict "insecureSkipVerify" true "path" "/metrics" "scheme" "http")) }}
- type: metrics-data-source
  parameters: {{ toJson $page }}
{{- end }}
{{- if ne $type "vllm" }}
- type: core-metrics-extractor
  parameters: { defaultEngine: {{ $type }} }
{{- end }}
{{- range $parsers }}
- type: {{ . }}
{{- end }}
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: queue-scorer, weight: 2 }
  - { pluginRef: kv-cache-utilization-scorer, weight: 2 }
  - { pluginRef: prefix-cache-scorer, weight: 3 }
  - { pluginRef: session-affinity-scorer, weight: 2 }
{{- if $parsers }}
requestHandler:
  parsers:
  {{- range $parsers }}
  - pluginRef: {{ . }}
  {{- end }}
{{- end }}
{{ end -}}

{{/* For requests that no parser reads: nothing of their bodies counts. */}}
{{- define "warmpath.agnosticConfig" -}}
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: passthrough-parser
- type: active-request-scorer
- type: session-affinity-scorer
  parameters: { strategy: session_id }
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: active-request-scorer, weight: 1 }
  - { pluginRef: session-affinity-scorer, weight: 1 }
requestHandler:
  parsers:
  - pluginRef: passthrough-parser
{{ end -}}

{{/* llm-d names an image by registry, repository and tag. */}}
{{- define "warmpath.image" -}}
{{- with .registry -}}{{- . | trimSuffix "/" -}}/{{- end -}}
{{- .repository -}}
{{- with .tag -}}:{{- include "warmpath.text" . -}}{{- end -}}
{{- end -}}
