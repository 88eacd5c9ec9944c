"""The manifests of deploy/ as kubectl renders them, and questions about them."""

import os
import subprocess
from pathlib import Path
from typing import Iterable

import kubernetes_validate
import yaml

from .kubernetes import objects as kinds
from .kubernetes import schema
from .kubernetes.store import Object
from .paths import ROOT, TOOLS

DEPLOY = ROOT / "deploy"
OVERLAYS = sorted(path.parent for path in DEPLOY.glob("overlays/*/kustomization.yaml"))
COMPONENTS = sorted(path.parent for path in DEPLOY.glob("components/*/kustomization.yaml"))
# Whose schemas objects are checked against: the oldest that deploy/README.md names, and the newest.
VERSIONS = ("1.29", "1.37")


def rendered(folder: Path) -> list[Object]:
    """Returns the objects of a folder with a kustomization."""
    command = [str(TOOLS / "venv" / "bin" / "kubectl"), "kustomize", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return [value for value in yaml.safe_load_all(result.stdout) if value]


def with_components(folder: Path, *components: Path) -> list[Object]:
    """Returns the objects of the base with components, by a kustomization that is written to `folder`."""

    def relative(path: Path) -> str:
        return os.path.relpath(path.resolve(), folder.resolve())

    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "picker",
        "resources": [relative(DEPLOY / "base")],
        "components": [relative(component) for component in components],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return rendered(folder)


def find(objects: list[Object], kind: str, name: str) -> Object:
    """Returns the object of a kind and a name; fails unless there is one."""
    (found,) = [value for value in objects if value["kind"] == kind and value["metadata"]["name"].startswith(name)]
    return found


def container(deployment: Object, name: str) -> Object:
    pod = deployment["spec"]["template"]["spec"]
    (found,) = [one for one in pod["containers"] + pod.get("initContainers", []) if one["name"] == name]
    return found


def expanded(container: Object, variables: dict[str, str]) -> list[str]:
    """Returns the arguments of a container with $(NAME) replaced, as a kubelet does."""
    arguments = []
    for argument in container.get("args", []):
        for name, value in variables.items():
            argument = argument.replace(f"$({name})", value)
        arguments.append(argument)
    return arguments


def environment(
    container: Object, objects: list[Object], fields: dict[str, str], secrets: dict[tuple[str, str], str] | None = None
) -> dict[str, str]:
    """Returns the environment variables of a container: from literals, fields of its pod, ConfigMaps and, by name and key, secrets."""
    variables = {}
    for variable in container.get("env", []):
        source = variable.get("valueFrom", {})
        if "fieldRef" in source:
            variables[variable["name"]] = fields[source["fieldRef"]["fieldPath"]]
        elif "configMapKeyRef" in source:
            reference = source["configMapKeyRef"]
            (found,) = [
                value for value in objects
                if value["kind"] == "ConfigMap" and value["metadata"]["name"] == reference["name"]
            ]  # fmt: skip
            variables[variable["name"]] = found["data"][reference["key"]]
        elif "secretKeyRef" in source:
            variables[variable["name"]] = (secrets or {})[(source["secretKeyRef"]["name"], source["secretKeyRef"]["key"])]
        else:
            variables[variable["name"]] = variable["value"]
    return variables


def admits(policy: Object, port: int, pod: dict[str, str], namespace: dict[str, str], is_same_namespace: bool) -> bool:
    """Returns whether a NetworkPolicy lets a pod with these labels, in a namespace with these labels, reach a port."""
    for rule in policy["spec"].get("ingress", []):
        ports = [range(entry["port"], entry.get("endPort", entry["port"]) + 1) for entry in rule.get("ports", [])]
        if ports and not any(port in one for one in ports):
            continue
        if "from" not in rule or any(_is_peer(peer, pod, namespace, is_same_namespace) for peer in rule["from"]):
            return True
    return False


def _is_peer(peer: Object, pod: dict[str, str], namespace: dict[str, str], is_same_namespace: bool) -> bool:
    if "namespaceSelector" in peer:
        if not _selects(peer["namespaceSelector"], namespace):
            return False
    elif not is_same_namespace:
        return False
    return "podSelector" not in peer or _selects(peer["podSelector"], pod)


def _selects(selector: Object, labels: dict[str, str]) -> bool:
    for name, value in selector.get("matchLabels", {}).items():
        if labels.get(name) != value:
            return False
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "In", expression
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return True


def problems(value: Object, further: Iterable[Object] = ()) -> list[str]:
    """Returns what is wrong with an object: by the schemas of Kubernetes, or by the reduced ones of custom resources. Definitions of
    `further` go before those that all tests share."""
    group, _, version = value["apiVersion"].rpartition("/")
    for definition in [*further, *kinds.definitions().values()]:
        spec = definition["spec"]
        if (spec["group"], spec["names"]["kind"]) == (group, value["kind"]):
            (found,) = [entry for entry in spec["versions"] if entry["name"] == version]
            structure = found["schema"]["openAPIV3Schema"]
            wrong = [f"{path}: {problem}" for path, problem in schema.violations(structure, value)]
            return wrong + [f"{path}: unknown" for path in _unknown(structure, value)]
    try:
        for one in VERSIONS:
            kubernetes_validate.validate(value, one, strict=True)
    except Exception as error:  # noqa: BLE001
        # A kind without a schema has an error without a text.
        return [(str(error) or type(error).__name__).splitlines()[0]]
    return []


def _unknown(definition: Object, value: object, path: str = "") -> list[str]:
    """Returns the paths of fields that a schema does not have."""
    if isinstance(value, list):
        return [name for one in value for name in _unknown(definition.get("items", {}), one, f"{path}[]")]
    if not isinstance(value, dict) or "additionalProperties" in definition:
        return []
    known = definition.get("properties", {})
    found = [f"{path}.{name}" for name in value if name not in known and path + name not in ("apiVersion", "kind", "metadata")]
    return found + [name for key in value if key in known for name in _unknown(known[key], value[key], f"{path}.{key}")]
