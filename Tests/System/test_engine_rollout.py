"""Engines are replaced one after the other under streamed load, in the order in which a kubelet starts and ends the containers of a
pod: the sidecar is there first, and ends last. No answer is lost or cut; without the drain before the engine's end answers are."""

import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator

import pytest

from kit import http
from kit.envoy import Envoy
from kit.epp import EPP, sum_of
from kit.kubernetes.cluster import Cluster, has_pod_addresses, wait_endpoints
from kit.rollout import DRAIN_SECONDS, LENGTHS, TOKEN_TIME, Chats, ModelServer, ask, end_pod, start_pod
from kit.sidecar import Sidecar
from kit.simulator import Simulator
from kit.waiting import eventually

of_pods = pytest.mark.skipif(not has_pod_addresses(), reason="no address of a pod is here: run the tests with scripts/pod-network")

OLD = ["old-0", "old-1", "old-2"]


def _gateway(cluster: Cluster, start_epp, start_envoy) -> tuple[EPP, Envoy]:
    """A picker of a pool with the pods OLD, and a gateway before it."""
    cluster.make_pool()
    for name in OLD:
        start_pod(cluster, name)
    epp = start_epp(
        "--kubeconfig", str(cluster.api.kubeconfig), "--pool-namespace", cluster.namespace, "--pool-name", "pool",
        "--metrics-endpoint-auth=false", secure=True,
    )  # fmt: skip
    wait_endpoints(epp, *(f"{name}-rank-0" for name in OLD))
    return epp, start_envoy(epp.extproc_port, secure=True)


def _busy(pod: ModelServer) -> None:
    """Waits until an engine computes several answers, which do not all end in the next moment: their lengths differ."""
    eventually(lambda: pod.metric("vllm:num_requests_running") >= 3, f"{pod.name} has requests", 30)


@of_pods
def test_a_rolling_restart_loses_and_cuts_no_answer(cluster: Cluster, start_epp, start_envoy) -> None:
    epp, envoy = _gateway(cluster, start_epp, start_envoy)
    pods: list[ModelServer] = [cluster.engines[name][0] for name in OLD]
    load = Chats(envoy.url)
    try:
        load.wait(10)
        for number, old in enumerate(list(pods)):
            # One pod more than wanted, none fewer, as the Deployment has it.
            new = start_pod(cluster, f"new-{number}")
            pods.append(new)
            eventually(lambda new=new: new.metric("vllm:num_requests_running") > 0, f"{new.name} gets requests")
            _busy(old)
            end_pod(cluster, old.name)
            assert old.under_way > 0
            assert old.unfinished == 0, f"answers are longer than the drain: up to {load.longest:.1f} s"
            load.wait(10)
        wait_endpoints(epp, *(f"new-{number}-rank-0" for number in range(3)))
        load.wait(10)
    finally:
        load.stop()
    assert load.lost == [] and load.cut == []
    assert 2 < load.longest < DRAIN_SECONDS
    for pod in pods[len(OLD) :]:
        pod.end_engine()
    # Every request was computed once: nobody between client and engine has tried one again.
    assert all(pod.served > 0 for pod in pods)
    assert sum(pod.served for pod in pods) == load.answers


@of_pods
def test_without_a_drain_answers_are_cut(cluster: Cluster, start_epp, start_envoy) -> None:
    """The load notices an engine that ends while it answers, and the sidecar does not make such an answer look whole."""
    epp, envoy = _gateway(cluster, start_epp, start_envoy)
    old: ModelServer = cluster.engines[OLD[0]][0]
    # An answer that is not streamed has not begun before its end.
    load = Chats(envoy.url, streams_all=True)
    try:
        load.wait(10)
        _busy(old)
        end_pod(cluster, old.name, drains=False)
        wait_endpoints(epp, *(f"{name}-rank-0" for name in OLD[1:]))
        load.wait(10)
    finally:
        load.stop()
    assert old.unfinished > 0
    assert load.cut, load.lost


def _page(engine: Simulator) -> str:
    return http.request(engine.url, "GET", "/metrics").body.decode()


def _refuses(sidecar: Sidecar) -> bool:
    try:
        http.request(sidecar.url, "GET", "/livez", timeout=2)
    except ConnectionRefusedError:
        return True
    return False


@pytest.fixture
def engine() -> Iterator[Simulator]:
    process = Simulator("--inter-token-latency", TOKEN_TIME)
    yield process
    process.stop()


@pytest.mark.parametrize("drain, whole", [("30s", True), ("200ms", False)])
def test_a_sidecar_that_is_told_first_has_its_own_drain(engine: Simulator, drain: str, whole: bool) -> None:
    """As in a pod where it is an ordinary container: answers under way end within --drain-timeout, and are cut after it."""
    count = 6
    with Sidecar(engine.address, "--drain-timeout", drain) as sidecar, ThreadPoolExecutor(count) as clients:
        answers = [clients.submit(ask, sidecar.url, f"client {number}", max(LENGTHS)) for number in range(count)]
        eventually(lambda: sidecar.metric("routing_sidecar_requests_in_flight") == count, "all requests are under way")
        eventually(lambda: sum_of(_page(engine), "vllm:num_requests_running") == count, "the engine computes them")
        sidecar.signal(signal.SIGTERM)
        sidecar.wait_for("draining")
        eventually(lambda: _refuses(sidecar), "nobody new is let in")
        results = [answer.result() for answer in answers]
        # It ends with its last answer.
        assert sidecar.wait(10) == 0
    assert engine.running()
    if whole:
        assert results == [(None, None)] * count
    else:
        assert all(cut and lost is None for cut, lost in results), results
