"""Of several pickers with leader election one is ready: with the small API server, and with the real one."""

import os
import signal
import threading
import time
from typing import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from kit.epp import EPP
from kit.kubernetes import FakeAPIServer, RealAPIServer, objects
from kit.kubernetes.cluster import account_kubeconfig
from kit.waiting import eventually

_Status = health_pb2.HealthCheckResponse.ServingStatus


class Probe:
    """Asks all pickers for their readiness again and again, as kubelets do, and notes when two say that they are ready."""

    def __init__(self) -> None:
        self.ready: set[str] = set()
        self.contradictions: list[set[str]] = []
        self.rounds = 0
        self._stubs: dict[str, health_pb2_grpc.HealthStub] = {}
        self._channels: list[grpc.Channel] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def add(self, name: str, epp: EPP) -> None:
        # A channel that does not end with the picker.
        channel = grpc.insecure_channel(f"127.0.0.1:{epp.health_port}", options=[("grpc.use_local_subchannel_pool", 1)])
        self._channels.append(channel)
        self._stubs = self._stubs | {name: health_pb2_grpc.HealthStub(channel)}

    def remove(self, name: str) -> None:
        self._stubs = {other: stub for other, stub in self._stubs.items() if other != name}

    def _run(self) -> None:
        request = health_pb2.HealthCheckRequest(service="readiness")
        while not self._stopped.wait(0.02):
            calls = {name: stub.Check.future(request, timeout=0.3) for name, stub in self._stubs.items()}
            ready = set()
            for name, call in calls.items():
                try:
                    if call.result().status == _Status.SERVING:
                        ready.add(name)
                except grpc.RpcError:
                    # Paused, or ended.
                    pass
            if len(ready) > 1:
                self.contradictions.append(ready)
            self.ready = ready
            self.rounds += 1

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        for channel in self._channels:
            channel.close()

    def leader(self, *candidates: str, within: float) -> str:
        """Waits until one of these is ready, and returns its name."""
        eventually(lambda: len(self.ready) == 1 and self.ready <= set(candidates), f"one of {candidates} is ready", within)
        return next(iter(self.ready))


@pytest.fixture
def probe() -> Iterator[Probe]:
    started = Probe()
    yield started
    started.stop()
    assert started.contradictions == []


@pytest.fixture
def start(api: FakeAPIServer | RealAPIServer, definitions: None, namespace: str, start_epp, probe: Probe):
    """Starts a picker of the pool `pool` as a pod with a name."""
    path = objects.custom(objects.POOL_V1, "inferencepools", namespace)
    api.admin.create(path, objects.pool("pool", {"app": "vllm"}, [8000]))

    def started(name: str) -> EPP:
        epp = start_epp(
            "--pool-name", "pool", "--pool-namespace", namespace, "--kubeconfig", str(api.kubeconfig),
            "--ha-enable-leader-election", "--metrics-endpoint-auth=false", env=os.environ | {"POD_NAME": name},
        )  # fmt: skip
        probe.add(name, epp)
        return epp

    return started


def _lease(api: FakeAPIServer | RealAPIServer, namespace: str) -> dict:
    return api.admin.get(f"{objects.leases(namespace)}/epp-{namespace}-pool.llm-d.ai")["spec"]


def _health(epp: EPP, service: str) -> str:
    stub = health_pb2_grpc.HealthStub(epp.health_channel())
    return _Status.Name(stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5).status)


def test_one_of_three_leads_whatever_happens(
    api: FakeAPIServer | RealAPIServer, namespace: str, start, probe: Probe
) -> None:
    names = ["epp-a", "epp-b", "epp-c"]
    pickers = {name: start(name) for name in names}
    leader = probe.leader(*names, within=5)
    for name, epp in pickers.items():
        assert _health(epp, "liveness") == "SERVING" and _health(epp, "inference-extension") == "SERVICE_UNKNOWN"
        assert _health(epp, "") == ("SERVING" if name == leader else "NOT_SERVING")
        assert epp.metric("epp_leader") == (1 if name == leader else 0)
        status, page = epp.get("/readyz")
        assert status == 200 if name == leader else "another replica leads, and this one stands by" in page
    lease = _lease(api, namespace)
    assert lease["holderIdentity"].startswith(leader + "_") and lease["leaseDurationSeconds"] == 10

    # It ends in good order: another one takes over at once.
    begin = time.monotonic()
    pickers.pop(leader).stop()
    probe.remove(leader)
    leader = probe.leader(*pickers, within=5)
    assert time.monotonic() - begin < 5
    assert _lease(api, namespace)["leaseTransitions"] >= 1

    # It is paused for longer than its lease: when it goes on it is not ready for a moment.
    paused = pickers[leader]
    paused.signal(signal.SIGSTOP)
    others = [name for name in pickers if name != leader]
    leader = probe.leader(*others, within=15)
    paused.signal(signal.SIGCONT)
    rounds = probe.rounds
    eventually(lambda: probe.rounds > rounds + 50, "the picker that goes on is asked", 20)
    assert probe.ready == {leader}
    paused.wait_for("another process leads|does not lead any longer")

    # It is killed: another one takes over when the lease has ended.
    pickers.pop(leader).kill()
    probe.remove(leader)
    pickers["epp-d"] = start("epp-d")
    leader = probe.leader(*pickers, within=15)

    # The API server is away for longer than the leader may lead without it, and comes back.
    api.stop_serving()
    try:
        eventually(lambda: probe.ready == set(), "nobody is ready", 10)
        pickers[leader].wait_for("the lease cannot be read or renewed")
    finally:
        api.serve_again()
    probe.leader(*pickers, within=15)
    assert probe.rounds > 300


def test_a_slow_api_server_makes_no_second_leader(namespace: str, start, probe: Probe, api) -> None:
    if not isinstance(api, FakeAPIServer):
        pytest.skip("only the small API server is slow when it is told to be")
    names = ["epp-a", "epp-b"]
    pickers = {name: start(name) for name in names}
    leader = probe.leader(*names, within=5)
    api.faults.delay(3, "/leases")
    try:
        rounds = probe.rounds
        eventually(lambda: probe.rounds > rounds + 300, "many probes of slow renewals", 60)
        pickers[leader].kill()
        probe.remove(leader)
        other = next(name for name in names if name != leader)
        probe.leader(other, within=30)
    finally:
        api.faults.delay(0, "/leases")


def test_a_role_without_leases_is_named(namespace: str, start_epp, api: FakeAPIServer | RealAPIServer) -> None:
    """The picker stays a standby, alive, and takes part when it may."""
    admin = api.admin
    admin.create(objects.service_accounts(namespace), {"metadata": {"name": "epp"}})
    rules = f"{objects.RBAC}/namespaces/{namespace}"
    pods = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
    leases = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]}
    admin.create(f"{rules}/roles", objects.role("epp", pods))
    admin.create(f"{rules}/rolebindings", objects.binding("epp", "epp", namespace, "epp"))
    config = account_kubeconfig(api, namespace, "epp")
    epp = start_epp(
        "--endpoint-selector", "app=vllm", "--endpoint-target-ports", "8000", "--pool-namespace", namespace,
        "--kubeconfig", str(config), "--ha-enable-leader-election", env=os.environ | {"POD_NAME": "epp-1-a"},
    )  # fmt: skip
    epp.wait_for("the API server forbids to use the lease; the Role needs the verbs get, create and update on leases")
    assert _health(epp, "readiness") == "NOT_SERVING" and _health(epp, "liveness") == "SERVING"
    admin.replace(f"{rules}/roles/epp", objects.role("epp", pods, leases))
    eventually(lambda: _health(epp, "readiness") == "SERVING", "it leads", 10)
