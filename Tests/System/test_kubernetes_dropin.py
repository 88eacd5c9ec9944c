"""Argument lists of the llm-d EPP start this picker unchanged: on their ports, in a network namespace of the tests' own."""

from pathlib import Path

import pytest

from kit import http
from kit.command_lines import COMMAND_LINES, probe
from kit.kubernetes import objects
from kit.kubernetes.cluster import Cluster, has_pod_addresses
from kit.paths import product
from kit.process import Process
from kit.waiting import eventually

pytestmark = pytest.mark.skipif(
    not has_pod_addresses(), reason="no address of a pod is here: run the tests with scripts/pod-network"
)


@pytest.fixture
def pool(cluster: Cluster) -> Cluster:
    """A cluster with the pool `pool` in both API groups, and a pod of it."""
    cluster.make_pool()
    path = objects.custom(objects.LEGACY, "inferencepools", cluster.namespace)
    cluster.api.admin.create(path, objects.legacy_pool("pool", {"app": "vllm"}, 8000))
    cluster.add_pod("a")
    return cluster


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_an_argument_list_of_llm_d_starts_the_picker(name: str, pool: Cluster, start_envoy, tmp_path: Path) -> None:
    line = COMMAND_LINES[name]
    (engine,) = pool.engines["a"]
    host, port = engine.address.rsplit(":", 1)
    listed = f'endpoints: [{{ name: a, address: {host}, port: "{port}" }}]'
    arguments = line.arguments(tmp_path, pool.namespace, listed)
    environment = line.environment(pool.namespace, KUBECONFIG=str(pool.api.kubeconfig))
    epp = Process([product("epp"), *arguments], name="epp", env=environment)
    try:
        for service in line.services:
            eventually(lambda: probe(9003, service) == "SERVING", f"{service}: {epp.output()}", 15)
        answer = http.request("http://127.0.0.1:9090", "GET", "/metrics")
        is_open = line.finds_files or "--metrics-endpoint-auth=false" in arguments
        assert answer.status == (200 if is_open else 401)
        envoy = start_envoy(9002, secure=line.is_secure)
        answer = http.post(envoy.url, http.chat("a request"))
        assert answer.status == 200 and answer.headers["x-engine"] == "a", (answer, epp.output())
        # The picker serves until its last connection has ended.
        envoy.stop()
        assert epp.stop() == 0
    finally:
        epp.kill()
    assert not [line for line in epp.lines if "error" in line.lower() and "warn" not in line.lower()], epp.output()
