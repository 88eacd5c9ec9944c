"""The picker finds and follows its engines in Kubernetes: with the small API server, and with the real one."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from kit import http
from kit.engine import GRPCEngine
from kit.envoy import Envoy
from kit.epp import EPP
from kit.kubernetes import FakeAPIServer, RealAPIServer, objects
from kit.kubernetes.cluster import PORT, Cluster, has_pod_addresses, wait_endpoints
from kit.waiting import eventually

pytestmark = pytest.mark.skipif(
    not has_pod_addresses(), reason="no address of a pod is here: run the tests with scripts/pod-network"
)

READER = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
POOL_READER = {
    "apiGroups": ["inference.networking.k8s.io"], "resources": ["inferencepools"], "verbs": ["get", "list", "watch"],
}  # fmt: skip


def _start(start_epp, cluster: Cluster, *arguments: str, **options: object) -> EPP:
    """Starts a picker of the pool `pool`, unless the arguments name other pods, with access as administrator."""
    command = ["--kubeconfig", str(cluster.api.kubeconfig), "--pool-namespace", cluster.namespace]
    command += ["--metrics-endpoint-auth=false", *arguments]
    if not any(part.startswith("--endpoint-selector") for part in arguments):
        command += ["--pool-name", "pool"]
    return start_epp(*command, **options)


def _health(epp: EPP, service: str = "") -> str:
    stub = health_pb2_grpc.HealthStub(epp.health_channel())
    answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


def _picked(envoy: Envoy, count: int = 12) -> set[str]:
    """Returns the pods that answered so many requests."""
    answers = [http.post(envoy.url, http.chat(f"{time.monotonic_ns()} {number}")) for number in range(count)]
    assert {answer.status for answer in answers} == {200}, answers
    return {answer.headers["x-engine"] for answer in answers}


def _follows(envoy: Envoy, *names: str, within: float) -> None:
    """Waits until requests reach exactly these pods."""
    eventually(lambda: _picked(envoy) == set(names), f"requests go to {names}", within)


def test_requests_follow_the_pods_of_a_pool(cluster: Cluster, start_epp, start_envoy) -> None:
    epp = _start(start_epp, cluster, secure=True)
    envoy = start_envoy(epp.extproc_port, secure=True)
    cluster.add_pod("a")
    cluster.add_pod("b", ready=False)
    cluster.add_pod("other", labels={"app": "other"})
    # Not ready before there is a pool, and alive all the time.
    epp.wait_for("InferencePool does not exist yet")
    assert _health(epp, "readiness") == "NOT_SERVING" and _health(epp, "liveness") == "SERVING"
    status, page = epp.get("/readyz")
    assert status == 503 and "the InferencePool 'pool' or its pods have not been found yet" in page
    assert http.post(envoy.url, http.chat("nobody is there")).status == 503

    cluster.make_pool()
    eventually(lambda: _health(epp, "readiness") == "SERVING", "the picker is ready")
    assert epp.get("/readyz")[0] == 200
    _follows(envoy, "a", within=5)
    # The readiness of a pod, its appearance and its end count within a second.
    cluster.set_ready("b", True)
    wait_endpoints(epp, "a-rank-0", "b-rank-0", timeout=1)
    _follows(envoy, "a", "b", within=5)
    cluster.set_ready("a", False)
    wait_endpoints(epp, "b-rank-0", timeout=1)
    assert _picked(envoy) == {"b"}
    cluster.add_pod("c")
    wait_endpoints(epp, "b-rank-0", "c-rank-0", timeout=1)
    _follows(envoy, "b", "c", within=5)
    cluster.delete_pod("b")
    wait_endpoints(epp, "c-rank-0", timeout=1)
    assert _picked(envoy) == {"c"}

    # The pool selects other pods, and is deleted.
    path = objects.custom(objects.POOL_V1, "inferencepools", cluster.namespace) + "/pool"
    cluster.api.admin.merge(path, {"spec": {"selector": {"matchLabels": {"app": "other"}}}})
    wait_endpoints(epp, "other-rank-0")
    _follows(envoy, "other", within=5)
    cluster.api.admin.delete(path)
    wait_endpoints(epp)
    assert http.post(envoy.url, http.chat("nobody is left")).status == 503
    cluster.make_pool()
    wait_endpoints(epp, "c-rank-0")
    assert _picked(envoy) == {"c"}


def test_a_pool_of_the_older_group_has_the_same_endpoints(cluster: Cluster, start_epp) -> None:
    cluster.add_pod("a")
    cluster.add_pod("b")
    path = objects.custom(objects.LEGACY, "inferencepools", cluster.namespace)
    cluster.api.admin.create(path, objects.legacy_pool("pool", {"app": "vllm"}, PORT))
    cluster.make_pool()
    older = _start(start_epp, cluster, "--pool-group", "inference.networking.x-k8s.io")
    newer = _start(start_epp, cluster)
    for epp in (older, newer):
        wait_endpoints(epp, "a-rank-0", "b-rank-0")


def test_a_pool_whose_engines_speak_http2_only(cluster: Cluster, start_epp, start_envoy) -> None:
    cluster.make_pool(appProtocol="kubernetes.io/h2c")
    for name in ("a", "b"):
        cluster.add_pod(name, engine=GRPCEngine)
    epp = _start(start_epp, cluster)
    epp.wait_for("InferencePool found.*kubernetes.io/h2c")
    wait_endpoints(epp, "a-rank-0", "b-rank-0")
    envoy = start_envoy(epp.extproc_port, http2=True)
    reached = set()
    with grpc.insecure_channel(envoy.url.removeprefix("http://")) as channel:
        call = channel.unary_unary("/vllm.grpc.engine.VllmEngine/Generate")
        for number in range(20):
            sent = f"{number} ".encode() * 1000
            answer, details = call.with_call(sent, timeout=10)
            assert answer == sent
            reached |= {value for key, value in details.trailing_metadata() if key == "x-engine"}
    assert reached == {"a", "b"}


@pytest.mark.parametrize("version", [objects.LLM_D, objects.LEGACY])
def test_rewrites_and_objectives_apply_to_requests(version: str, cluster: Cluster, start_epp, start_envoy) -> None:
    cluster.make_pool()
    cluster.add_pod("a")
    admin = cluster.api.admin
    objectives = objects.custom(version, "inferenceobjectives", cluster.namespace)
    rewrites = objects.custom(version, "inferencemodelrewrites", cluster.namespace)
    admin.create(objectives, objects.objective("batch", "pool", -5, version))
    exact = {"matches": [{"model": {"type": "Exact", "value": "food-review"}}]}
    canary = exact | {"targets": [{"modelRewrite": "food-1", "weight": 50}, {"modelRewrite": "food-2", "weight": 50}]}
    admin.create(rewrites, objects.rewrite("canary", "pool", [canary], version))
    admin.create(rewrites, objects.rewrite("of-others", "other-pool", [{"targets": [{"modelRewrite": "wrong"}]}], version))
    epp = _start(start_epp, cluster)
    # Not before the rules are known.
    eventually(lambda: _health(epp, "readiness") == "SERVING", "the picker is ready")
    envoy = start_envoy(epp.extproc_port)
    _follows(envoy, "a", within=5)

    def models(name: str, count: int) -> set[str]:
        """Returns the models that the engine was asked for, in so many requests; the answers name the client's model."""
        answers = [http.post(envoy.url, http.chat("hello", model=name)) for _ in range(count)]
        assert {answer.json()["model"] for answer in answers} == {name}
        (engine,) = cluster.engines["a"]
        return {json.loads(request.body)["model"] for request in engine.received[-count:]}

    assert models("food-review", 40) == {"food-1", "food-2"}
    assert models("other", 2) == {"other"}
    # A rule for all models appears, and the exact one goes.
    admin.create(rewrites, objects.rewrite("all", "pool", [{"targets": [{"modelRewrite": "base"}]}], version))
    eventually(lambda: models("other", 1) == {"base"}, "the general rule is applied", 5)
    admin.delete(f"{rewrites}/canary")
    eventually(lambda: models("food-review", 1) == {"base"}, "the exact rule has gone", 5)
    counted = "llm_d_epp_model_rewrite_decisions_total"
    assert sum(epp.metric(counted, model_rewrite_name="canary", target_model=f"food-{n}") for n in (1, 2)) >= 40

    def priority(objective: str) -> str:
        http.post(envoy.url, http.chat("hello", model=objective), headers={"x-llm-d-inference-objective": objective})
        (line,) = [line for line in epp.metrics().splitlines()
                   if line.startswith("llm_d_epp_request_total{") and f'model_name="{objective}"' in line]  # fmt: skip
        return line.split('priority="')[1].split('"')[0]

    assert (priority("batch"), priority("unknown")) == ("-5", "0")


@pytest.mark.parametrize("kind", ["fake", "real"] if RealAPIServer.built() else ["fake"])
def test_rules_are_found_when_their_definitions_come_late(kind: str, start_epp) -> None:
    """An API server without the optional kinds: a warning and a gauge, not a failed start."""
    api = FakeAPIServer(secure=True) if kind == "fake" else RealAPIServer()
    try:
        objects.install(api.admin, "inferencepools.inference.networking.k8s.io")
        api.admin.create(objects.NAMESPACES, {"metadata": {"name": "late"}})
        cluster = Cluster(api, "late")
        cluster.make_pool()
        cluster.add_pod("a")
        epp = _start(start_epp, cluster)
        wait_endpoints(epp, "a-rank-0")
        epp.wait_for("no API group can be read for the resource, which is optional")
        eventually(lambda: _health(epp, "readiness") == "SERVING", "the picker is ready")
        assert epp.metric("epp_kubernetes_resource_missing", resource="inferencemodelrewrites") == 1
        objects.install(api.admin)
        api.admin.create(
            objects.custom(objects.LLM_D, "inferencemodelrewrites", "late"),
            objects.rewrite("all", "pool", [{"targets": [{"modelRewrite": "base"}]}]),
        )
        eventually(
            lambda: epp.metric("epp_kubernetes_resource_missing", resource="inferencemodelrewrites") == 0, "they are found", 30
        )
        cluster.stop()
    finally:
        api.stop()


@pytest.fixture
def small_api() -> Iterator[FakeAPIServer]:
    server = FakeAPIServer(secure=True)
    yield server
    server.stop()


def test_of_a_thousand_pods_none_is_lost(small_api: FakeAPIServer, start_epp) -> None:
    """A third of them goes or is not ready any more while others come; nobody listens at their addresses."""
    objects.install(small_api.admin, "inferencepools.inference.networking.k8s.io")
    small_api.admin.create(objects.NAMESPACES, {"metadata": {"name": "many"}})
    cluster = Cluster(small_api, "many")
    cluster.make_pool()
    pods = objects.pods("many")

    def put(number: int, ready: bool = True) -> None:
        address = f"10.245.{number // 250}.{number % 250 + 1}"
        small_api.put(pods, objects.pod(f"pod-{number}", {"app": "vllm"}) | objects.status(address, ready))

    for number in range(1000):
        put(number)
    epp = _start(start_epp, cluster)
    wait_endpoints(epp, *(f"pod-{number}-rank-0" for number in range(1000)), timeout=30)
    for number in range(0, 1000, 6):
        put(number, ready=False)
        if number + 3 < 1000:
            small_api.admin.delete(f"{pods}/pod-{number + 3}")
    for number in range(1000, 1100):
        put(number)
    left = [number for number in range(1100) if number >= 1000 or number % 3 != 0]
    wait_endpoints(epp, *(f"pod-{number}-rank-0" for number in left), timeout=30)


def test_pods_are_found_by_their_labels_alone(cluster: Cluster, start_epp, start_envoy) -> None:
    cluster.add_pod("a", ports=[8000, 8001], labels={"role": "decode"})
    cluster.add_pod("b", ports=[8000, 8001], labels={"role": "decode"}, annotations={"llm-d.ai/active-ports": "8001"})
    cluster.add_pod("c", labels={"role": "prefill"})
    epp = _start(
        start_epp, cluster, "--endpoint-selector", "app=vllm,role in (decode,both)", "--endpoint-target-ports", "8000,8001"
    )
    wait_endpoints(epp, "a-rank-0", "a-rank-1", "b-rank-1")
    _follows(start_envoy(epp.extproc_port), "a", "b", within=5)


def test_the_last_pool_is_served_while_the_api_server_is_away(cluster: Cluster, start_epp, start_envoy) -> None:
    cluster.make_pool()
    cluster.add_pod("a")
    epp = _start(start_epp, cluster)
    envoy = start_envoy(epp.extproc_port)
    _follows(envoy, "a", within=5)
    cluster.api.stop_serving()
    try:
        epp.wait_for("the API server cannot be asked")
        eventually(lambda: epp.metric("epp_kubernetes_contact_age_seconds", resource="pods") > 1, "the age grows")
        assert _picked(envoy) == {"a"} and _health(epp, "readiness") == "SERVING"
    finally:
        cluster.api.serve_again()
    cluster.add_pod("b")
    _follows(envoy, "a", "b", within=20)
    # Every version that the picker knows is too old now.
    cluster.api.compact()
    cluster.delete_pod("a")
    _follows(envoy, "b", within=20)


def test_a_service_account_is_used_in_a_pod(cluster: Cluster, start_epp, start_envoy, tmp_path: Path) -> None:
    """As a pod has it: its files at the usual path, its variables, its role; and what happens to it."""
    admin = cluster.api.admin
    admin.create(objects.service_accounts(cluster.namespace), {"metadata": {"name": "epp"}})
    roles = f"{objects.RBAC}/namespaces/{cluster.namespace}/roles"
    bindings = f"{objects.RBAC}/namespaces/{cluster.namespace}/rolebindings"
    admin.create(roles, objects.role("epp", READER, POOL_READER))
    admin.create(bindings, objects.binding("epp", "epp", cluster.namespace, "epp"))

    def mount() -> str:
        token = objects.account_token(admin, cluster.namespace, "epp")
        objects.mount_account(tmp_path, token, cluster.namespace, cluster.api.authority)
        return token

    token = mount()
    cluster.make_pool()
    cluster.add_pod("a")
    host, port = cluster.api.url.removeprefix("https://").rsplit(":", 1)
    folder = "/var/run/secrets/kubernetes.io/serviceaccount"
    # A file system of its own below /var/run, so that nothing of this machine is changed.
    script = f'mount -t tmpfs none /var/run && mkdir -p {folder} && mount --bind {tmp_path} {folder} && exec "$@"'
    namespace = ["unshare", "--mount"] if os.getuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*namespace, "sh", "-c", 'mount -t tmpfs none /var/run'], check=False).returncode != 0:
        pytest.skip("this user may not make a mount namespace")
    epp = start_epp(
        "--pool-name", "pool", "--metrics-endpoint-auth=false", within=[*namespace, "sh", "-c", script, "pod"],
        env=os.environ | {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port},
    )  # fmt: skip
    # The namespace of the pool is that of the service account.
    wait_endpoints(epp, "a-rank-0")

    # The token ends with its account, and the next one is in the file.
    admin.delete(f"{objects.service_accounts(cluster.namespace)}/epp")
    admin.create(objects.service_accounts(cluster.namespace), {"metadata": {"name": "epp"}})
    mount()
    cluster.api.stop_serving()
    cluster.api.serve_again()
    assert admin.with_token(token).request("GET", objects.pods(cluster.namespace)).status == 401
    cluster.add_pod("b")
    wait_endpoints(epp, "a-rank-0", "b-rank-0", timeout=30)

    # The permission is taken away: what is known stays, and is followed again when the permission is back.
    admin.delete(f"{bindings}/epp")
    cluster.api.stop_serving()
    cluster.api.serve_again()
    epp.wait_for("the API server forbids to list and watch the resource; its Role needs the verbs list and watch", 30)
    eventually(lambda: epp.metric("epp_kubernetes_resource_missing", resource="pods") == 1, "the gauge says so", 30)
    cluster.add_pod("c")
    wait_endpoints(epp, "a-rank-0", "b-rank-0")
    admin.create(bindings, objects.binding("epp", "epp", cluster.namespace, "epp"))
    wait_endpoints(epp, "a-rank-0", "b-rank-0", "c-rank-0", timeout=30)
    eventually(lambda: epp.metric("epp_kubernetes_resource_missing", resource="pods") == 0, "the gauge says so", 30)
    # What is optional is no reason not to serve.
    assert epp.metric("epp_kubernetes_resource_missing", resource="inferenceobjectives") == 1
    assert _health(epp, "readiness") == "SERVING"


def test_what_ends_up_as_an_endpoint_is_never_this_machine_itself(cluster: Cluster, start_epp) -> None:
    cluster.make_pool()
    pods = objects.pods(cluster.namespace)
    cluster.add_pod("a")
    (own,) = cluster.add_pod("epp")
    for name, address in (("loopback", "127.0.0.1"), ("link-local", "169.254.169.254")):
        cluster.api.admin.create(pods, objects.pod(name, {"app": "vllm"}))
        cluster.api.admin.merge(f"{pods}/{name}/status", objects.status(address))
    epp = _start(start_epp, cluster, env=os.environ | {"POD_IP": own.address.rsplit(":", 1)[0]})
    wait_endpoints(epp, "a-rank-0")
    for problem in (
        "loopback is no endpoint: its address 127.0.0.1 is a loopback address",
        "link-local is no endpoint: its address 169.254.169.254 is a link-local address",
        "epp is no endpoint: its address .* is that of this picker",
    ):
        epp.wait_for(problem)
