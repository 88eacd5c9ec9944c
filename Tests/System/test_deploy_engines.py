"""The model servers of deploy/: the values of the architecture, what their engines know, who reaches their ports, and who they run as."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from kit import extproc as ep
from kit import http
from kit.engine import Engine
from kit.gateway import Exchange
from kit.manifests import COMPONENTS, DEPLOY, OVERLAYS, Object, admits, container, environment, expanded, find, rendered
from kit.paths import ENVOY, ROOT, product
from kit.ports import free_port
from kit.process import Process
from kit.waiting import eventually

ARCHITECTURE = DEPLOY / "overlays" / "architecture"
CURRENT = [DEPLOY / "overlays" / name for name in ("cache-aware-service", "openshift", "pd")]
WITH_ENGINES = [ARCHITECTURE, *CURRENT]
HOST = "llm-d-inference-gateway-llm-d.apps.rhoai-cluster.qhxt.p1.openshiftapps.com"


def _deployments(values: list[Object], engine: bool = True) -> list[Object]:
    return [value for value in values if value["kind"] == "Deployment" and value["metadata"]["name"].startswith("vllm") == engine]


def _pods(values: list[Object]) -> list[Object]:
    return [value["spec"]["template"]["spec"] for value in values if value["kind"] == "Deployment"]


def _find(values: list[Object], kind: str, name: str) -> Object:
    (found,) = [value for value in values if (value["kind"], value["metadata"]["name"]) == (kind, name)]
    return found


# MARK: The architecture


def test_the_architecture_has_every_value_that_it_names() -> None:
    values = rendered(ARCHITECTURE)
    deployment = _find(values, "Deployment", "vllm")
    pod = deployment["spec"]["template"]["spec"]
    engine = container(deployment, "vllm")
    assert engine["image"] == "ghcr.io/llm-d/llm-d:v0.2.0"
    for argument in (
        "--port=8001", "--enable-prefix-caching", "--prefix-caching-hash-algo=builtin", "--block-size=16",
        "--no-enable-chunked-prefill", "--gpu-memory-utilization=0.9", "--max-model-len=4096",
    ):  # fmt: skip
        assert argument in engine["args"], argument
    # Its version renders no prompts: no token ids, and nothing to hold events against.
    assert not [argument for argument in engine["args"] if "scale-out" in argument or "kv-events" in argument]
    model = environment(engine, values, {"status.podIP": "10.0.0.1"}, {("llm-d-hf-token", "HF_TOKEN"): "token"})
    assert model["MODEL"].lower().startswith("meta-llama/llama-3.2-1b") and model["HF_TOKEN"] == "token"
    (sidecar,) = pod["initContainers"]
    assert (sidecar["name"], sidecar["restartPolicy"]) == ("routing-proxy", "Always")
    assert {"--port=8000", "--model-server-port=8001"} <= set(sidecar["args"])
    service = _find(values, "Service", "llama-3-2-1b-cache-aware-service")["spec"]
    assert service["type"] == "ClusterIP" and service["sessionAffinity"] == "ClientIP"
    assert service["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 7200}}
    assert [(port["port"], port["targetPort"]) for port in service["ports"]] == [(8000, 8000), (8001, 8001)]
    assert service["selector"].items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    route = _find(values, "HTTPRoute", "vllm")["spec"]
    assert route["hostnames"] == [HOST]
    (rule,) = route["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/v1"}}]
    assert rule["backendRefs"] == [{"kind": "Service", "name": "llama-3-2-1b-cache-aware-service", "port": 8000}]
    edge = _find(values, "Route", "llm-d-inference-gateway")["spec"]
    assert edge["host"] == HOST and edge["tls"]["termination"] == "edge" and "certificate" not in edge["tls"]
    # Istio makes a Service of the Gateway's and its class's name, whose ports have the names of the listeners.
    gateway = _find(values, "Gateway", "inference-gateway")["spec"]
    assert edge["to"]["name"] == f"inference-gateway-{gateway['gatewayClassName']}"
    assert edge["port"]["targetPort"] in {listener["name"] for listener in gateway["listeners"]}
    topology = json.loads(gateway["infrastructure"]["annotations"]["proxy.istio.io/config"])
    assert topology == {"gatewayTopology": {"numTrustedProxies": 1}}
    hashing = _find(values, "DestinationRule", "llama-3-2-1b-cache-aware-service")["spec"]
    assert hashing["host"] == "llama-3-2-1b-cache-aware-service"
    assert hashing["trafficPolicy"]["loadBalancer"]["consistentHash"]["useSourceIp"] is True
    # The picker and the sidecar are Warmpath's, and the picker keeps a client for as long as the Service does.
    images = {one["image"].split(":")[0] for pod in _pods(values) for one in pod["containers"] + pod.get("initContainers", [])}
    assert images == {"ghcr.io/llm-d/llm-d", "warmpath-epp", "warmpath-routing-sidecar"}
    config = yaml.safe_load(find(values, "ConfigMap", "epp-config")["data"]["epp.yaml"])
    (affinity,) = [plugin["parameters"] for plugin in config["plugins"] if plugin["type"] == "session-affinity-filter"]
    assert affinity == {"strategy": "client_address", "evictionTtlSeconds": 7200, "trustedHops": 2}


def test_the_cache_aware_service_is_the_same_with_a_current_engine() -> None:
    old, new = rendered(ARCHITECTURE), rendered(DEPLOY / "overlays" / "cache-aware-service")
    name = "llama-3-2-1b-cache-aware-service"
    assert _find(old, "Service", name)["spec"] == _find(new, "Service", name)["spec"]


@pytest.mark.parametrize("path", WITH_ENGINES, ids=lambda path: path.name)
def test_overlays_with_engines_are_monitored(path: Path) -> None:
    assert {"ServiceMonitor", "PodMonitor", "PrometheusRule"} <= {value["kind"] for value in rendered(path)}


@pytest.mark.parametrize("path", WITH_ENGINES, ids=lambda path: path.name)
def test_engines_know_their_options(path: Path) -> None:
    for deployment in _deployments(rendered(path)):
        engine = container(deployment, "vllm")
        version = engine["image"].split(":v")[1]
        version = {"0.2.0": "0.10.0"}.get(version, version)
        known = set((ROOT / f"Tests/Engines/vllm-{version}-options.txt").read_text().split("\n"))
        options = [argument.split("=")[0] for argument in engine["args"] if argument.startswith("--")]
        assert [option for option in options if option not in known] == [], f"vLLM {version} does not know them"
        for argument in engine["args"]:
            if "={" in argument:
                json.loads(argument.split("=", 1)[1])
        # The version is said where the overlay is described.
        assert f"vLLM {version}" in (path / "kustomization.yaml").read_text()


@pytest.mark.parametrize("path", CURRENT[:2], ids=lambda path: path.name)
def test_events_have_the_ports_that_the_picker_follows(path: Path) -> None:
    values = rendered(path)
    engine = container(_find(values, "Deployment", "vllm"), "vllm")
    (events,) = [json.loads(argument.split("=", 1)[1]) for argument in engine["args"] if "kv-events-config" in argument]
    ports = [int(events[name].rsplit(":", 1)[1]) for name in ("endpoint", "replay_endpoint")]
    arguments = container(_find(values, "Deployment", "epp"), "epp")["args"]
    assert [f"--kv-events-port={ports[0]}", f"--kv-replay-port={ports[1]}"] == arguments[-2:]
    assert "--enable-scale-out" in engine["args"] and "--enable-prompt-tokens-details" in engine["args"]
    assert {port["containerPort"] for port in engine["ports"]} >= set(ports)


# MARK: Pods


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.name)
def test_every_pod_passes_the_restricted_level(path: Path) -> None:
    """Kubernetes' Pod Security level restricted, point by point."""
    for pod in _pods(rendered(path)):
        assert not any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC"))
        assert {next(iter(set(volume) - {"name"})) for volume in pod.get("volumes", [])} <= {
            "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
        }  # fmt: skip
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        for one in pod["containers"] + pod.get("initContainers", []):
            context = one["securityContext"]
            assert context["allowPrivilegeEscalation"] is False and context["capabilities"] == {"drop": ["ALL"]}
            assert not context.get("privileged") and pod["securityContext"]["runAsNonRoot"] is True
            assert context.get("runAsUser", 1) != 0 and pod["securityContext"].get("runAsUser", 1) != 0
            assert not any("hostPort" in port for port in one.get("ports", []))


@pytest.mark.parametrize("path", WITH_ENGINES, ids=lambda path: path.name)
def test_everything_that_an_engine_writes_is_on_a_volume(path: Path) -> None:
    for deployment in _deployments(rendered(path)):
        engine = container(deployment, "vllm")
        mounts = [mount["mountPath"] for mount in engine["volumeMounts"] if not mount.get("readOnly")]
        variables = {variable["name"]: variable.get("value", "") for variable in engine["env"]}
        for name in ("HOME", "HF_HOME", "VLLM_CACHE_ROOT", "VLLM_CONFIG_ROOT", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"):
            assert any(variables[name].startswith(mount + "/") for mount in mounts), name
        assert variables["USER"] and {"/dev/shm", "/tmp"} <= set(mounts)
        volumes = {volume["name"]: volume for volume in deployment["spec"]["template"]["spec"]["volumes"]}
        (shared,) = [mount["name"] for mount in engine["volumeMounts"] if mount["mountPath"] == "/dev/shm"]
        assert volumes[shared]["emptyDir"]["medium"] == "Memory"


@pytest.mark.parametrize("path, name", [(ARCHITECTURE, "llm-d-inference-gateway"), (DEPLOY / "overlays" / "openshift", "affinity-gateway")])
def test_routes_wait_for_long_answers_and_add_clients(path: Path, name: str) -> None:
    values = rendered(path)
    route = _find(values, "Route", name)
    prefix = "haproxy.router.openshift.io/"
    assert route["metadata"]["annotations"][prefix + "timeout"] == "600s"
    assert route["metadata"]["annotations"][prefix + "set-forwarded-headers"] == "append"
    assert route["spec"]["tls"]["termination"] == "edge"
    if name == "affinity-gateway":
        service = _find(values, "Service", route["spec"]["to"]["name"])["spec"]
        assert route["spec"]["port"]["targetPort"] in {port["name"] for port in service["ports"]}


def test_the_picker_of_the_architecture_tells_clients_behind_the_router_apart(engines: list[Engine], start_epp, tmp_path: Path) -> None:
    """The router has written the client, and the gateway the router; what the client has written itself stands on the left."""
    file = tmp_path / "epp.yaml"
    file.write_text(find(rendered(ARCHITECTURE), "ConfigMap", "epp-config")["data"]["epp.yaml"])
    epp = start_epp("--config-file", str(file), endpoints=[engine.address for engine in engines])
    for engine in engines:
        # The second is asked for when the first is known: none of them is stale.
        engine.wait_scrapes(2)
    channel = epp.channel()

    def pick(client: str, forged: str = "") -> str:
        exchange = Exchange(ep.Stream(channel))
        headers = ep.post_headers("/v1/chat/completions", ("x-forwarded-for", f"{forged}{client}, 10.128.0.5"))
        outcome = exchange.request(headers, [http.chat("hello")])
        exchange.stream.finish()
        return outcome.destination

    clients = [f"203.0.113.{number}" for number in range(16)]
    placed = {client: pick(client) for client in clients}
    assert len(set(placed.values())) == len(engines)
    assert {client: pick(client, "198.51.100.1, ") for client in clients} == placed


def test_openshift_gives_users_and_nobody_else_does() -> None:
    """restricted-v2 refuses a user or a group of the manifest; elsewhere the images of vLLM and Envoy would run as root."""
    for path in (ARCHITECTURE, DEPLOY / "overlays" / "openshift"):
        for pod in _pods(rendered(path)):
            contexts = [pod["securityContext"], *(one["securityContext"] for one in pod["containers"] + pod.get("initContainers", []))]
            assert not any(set(context) & {"runAsUser", "runAsGroup", "fsGroup"} for context in contexts)
    for path in (DEPLOY / "overlays" / "cache-aware-service", DEPLOY / "overlays" / "pd"):
        for deployment in _deployments(rendered(path)):
            context = deployment["spec"]["template"]["spec"]["securityContext"]
            assert context["runAsUser"] > 0 and context["fsGroup"] > 0
    for path, name in ((DEPLOY / "overlays" / "cache-aware-service", "affinity-gateway"), (DEPLOY / "overlays" / "standalone", "epp")):
        pod = find(rendered(path), "Deployment", name)["spec"]["template"]["spec"]
        (gateway,) = [one for one in pod["containers"] if one["image"].startswith("envoyproxy/envoy")]
        assert (pod["securityContext"] | gateway["securityContext"])["runAsUser"] > 0


@pytest.mark.parametrize("path", WITH_ENGINES, ids=lambda path: path.name)
def test_engines_end_after_their_answers_and_begin_with_patience(path: Path) -> None:
    values = rendered(path)
    for deployment in _deployments(values):
        pod = deployment["spec"]["template"]["spec"]
        engine = container(deployment, "vllm")
        variables = environment(engine, values, {"status.podIP": "10.0.0.1"}, {("llm-d-hf-token", "HF_TOKEN"): ""})
        drain = int(variables["DRAIN_SECONDS"])
        assert engine["lifecycle"]["preStop"]["exec"]["command"] == ["sh", "-c", 'sleep "$DRAIN_SECONDS"']
        assert drain > 5 and drain + 30 <= pod["terminationGracePeriodSeconds"]
        startup = engine["startupProbe"]
        assert startup["periodSeconds"] * startup["failureThreshold"] == 30 * 60
        assert {engine[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")} == {"/health"}
        # One GPU, for the request and the limit of a resource that is not shared are equal.
        assert [engine["resources"][kind]["nvidia.com/gpu"] for kind in ("requests", "limits")] == ["1", "1"]
        (token,) = [variable for variable in engine["env"] if variable["name"] == "HF_TOKEN"]
        assert token["valueFrom"]["secretKeyRef"]["optional"] == (path != ARCHITECTURE)
        for sidecar in pod.get("initContainers", []):
            assert sidecar["restartPolicy"] == "Always"
            # It has to have started before the engine is, so it may not wait for it.
            paths = {name: sidecar[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
            assert paths == {"startupProbe": "/startupz", "livenessProbe": "/livez", "readinessProbe": "/readyz"}


# MARK: Flows


EPP = {"app.kubernetes.io/name": "warmpath-epp"}
FLOWS = [
    ("a gateway beside the engines", {"gateway.networking.k8s.io/gateway-name": "inference-gateway"}, "", {8000}),
    ("an Istio gateway", {}, "istio-ingress", {8000}),
    ("OpenShift's router", {}, "openshift-ingress", {8000}),
    ("the picker", EPP, "", {8000, 8001, 5557, 5558}),
    ("another engine", {"app": "vllm"}, "", {8000, 5600, 20000}),
    ("another pod beside the engines", {}, "", set()),
    ("monitoring", {}, "monitoring", {8000, 8001, 9091}),
    ("a pod elsewhere with the picker's label", EPP, "default", set()),
    ("anybody", {}, "default", set()),
]


@pytest.mark.parametrize("source, labels, namespace, ports", FLOWS, ids=[flow[0] for flow in FLOWS])
@pytest.mark.parametrize("path", WITH_ENGINES, ids=lambda path: path.name)
def test_only_who_should_reaches_an_engine(
    path: Path, source: str, labels: dict[str, str], namespace: str, ports: set[int]
) -> None:  # fmt: skip
    values = rendered(path)
    (policy,) = [value for value in values if value["kind"] == "NetworkPolicy" and value["metadata"]["name"].startswith("vllm")]
    of_namespace = {"kubernetes.io/metadata.name": namespace or policy["metadata"]["namespace"]}
    reached = {
        port for port in (8000, 8001, 9091, 5557, 5558, 5600, 20000, 22)
        if admits(policy, port, labels, of_namespace, is_same_namespace=not namespace)
    }  # fmt: skip
    engines = _deployments(values)
    if not any("kv-events-config" in argument for engine in engines for argument in container(engine, "vllm")["args"]):
        ports = ports - {5557, 5558}
    # Blocks are passed among engines where prompts are computed by other engines.
    if path.name != "pd":
        ports = ports - {5600, 20000}
    # The cache-aware Service is for all of the namespace.
    is_shared = any(value["kind"] == "Service" and value["metadata"]["name"].endswith("cache-aware-service") for value in values)
    assert reached == (ports | {8000} if is_shared and not namespace else ports)


def test_blocks_are_passed_among_the_engines_of_the_pool_alone() -> None:
    values = rendered(DEPLOY / "overlays" / "pd")
    (policy,) = [value for value in values if value["kind"] == "NetworkPolicy" and value["metadata"]["name"].startswith("vllm")]
    own = {"kubernetes.io/metadata.name": "inference"}
    for deployment in _deployments(values):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
        for port in (8000, 5600, 20000, 20050, 20099):
            assert admits(policy, port, labels, own, is_same_namespace=True), port
        assert not admits(policy, 20100, labels, own, is_same_namespace=True)
        variables = {variable["name"]: variable.get("value") for variable in container(deployment, "vllm")["env"]}
        assert (variables["VLLM_NIXL_SIDE_CHANNEL_PORT"], variables["UCX_TCP_PORT_RANGE"]) == ("5600", "20000-20099")
    assert not admits(policy, 5600, EPP, own, is_same_namespace=True)


def test_roles_are_told_apart() -> None:
    values = rendered(DEPLOY / "overlays" / "pd")
    roles = {}
    for deployment in _deployments(values):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
        roles[labels["llm-d.ai/role"]] = deployment
    assert set(roles) == {"prefill", "decode"}
    assert "initContainers" not in roles["prefill"]["spec"]["template"]["spec"]
    # Where the pool's port is the engine itself, and where it is the sidecar.
    assert "--port=8000" in container(roles["prefill"], "vllm")["args"]
    assert "--port=8001" in container(roles["decode"], "vllm")["args"]
    assert "--kv-connector=nixlv2" in container(roles["decode"], "routing-proxy")["args"]
    budgets = [value["spec"]["selector"]["matchLabels"] for value in values if value["kind"] == "PodDisruptionBudget"]
    assert sum("llm-d.ai/role" in selector for selector in budgets) == 2


# MARK: What is started


def test_the_gateways_that_hash_differ_in_what_they_have_to() -> None:
    example = yaml.safe_load((DEPLOY / "envoy" / "source-hash.yaml").read_text())
    own = yaml.safe_load((DEPLOY / "components" / "affinity-gateway" / "envoy.yaml").read_text())
    routed = yaml.safe_load((DEPLOY / "overlays" / "openshift" / "envoy.yaml").read_text())
    manager = routed["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    assert manager.pop("xff_num_trusted_hops") == 1
    assert own["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"].pop("xff_num_trusted_hops") == 0
    assert routed == own
    listener = example["static_resources"]["listeners"][0]
    listener["address"]["socket_address"]["address"] = "0.0.0.0"
    assert listener["filter_chains"][0]["filters"][0]["typed_config"].pop("xff_num_trusted_hops") == 0
    (cluster,) = example["static_resources"]["clusters"]
    sidecar = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    assert sidecar["address"] == "127.0.0.1"
    sidecar["address"] = _find(rendered(CURRENT[0]), "Service", "vllm-pods")["metadata"]["name"]
    assert own == example
    for path in (DEPLOY / "components" / "affinity-gateway", DEPLOY / "overlays" / "openshift"):
        subprocess.run([str(ENVOY), "--mode", "validate", "-c", str(path / "envoy.yaml")], check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("path", WITH_ENGINES, ids=lambda path: path.name)
def test_sidecars_start_as_they_are_rendered(path: Path) -> None:
    """But for the ports, which may be taken here. It is there before its engine."""
    for deployment in _deployments(rendered(path)):
        if "initContainers" not in deployment["spec"]["template"]["spec"]:
            continue
        arguments = expanded(container(deployment, "routing-proxy"), {})
        ports = [free_port(), free_port()]
        own = {"--port=8000": f"--port={ports[0]}", "--metrics-port=9091": f"--metrics-port={ports[1]}"}
        assert set(own) <= set(arguments)
        command = [product("routing-sidecar"), "--bind-address=127.0.0.1", *(own.get(argument, argument) for argument in arguments)]
        with Process(command, name="routing-sidecar") as process:
            sidecar = f"http://127.0.0.1:{ports[0]}"
            eventually(lambda sidecar=sidecar: http.request(sidecar, "GET", "/startupz").status == 200, "it has started")
            assert http.request(sidecar, "GET", "/readyz").status == 503
            assert http.request(f"http://127.0.0.1:{ports[1]}", "GET", "/metrics").status == 200
            assert process.stop() == 0


def test_the_page_tries_a_file_that_is_there() -> None:
    (command,) = [line for line in (DEPLOY / "README.md").read_text().splitlines() if line.startswith(".build-release/release/epp ")]
    arguments = command.split()[1:]
    result = subprocess.run([product("epp"), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0 and result.stdout.startswith("ok"), result.stderr
    assert {path.name for path in OVERLAYS} <= set(re.findall(r"`([\w-]+)`", (DEPLOY / "README.md").read_text()))
    assert {path.name for path in COMPONENTS} <= set(re.findall(r"`([\w-]+)`", (DEPLOY / "README.md").read_text()))


def test_components_say_what_they_are() -> None:
    for path in COMPONENTS:
        assert (path / "kustomization.yaml").read_text().startswith("# "), path.name
