"""Argument lists of the llm-d EPP start this picker unchanged: on their ports, in a network namespace of the tests' own."""

import os
import shlex
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from kit import http
from kit.kubernetes import objects
from kit.kubernetes.cluster import Cluster, has_pod_addresses
from kit.paths import product
from kit.process import Process
from kit.waiting import eventually

pytestmark = pytest.mark.skipif(
    not has_pod_addresses(), reason="no address of a pod is here: run the tests with scripts/pod-network"
)

# Names of pool, namespace, labels and files are the tests' own; the rest is what charts and manifests of llm-d pass. CONFIG stands
# for a file with the plugins that the charts configure.
_CHART = "--pool-group inference.networking.k8s.io --zap-encoder json --config-file CONFIG"
_POOL = "--pool-name pool --pool-namespace NAMESPACE"
_PODS = "--endpoint-selector app=vllm"
LISTS = {
    "gateway": f"{_POOL} {_CHART} --grpc-health-port 9003 --tracing=false",
    "gateway, three replicas": f"{_POOL} {_CHART} --ha-enable-leader-election --grpc-health-port 9003 --tracing=false",
    "gateway, open metrics": f"{_POOL} {_CHART} --grpc-health-port 9003 --tracing=false --metrics-endpoint-auth=false",
    "gateway, tracing": f"{_POOL} {_CHART} --grpc-health-port 9003 --tracing=true",
    "standalone": f"{_PODS} --endpoint-target-ports 8000 --zap-encoder json --config-file CONFIG --grpc-health-port 9003 "
    "--tracing=false",
    "standalone, plain text": f"{_PODS} --endpoint-target-ports 8000 --zap-encoder json --config-file CONFIG "
    "--grpc-health-port 9003 --secure-serving=false --tracing=false",
    "standalone, eight ranks": f"{_PODS} --endpoint-target-ports 8000,8001,8002,8003,8004,8005,8006,8007 --zap-encoder json "
    "--config-file CONFIG --grpc-health-port 9003 --tracing=false",
    "manifests": f"{_POOL} --v 4 --zap-encoder json --grpc-port 9002 --grpc-health-port 9003 --config-file CONFIG "
    "--allow-experimental-plugins=true --metrics-endpoint-auth=true --ha-enable-leader-election=false",
    "manifests, with an election": f"{_POOL} --v 4 --zap-encoder json --grpc-port 9002 --grpc-health-port 9003 "
    "--config-file CONFIG --metrics-endpoint-auth=false --ha-enable-leader-election=true",
    "manifests, older group": f"{_POOL} --pool-group inference.networking.x-k8s.io --v 4 --zap-encoder json --grpc-port 9002 "
    "--grpc-health-port 9003 --config-file CONFIG",
    "end-to-end tests": "--pool-name pool --drain-timeout=0 --config-file CONFIG",
    "names of older releases": "--poolName pool --poolNamespace NAMESPACE -v 4 --zap-encoder json --grpcPort 9002 "
    "--grpcHealthPort 9003",
    "KServe": f"{_POOL} --zap-encoder json --grpc-port 9002 --grpc-health-port 9003 --secure-serving=true "
    "--enable-cert-reload=true",
}

CONFIG = """
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: metrics-data-source
  parameters: { scheme: http, path: /metrics, insecureSkipVerify: true }
- type: core-metrics-extractor
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: queue-scorer, weight: 2 }
  - { pluginRef: kv-cache-utilization-scorer, weight: 2 }
  - { pluginRef: prefix-cache-scorer, weight: 3 }
"""


@pytest.fixture
def pool(cluster: Cluster) -> Cluster:
    """A cluster with the pool `pool` in both API groups, and a pod of it."""
    cluster.make_pool()
    path = objects.custom(objects.LEGACY, "inferencepools", cluster.namespace)
    cluster.api.admin.create(path, objects.legacy_pool("pool", {"app": "vllm"}, 8000))
    cluster.add_pod("a")
    return cluster


def _probe(service: str) -> str:
    """Asks as a kubelet does, by the service that a chart names; the answer, or the error of a picker that does not listen."""
    with grpc.insecure_channel("127.0.0.1:9003") as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service=service), timeout=2
            )
        except grpc.RpcError as error:
            return str(error.code())
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


@pytest.mark.parametrize("name", LISTS)
def test_an_argument_list_of_llm_d_starts_the_picker(name: str, pool: Cluster, start_envoy, tmp_path: Path) -> None:
    config = tmp_path / "default-plugins.yaml"
    config.write_text(CONFIG)
    arguments = shlex.split(LISTS[name].replace("CONFIG", str(config)).replace("NAMESPACE", pool.namespace))
    environment = os.environ | {
        "KUBECONFIG": str(pool.api.kubeconfig), "NAMESPACE": pool.namespace, "POD_NAME": "epp-6b7d5c9f8-abcde",
    }  # fmt: skip
    epp = Process([product("epp"), *arguments], name="epp", env=environment)
    try:
        elects = any(argument in ("--ha-enable-leader-election", "--ha-enable-leader-election=true") for argument in arguments)
        services = ("readiness", "liveness") if elects else ("inference-extension", "readiness", "liveness")
        for service in services:
            eventually(lambda: _probe(service) == "SERVING", f"{service}: {epp.output()}", 15)
        answer = http.request("http://127.0.0.1:9090", "GET", "/metrics")
        assert answer.status == (200 if "--metrics-endpoint-auth=false" in arguments else 401)
        envoy = start_envoy(9002, secure="--secure-serving=false" not in arguments)
        answer = http.post(envoy.url, http.chat("a request"))
        assert answer.status == 200 and answer.headers["x-engine"] == "a", (answer, epp.output())
        # The picker serves until its last connection has ended.
        envoy.stop()
        assert epp.stop() == 0
    finally:
        epp.kill()
    assert not [line for line in epp.lines if "error" in line.lower() and "warn" not in line.lower()], epp.output()
