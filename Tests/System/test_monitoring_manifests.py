"""The manifests of deploy/monitoring: valid objects that meet what is deployed."""

import dataclasses
import json
import re
from pathlib import Path

import yaml

from kit.kubernetes import FakeAPIServer, RealAPIServer, objects, schema
from kit.kubernetes.cluster import account_kubeconfig
from kit.kubernetes.store import Object
from kit.manifests import COMPONENTS, DEPLOY, container, find, rendered, with_components
from kit.monitoring import MONITORING, ConfiguredPrometheus, Target, dashboard, groups, monitors, picker_target, rules, scrape_configs
from kit.waiting import eventually

KEDA = DEPLOY / "components" / "keda"
(MODEL_SERVER,) = [path for path in COMPONENTS if path.name == "model-server"]
# Of custom resources, as paths name them.
PLURALS = {
    "ServiceMonitor": "servicemonitors", "PodMonitor": "podmonitors", "PrometheusRule": "prometheusrules", "ScaledObject": "scaledobjects",
}  # fmt: skip


def _problems(value: Object) -> list[object]:
    """Returns what is wrong with a custom resource by its reduced schema."""
    group, _, version = value["apiVersion"].rpartition("/")
    (definition,) = [
        one["spec"] for one in objects.definitions().values()
        if (one["spec"]["group"], one["spec"]["names"]["kind"]) == (group, value["kind"])
    ]  # fmt: skip
    (structure,) = [one["schema"]["openAPIV3Schema"] for one in definition["versions"] if one["name"] == version]
    pruned = schema.completed(structure, value)
    return [*schema.violations(structure, value), *([] if pruned == value else ["fields that the schema does not have"])]


def test_the_objects_are_valid(tmp_path: Path) -> None:
    values = rendered(MONITORING)
    (page,) = [value for value in values if value["kind"] == "ConfigMap"]
    assert page["metadata"]["labels"] == {"grafana_dashboard": "1"}
    assert json.loads(page["data"]["warmpath.json"]) == dashboard()
    assert find(values, "PrometheusRule", "warmpath")["spec"] == groups()
    # What kubectl can keep in an annotation.
    assert len(json.dumps(page)) < 2**18
    values += [value for value in with_components(tmp_path, KEDA) if value["kind"] == "ScaledObject"]
    custom = [value for value in values if value["kind"] != "ConfigMap"]
    assert sorted(value["kind"] for value in custom) == ["PodMonitor", "PodMonitor", "PrometheusRule", "ScaledObject", "ServiceMonitor"]
    for value in custom:
        assert _problems(value) == [], value["kind"]
        value["spec"]["misspelled"] = 1
        assert _problems(value) != []


def test_engines_are_added_where_they_are_counted(tmp_path: Path) -> None:
    """The overlay that the component is for, by the names in its queries."""
    (scaled,) = [one for one in with_components(tmp_path, KEDA) if one["kind"] == "ScaledObject"]
    overlay = rendered(DEPLOY / "overlays" / "cache-aware-service")
    target = scaled["spec"]["scaleTargetRef"]
    engines = find(overlay, target["kind"], target["name"])
    assert target["apiVersion"] == engines["apiVersion"]
    assert scaled["spec"]["minReplicaCount"] < scaled["spec"]["maxReplicaCount"]
    queries = " ".join(trigger["metadata"]["query"] for trigger in scaled["spec"]["triggers"])
    assert set(re.findall(r'namespace="(\w+)"', queries)) == {engines["metadata"]["namespace"]}
    assert re.findall(r'inference_pool="(\w+)"', queries) == [find(overlay, "InferencePool", "")["metadata"]["name"]]


def test_an_api_server_takes_the_objects(api: FakeAPIServer | RealAPIServer, definitions: None, namespace: str, tmp_path: Path) -> None:
    values = [value for value in rendered(MONITORING) + with_components(tmp_path, KEDA) if value["kind"] in PLURALS]
    assert {value["kind"] for value in values} == PLURALS.keys()
    for value in values:
        value["metadata"]["namespace"] = namespace
        made = api.admin.create(objects.custom(value["apiVersion"], PLURALS[value["kind"]], namespace), value)
        assert made["spec"] == value["spec"]


def _discoverable(values: list[Object], workload: str, address: str, **labels: str) -> list[Target]:
    """Returns the ports of a pod of a Deployment, those of init containers too, with the Service that has the same labels and ports."""
    template = find(values, "Deployment", workload)["spec"]["template"]
    own = template["metadata"]["labels"] | labels
    found = []
    for one in [*template["spec"]["containers"], *template["spec"].get("initContainers", [])]:
        for port in one.get("ports", []):
            target = Target(f"{address}:{port['containerPort']}", f"{workload}-0", port["name"], one["name"], labels=own)
            for service in (value for value in values if value["kind"] == "Service"):
                selects = service["spec"]["selector"].items() <= own.items()
                if selects and port["name"] in [entry["targetPort"] for entry in service["spec"]["ports"]]:
                    named = {"service": service["metadata"]["name"], "service_labels": service["metadata"]["labels"]}
                    target = dataclasses.replace(target, **named)
            found.append(target)
    return found


def test_monitors_choose_the_pages_of_what_is_deployed(tmp_path: Path) -> None:
    """In a real Prometheus, which is told of all ports; nobody listens there."""
    values = with_components(tmp_path, MODEL_SERVER)
    targets = _discoverable(values, "epp", "127.0.0.2")
    targets += _discoverable(values, "vllm", "127.0.0.3", **{"llm-d.ai/role": "decode"})
    assert len(targets) == 6 and {one.service for one in targets if one.pod == "epp-0"} == {"epp", ""}
    folder = tmp_path / "prometheus"
    folder.mkdir()
    common = {"namespace": "inference"}
    engine = common | {"pod": "vllm-0", "engine_pod": "vllm-0", "role": "decode"}
    picker = {"pod": "epp-0", "container": "epp", "service": "epp", "job": "epp", "endpoint": "http-metrics", "instance": "127.0.0.2:9090"}
    sidecar = {"container": "routing-proxy", "job": "pod/sidecars", "endpoint": "http-metrics", "instance": "127.0.0.3:9091"}
    server = {"container": "vllm", "job": "pod/engines", "endpoint": "http-engine", "engine_rank": "0", "instance": "127.0.0.3:8001"}
    jobs = [one for monitor in monitors() for one in scrape_configs(monitor, targets)]
    with ConfiguredPrometheus(jobs, folder) as prometheus:

        def found() -> list[dict[str, str]]:
            return sorted(prometheus.targets(), key=lambda labels: labels["job"])  # type: ignore[attr-defined]

        eventually(lambda: len(found()) >= 3, "targets are taken", 30)
        assert found() == [common | picker, engine | server, engine | sidecar]


def test_links_of_the_page_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)]+)\)", (MONITORING / "README.md").read_text())
    assert targets and [target for target in targets if not (MONITORING / target).exists()] == []


def test_the_dashboard_is_sound() -> None:
    page = dashboard()
    assert page["schemaVersion"] >= 41 and page["uid"] and page["title"]
    assert [one["name"] for one in page["templating"]["list"]] == ["datasource", "namespace", "pool", "picker", "pod"]
    numbers = [panel["id"] for panel in page["panels"]]
    assert len(numbers) == len(set(numbers))
    taken: set[tuple[int, int]] = set()
    for panel in page["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
            letters = [target["refId"] for target in panel["targets"]]
            assert letters and len(letters) == len(set(letters)), panel["title"]
    titles = [panel["title"] for panel in page["panels"]]
    assert len(titles) == len(set(titles))
    (table,) = [panel for panel in page["panels"] if panel["type"] == "table"]
    joined, organised = table["transformations"]
    assert joined["options"]["byField"] == "engine_pod"
    assert organised["options"]["renameByName"].keys() == {f"Value #{one['refId']}" for one in table["targets"]} | {"engine_pod"}


def test_a_prometheus_with_the_token_of_the_secret_reads_a_closed_page(
    api: FakeAPIServer | RealAPIServer, namespace: str, start_epp, tmp_path: Path
) -> None:
    """metrics-auth of deploy/monitoring over that of deploy/components."""
    folder, data = tmp_path / "overlay", [tmp_path / "with", tmp_path / "without"]
    for one in (folder, *data):
        one.mkdir()
    values = with_components(folder, DEPLOY / "components" / "metrics-auth")
    text = yaml.safe_load((folder / "kustomization.yaml").read_text())
    text["resources"].append(text["resources"][0].replace("base", "monitoring"))
    text["components"].append(text["resources"][1] + "/metrics-auth")
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(text | {"namespace": namespace}))
    values = rendered(folder)
    made = []
    for value in values:
        path = f"{objects.RBAC}/{value['kind'].lower()}s"
        if value["kind"] == "ServiceAccount":
            api.admin.create(objects.service_accounts(namespace), value)
        elif value["kind"] in ("Role", "RoleBinding"):
            api.admin.create(path.replace("/v1/", f"/v1/namespaces/{namespace}/"), value)
        elif value["kind"].startswith("ClusterRole"):
            api.admin.create(path, value)
            made.append(f"{path}/{value['metadata']['name']}")
    try:
        secret, monitor = find(values, "Secret", "epp-metrics-token"), find(values, "ServiceMonitor", "epp")
        reference = monitor["spec"]["endpoints"][0]["authorization"]["credentials"]
        assert reference == {"name": secret["metadata"]["name"], "key": "token"} and _problems(monitor) == []
        account = secret["metadata"]["annotations"]["kubernetes.io/service-account.name"]
        (tmp_path / "token").write_text(objects.account_token(api.admin, namespace, account))
        epp = start_epp(
            "--endpoint-selector", "app=vllm", "--endpoint-target-ports", "8000", "--pool-namespace", namespace,
            "--kubeconfig", str(account_kubeconfig(api, namespace, "epp")), "--metrics-endpoint-auth=true",
        )  # fmt: skip
        targets = [picker_target(epp, "epp")]
        bare = find(rendered(MONITORING), "ServiceMonitor", "epp")
        with ConfiguredPrometheus(scrape_configs(monitor, targets, tmp_path / "token"), data[0]) as reader:
            eventually(lambda: reader.query("up == 1"), "the page is read", 20)  # type: ignore[attr-defined]
            with ConfiguredPrometheus(scrape_configs(bare, targets), data[1]) as other:
                eventually(lambda: other.query("up == 0"), "nothing is read without the token", 20)  # type: ignore[attr-defined]
    finally:
        for path in made:
            api.admin.delete(path)
