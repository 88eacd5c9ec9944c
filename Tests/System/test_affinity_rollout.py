"""Engines are replaced one after the other under streamed load behind the gateway that hashes its clients' addresses and finds pods by the
names of a headless Service. No answer is lost or cut; without the drain before the engine's end answers are."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Callable, Iterator

import pytest
import yaml

from kit import http as client
from kit.affinity import AffinityGateway
from kit.dns import TTL, HeadlessServiceDNS
from kit.kubernetes.cluster import Cluster, has_pod_addresses
from kit.manifests import DEPLOY
from kit.rollout import DRAIN_SECONDS, Chats, ModelServer, end_pod, start_pod
from kit.waiting import eventually

pytestmark = pytest.mark.skipif(not has_pod_addresses(), reason="no address of a pod is here: run the tests with scripts/pod-network")

GATEWAY = DEPLOY / "components" / "affinity-gateway"
OLD = ["old-0", "old-1", "old-2"]
# So many that any of the pods has some of those that ask at a time.
CLIENTS = 12
SOURCES = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(1000)]

_manifests = list(yaml.safe_load_all((GATEWAY / "gateway.yaml").read_text()))
_config = yaml.safe_load((GATEWAY / "envoy.yaml").read_text())
(_envoy,) = [value["spec"]["template"]["spec"]["containers"][0] for value in _manifests if value["kind"] == "Deployment"]
STARTED = _envoy["startupProbe"]["httpGet"]["path"]
(_cluster,) = _config["static_resources"]["clusters"]
_sidecars = _cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]["address"]
(SERVICE,) = [value for value in _manifests if value["kind"] == "Service" and value["metadata"]["name"] == _sidecars]
# New requests come to a pod that ends until the answer that CoreDNS keeps and then the gateway's are too old.
NOTICED_SECONDS = TTL + int(_cluster["cluster_type"]["typed_config"]["dns_refresh_rate"].removesuffix("s"))


@pytest.fixture
def gateway(cluster: Cluster) -> Iterator[AffinityGateway]:
    """The gateway before the pods OLD, as soon as the probe of its start succeeds."""
    for name in OLD:
        start_pod(cluster, name)
    dns = HeadlessServiceDNS(cluster, SERVICE)
    made = AffinityGateway(GATEWAY / "envoy.yaml", dns_port=dns.port)
    # Before that it knows none of them.
    eventually(lambda: _started(made) == 200, "the gateway has started")
    yield made
    made.stop()
    dns.stop()


def _started(gateway: AffinityGateway) -> int:
    """The status that the probe of the gateway's start gets."""
    return client.request(gateway.url, "GET", STARTED).status


@pytest.fixture
def start_load(gateway: AffinityGateway) -> Iterator[Callable[..., Chats]]:
    """Starts clients of the gateway, and stops them at the end."""
    started: list[Chats] = []

    def start(**options: bool) -> Chats:
        started.append(Chats(gateway.url, CLIENTS, sources=SOURCES, **options))
        return started[-1]

    yield start
    for load in started:
        load.stop()


def _running(pod: ModelServer) -> float:
    return pod.metric("vllm:num_requests_running")


def _wait_busy(pod: ModelServer) -> None:
    """Waits until an engine computes several answers, which do not all end in the next moment: their lengths differ."""
    eventually(lambda: _running(pod) >= 3, f"{pod.name} has requests", 30)


def test_the_gateway_has_started_when_an_engine_answers_through_it(cluster: Cluster) -> None:
    dns = HeadlessServiceDNS(cluster, SERVICE)
    made = AffinityGateway(GATEWAY / "envoy.yaml", dns_port=dns.port)
    try:
        # It listens, and what came now would be lost.
        assert _started(made) == 503
        start_pod(cluster, OLD[0])
        eventually(lambda: _started(made) == 200, "the gateway has started", NOTICED_SECONDS + 10)
        assert client.post(made.url, client.chat("hello", model="engine-sim", max_tokens=2)).status == 200
    finally:
        made.stop()
        dns.stop()


def test_a_rolling_restart_loses_and_cuts_no_answer(cluster: Cluster, start_load) -> None:
    pods: list[ModelServer] = [cluster.engines[name][0] for name in OLD]
    load: Chats = start_load()
    load.wait(10)
    ends: list[Future] = []
    with ThreadPoolExecutor(len(OLD)) as kubelet:
        for number, old in enumerate(list(pods)):
            # One pod more than wanted, none fewer, as the Deployment has it: pods that end do not count.
            new = start_pod(cluster, f"new-{number}")
            pods.append(new)
            _wait_busy(old)
            # The gateway knows neither that the one is ready nor that the other ends.
            ends.append(kubelet.submit(end_pod, cluster, old.name, drain_seconds=NOTICED_SECONDS + DRAIN_SECONDS))
            eventually(lambda new=new: _running(new) > 0, f"{new.name} gets requests", NOTICED_SECONDS + 10)
        for end in ends:
            end.result()
    # After the last sidecar's end.
    load.wait(10)
    load.stop()
    assert load.lost == [] and load.cut == []
    assert 2 < load.longest < DRAIN_SECONDS
    for old in pods[: len(OLD)]:
        assert old.under_way > 0
        assert old.unfinished == 0, f"{old.name} gets requests to its end, or answers take longer than {load.longest:.1f} s"
    for new in pods[len(OLD) :]:
        new.end_engine()
    # Every request was computed once. The gateway tries again what has found no connection, which no engine has seen.
    assert all(pod.served > 0 for pod in pods)
    assert sum(pod.served for pod in pods) == load.answers


def test_without_a_drain_answers_are_cut(cluster: Cluster, start_load) -> None:
    """The load notices an engine that ends while it answers; neither the sidecar nor the gateway makes such an answer look whole."""
    old: ModelServer = cluster.engines[OLD[0]][0]
    # An answer that is not streamed has not begun before its end.
    load: Chats = start_load(streams_all=True)
    load.wait(10)
    _wait_busy(old)
    end_pod(cluster, old.name, drains=False)
    load.wait(10)
    load.stop()
    assert old.unfinished > 0
    assert load.cut, load.lost
