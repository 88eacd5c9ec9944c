"""The chart of deploy/chart as Helm's engine renders it, offline, and files of values in the shapes that llm-d's guides have."""

import copy
import functools
import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import helm_python
import yaml

from .kubernetes import FakeAPIServer, RealAPIServer, objects
from .kubernetes.store import Object
from .manifests import DEPLOY, container, environment, expanded, find, problems
from .paths import ROOT

CHART = DEPLOY / "chart"
VALUES = ROOT / "Tests" / "Charts"
FILES = sorted(VALUES.glob("*.yaml"))
# What a chart for all users cannot know.
LABELS = {"router": {"modelServers": {"matchLabels": {"app": "vllm"}}}}


@dataclass(frozen=True)
class Release:
    """What an installation would create."""

    name: str
    objects: list[Object]
    notes: str

    @property
    def deployment(self) -> Object:
        return find(self.objects, "Deployment", f"{self.name}-epp")

    @property
    def picker(self) -> Object:
        return container(self.deployment, "epp")

    @property
    def envoy(self) -> Object:
        containers = [one for value in self.of_kind("Deployment") for one in value["spec"]["template"]["spec"]["containers"]]
        (found,) = [one for one in containers if "envoyproxy" in one["image"]]
        return found

    @property
    def configuration(self) -> str:
        """The file that the picker is started with."""
        (path,) = [argument.split("=", 1)[1] for argument in self.picker["args"] if argument.startswith("--config-file=")]
        return self.file(path)

    def file(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        assert folder == "/config", path
        return find(self.objects, "ConfigMap", f"{self.name}-epp")["data"][name]

    def arguments(self, folder: Path) -> list[str]:
        """The picker's arguments, with the file that they name written to a folder."""
        written = folder / "picker.yaml"
        written.write_text(self.configuration)
        return [f"--config-file={written}" if one.startswith("--config-file=") else one for one in self.picker["args"]]

    @property
    def envoy_configuration(self) -> str:
        (text,) = [one["data"]["envoy.yaml"] for one in self.of_kind("ConfigMap") if "envoy.yaml" in one["data"]]
        return text

    def envoy_arguments(self, folder: Path) -> list[str]:
        """Envoy's arguments, with the file that they name written to a folder."""
        written = folder / "envoy.yaml"
        written.write_text(self.envoy_configuration)
        return [argument.replace("/etc/envoy/envoy.yaml", str(written)) for argument in self.envoy["args"]]

    def of_kind(self, kind: str) -> list[Object]:
        return [value for value in self.objects if value["kind"] == kind]


def merged(*maps: Object) -> Object:
    """Merges values as Helm does: maps key by key, all else is replaced."""
    result: Object = {}
    for one in maps:
        for key, value in one.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else copy.deepcopy(value)
    return result


def of_file(path: Path) -> Object:
    return yaml.safe_load(path.read_text())


def cases(name: str) -> list:
    """Returns a table of cases."""
    return yaml.safe_load((VALUES / "cases" / f"{name}.yaml").read_text())


def given(*settings: str) -> Object:
    """Returns values that are written as `helm --set` takes them."""
    return helm_python.parse_set_string(",".join(settings))


def release(*values: Object, name: str = "vllm", namespace: str = "inference") -> Release:
    """Renders the chart with values, of which later ones go first. Fails with what Helm says, its schema's refusal included."""
    asked = merged(*values)
    with helm_python.Chart.load(CHART) as chart:
        chart.validate_schema(asked)
        files = chart.render(asked, name=name, namespace=namespace, is_install=True)
    notes = [text for path, text in files.items() if path.endswith("NOTES.txt")]
    texts = [text for path, text in sorted(files.items()) if path.endswith(".yaml")]
    found = [value for text in texts for value in yaml.load_all(text, Loader=_Loader) if value]
    return Release(name, found, "".join(notes))


class _Loader(yaml.SafeLoader):
    """Refuses a key that is written twice, which YAML's loaders let pass and Kubernetes does not."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        assert not twice, f"{node.start_mark}: written twice: {twice}"
        return super().construct_mapping(node, deep)


@functools.cache
def custom_resources() -> list[Object]:
    """Returns reduced definitions of custom resources with what the chart can set beside what deploy/ uses."""
    return [yaml.safe_load(path.read_text()) for path in sorted((VALUES / "crds").glob("*.yaml"))]


@functools.cache
def _problems(text: str) -> list[str]:
    return problems(json.loads(text), custom_resources())


def wrong(release: Release) -> dict[str, list[str]]:
    """Returns what is wrong with the objects of a release. Most are those of other releases as well: each is looked at once."""
    found = {f"{value['kind']} {value['metadata']['name']}": _problems(json.dumps(value)) for value in release.objects}
    return {name: problems for name, problems in found.items() if problems}


def paths(values: object, prefix: str = "") -> set[str]:
    """Returns the paths of all members of values, with dots between their keys."""
    found = {prefix} if prefix else set()
    if isinstance(values, dict):
        for key, value in values.items():
            found |= paths(value, f"{prefix}.{key}" if prefix else key)
    return found


def installations(path: Path) -> list[tuple[str, Release]]:
    """Returns what `helm install` makes of the command lines in a document; each has one line, and names the chart by its path."""
    found = []
    for line in re.findall(r"^helm install .*$", path.read_text(), re.MULTILINE):
        words = iter(shlex.split(line)[2:])
        name, chart = next(words), next(words)
        assert (ROOT / chart).samefile(CHART), line
        settings, namespace = [], "default"
        for word in words:
            if word == "--set":
                settings.append(next(words))
            elif word == "--namespace":
                namespace = next(words)
            else:
                assert word == "--create-namespace", line
        found.append((line, release(given(*settings), name=name, namespace=namespace)))
    return found


def nested(path: str, value: object) -> Object:
    """Returns values with one member."""
    for key in reversed(path.split(".")):
        value = {key: value}
    assert isinstance(value, dict)
    return value


def apply_access(api: FakeAPIServer | RealAPIServer, release: Release) -> list[str]:
    """Creates the service accounts of a release and their permissions; returns the paths of those that belong to no namespace."""
    outside = []
    for value in release.objects:
        plural, namespace = f"{value['kind'].lower()}s", value["metadata"].get("namespace")
        if value["kind"] == "ServiceAccount":
            api.admin.create(objects.service_accounts(namespace), value)
        elif value["kind"] in ("Role", "RoleBinding"):
            api.admin.create(f"{objects.RBAC}/namespaces/{namespace}/{plural}", value)
        elif value["kind"] in ("ClusterRole", "ClusterRoleBinding"):
            assert namespace is None
            api.admin.create(f"{objects.RBAC}/{plural}", value)
            outside.append(f"{objects.RBAC}/{plural}/{value['metadata']['name']}")
    return outside


def created(api: RealAPIServer, release: Release) -> set[str]:
    """Creates all objects of a release; returns the kinds that the server does not know."""
    unknown = set()
    for value in copy.deepcopy(release.objects):
        root = f"/apis/{value['apiVersion']}" if "/" in value["apiVersion"] else f"/api/{value['apiVersion']}"
        answer = api.admin.request("GET", root)
        resources = answer.json()["resources"] if answer.status == 200 else []
        known = [one for one in resources if one["kind"] == value["kind"] and "/" not in one["name"]]
        if not known:
            unknown.add(value["kind"])
            continue
        if value["kind"] == "Deployment":
            for one in value["spec"]["template"]["spec"]["containers"]:
                # Version 1.20 knows neither gRPC probes nor hooks that sleep.
                for field in [name for name in one if name == "lifecycle" or name.endswith("Probe") and "grpc" in one[name]]:
                    del one[field]
        place = f"namespaces/{value['metadata']['namespace']}/" if known[0]["namespaced"] else ""
        path = f"{root}/{place}{known[0]['name']}"
        api.admin.create(path, value)
        if not place:
            api.admin.delete(f"{path}/{value['metadata']['name']}")
    return unknown


STANDALONE = merged(LABELS, given("router.inferencePool.create=false"))
MONITORED = merged(LABELS, given("router.monitoring.prometheus.enabled=true"))
ELECTED = merged(LABELS, given("router.epp.replicas=3", "router.epp.flags.ha-enable-leader-election=true"))
# The overlays that say the same.
PROVIDERS = {
    "none": "gateway", "istio": "gateway-istio", "gke": "gateway-gke", "agentgateway": "gateway-agentgateway", "envoy": "gateway-envoy",
}  # fmt: skip
# What a kubelet knows of a pod.
FIELDS = {
    "metadata.namespace": "inference", "metadata.name": "vllm-epp-6b7d5c9f8-abcde", "status.podIP": "10.244.200.1", "spec.nodeName": "node",
}  # fmt: skip

_BASE = of_file(VALUES / "base.yaml")
# Each file as its users have it: alone, and those of `router` also on top of the guides' base, with a gateway and standalone. A route
# wants a pool.
SETS: dict[str, Object] = {path.stem: of_file(path) for path in FILES}
_NEWER = [name for name, values in SETS.items() if "router" in values]
SETS |= {f"base, {name}": merged(_BASE, SETS[name]) for name in _NEWER}
SETS |= {
    f"standalone, {name}": merged(_BASE, SETS[name], given("router.proxy.enabled=true")) for name in _NEWER if name != "routes"
}  # fmt: skip
SETS |= {f"provider {name}": merged(LABELS, given(f"provider.name={name}")) for name in PROVIDERS}
SETS |= {
    "default": LABELS,
    "standalone": STANDALONE,
    "standalone, plain text": merged(STANDALONE, given("router.epp.flags.secure-serving=false")),
    "standalone with a pool": merged(STANDALONE, given("router.proxy.enabled=true", "router.inferencePool.create=true")),
    "no pool and no proxy": merged(STANDALONE, given("router.proxy.enabled=false")),
    "monitoring": MONITORED,
    "election": ELECTED,
    "tracing": merged(LABELS, given("router.tracing.enabled=true")),
    "everything": merged(ELECTED, MONITORED, given("gateway.create=true", "httpRoute.create=true", "router.tracing.enabled=true")),
    "flags of the chart": merged(MONITORED, given("router.epp.flags.max-index-bytes=2Gi", "router.epp.flags.metrics-endpoint-auth=true")),
    "labels like numbers": merged(STANDALONE, given("router.inferencePool.create=true", "router.modelServers.matchLabels.of=7")),
}  # fmt: skip
# What is tried in a cluster.
CLUSTERS = {
    "default": LABELS,
    "monitoring": MONITORED,
    "election": merged(ELECTED, given("router.tracing.enabled=true")),
    "older names, older pool": given(
        "inferencePool.modelServers.matchLabels.app=vllm", "inferencePool.apiVersion=inference.networking.x-k8s.io/v1alpha2",
        "inferenceExtension.flags.v=4",
    ),
}  # fmt: skip
# Those with an Envoy.
_OWN = ("agentgateway", "proxies", "older-standalone", "base, agentgateway", "base, proxies")
PROXIED = [name for name in SETS if name.startswith("standalone") or name in _OWN]


@functools.cache
def of_set(name: str) -> Release:
    """Renders one of SETS, once."""
    return release(SETS[name])


def _plain(value: object) -> object:
    """Removes labels, and from selectors the one that tells releases apart."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    is_label = {key: key == "labels" and "app.kubernetes.io/name" in one for key, one in value.items()}
    return {key: _plain(one) for key, one in value.items() if key != "app.kubernetes.io/instance" and not is_label[key]}


def comparable(values: list[Object]) -> dict[tuple[str, str], Object]:
    """Objects by kind and name, without what differs between a chart and a kustomization: labels; names, which have the
    release's before them; the name and the group of the pool, which an overlay has in a ConfigMap; the namespace, which a chart does not
    make; the name of the configuration's file, beside which the chart has a second one."""
    (deployment,) = [value for value in values if value["kind"] == "Deployment"]
    picker = container(deployment, "epp")
    picker["args"] = expanded(picker, environment(picker, values, FIELDS | {"metadata.namespace": "inference"}))
    picker["env"] = [one for one in picker["env"] if "configMapKeyRef" not in one["valueFrom"]]
    text = json.dumps(_plain(values)).replace("vllm-epp", "epp").replace("default-plugins.yaml", "epp.yaml")
    found = json.loads(text.replace('"epp-config"', '"epp"'))
    result = {(value["kind"], value["metadata"]["name"]): value for value in found}
    result.pop(("Namespace", "inference"), None)
    for key in [key for key in result if key[0] == "ConfigMap" and key[1].startswith("epp-parameters")]:
        del result[key]
    data = result["ConfigMap", "epp"]["data"]
    data.pop("payload-agnostic.yaml", None)
    data["epp.yaml"] = yaml.safe_load(data["epp.yaml"])
    return result
