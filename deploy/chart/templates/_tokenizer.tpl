{{/* vLLM's renderer beside the picker. The context is a map of root and values. */}}
{{- define "warmpath.tokenizer.container" -}}
{{- $tokenizer := .values.tokenizer -}}
{{- if not (or $tokenizer.modelName $tokenizer.args) -}}
{{- fail "router.tokenizer.enabled wants router.tokenizer.modelName" -}}
{{- end -}}
{{- $command := $tokenizer.command -}}
{{- if not $command -}}
{{- $command = ternary (list "vllm-rs" "render") (list "vllm" "launch" "render") (eq $tokenizer.flavor "rust") -}}
{{- end -}}
{{- $args := $tokenizer.args | default (list $tokenizer.modelName (printf "--port=%d" (int $tokenizer.port))) -}}
name: vllm-render
image: {{ include "warmpath.image" $tokenizer.image }}
{{- with $tokenizer.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
command:
{{- toYaml $command | nindent 0 }}
args:
{{- toYaml (concat $args ($tokenizer.extraArgs | default list)) | nindent 0 }}
env:
{{- /* No home of a root user: the pod runs as any user. */}}
{{- $given := list }}
{{- range $tokenizer.env }}{{ $given = append $given .name }}{{ end }}
{{- range $name, $value := dict "HOME" "/model-cache" "HF_HOME" "/model-cache/huggingface" }}
{{- if not (has $name $given) }}
- { name: {{ $name }}, value: {{ $value }} }
{{- end }}
{{- end }}
{{- with $tokenizer.env }}
{{- toYaml . | nindent 0 }}
{{- end }}
ports:
- { name: render-http, containerPort: {{ int $tokenizer.port }} }
readinessProbe:
  {{- toYaml $tokenizer.readinessProbe | nindent 2 }}
resources:
  {{- toYaml $tokenizer.resources | nindent 2 }}
securityContext:
  {{- toYaml $tokenizer.securityContext | nindent 2 }}
volumeMounts:
- { name: model-cache, mountPath: /model-cache }
{{- with $tokenizer.volumeMounts }}
{{- toYaml . | nindent 0 }}
{{- end }}
{{- end -}}
