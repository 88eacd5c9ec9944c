"""The manifests of deploy/: they render, are valid, and their picker works with what they give it."""

import itertools
import os
import subprocess
from pathlib import Path
from typing import Iterator

import pytest
import yaml

from kit import http
from kit.kubernetes import FakeAPIServer, RealAPIServer, objects
from kit.kubernetes.cluster import Cluster, account_kubeconfig, has_pod_addresses
from kit.manifests import (
    COMPONENTS, DEPLOY, OVERLAYS, Object, admits, container, environment, expanded, find, problems, rendered, with_components,
)  # fmt: skip
from kit.paths import ENVOY, product
from kit.process import Process
from kit.waiting import eventually

ALL = [(path.name, path) for path in OVERLAYS]
# Each component alone, with each other, and with all.
SETS = [chosen for count in range(3) for chosen in itertools.combinations(COMPONENTS, count)] + [tuple(COMPONENTS)]
# Those that change how the picker is started.
PICKER_SETS = [
    chosen for count in range(3)
    for chosen in itertools.combinations(
        [DEPLOY / "components" / name for name in ("kv-events", "leader-election", "metrics-auth", "tracing")], count
    )
]


def _names(chosen: tuple[Path, ...]) -> str:
    return "+".join(path.name for path in chosen) or "base"


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kustomization")


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.name)
def test_overlays_are_valid(path: Path) -> None:
    values = rendered(path)
    assert len(values) > 5
    assert {f"{value['kind']} {value['metadata']['name']}": problems(value) for value in values if problems(value)} == {}


def test_the_configuration_for_kserve_is_valid() -> None:
    """KServe merges it with its own by the name of the container."""
    (value,) = rendered(DEPLOY / "kserve")
    assert problems(value) == []
    (main,) = value["spec"]["router"]["scheduler"]["template"]["containers"]
    assert main == {"name": "main", "image": "warmpath-epp:latest"}


@pytest.mark.parametrize("chosen", SETS, ids=_names)
def test_every_set_of_components_is_valid(chosen: tuple[Path, ...], folder: Path) -> None:
    values = with_components(folder, *chosen)
    assert {f"{value['kind']} {value['metadata']['name']}": problems(value) for value in values if problems(value)} == {}


def test_standbys_block_neither_a_rollout_nor_an_eviction(folder: Path) -> None:
    """One replica is available at most, so that a rollout and an eviction have to be allowed to take it away."""
    values = with_components(folder, DEPLOY / "components" / "leader-election")
    deployment = find(values, "Deployment", "epp")["spec"]
    assert deployment["replicas"] > 1
    for unavailable in (
        deployment["strategy"]["rollingUpdate"]["maxUnavailable"],
        find(values, "PodDisruptionBudget", "epp")["spec"]["maxUnavailable"],
    ):
        assert unavailable >= deployment["replicas"]


def test_a_misspelled_field_is_noticed(folder: Path) -> None:
    deployment = find(with_components(folder), "Deployment", "epp")
    container(deployment, "epp")["readinessprobe"] = {}
    pool = find(rendered(DEPLOY / "overlays" / "gateway"), "InferencePool", "vllm")
    pool["spec"]["targetPort"] = 1
    route = find(rendered(DEPLOY / "overlays" / "gateway"), "HTTPRoute", "vllm")
    route["spec"]["rules"][0]["backendRefs"][0]["nam"] = "x"
    assert all(problems(value) for value in (deployment, pool, route))


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.name)
def test_names_and_selectors_meet(path: Path) -> None:
    """Services select pods, the pool selects engines, the route names the pool, and the pool names the picker's Service."""
    values = rendered(path)
    pods = [value["spec"]["template"]["metadata"]["labels"] for value in values if value["kind"] == "Deployment"]

    def selects(labels: dict[str, str]) -> bool:
        return any(labels.items() <= pod.items() for pod in pods)

    epp = find(values, "Deployment", "epp")
    service = find(values, "Service", "epp")
    for selector in (
        epp["spec"]["selector"]["matchLabels"], service["spec"]["selector"],
        find(values, "PodDisruptionBudget", "epp")["spec"]["selector"]["matchLabels"],
        find(values, "NetworkPolicy", "epp")["spec"]["podSelector"]["matchLabels"],
    ):  # fmt: skip
        assert selector.items() <= epp["spec"]["template"]["metadata"]["labels"].items()
    accounts = {value["metadata"]["name"] for value in values if value["kind"] == "ServiceAccount"}
    for binding in (value for value in values if value["kind"] == "RoleBinding"):
        assert {subject["name"] for subject in binding["subjects"]} <= accounts
        assert any(value["kind"] == "Role" and value["metadata"]["name"] == binding["roleRef"]["name"] for value in values)
    if path.name == "standalone":
        gateway = find(values, "Service", "inference-gateway")["spec"]
        assert gateway["selector"].items() <= epp["spec"]["template"]["metadata"]["labels"].items()
        assert gateway["ports"][0]["targetPort"] in [port["name"] for port in container(epp, "envoy")["ports"]]
        return
    pool = find(values, "InferencePool", "vllm")
    if path.name == "sim":
        assert selects(pool["spec"]["selector"]["matchLabels"])
    reference = pool["spec"]["endpointPickerRef"]
    assert reference["name"] == service["metadata"]["name"]
    assert reference["port"]["number"] in [port["port"] for port in service["spec"]["ports"]]
    assert environment(container(epp, "epp"), values, _FIELDS)["POOL_NAME"] == pool["metadata"]["name"]
    (backend,) = find(values, "HTTPRoute", "vllm")["spec"]["rules"][0]["backendRefs"]
    names = {(value["kind"], value["metadata"]["name"]) for value in values if value["kind"] in ("InferencePool", "Service")}
    assert (backend["kind"], backend["name"]) in names
    if path.name != "architecture":
        assert backend["kind"] == "InferencePool"
    assert find(values, "HTTPRoute", "vllm")["spec"]["parentRefs"][0]["name"] == find(values, "Gateway", "")["metadata"]["name"]
    for rule in (value for value in values if value["kind"] == "DestinationRule"):
        assert ("Service", rule["spec"]["host"]) in names
    for policy in (value for value in values if value["kind"] in ("HealthCheckPolicy", "GCPBackendPolicy")):
        assert policy["spec"]["targetRef"] == {
            "group": pool["apiVersion"].split("/")[0], "kind": "InferencePool", "name": pool["metadata"]["name"],
        }  # fmt: skip


_FIELDS = {"metadata.namespace": "inference", "metadata.name": "epp-6b7d5c9f8-abcde", "status.podIP": "10.244.200.1"}


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.name)
def test_containers_run_as_anybody_on_a_read_only_root(path: Path) -> None:
    """What OpenShift's restricted-v2 and the Pod Security level restricted want."""
    for deployment in (value for value in rendered(path) if value["kind"] == "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        wanted = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        assert wanted.items() <= pod["securityContext"].items()
        for one in pod["containers"] + pod.get("initContainers", []):
            wanted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
            if one["name"] == "vllm":
                # What else it writes, besides what is known and has volumes, depends on the model.
                del wanted["readOnlyRootFilesystem"]
            # A user is wanted on some clusters and refused on others: test_deploy_engines.py.
            assert {name: value for name, value in one["securityContext"].items() if name != "runAsUser"} == wanted
            assert "memory" in one["resources"]["limits"] and "cpu" in one["resources"]["requests"]


def test_pods_end_after_the_picker_has_drained(folder: Path) -> None:
    epp = find(with_components(folder), "Deployment", "epp")
    (flag,) = [argument for argument in container(epp, "epp")["args"] if argument.startswith("--drain-timeout")]
    assert flag == f"--drain-timeout={epp['spec']['template']['spec']['terminationGracePeriodSeconds'] - 10}s"


@pytest.mark.parametrize(
    "port, source, labels, namespace, allowed",
    [
        (9002, "a gateway beside the picker", {"gateway.networking.k8s.io/gateway-name": "inference-gateway"}, "", True),
        (9002, "an Istio gateway", {}, "istio-ingress", True),
        (9002, "OpenShift's router", {}, "openshift-ingress", True),
        (9002, "agentgateway", {}, "agentgateway-system", True),
        (9002, "Envoy Gateway", {}, "envoy-gateway-system", True),
        (9002, "an engine", {"app": "vllm"}, "", False),
        (9002, "another namespace", {}, "default", False),
        (9002, "Prometheus", {}, "monitoring", False),
        (9002, "a pod elsewhere with the gateway's label", {"gateway.networking.k8s.io/gateway-name": "inference-gateway"},
         "default", False),
        (9090, "Prometheus", {}, "monitoring", True),
        (9090, "OpenShift's user workload monitoring", {}, "openshift-user-workload-monitoring", True),
        (9090, "a gateway", {}, "istio-ingress", False),
        (9090, "an engine", {"app": "vllm"}, "", False),
        (9003, "anybody", {}, "default", False),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else None,
)  # fmt: skip
def test_only_who_should_reaches_the_picker(
    port: int, source: str, labels: dict[str, str], namespace: str, allowed: bool, folder: Path
) -> None:
    policy = find(with_components(folder), "NetworkPolicy", "epp")
    of_namespace = {"kubernetes.io/metadata.name": namespace or "picker"}
    assert admits(policy, port, labels, of_namespace, is_same_namespace=not namespace) == allowed


STANDALONE = DEPLOY / "overlays" / "standalone"


def test_the_envoy_beside_the_picker_is_that_of_the_examples() -> None:
    """But for the address on which it listens; and Envoy accepts it."""
    example = yaml.safe_load((DEPLOY / "envoy" / "full-duplex.yaml").read_text())
    listener = example["static_resources"]["listeners"][0]["address"]["socket_address"]
    listener["address"] = "0.0.0.0"
    assert yaml.safe_load((STANDALONE / "envoy.yaml").read_text()) == example
    command = [str(ENVOY), "--mode", "validate", "-c", str(STANDALONE / "envoy.yaml")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.name)
def test_without_events_there_is_one_picker(path: Path) -> None:
    """Several learn the same from engines' events alone."""
    epp = find(rendered(path), "Deployment", "epp")
    follows = any(argument.startswith("--kv-events-port") for argument in container(epp, "epp")["args"])
    assert follows or epp["spec"]["replicas"] == 1


def test_the_standalone_pod_needs_no_definitions() -> None:
    values = rendered(STANDALONE)
    builtin = {"v1", "apps/v1", "policy/v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1"}
    assert {value["apiVersion"] for value in values} <= builtin
    assert {group for rule in find(values, "Role", "epp")["rules"] for group in rule["apiGroups"]} == {""}


def test_an_installation_names_its_images(folder: Path) -> None:
    own = ("warmpath-epp", "warmpath-routing-sidecar")
    base = os.path.relpath(DEPLOY / "overlays" / "cache-aware-service", folder.resolve())
    images = [{"name": name, "newName": f"registry.example.com/{name}", "newTag": "1"} for name in own]
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({"resources": [base], "images": images}))
    pods = [value["spec"]["template"]["spec"] for value in rendered(folder) if value["kind"] == "Deployment"]
    used = {one["image"] for pod in pods for one in pod["containers"] + pod.get("initContainers", [])}
    assert {f"registry.example.com/{name}:1" for name in own} <= used
    assert not [image for image in used if image.startswith("warmpath-")]


def test_flows_of_the_standalone_pod() -> None:
    policy = find(rendered(STANDALONE), "NetworkPolicy", "epp")
    anywhere = {"kubernetes.io/metadata.name": "default"}
    for port, namespace, allowed in ((10000, "default", True), (9002, "istio-ingress", False), (9901, "default", False)):
        of_namespace = {"kubernetes.io/metadata.name": namespace}
        assert admits(policy, port, {}, of_namespace, is_same_namespace=False) == allowed
    assert not admits(policy, 9002, {}, anywhere, is_same_namespace=True)


@pytest.fixture
def own_roles(api: FakeAPIServer | RealAPIServer) -> Iterator[None]:
    """Removes what the manifests create outside of the namespace."""
    yield
    for kind in ("clusterrolebindings", "clusterroles"):
        for value in api.admin.get(f"{objects.RBAC}/{kind}")["items"]:
            if value["metadata"]["name"].startswith("warmpath-epp"):
                api.admin.delete(f"{objects.RBAC}/{kind}/{value['metadata']['name']}")


def _apply_access(api: FakeAPIServer | RealAPIServer, namespace: str, values: list[Object]) -> None:
    """Creates the service account and its permissions, in the namespace of the test."""
    for value in values:
        kind, own = value["kind"], value | {"metadata": value["metadata"] | {"namespace": namespace}}
        for subject in own.get("subjects", []):
            subject["namespace"] = namespace
        if kind == "ServiceAccount":
            api.admin.create(objects.service_accounts(namespace), own)
        elif kind in ("Role", "RoleBinding"):
            api.admin.create(f"{objects.RBAC}/namespaces/{namespace}/{kind.lower()}s", own)
        elif kind in ("ClusterRole", "ClusterRoleBinding"):
            own["metadata"].pop("namespace")
            api.admin.create(f"{objects.RBAC}/{kind.lower()}s", own)


def _place(api: RealAPIServer, value: Object, namespace: str) -> str | None:
    """Returns the path of the objects of a kind; None when the server does not know it."""
    root = f"/apis/{value['apiVersion']}" if "/" in value["apiVersion"] else f"/api/{value['apiVersion']}"
    answer = api.admin.request("GET", root)
    for resource in answer.json()["resources"] if answer.status == 200 else []:
        if resource["kind"] == value["kind"] and "/" not in resource["name"]:
            return f"{root}/namespaces/{namespace}/{resource['name']}" if resource["namespaced"] else f"{root}/{resource['name']}"
    return None


@pytest.mark.skipif(not RealAPIServer.built(), reason="a real API server takes the overlays: run scripts/kube-apiserver --build")
@pytest.mark.parametrize("path", [*OVERLAYS, DEPLOY / "kserve"], ids=lambda path: path.name)
def test_a_real_api_server_takes_every_object(path: Path, namespace: str, definitions: None, api) -> None:
    if isinstance(api, FakeAPIServer):
        # It knows what the picker asks for. Not skipped: nothing is left untested.
        return
    unknown = set()
    for value in rendered(path):
        if value["kind"] == "Namespace":
            continue
        if value["kind"] == "Deployment":
            pod = value["spec"]["template"]["spec"]
            for one in pod.get("initContainers", []):
                # Version 1.20 knows no native sidecars either, and refuses what only they may have.
                for field in [name for name in one if name.endswith("Probe") or name == "restartPolicy"]:
                    del one[field]
            for one in pod["containers"]:
                # Version 1.20 knows neither gRPC probes nor hooks that sleep.
                for field in [name for name in one if name.endswith("Probe") and "grpc" in one[name] or name == "lifecycle"]:
                    del one[field]
        value["metadata"]["namespace"] = namespace
        place = _place(api, value, namespace)
        if place is None:
            unknown.add(value["kind"])
        else:
            api.admin.create(place, value)
    assert unknown <= {"PodDisruptionBudget"}, "policy/v1 came with 1.21"


@pytest.mark.skipif(not has_pod_addresses(), reason="no address of a pod is here: run the tests with scripts/pod-network")
@pytest.mark.parametrize("chosen", PICKER_SETS, ids=_names)
def test_the_picker_works_with_the_permissions_that_it_has(
    chosen: tuple[Path, ...], cluster: Cluster, own_roles: None, folder: Path, start_envoy, tmp_path: Path
) -> None:
    """The container is started as it is rendered, with the account of the manifests, on the ports that they name."""
    values = with_components(folder, *chosen)
    _apply_access(cluster.api, cluster.namespace, values)
    one = container(find(values, "Deployment", "epp"), "epp")
    variables = environment(one, values, _FIELDS | {"metadata.namespace": cluster.namespace})
    config = tmp_path / "epp.yaml"
    config.write_text(find(values, "ConfigMap", "epp-config")["data"]["epp.yaml"])
    arguments = [argument.replace("/config/epp.yaml", str(config)) for argument in expanded(one, variables)]
    cluster.make_pool(variables["POOL_NAME"])
    cluster.add_pod("a")
    account = {"KUBECONFIG": str(account_kubeconfig(cluster.api, cluster.namespace, "epp"))}
    epp = Process([product("epp"), *arguments], name="epp", env=os.environ | variables | account)
    try:
        page = "http://127.0.0.1:9090"
        eventually(lambda: http.request(page, "GET", "/readyz").status == 200, f"ready: {epp.output()}", 15)
        is_open = not any(path.name == "metrics-auth" for path in chosen)
        assert http.request(page, "GET", "/metrics").status == (200 if is_open else 401)
        if not is_open:
            token = objects.account_token(cluster.api.admin, cluster.namespace, "epp")
            answer = http.request(page, "GET", "/metrics", headers={"authorization": f"Bearer {token}"})
            assert answer.status == 403, answer
        envoy = start_envoy(9002, secure=True)
        assert http.post(envoy.url, http.chat("a request")).headers["x-engine"] == "a"
        envoy.stop()
        assert epp.stop() == 0
        assert not [line for line in epp.lines if "forbids" in line], epp.output()
    finally:
        epp.kill()


@pytest.mark.skipif(not has_pod_addresses(), reason="no address of a pod is here: run the tests with scripts/pod-network")
def test_the_standalone_pod_routes_requests(cluster: Cluster, tmp_path: Path) -> None:
    """Both containers are started as they are rendered, in one network namespace, as in a pod."""
    values = rendered(STANDALONE)
    _apply_access(cluster.api, cluster.namespace, values)
    deployment = find(values, "Deployment", "epp")
    cluster.add_pod("a")
    cluster.add_pod("other", labels={"app": "other"})
    config = tmp_path / "epp.yaml"
    config.write_text(find(values, "ConfigMap", "epp-config")["data"]["epp.yaml"])
    envoy_config = tmp_path / "envoy.yaml"
    envoy_config.write_text(find(values, "ConfigMap", "envoy")["data"]["envoy.yaml"])
    one = container(deployment, "epp")
    variables = environment(one, values, _FIELDS | {"metadata.namespace": cluster.namespace})
    arguments = [argument.replace("/config/epp.yaml", str(config)) for argument in expanded(one, variables)]
    gateway_arguments = [
        argument.replace("/etc/envoy/envoy.yaml", str(envoy_config)) for argument in container(deployment, "envoy")["args"]
    ]
    account = {"KUBECONFIG": str(account_kubeconfig(cluster.api, cluster.namespace, "epp"))}
    epp = Process([product("epp"), *arguments], name="epp", env=os.environ | variables | account)
    envoy = Process([ENVOY, *gateway_arguments], name="envoy")
    try:
        eventually(lambda: http.request("http://127.0.0.1:9090", "GET", "/readyz").status == 200, f"ready: {epp.output()}", 15)

        def answer() -> http.Answer:
            return http.post("http://127.0.0.1:10000", http.chat("a request"))

        eventually(lambda: answer().status == 200, f"the gateway answers: {envoy.output()}", 15)
        assert {answer().headers["x-engine"] for _ in range(10)} == {"a"}
        envoy.stop()
        assert epp.stop() == 0
    finally:
        envoy.kill()
        epp.kill()
