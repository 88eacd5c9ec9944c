"""The resources of the server: built-in ones, those of the installed definitions, and discovery of both."""

from dataclasses import dataclass
from typing import Iterable

from .access import RBAC
from .store import Object, Store

CRD = "customresourcedefinitions.apiextensions.k8s.io"
_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


@dataclass(frozen=True)
class Resource:
    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    # Fields that a field selector can name.
    fields: tuple[str, ...] = ("metadata.name", "metadata.namespace")
    has_status: bool = False
    # Schema of a custom resource; None for a built-in one.
    schema: Object | None = None
    creates_on_update: bool = False
    # Whether an update without a resourceVersion overwrites the stored object.
    unconditional: bool = True

    @property
    def id(self) -> str:
        """Name of the objects in the store and in messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def custom(self) -> bool:
        return self.schema is not None


# Pods can also be selected by their node, phase and address.
_POD_FIELDS = ("metadata.name", "metadata.namespace", "spec.nodeName", "status.phase", "status.podIP")
_BUILT_IN = (
    Resource("", "v1", "namespaces", "Namespace", namespaced=False, has_status=True),
    Resource("", "v1", "pods", "Pod", fields=_POD_FIELDS, has_status=True),
    Resource("", "v1", "services", "Service", unconditional=False),
    Resource("", "v1", "configmaps", "ConfigMap"),
    Resource("", "v1", "secrets", "Secret"),
    Resource("", "v1", "serviceaccounts", "ServiceAccount"),
    Resource("", "v1", "events", "Event"),
    Resource("coordination.k8s.io", "v1", "leases", "Lease", creates_on_update=True, unconditional=False),
    Resource(RBAC, "v1", "roles", "Role"),
    Resource(RBAC, "v1", "rolebindings", "RoleBinding"),
    Resource(RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False),
    Resource(RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    Resource(
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        namespaced=False,
        unconditional=False,
    ),
)
# Groups of reviews, which store nothing: see reviews.py.
_REVIEWS = (("authentication.k8s.io", "v1"), ("authorization.k8s.io", "v1"))


def custom_resources(store: Store) -> list[Resource]:
    """Returns the resources of the installed definitions."""
    return [resource for _, definition in store.items(CRD) for resource in resources_of(definition)]


def resources_of(definition: Object) -> list[Resource]:
    spec = definition["spec"]
    return [
        Resource(
            spec["group"],
            version["name"],
            spec["names"]["plural"],
            spec["names"]["kind"],
            namespaced=spec["scope"] == "Namespaced",
            has_status="status" in (version.get("subresources") or {}),
            schema=version["schema"]["openAPIV3Schema"],
            unconditional=False,
        )
        for version in spec["versions"]
        if version["served"]
    ]


def find(store: Store, group: str, version: str, plural: str) -> Resource | None:
    """Returns the resource of this group, version and plural name; None when there is none."""
    for resource in _all(store):
        if (resource.group, resource.version, resource.plural) == (group, version, plural):
            return resource
    return None


def serves(store: Store, group: str, version: str) -> bool:
    return (group, version) in _group_versions(store)


def _all(store: Store) -> Iterable[Resource]:
    return [*_BUILT_IN, *custom_resources(store)]


def _group_versions(store: Store) -> list[tuple[str, str]]:
    return sorted({(resource.group, resource.version) for resource in _all(store)} | set(_REVIEWS))


def discovery(store: Store, path: str) -> Object | None:
    """Returns the discovery page at `/api`, `/apis` or below; None when there is none."""
    parts = path.strip("/").split("/")
    if parts == ["api"]:
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    versions: dict[str, list[str]] = {}
    for group, version in _group_versions(store):
        if group:
            versions.setdefault(group, []).append(version)
    if parts == ["apis"]:
        groups = [_group(group, served) for group, served in versions.items()]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    match parts:
        case ["apis", group] if group in versions:
            return {"kind": "APIGroup", "apiVersion": "v1"} | _group(group, versions[group])
        case ["api", version] if serves(store, "", version):
            return _resource_list(store, "", version)
        case ["apis", group, version] if serves(store, group, version):
            return _resource_list(store, group, version)
    return None


def _group(group: str, versions: list[str]) -> Object:
    listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": listed, "preferredVersion": listed[0]}


def _resource_list(store: Store, group: str, version: str) -> Object:
    listed: list[Object] = []
    for resource in _all(store):
        if (resource.group, resource.version) != (group, version):
            continue
        common = {
            "singularName": resource.kind.lower() if resource.custom else "",
            "namespaced": resource.namespaced,
            "kind": resource.kind,
        }
        listed.append({"name": resource.plural, **common, "verbs": _VERBS})
        if resource.has_status:
            listed.append(
                {"name": f"{resource.plural}/status", **common, "singularName": "", "verbs": ["get", "patch", "update"]}
            )
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}".lstrip("/"),
        "resources": listed,
    }
