{{/* The Envoy of standalone mode, in the picker's pod or in one of its own. The context is a map of root and values. */}}

{{/* The port of llm-d's charts, which values of theirs name as a target. */}}
{{- define "warmpath.proxy.port" -}}8081{{- end -}}

{{- define "warmpath.proxy.config" -}}
{{- $values := .values -}}
{{- $picker := "127.0.0.1" -}}
{{- $port := $values.grpcPort -}}
{{- $discovery := "STATIC" -}}
{{- if not $values.hasSidecar -}}
{{- $picker = printf "%s.%s.svc.%s" $values.name .root.Release.Namespace $values.clusterDomain -}}
{{- $port = int $values.epp.extProcPort -}}
{{- $discovery = "STRICT_DNS" -}}
{{- end -}}
{{- $isSecure := ne (get $values.epp.flags "secure-serving" | lower) "false" -}}
{{- tpl (.root.Files.Get "files/envoy.yaml") (dict
  "port" (include "warmpath.proxy.port" .) "picker" $picker "pickerPort" $port "discovery" $discovery "isSecure" $isSecure
  "Template" .root.Template) -}}
{{- end -}}

{{/* The Service's ports: the one with the name http leads to Envoy, whatever target it names. */}}
{{- define "warmpath.proxy.servicePorts" -}}
{{- $ports := list -}}
{{- $hasOwn := false -}}
{{- range .values.extraServicePorts -}}
{{- $port := deepCopy . -}}
{{- if eq (toString .name) "http" -}}
{{- $hasOwn = true -}}
{{- $_ := set $port "targetPort" "http" -}}
{{- end -}}
{{- $ports = append $ports $port -}}
{{- end -}}
{{- if not $hasOwn -}}
{{- $ports = append $ports (dict "name" "http" "port" (include "warmpath.proxy.port" . | int) "targetPort" "http") -}}
{{- end -}}
{{- toYaml $ports -}}
{{- end -}}

{{- define "warmpath.proxy.container" -}}
{{- $proxy := .values.proxy -}}
name: {{ $proxy.name }}
image: {{ $proxy.image }}
{{- with $proxy.imagePullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- with $proxy.command }}
command:
{{- toYaml (ternary . (list .) (kindIs "slice" .)) | nindent 0 }}
{{- end }}
args:
{{- toYaml ($proxy.args | default (list "-c" "/etc/envoy/envoy.yaml" "--disable-hot-restart" "--log-level" "warning" "--drain-time-s" "15")) | nindent 0 }}
{{- with $proxy.env }}
env:
{{- toYaml . | nindent 0 }}
{{- end }}
ports:
- { name: http, containerPort: {{ include "warmpath.proxy.port" . }} }
{{- with $proxy.livenessProbe }}
livenessProbe:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $proxy.startupProbe }}
startupProbe:
  {{- toYaml . | nindent 2 }}
{{- end }}
readinessProbe:
  {{- toYaml ($proxy.readinessProbe | default (dict "tcpSocket" (dict "port" "http") "periodSeconds" 2)) | nindent 2 }}
lifecycle:
  # SIGTERM ends Envoy at once. Requests come until the Service has left the pod out, then the last answer is waited for. The image
  # has to have bash: with a distroless one answers are cut.
  preStop:
    exec:
      command:
      - bash
      - -c
      - |
        admin() {
          exec 3<>/dev/tcp/127.0.0.1/9901
          printf '%s %s HTTP/1.1\r\nHost: envoy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' "$1" "$2" >&3
          cat <&3
        }
        admin POST '/drain_listeners?graceful&skip_exit'
        sleep 15
        while admin GET '/stats?filter=downstream_rq_active' | grep -v '^http.admin' | grep -q 'rq_active: [1-9]'; do
          sleep 1
        done
resources:
  {{- toYaml $proxy.resources | nindent 2 }}
securityContext:
  {{- toYaml $proxy.securityContext | nindent 2 }}
volumeMounts:
- { name: envoy, mountPath: /etc/envoy, readOnly: true }
{{- range $proxy.volumeMounts }}
{{- /* Guides repeat the mount of the configuration. */}}
{{- if ne .mountPath "/etc/envoy" }}
{{ list . | toYaml }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "warmpath.proxy.volumes" -}}
{{- $name := .values.proxy.configMap.name -}}
- name: envoy
  configMap: { name: {{ $name }} }
{{- range .values.proxy.volumes }}
{{- /* Guides repeat the volume of the configuration. */}}
{{- if not (or (eq (toString (.configMap | default dict).name) $name) (has .name (list "config" "envoy"))) }}
{{ list . | toYaml }}
{{- end }}
{{- end }}
{{- end -}}
