"""A saturated pool behind a real Envoy: requests of negative priority are refused, and no others."""

import pytest

from kit import http
from kit.kubernetes import objects
from kit.kubernetes.cluster import Cluster, has_pod_addresses
from kit.waiting import eventually

pytestmark = pytest.mark.skipif(not has_pod_addresses(), reason="needs scripts/pod-network")


def test_only_negative_priorities_are_refused_in_a_saturated_pool(cluster: Cluster, start_epp, start_envoy) -> None:
    cluster.make_pool()
    engines = [cluster.add_pod(name)[0] for name in ("a", "b")]
    path = objects.custom(objects.LLM_D, "inferenceobjectives", cluster.namespace)
    for name, priority in (("batch", -1), ("chat", 0), ("urgent", 5)):
        cluster.api.admin.create(path, objects.objective(name, "pool", priority))
    epp = start_epp(
        "--kubeconfig", str(cluster.api.kubeconfig), "--pool-namespace", cluster.namespace, "--pool-name", "pool",
        "--metrics-endpoint-auth=false",
    )  # fmt: skip
    envoy = start_envoy(epp.extproc_port)
    eventually(lambda: http.post(envoy.url, http.chat("first")).status == 200, "requests are served", 20)

    def post(objective: str) -> http.Answer:
        return http.post(envoy.url, http.chat("hello"), headers={"x-llm-d-inference-objective": objective})

    def saturation() -> float:
        return epp.metric("llm_d_epp_flow_control_pool_saturation", stage="effective")

    # 4 and 5 of 5 waiting: 0.9 of what the pool takes.
    engines[0].set(waiting=4)
    engines[1].set(waiting=5)
    assert saturation() == pytest.approx(0.9)
    assert [post(name).status for name in ("batch", "chat", "urgent")] == [200, 200, 200]
    engines[0].set(waiting=5)
    assert saturation() == 1
    refused = [post("batch") for _ in range(5)]
    for answer in refused:
        assert answer.status == 429, answer
        assert answer.headers["x-llm-d-request-dropped-reason"] == "rejected-saturated"
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["error"]["message"].startswith("the pool is saturated")
    assert [post(name).status for name in ("chat", "urgent", "unknown") for _ in range(3)] == [200] * 9
    assert epp.metric("epp_rejections_total", reason="rejected-saturated") == 5
    assert epp.metric("llm_d_epp_request_error_total", error_code="ResourceExhausted") == 5
    engines[0].set(waiting=0)
    assert post("batch").status == 200
