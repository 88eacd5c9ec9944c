"""A saturated pool behind a real Envoy: requests of negative priority are refused, and no others."""

import threading
import time

import pytest

from kit import http
from kit.epp import sum_of
from kit.kubernetes import objects
from kit.kubernetes.cluster import Cluster, has_pod_addresses
from kit.waiting import eventually

pytestmark = pytest.mark.skipif(not has_pod_addresses(), reason="needs scripts/pod-network")

OBJECTIVE = "x-llm-d-inference-objective"
# Seconds that a busy machine may take for what needs none.
SLACK = 0.7


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


class _Client(threading.Thread):
    """Sends requests with one objective, one after the other, until it is told to end: `answers` has start and status of each."""

    def __init__(self, url: str, objective: str):
        super().__init__(daemon=True)
        self._url = url
        self._objective = objective
        self._ended = threading.Event()
        self.answers: list[tuple[float, int]] = []

    def run(self) -> None:
        while not self._ended.is_set():
            started = time.monotonic()
            answer = http.post(self._url, http.chat("hello"), headers={OBJECTIVE: self._objective})
            self.answers.append((started, answer.status))

    def end(self) -> None:
        self._ended.set()
        self.join()

    def count(self, status: int) -> int:
        return sum(1 for _, found in self.answers if found == status)


def test_refusals_follow_the_engines_within_one_refresh_and_are_counted(cluster: Cluster, start_epp, start_envoy) -> None:
    cluster.make_pool()
    engines = [cluster.add_pod(name)[0] for name in ("a", "b")]
    path = objects.custom(objects.LLM_D, "inferenceobjectives", cluster.namespace)
    for name, priority in (("batch", -1), ("chat", 0), ("urgent", 5)):
        cluster.api.admin.create(path, objects.objective(name, "pool", priority))
    # So long that what a busy machine adds is small beside it.
    refresh = 1.0
    epp = start_epp(
        "--kubeconfig", str(cluster.api.kubeconfig), "--pool-namespace", cluster.namespace, "--pool-name", "pool",
        "--metrics-endpoint-auth=false", "--refresh-metrics-interval", f"{refresh:.0f}s",
    )  # fmt: skip
    envoy = start_envoy(epp.extproc_port)
    eventually(lambda: http.post(envoy.url, http.chat("first")).status == 200, "requests are served", 20)
    for engine in engines:
        engine.wait_scrapes(2)
    before = epp.metrics()
    clients = {name: _Client(envoy.url, name) for name in ("batch", "chat", "urgent")}
    for client in clients.values():
        client.start()
    batch = clients["batch"]
    eventually(lambda: batch.count(200) > 10, "requests of negative priority are served")
    assert batch.count(429) == 0
    full = time.monotonic()
    for engine in engines:
        engine.change(waiting=50)
    eventually(lambda: batch.count(429) > 10, "requests of negative priority are refused")
    empty = time.monotonic()
    for engine in engines:
        engine.change(waiting=0)
    eventually(lambda: batch.answers[-1][1] == 200, "requests of negative priority are served again")
    for client in clients.values():
        client.end()

    # From the first refresh that saw the queues until the first that did not, every one is refused.
    refused = [started for started, status in batch.answers if status == 429]
    served = [started for started, status in batch.answers if status == 200]
    assert full < refused[0] < full + refresh + SLACK
    assert not [started for started in served if refused[0] < started < refused[-1]]
    assert empty - SLACK < refused[-1] < empty + refresh + SLACK
    # What clients saw is what the picker counted.
    page = epp.metrics()

    def counted(name: str, **labels: str) -> float:
        return sum_of(page, name, **labels) - sum_of(before, name, **labels)

    for name, priority in (("batch", "-1"), ("chat", "0"), ("urgent", "5")):
        client = clients[name]
        assert client.count(200) + client.count(429) == len(client.answers)
        assert counted("llm_d_epp_request_total", priority=priority) == client.count(200) > 10
    assert clients["chat"].count(429) == clients["urgent"].count(429) == 0
    assert counted("epp_rejections_total", reason="rejected-saturated") == batch.count(429)
    assert counted("llm_d_epp_request_error_total") == batch.count(429)
    assert counted("llm_d_epp_request_error_total", error_code="ResourceExhausted", priority="-1") == batch.count(429)
    assert counted("llm_d_epp_scheduler_attempts_total", status="failure") == batch.count(429)
