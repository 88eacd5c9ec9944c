"""The chart: what it renders is what the overlays are, for the values of llm-d's charts and of Gateway API Inference Extension's."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Callable, Iterator

import helm_python
import pytest
import yaml

from kit import http
from kit.charts import (
    CHART, CLUSTERS, ELECTED, FIELDS, LABELS, MONITORED, PROVIDERS, PROXIED, SETS, STANDALONE, VALUES, Release, apply_access, cases,
    comparable, created, given, installations, merged, nested, of_set, paths, release, wrong,
)  # fmt: skip
from kit.command_lines import probe, without_kubernetes
from kit.engine import Engine
from kit.kubernetes import FakeAPIServer, objects
from kit.kubernetes.cluster import Cluster, account_kubeconfig, has_pod_addresses
from kit.manifests import DEPLOY, Object, admits, environment, find, rendered, with_components
from kit.paths import ENVOY, ROOT, product
from kit.process import Process
from kit.waiting import eventually


@pytest.mark.parametrize("name", SETS)
def test_what_it_renders_is_valid(name: str) -> None:
    values = of_set(name).objects
    assert len(values) >= 8
    assert wrong(of_set(name)) == {}
    names = [(value["kind"], value["metadata"]["name"]) for value in values]
    assert len(names) == len(set(names))
    assert {value["metadata"].get("namespace") for value in values} <= {"inference", None}


@pytest.mark.parametrize("name", [name for name in SETS if "," not in name])
def test_lint_finds_nothing(name: str) -> None:
    report = helm_python.lint(CHART, SETS[name], strict=True, namespace="inference")
    assert [message for message in report["messages"] if message["severity"] > 1] == [] and report["errors"] == []


def test_files_of_values_set_all_that_guides_set() -> None:
    listed = (VALUES / "guide-keys.txt").read_text().splitlines()
    wanted = {line for line in listed if line and not line.startswith("#")}
    assert len(wanted) > 100
    assert wanted - {path for values in SETS.values() for path in paths(values)} == set()


# What the overlays say.


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_gateway_gets_what_the_overlay_gives_it(provider: str) -> None:
    values = merged(LABELS, given(f"provider.name={provider}", "gateway.create=true", "httpRoute.create=true"))
    chart = comparable(release(values).objects)
    overlay = comparable(rendered(DEPLOY / "overlays" / PROVIDERS[provider]))
    assert chart.keys() == overlay.keys()
    for key in overlay:
        assert chart[key] == overlay[key]


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kustomization")


def test_a_leader_is_elected_as_by_the_component(folder: Path) -> None:
    chart = comparable(release(ELECTED, namespace="picker").objects)
    component = comparable(with_components(folder, DEPLOY / "components" / "leader-election"))
    (flag,) = [one for one in chart["Deployment", "epp"]["spec"]["template"]["spec"]["containers"][0]["args"] if "election" in one]
    assert flag == "--ha-enable-leader-election=true"
    text = json.dumps(list(chart.values())).replace(flag, "--ha-enable-leader-election")
    chart = {(value["kind"], value["metadata"]["name"]): value for value in json.loads(text)}
    for key in component:
        assert chart[key] == component[key]


def test_monitoring_wants_tokens_as_by_the_component(folder: Path) -> None:
    made = release(MONITORED, namespace="picker")
    chart = comparable(made.objects)
    component = comparable(with_components(folder, DEPLOY / "components" / "metrics-auth"))
    of_release = "warmpath-epp-picker-vllm"
    for key in component:
        if key[0].startswith("Cluster"):
            own = json.dumps(chart[key[0], key[1].replace("warmpath-epp", of_release)])
            assert json.loads(own.replace(of_release, "warmpath-epp")) == component[key]
        else:
            assert chart[key] == component[key]
    (monitor,), (secret,) = made.of_kind("ServiceMonitor"), made.of_kind("Secret")
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint.pop("authorization") == {"type": "Bearer", "credentials": {"name": secret["metadata"]["name"], "key": "token"}}
    (theirs,) = [one for one in rendered(DEPLOY / "monitoring") if one["kind"] == "ServiceMonitor"]
    assert [endpoint] == theirs["spec"]["endpoints"]
    service = find(made.objects, "Service", "vllm-epp")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    # The token is of an account that may read the page and nothing else.
    reader = secret["metadata"]["annotations"]["kubernetes.io/service-account.name"]
    bound = [one["roleRef"]["name"] for one in made.objects if any(subject["name"] == reader for subject in one.get("subjects", []))]
    assert bound == [f"{of_release}-metrics-reader"]


def test_the_standalone_pod_is_that_of_the_overlay() -> None:
    """But for the port of Envoy, which is that of llm-d's charts, and the Service, which is the picker's own."""
    chart = comparable(release(STANDALONE).objects)
    theirs = comparable(rendered(DEPLOY / "overlays" / "standalone"))
    envoy = [yaml.safe_load(found[key]["data"]["envoy.yaml"]) for found in (chart, theirs) for key in found if "envoy" in key[1]]
    envoy[1]["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"] = 8081
    assert envoy[0] == envoy[1]
    for key in (("Deployment", "epp"), ("NetworkPolicy", "epp"), ("Role", "epp"), ("ConfigMap", "epp")):
        text = json.dumps(theirs[key]).replace("10000", "8081")
        expected = json.loads(re.sub(r'"envoy-[a-z0-9]{10}"', '"vllm-envoy"', text))
        if key[0] == "Deployment":
            assert chart[key]["spec"]["template"]["metadata"].pop("annotations").keys() == {"checksum/envoy"}
            for template in (chart[key]["spec"]["template"], expected["spec"]["template"]):
                template.pop("metadata")
                template["spec"]["volumes"].sort(key=lambda volume: volume["name"])
        assert chart[key] == expected
    assert [port["targetPort"] for port in chart["Service", "epp"]["spec"]["ports"]] == ["grpc-ext-proc", "http-metrics", "http"]


# What follows from values.


@pytest.mark.parametrize("name", SETS)
def test_names_and_selectors_meet(name: str) -> None:
    made = of_set(name)
    accounts = {value["metadata"]["name"] for value in made.of_kind("ServiceAccount")}
    roles = {(value["kind"], value["metadata"]["name"]) for value in made.objects} | {("ClusterRole", "system:auth-delegator")}
    for binding in made.of_kind("RoleBinding") + made.of_kind("ClusterRoleBinding"):
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) in roles
        assert {one["name"] for one in binding["subjects"] if one["namespace"] == "inference"} <= accounts
    pods = [value["spec"]["template"] for value in made.of_kind("Deployment")]
    for service in made.of_kind("Service"):
        selected = [pod for pod in pods if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()]
        assert len(selected) == 1
        known = {port.get("name") for one in selected[0]["spec"]["containers"] for port in one["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"] if isinstance(port["targetPort"], str)} <= known
    for policy in made.of_kind("NetworkPolicy"):
        assert any(policy["spec"]["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items() for pod in pods)
    for pod in pods:
        volumes = [volume["name"] for volume in pod["spec"]["volumes"]]
        assert len(volumes) == len(set(volumes))
        assert {mount["name"] for one in pod["spec"]["containers"] for mount in one["volumeMounts"]} <= set(volumes)
        configs = {value["metadata"]["name"] for value in made.of_kind("ConfigMap")} | {"clusters"}
        assert {volume["configMap"]["name"] for volume in pod["spec"]["volumes"] if "configMap" in volume} <= configs
    for pool in made.of_kind("InferencePool"):
        assert f"--pool-name={pool['metadata']['name']}" in made.picker["args"]
        reference = pool["spec"].get("endpointPickerRef") or pool["spec"]["extensionRef"]
        service = find(made.objects, "Service", reference["name"])
        port = reference.get("portNumber") or reference["port"]["number"]
        assert [one["targetPort"] for one in service["spec"]["ports"] if one["port"] == port] == ["grpc-ext-proc"]
    assert ("--pool-name" in str(made.picker["args"])) != ("--endpoint-selector" in str(made.picker["args"]))
    flags = [argument.split("=")[0] for argument in made.picker["args"]]
    assert len(flags) == len(set(flags))


def test_containers_run_as_anybody_on_a_read_only_root() -> None:
    for name in ("default", "standalone", "proxies"):
        for deployment in of_set(name).of_kind("Deployment"):
            pod = deployment["spec"]["template"]["spec"]
            assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
            for one in pod["containers"]:
                wanted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
                assert one["securityContext"] == wanted | ({"runAsUser": 65532} if one["name"] == "envoy" else {})


@pytest.mark.parametrize("case", cases("flows"), ids=lambda case: f"{case['of']}, {case['port']}, {case.get('namespace', '')}")
def test_only_who_should_reaches_the_picker(case: Object) -> None:
    policy = find(of_set(case["of"]).objects, "NetworkPolicy", "vllm-epp")
    namespace = {"kubernetes.io/metadata.name": case.get("namespace", "inference")}
    admitted = admits(policy, case["port"], case.get("labels", {}), namespace, is_same_namespace="namespace" not in case)
    assert admitted == case["allowed"]


def test_each_family_of_names_renders_the_same() -> None:
    (pairs,) = cases("families")
    older, newer = (release(given(*(pair[index] for pair in pairs))) for index in (0, 1))
    assert older.objects == newer.objects and older.notes == newer.notes
    assert newer.picker["image"] == "r/n:t" and "--v=4" in newer.picker["args"]
    assert "defaultEngine: sglang" in newer.configuration


def test_older_names_go_before_newer_ones() -> None:
    both = merged(
        LABELS,
        given("router.epp.replicas=2", "router.epp.flags.v=3", "router.epp.flags.drain-timeout=10s"),
        given("router.modelServers.targetPorts[0].number=1"),
        given("inferenceExtension.replicas=4", "inferenceExtension.flags.v=5", "inferencePool.targetPorts[0].number=2"),
    )
    made = release(both)
    assert made.deployment["spec"]["replicas"] == 4
    assert {"--v=5", "--drain-timeout=10s"} <= set(made.picker["args"])
    assert find(made.objects, "InferencePool", "vllm")["spec"]["targetPorts"] == [{"number": 2}]


@pytest.mark.parametrize("case", cases("flags"), ids=lambda case: ",".join(case["set"]))
def test_flags_follow_from_values(case: Object) -> None:
    assert case["flag"] in release(LABELS, given(*case["set"])).picker["args"]


def test_probes_and_ports_follow_the_flags() -> None:
    flags = given("router.epp.flags.grpc-port=9102", "router.epp.flags.grpc-health-port=9103", "router.epp.extProcPort=9202")
    made = release(LABELS, flags)
    ports = {port["name"]: port["containerPort"] for port in made.picker["ports"]}
    assert ports == {"grpc-ext-proc": 9102, "grpc-health": 9103, "http-metrics": 9090}
    assert made.picker["readinessProbe"]["grpc"]["port"] == made.picker["livenessProbe"]["grpc"]["port"] == 9103
    assert find(made.objects, "InferencePool", "vllm")["spec"]["endpointPickerRef"]["port"]["number"] == 9202
    policy = find(made.objects, "NetworkPolicy", "vllm")
    assert admits(policy, 9102, {}, {"kubernetes.io/metadata.name": "istio-system"}, is_same_namespace=False)


def test_variables_are_written_once() -> None:
    again = {"router": {"epp": {"env": [{"name": "POD_IP", "value": "10.0.0.1"}, {"name": "OTEL_TRACES_SAMPLER", "value": "always_on"}]}}}
    picker = release(LABELS, given("router.tracing.enabled=true"), again).picker
    names = [one["name"] for one in picker["env"]]
    assert len(names) == len(set(names))
    variables = environment(picker, [], FIELDS)
    assert (variables["POD_IP"], variables["OTEL_TRACES_SAMPLER"]) == ("10.0.0.1", "always_on")
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://localhost:4318"
    older = release(LABELS, {"inferenceExtension": {"env": {"A_NUMBER": 1, "A_TEXT": "two"}}}).picker
    assert environment(older, [], FIELDS).items() >= {"A_NUMBER": "1", "A_TEXT": "two"}.items()


@pytest.mark.parametrize("case", cases("refused"), ids=lambda case: case["says"])
def test_what_cannot_work_is_refused(case: Object) -> None:
    with pytest.raises(helm_python.HelmRenderError, match=case["says"]):
        release(given(*case["set"]) if case["set"] else {})


@pytest.mark.parametrize("setting", cases("misspelled"))
def test_misspelled_values_are_refused(setting: str) -> None:
    with pytest.raises(helm_python.HelmValuesError):
        release(LABELS, given(setting))


_WITHOUT = yaml.safe_load((CHART / "files" / "without-effect.yaml").read_text())
_SAMPLES = [True, 3, "text.yaml", {"enabled": True}, {"name": "x"}, {"a.yaml": "b"}, [{"name": "x"}]]


@pytest.mark.parametrize("entry", _WITHOUT, ids=lambda entry: entry["path"])
def test_values_without_effect_are_named(entry: Object) -> None:
    """They are taken, change nothing, and the notes say why."""
    asked = []
    for sample in [entry["when"]] if "when" in entry else _SAMPLES:
        values = merged(STANDALONE, nested(entry["path"], sample))
        try:
            asked.append(release(values))
        except helm_python.HelmValuesError:
            continue
    assert asked
    for made in asked:
        assert f"- {entry['path']}" in made.notes and entry["reason"] in made.notes
        assert made.objects == release(STANDALONE).objects
    assert "Without effect" not in release(STANDALONE).notes


def test_notes_say_what_differs() -> None:
    assert "side by side" in release(LABELS, given("router.epp.replicas=2")).notes
    assert "side by side" not in release(ELECTED).notes
    assert "side by side" not in of_set("precise").notes
    assert "is not this picker's" in release(LABELS, given("router.epp.image.repository=llm-d-router-endpoint-picker")).notes
    assert "4318" in release(LABELS, given("router.tracing.enabled=true", "router.tracing.otelExporterEndpoint=http://c:4317")).notes
    assert "http://vllm-epp.inference:80." in of_set("agentgateway").notes
    assert "http://vllm-proxy.inference:8081." in of_set("proxies").notes
    assert "inferenceExtension.sidecar: it is no Envoy" in of_set("older-precise").notes


def test_documented_installations_render() -> None:
    own = installations(CHART / "README.md")
    assert len(own) >= 2
    for line, made in own + installations(ROOT / "README.md"):
        assert made.deployment["kind"] == "Deployment", line


# What the containers do with it.


def test_the_picker_takes_its_configurations(tmp_path: Path) -> None:
    texts = {text for name in SETS for text in find(of_set(name).objects, "ConfigMap", "vllm-epp")["data"].values()}
    assert len(texts) > 10
    path = tmp_path / "picker.yaml"
    for text in texts:
        path.write_text(text)
        result = subprocess.run([product("epp"), "validate", path], capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, (text, result.stderr)


@pytest.mark.parametrize("name", [name for name in SETS if "," not in name])
def test_the_picker_starts_with_its_arguments(name: str, tmp_path: Path) -> None:
    """Without Kubernetes: the flags that name pods are left out."""
    made = of_set(name)
    arguments = without_kubernetes(made.arguments(tmp_path))
    with Engine("a") as engine:
        epp = Process([product("epp"), *arguments, "--endpoint", engine.address], name="epp")
        try:
            epp.wait_for("serving ext_proc on ")
            assert epp.stop() == 0
        finally:
            epp.kill()


def test_envoy_takes_its_configurations_and_arguments(tmp_path: Path) -> None:
    """Each pair once: Envoy takes a second or two."""
    proxied = {name: of_set(name) for name in SETS if "envoyproxy/envoy" in str(of_set(name).objects)}
    assert list(proxied) == PROXIED
    commands = {json.dumps([made.envoy["args"], made.envoy_configuration]): made for made in proxied.values()}
    assert len(commands) > 5
    for made in commands.values():
        command = [ENVOY, "--mode", "validate", *made.envoy_arguments(tmp_path)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stderr


READY = pytest.mark.skipif(not has_pod_addresses(), reason="no address of a pod is here: run the tests with scripts/pod-network")


@pytest.fixture
def installed(cluster: Cluster) -> Iterator[Callable[[Object], tuple[Release, dict[str, str]]]]:
    """Creates the accounts and the pool of a release; returns it, and the picker's environment. What is outside of the namespace goes."""
    outside: list[str] = []

    def install(values: Object) -> tuple[Release, dict[str, str]]:
        made = release(values, namespace=cluster.namespace)
        outside.extend(apply_access(cluster.api, made))
        for pool in made.of_kind("InferencePool"):
            cluster.api.admin.create(objects.custom(pool["apiVersion"], "inferencepools", cluster.namespace), pool)
        variables = environment(made.picker, made.objects, FIELDS | {"metadata.namespace": cluster.namespace})
        account = {"KUBECONFIG": str(account_kubeconfig(cluster.api, cluster.namespace, "vllm-epp"))}
        return made, os.environ | variables | account

    yield install
    for path in outside:
        cluster.api.admin.delete(path)


@READY
@pytest.mark.parametrize("values", [*CLUSTERS.values()], ids=[*CLUSTERS])
def test_the_picker_of_a_release_works(values: Object, cluster: Cluster, installed, start_envoy, tmp_path: Path) -> None:
    """With the account, the permissions and the pool of the release, on the ports that it names, to the probes that it has."""
    made, variables = installed(values)
    cluster.add_pod("a")
    cluster.add_pod("other", labels={"app": "other"})
    epp = Process([product("epp"), *made.arguments(tmp_path)], name="epp", env=variables)
    try:
        for of in ("readinessProbe", "livenessProbe"):
            asked = made.picker[of]["grpc"]
            eventually(lambda: probe(asked["port"], asked["service"]) == "SERVING", f"{of}: {epp.output()}", 20)
        page = "http://127.0.0.1:9090"
        wants_token = bool(made.of_kind("ServiceMonitor"))
        assert http.request(page, "GET", "/metrics").status == (401 if wants_token else 200)
        for account, status in (("vllm-epp-metrics-reader", 200), ("vllm-epp", 403)) if wants_token else ():
            token = objects.account_token(cluster.api.admin, cluster.namespace, account)
            assert http.request(page, "GET", "/metrics", headers={"authorization": f"Bearer {token}"}).status == status
        envoy = start_envoy(9002, secure=True)
        assert {http.post(envoy.url, http.chat("a request")).headers["x-engine"] for _ in range(5)} == {"a"}
        envoy.stop()
        assert epp.stop() == 0
        assert not [line for line in epp.lines if "forbids" in line], epp.output()
    finally:
        epp.kill()


@READY
def test_the_standalone_pod_routes_requests(cluster: Cluster, installed, tmp_path: Path) -> None:
    """Both containers are started as they are rendered, in one network namespace, as in a pod; clients call the Service's port."""
    ports = given("router.extraServicePorts[0].name=http", "router.extraServicePorts[0].port=80")
    made, variables = installed(merged(STANDALONE, ports))
    cluster.add_pod("a")
    cluster.add_pod("other", labels={"app": "other"})
    (target,) = [port["targetPort"] for port in find(made.objects, "Service", "vllm-epp")["spec"]["ports"] if port["port"] == 80]
    (port,) = [one["containerPort"] for one in made.envoy["ports"] if one["name"] == target]
    epp = Process([product("epp"), *made.arguments(tmp_path)], name="epp", env=variables)
    envoy = Process([ENVOY, *made.envoy_arguments(tmp_path)], name="envoy")
    try:
        eventually(lambda: http.request("http://127.0.0.1:9090", "GET", "/readyz").status == 200, f"ready: {epp.output()}", 20)

        def answer() -> http.Answer:
            return http.post(f"http://127.0.0.1:{port}", http.chat("a request"))

        eventually(lambda: answer().status == 200, f"the gateway answers: {envoy.output()}", 20)
        assert {answer().headers["x-engine"] for _ in range(5)} == {"a"}
        envoy.stop()
        assert epp.stop() == 0
    finally:
        envoy.kill()
        epp.kill()


def test_an_api_server_takes_every_object(definitions: None, api) -> None:
    if isinstance(api, FakeAPIServer):
        # It knows what the picker asks for. Not skipped: nothing is left untested.
        return
    for name, values in SETS.items():
        namespace = api.admin.create(objects.NAMESPACES, {"metadata": {"generateName": "test-"}})["metadata"]["name"]
        unknown = created(api, release(values, namespace=namespace))
        # Newer than 1.20, or without a definition.
        assert unknown <= {"PodDisruptionBudget", "HorizontalPodAutoscaler", "ServiceMonitor", "PodMonitoring"}, name
