"""Argument lists that charts, manifests and documents of llm-d and KServe start an EPP with, and what its container has beside them.

Names of pool, namespace, labels and files are the tests' own; the flags, their spellings and the services of the probes are theirs."""

import os
import re
import shlex
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from .certificates import Authority

_SCORERS = """
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
"""
_PROFILE = """
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: queue-scorer, weight: 2 }
  - { pluginRef: kv-cache-utilization-scorer, weight: 2 }
  - { pluginRef: prefix-cache-scorer, weight: 3 }
"""
_CHART = f"""
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
{_SCORERS}
- type: metrics-data-source
  parameters: {{ scheme: http, path: /metrics, insecureSkipVerify: true }}
- type: core-metrics-extractor
{_PROFILE}
"""
# Without parameters of the engines' pages, which would count in place of the flags.
_CHART_PLUGINS = f"""
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
{_SCORERS}
{_PROFILE}
"""
_ONE_PROFILE = """
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: decode-filter
- type: max-score-picker
- type: prefix-cache-scorer
- type: single-profile-handler
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: decode-filter
  - { pluginRef: prefix-cache-scorer, weight: 2 }
  - pluginRef: max-score-picker
"""
# Requests that no parser reads.
_PAYLOAD_AGNOSTIC = """
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: session-affinity-scorer
- type: active-request-scorer
- type: passthrough-parser
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: session-affinity-scorer, weight: 1 }
  - { pluginRef: active-request-scorer, weight: 1 }
requestHandler: { parsers: [pluginRef: passthrough-parser] }
"""
_FILE_DISCOVERY = f"""
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- {{ name: engines, type: file-discovery, parameters: {{ path: ENDPOINTS, watchFile: true }} }}
{_SCORERS}
- {{ name: pages, type: metrics-data-source }}
- {{ name: numbers, type: core-metrics-extractor }}
{_PROFILE}
dataLayer:
  injectDefaults: false
  discovery: {{ pluginRef: engines }}
  sources: [{{ pluginRef: pages, extractors: [pluginRef: numbers] }}]
"""

_NAMES = {"POD_NAME": "epp-6b7d5c9f8-abcde"}
_TRACING = {
    "OTEL_SERVICE_NAME": "epp", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317", "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1",
    "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME": "node", "OTEL_RESOURCE_ATTRIBUTES_POD_NAME": "epp-6b7d5c9f8-abcde",
    "OTEL_RESOURCE_ATTRIBUTES": "k8s.node.name=node,k8s.pod.name=epp-6b7d5c9f8-abcde",
}  # fmt: skip
_ELECTED = ("readiness", "liveness")
_ANY = ("inference-extension", *_ELECTED)


@dataclass(frozen=True)
class CommandLine:
    """Arguments of a container as a shell would write them. CONFIG, TEXT (of a configuration), CERTIFICATES, AUTHORITY and NAMESPACE stand
    for what a test has."""

    text: str
    # The services that probes ask for.
    services: tuple[str, ...] = _ANY
    # None where the list names no file.
    configuration: str | None = _CHART
    # Variables of the container beside NAMESPACE; None is a container without any.
    variables: dict[str, str] | None = None

    @property
    def finds_files(self) -> bool:
        return self.configuration == _FILE_DISCOVERY

    @property
    def is_secure(self) -> bool:
        return "--secure-serving=false" not in self.text

    @property
    def is_elected(self) -> bool:
        return bool(re.search(r"--ha-enable-leader-election(?!=false)", self.text))

    @property
    def has_open_metrics(self) -> bool:
        """Whether the page of metrics wants no token of Kubernetes."""
        return self.finds_files or "--metrics-endpoint-auth=false" in self.text

    def arguments(self, folder: Path, namespace: str, endpoints: str) -> list[str]:
        """Returns the arguments, with the files that they name written to a folder; `endpoints` is the text of an endpoints file."""
        file, found = folder / "configuration.yaml", folder / "endpoints.yaml"
        found.write_text(endpoints)
        if self.configuration:
            file.write_text(self.configuration.replace("ENDPOINTS", str(found)))
        text = self.text.replace("CONFIG", str(file)).replace("NAMESPACE", namespace)
        text = text.replace("TEXT", shlex.quote(self.configuration or ""))
        if "CERTIFICATES" in text:
            authority = Authority(folder / "authority")
            authority.mount(folder / "certificates")
            authority.client()
            text = text.replace("CERTIFICATES", str(folder / "certificates")).replace("AUTHORITY", str(authority.certificate))
        return shlex.split(text)

    def page(self, port: int, folder: Path, token: str = "") -> tuple[int, str]:
        """Returns status and text of the page of metrics, as who may scrape it asks: by TLS where the list says so, with a certificate
        that `arguments` has left in the folder."""
        scheme, tls = "http", None
        if "--metrics-cert-dir" in self.text:
            scheme, tls = "https", ssl.create_default_context(cafile=folder / "authority" / "ca.crt")
            tls.load_cert_chain(folder / "authority" / "client.crt", folder / "authority" / "client.key")
        request = urllib.request.Request(f"{scheme}://127.0.0.1:{port}/metrics")
        if token:
            request.add_header("authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=10, context=tls) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def environment(self, namespace: str, **more: str) -> dict[str, str]:
        """Returns this process's variables with those of the container."""
        mine = {name: value for name, value in os.environ.items() if name not in ("NAMESPACE", "POD_NAME", "KUBECONFIG")}
        own = {} if self.variables is None else {"NAMESPACE": namespace} | self.variables
        return mine | own | more


_POOL = "--pool-name pool --pool-namespace NAMESPACE"
_GATEWAY = f"{_POOL} --pool-group inference.networking.k8s.io --zap-encoder json --config-file CONFIG"
_PODS = "--endpoint-selector app=vllm --endpoint-target-ports"
_STANDALONE = "--zap-encoder json --config-file CONFIG --grpc-health-port 9003"
_MANIFEST = "--v 4 --zap-encoder json --grpc-port 9002 --grpc-health-port 9003 --config-file CONFIG"
_KSERVE = f"{_POOL} --zap-encoder json --grpc-port 9002 --grpc-health-port 9003"
# All flags of llm-d's picker but those that say which pods are engines, and where the configuration is: most with a value that is not
# the default.
_ALL = (
    "--grpc-port 9002 --grpc-health-port 9003 --metrics-port 9090 --grpc-max-recv-msg-size 10MiB --grpc-max-send-msg-size 25MB "
    "--drain-timeout 2s --ha-enable-leader-election --disable-endpoint-subset-filter --emit-endpoint-scores "
    "--refresh-metrics-interval 100ms --refresh-prometheus-metrics-interval 1s --metrics-staleness-threshold 3s "
    "--allow-experimental-plugins --secure-serving=true --cert-path CERTIFICATES --enable-cert-reload --tls-min-version VersionTLS12 "
    "--tls-cipher-suites TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_AES_128_GCM_SHA256 --metrics-endpoint-auth=true "
    "--metrics-cert-dir CERTIFICATES --metrics-client-ca-file AUTHORITY --enable-pprof=false --enable-grpc-stream-metrics "
    "--health-checking --tracing=false -v 3 --zap-devel=false --zap-encoder json --zap-log-level 4 --zap-stacktrace-level panic "
    "--zap-time-encoding iso8601 --feature-gates flowControl=false,haPopulateNonLeaderDatastore=true "
    "--fairness-id-metric-label-limit 100 --plugin-state-staleness-threshold 10m --watch-config-file "
    "--total-queued-requests-metric vllm:num_requests_waiting --total-running-requests-metric vllm:num_requests_running "
    "--kv-cache-usage-percentage-metric vllm:kv_cache_usage_perc --lora-info-metric vllm:lora_requests_info "
    "--cache-info-metric vllm:cache_config_info --model-server-metrics-scheme http --model-server-metrics-path /metrics "
    "--model-server-metrics-port 0 --model-server-metrics-https-insecure-skip-verify=false"
)

# Those that llm-d's picker and, the last nine, the one of Gateway API Inference Extension have or had.
FLAGS = frozenset(
    """
    grpc-port grpc-health-port metrics-port grpc-max-recv-msg-size grpc-max-send-msg-size drain-timeout ha-enable-leader-election
    pool-name pool-namespace pool-group endpoint-selector endpoint-target-ports disable-endpoint-subset-filter emit-endpoint-scores
    refresh-metrics-interval refresh-prometheus-metrics-interval metrics-staleness-threshold config-file config-text
    allow-experimental-plugins secure-serving cert-path enable-cert-reload tls-min-version tls-cipher-suites metrics-endpoint-auth
    metrics-cert-dir metrics-client-ca-file enable-pprof enable-grpc-stream-metrics health-checking tracing v zap-devel zap-encoder
    zap-log-level zap-stacktrace-level zap-time-encoding feature-gates fairness-id-metric-label-limit plugin-state-staleness-threshold
    watch-config-file
    total-queued-requests-metric total-running-requests-metric kv-cache-usage-percentage-metric lora-info-metric cache-info-metric
    model-server-metrics-scheme model-server-metrics-path model-server-metrics-port model-server-metrics-https-insecure-skip-verify
    """.split()
)

# The fewest command lines that have every flag: a pool and a selector exclude each other, and so do a file and a text.
EVERY_FLAG = {
    "every flag, a pool and a file": CommandLine(
        f"{_POOL} --pool-group inference.networking.k8s.io --config-file CONFIG {_ALL}", _ELECTED, _CHART_PLUGINS, _NAMES
    ),
    "every flag, a selector and a text": CommandLine(f"{_PODS} 8000 --config-text TEXT {_ALL}", _ELECTED, _CHART_PLUGINS, _NAMES),
}

COMMAND_LINES = EVERY_FLAG | {
    "gateway": CommandLine(f"{_GATEWAY} --grpc-health-port 9003 --tracing=false", variables=_NAMES),
    "gateway, three replicas": CommandLine(
        f"{_GATEWAY} --ha-enable-leader-election --grpc-health-port 9003 --tracing=false", _ELECTED, variables=_NAMES
    ),
    "gateway, open metrics": CommandLine(
        f"{_GATEWAY} --grpc-health-port 9003 --tracing=false --metrics-endpoint-auth=false", variables=_NAMES
    ),
    "gateway, tracing": CommandLine(f"{_GATEWAY} --grpc-health-port 9003 --tracing=true", variables=_NAMES | _TRACING),
    "gateway, any payload": CommandLine(
        f"{_GATEWAY} --grpc-health-port 9003 --tracing=false", configuration=_PAYLOAD_AGNOSTIC, variables=_NAMES
    ),
    "standalone": CommandLine(f"{_PODS} 8000 {_STANDALONE} --tracing=false", variables=_NAMES),
    "standalone, plain text": CommandLine(
        f"{_PODS} 8000 {_STANDALONE} --secure-serving=false --tracing=false", variables=_NAMES
    ),
    "standalone, eight ranks": CommandLine(
        f"{_PODS} 8000,8001,8002,8003,8004,8005,8006,8007 {_STANDALONE} --tracing=false", variables=_NAMES
    ),
    "manifests": CommandLine(
        f"{_POOL} {_MANIFEST} --allow-experimental-plugins=true --metrics-endpoint-auth=true --ha-enable-leader-election=false",
        configuration=_ONE_PROFILE,
    ),
    "manifests, with an election": CommandLine(
        f"{_POOL} {_MANIFEST} --metrics-endpoint-auth=false --ha-enable-leader-election=true", _ELECTED, _ONE_PROFILE
    ),
    "manifests, older group": CommandLine(
        f"{_POOL} --pool-group inference.networking.x-k8s.io {_MANIFEST}", configuration=_ONE_PROFILE
    ),
    "end-to-end tests": CommandLine("--pool-name pool --drain-timeout=0 --config-file CONFIG", variables={}),
    "names of older releases": CommandLine(
        "--poolName pool --poolNamespace NAMESPACE -v 4 --zap-encoder json --grpcPort 9002 --grpcHealthPort 9003",
        configuration=None,
    ),
    "engines in a file": CommandLine(
        "--pool-name pool --config-file CONFIG --grpc-port 9002 --grpc-health-port 9003 --metrics-port 9090",
        configuration=_FILE_DISCOVERY,
    ),
    "engines in a file, namespace": CommandLine(
        "--pool-name job-7 --pool-namespace batch --config-file CONFIG", configuration=_FILE_DISCOVERY
    ),
    # Items of its template that are not set are empty arguments.
    "KServe": CommandLine(f"{_KSERVE} '' '' ''", _ELECTED, None),
    "KServe, TLS": CommandLine(
        f"{_KSERVE} --enable-cert-reload=true --secure-serving=true --model-server-metrics-scheme=https "
        "--cert-path CERTIFICATES",
        _ELECTED, None,
    ),
}  # fmt: skip


def probe(port: int, service: str) -> str:
    """Asks as a kubelet does, by the service that a chart names; the answer, or the error of a picker that does not listen."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service), timeout=2)
        except grpc.RpcError as error:
            return str(error.code())
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


_KUBERNETES = {"pool-name", "pool-namespace", "pool-group", "endpoint-selector", "endpoint-target-ports"}
_PORTS = {"grpc-port", "grpc-health-port", "metrics-port"}


def flags(text: str) -> set[str]:
    """Returns the names of the flags in a command line."""
    return {name for name in map(_name, shlex.split(text)) if name}


def _name(argument: str) -> str:
    """Returns the name of a flag as it is spelled today; nothing for a value."""
    name = argument.split("=")[0].lstrip("-") if argument.startswith("-") else ""
    return re.sub("[A-Z]", lambda found: "-" + found[0].lower(), name)


def without_kubernetes(arguments: list[str]) -> list[str]:
    """Returns arguments without the flags that name pods, and with free ports where there are ports."""
    result: list[str] = []
    given = iter(arguments)
    for argument in given:
        name = _name(argument)
        if name in _KUBERNETES | _PORTS and "=" not in argument:
            next(given)
        if name in _PORTS:
            result += [argument, "0"]
        elif name not in _KUBERNETES:
            result.append(argument)
    for port in sorted(_PORTS - {_name(argument) for argument in result}):
        result += [f"--{port}", "0"]
    return result
