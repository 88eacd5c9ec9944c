"""The sidecar follows the members of an InferencePool: they alone may be named as prefill engines."""

import subprocess

import pytest

from kit import http
from kit.kubernetes.cluster import Cluster, has_pod_addresses
from kit.sidecar import Sidecar, program
from kit.simulator import Simulator
from kit.waiting import eventually

pytestmark = pytest.mark.skipif(
    not has_pod_addresses(), reason="no address of a pod is here: run the tests with scripts/pod-network"
)


def _status(sidecar: Sidecar, target: str) -> int:
    return http.post(sidecar.url, http.chat("hello", model="engine-sim", max_tokens=1), headers={"x-prefiller-host-port": target}).status


def test_members_of_the_pool_alone_are_asked(cluster: Cluster) -> None:
    cluster.make_pool()
    (member,) = cluster.add_pod("prefill-0")
    flags = ["--enable-ssrf-protection", "--inference-pool", f"{cluster.namespace}/pool", "--kubeconfig", str(cluster.api.kubeconfig)]
    with Simulator() as engine, Sidecar(engine.address, *flags) as sidecar:
        eventually(lambda: _status(sidecar, member.address) == 200, "the member is known", 15)
        host = member.address.rsplit(":", 1)[0]
        # Its other ports, and other addresses of the same network.
        assert _status(sidecar, f"{host}:22") == 403
        assert _status(sidecar, "10.244.200.200:8000") == 403 and _status(sidecar, "127.0.0.1:8000") == 403
        assert member.received[0].header("x-request-id")
        (late,) = cluster.add_pod("prefill-1")
        eventually(lambda: _status(sidecar, late.address) == 200, "a new member is known", 15)
        cluster.delete_pod("prefill-0")
        eventually(lambda: _status(sidecar, member.address) == 403, "a member that has gone is none", 15)
        assert sidecar.metric("routing_sidecar_targets_refused_total", reason="stranger") > 0


def test_without_access_to_kubernetes_it_does_not_start() -> None:
    command = [program(), "--port=0", "--enable-ssrf-protection", "--inference-pool=models/pool", "--kubeconfig=/nowhere"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1 and "access to the Kubernetes API server, for --enable-ssrf-protection" in ended.stderr
