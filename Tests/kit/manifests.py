"""The manifests of deploy/ as kubectl renders them, and questions about them."""

import os
import subprocess
from pathlib import Path

import yaml

from .kubernetes.store import Object
from .paths import ROOT, TOOLS

DEPLOY = ROOT / "deploy"
OVERLAYS = sorted(path.parent for path in DEPLOY.glob("overlays/*/kustomization.yaml"))
COMPONENTS = sorted(path.parent for path in DEPLOY.glob("components/*/kustomization.yaml"))


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


def environment(container: Object, objects: list[Object], fields: dict[str, str]) -> dict[str, str]:
    """Returns the environment variables of a container: from literals, fields of its pod and ConfigMaps."""
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
        else:
            variables[variable["name"]] = variable["value"]
    return variables


def admits(policy: Object, port: int, pod: dict[str, str], namespace: dict[str, str], is_same_namespace: bool) -> bool:
    """Returns whether a NetworkPolicy lets a pod with these labels, in a namespace with these labels, reach a port."""
    for rule in policy["spec"].get("ingress", []):
        ports = [entry["port"] for entry in rule.get("ports", [])]
        if ports and port not in ports:
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
