"""Paths and bodies of the objects that tests create."""

import datetime
import functools
from pathlib import Path

import yaml

from ..waiting import eventually
from .client import Client
from .store import Object

NAMESPACES = "/api/v1/namespaces"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
RBAC = "/apis/rbac.authorization.k8s.io/v1"

POOL_V1 = "inference.networking.k8s.io/v1"
LEGACY = "inference.networking.x-k8s.io/v1alpha2"
LLM_D = "llm-d.ai/v1alpha2"
_CRDS = Path(__file__).parent / "crds"


def pods(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods"


def service_accounts(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/serviceaccounts"


def leases(namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"


def custom(api_version: str, plural: str, namespace: str) -> str:
    """Returns the path of `inferencepools`, `inferenceobjectives` or `inferencemodelrewrites`."""
    return f"/apis/{api_version}/namespaces/{namespace}/{plural}"


def pod(
    name: str, labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None, node: str = ""
) -> Object:
    """Returns a pod like those of a Deployment. With a `node` it has a grace period when it is deleted."""
    spec: Object = {"containers": [{"name": "vllm", "image": "vllm"}]} | ({"nodeName": node} if node else {})
    return {"metadata": {"name": name, "labels": labels or {}, "annotations": annotations or {}}, "spec": spec}


def status(address: str, ready: bool = True) -> Object:
    """Returns the patch that a kubelet applies to the status of a pod."""
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {"status": {"phase": "Running", "podIP": address, "conditions": conditions}}


def lease(name: str, holder: str, seconds: int = 10, transitions: int = 0) -> Object:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {
        "holderIdentity": holder, "leaseDurationSeconds": seconds, "acquireTime": now, "renewTime": now,
        "leaseTransitions": transitions,
    }  # fmt: skip
    return {"metadata": {"name": name}, "spec": spec}


def pool(name: str, labels: dict[str, str], ports: list[int], **spec: object) -> Object:
    """Returns an InferencePool v1."""
    spec = {
        "selector": {"matchLabels": labels},
        "targetPorts": [{"number": port} for port in ports],
        "endpointPickerRef": {"name": "epp", "port": {"number": 9002}},
    } | spec
    return {"apiVersion": POOL_V1, "kind": "InferencePool", "metadata": {"name": name}, "spec": spec}


def legacy_pool(name: str, labels: dict[str, str], port: int) -> Object:
    """Returns an InferencePool v1alpha2."""
    spec = {"selector": labels, "targetPortNumber": port, "extensionRef": {"name": "epp"}}
    return {"apiVersion": LEGACY, "kind": "InferencePool", "metadata": {"name": name}, "spec": spec}


def objective(name: str, pool_name: str, priority: int | None, api_version: str = LLM_D) -> Object:
    spec = {"poolRef": {"name": pool_name}} | ({} if priority is None else {"priority": priority})
    return {"apiVersion": api_version, "kind": "InferenceObjective", "metadata": {"name": name}, "spec": spec}


def rewrite(name: str, pool_name: str, rules: list[Object], api_version: str = LLM_D) -> Object:
    spec = {"poolRef": {"name": pool_name}, "rules": rules}
    return {"apiVersion": api_version, "kind": "InferenceModelRewrite", "metadata": {"name": name}, "spec": spec}


def role(name: str, *rules: Object) -> Object:
    """Returns a Role or a ClusterRole, depending on the path where it is created."""
    return {"metadata": {"name": name}, "rules": list(rules)}


def binding(name: str, role_name: str, namespace: str, account: str, cluster: bool = False) -> Object:
    """Returns a binding of a role to a service account; of a ClusterRole with `cluster`."""
    kind = "ClusterRole" if cluster else "Role"
    return {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role_name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }


def definitions() -> dict[str, Object]:
    """Returns the reduced definitions of all inference resources by name."""
    loaded = [yaml.safe_load(path.read_text()) for path in sorted(_CRDS.glob("*.yaml"))]
    return {definition["metadata"]["name"]: definition for definition in loaded}


def install(admin: Client, *names: str) -> None:
    """Installs definitions (by default all) and waits until each is served. An existing definition stays."""
    known = definitions()
    for name in names or known:
        answer = admin.request("POST", DEFINITIONS, known[name])
        assert answer.status in (201, 409), answer.body
    for name in names or known:
        spec = known[name]["spec"]
        path = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
        eventually(functools.partial(_served, admin, path), f"{name} served")


def _served(admin: Client, path: str) -> bool:
    return admin.request("GET", path).status == 200


def account_token(admin: Client, namespace: str, name: str) -> str:
    """Creates a token of a service account, as a kubelet does for a pod."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    return admin.create(f"{service_accounts(namespace)}/{name}/token", body)["status"]["token"]


def mount_account(folder: Path, token: str, namespace: str, authority: Path | None) -> None:
    """Writes the files of a service account as in a pod. Replaces them like a kubelet: by one rename of a link."""
    data = folder / f"..{datetime.datetime.now(datetime.UTC).strftime('%Y_%m_%d_%H_%M_%S.%f')}"
    data.mkdir(parents=True)
    (data / "token").write_text(token)
    (data / "namespace").write_text(namespace)
    if authority:
        (data / "ca.crt").write_bytes(authority.read_bytes())
    link = folder / "..data.new"
    link.symlink_to(data.name)
    link.rename(folder / "..data")
    for file in data.iterdir():
        visible = folder / file.name
        if not visible.is_symlink():
            visible.symlink_to(Path("..data") / file.name)
