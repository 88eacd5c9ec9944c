"""Changes of an object before it is stored: defaults, fields that a request cannot set, validation."""

import datetime
import re

from . import schema
from .resources import CRD, Resource
from .status import bad_request, invalid
from .store import Object

_POD_DEFAULTS: Object = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
    "enableServiceLinks": True,
}
_MICRO_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


def now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def created(resource: Resource, value: Object) -> Object:
    """Returns a new object as it is stored."""
    if resource.custom:
        value = _custom(resource, value)
        if resource.has_status:
            value = {name: inner for name, inner in value.items() if name != "status"}
        value = _with_metadata(value, generation=1)
    elif resource.id == "leases.coordination.k8s.io":
        value = _lease_in_utc(value)
    elif resource.id == "pods":
        value = _pod(value) | {"status": {"phase": "Pending", "qosClass": "BestEffort"}}
    elif resource.id == "namespaces":
        value = value | {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
    elif resource.id == CRD:
        value = value | {"status": _established(value)}
    _validate(resource, value)
    return value


def updated(resource: Resource, old: Object, value: Object, subresource: str) -> Object:
    """Returns the object that is stored after an update of `old` or of its status."""
    if resource.custom:
        value = _custom(resource, value)
    if resource.has_status:
        value = _merge_status(resource, old, value, subresource)
    if resource.id == "pods":
        value = _pod(value)
        if subresource == "status":
            value = value | {"status": _pod_status(value.get("status") or {})}
        elif _fixed(old["spec"]) != _fixed(value["spec"]):
            message = "Forbidden: pod updates may not change fields other than the image of a container"
            raise invalid("", "Pod", value["metadata"]["name"], [("spec", message)])
    if resource.id == CRD:
        value = value | {"status": old["status"]}
    if resource.id == "leases.coordination.k8s.io":
        value = _lease_in_utc(value)
    if resource.custom:
        changed = any(value.get(name) != old.get(name) for name in {*value, *old} - {"metadata", "status"})
        value = _with_metadata(value, generation=old["metadata"]["generation"] + (1 if changed else 0))
    _validate(resource, value)
    return value


def _merge_status(resource: Resource, old: Object, value: Object, subresource: str) -> Object:
    """Returns the updated object. Only the subresource changes the status, and it changes nothing else."""
    if subresource == "status":
        kept = value["metadata"] if resource.id == "pods" else old["metadata"]
        return old | {"metadata": kept} | {"status": value.get("status") or {}}
    rest = {name: inner for name, inner in value.items() if name != "status"}
    return rest | ({"status": old["status"]} if "status" in old else {})


def _with_metadata(value: Object, **fields: object) -> Object:
    return value | {"metadata": value["metadata"] | fields}


def _custom(resource: Resource, value: Object) -> Object:
    assert resource.schema is not None
    completed = schema.completed(resource.schema, value)
    assert isinstance(completed, dict)
    return completed


def _pod(value: Object) -> Object:
    return value | {"spec": _POD_DEFAULTS | (value.get("spec") or {})}


def _fixed(spec: Object) -> Object:
    """Returns the part of a pod's spec that cannot change."""
    containers = [
        {name: inner for name, inner in entry.items() if name != "image"} for entry in spec.get("containers") or []
    ]
    return {name: inner for name, inner in spec.items() if name != "tolerations"} | {"containers": containers}


def _pod_status(status: Object) -> Object:
    """Returns a status with the lists and nulls that the server adds."""
    conditions = [
        {"lastProbeTime": None, "lastTransitionTime": None} | entry for entry in status.get("conditions") or []
    ]
    listed = [entry["ip"] for entry in status.get("podIPs") or []]
    # podIP is the first element of podIPs. A request can contain podIP alone.
    first = status.get("podIP")
    if first and listed[:1] != [first]:
        listed = [first]
    addresses = {"podIP": listed[0], "podIPs": [{"ip": address} for address in listed]} if listed else {}
    rest = {name: inner for name, inner in status.items() if name not in ("podIP", "podIPs")}
    return rest | addresses | ({"conditions": conditions} if conditions else {})


def _established(definition: Object) -> Object:
    names = definition["spec"]["names"]
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": now(), "reason": reason, "message": ""}
        for kind, reason in (("NamesAccepted", "NoConflicts"), ("Established", "InitialNamesAccepted"))
    ]
    stored = [version["name"] for version in definition["spec"]["versions"] if version["storage"]]
    return {"conditions": conditions, "acceptedNames": names, "storedVersions": stored}


def _validate(resource: Resource, value: Object) -> None:
    name = value["metadata"].get("name", "")
    causes: list[tuple[str, str]] = []
    if not re.fullmatch(r"[a-z0-9:]([-a-z0-9.:]*[a-z0-9])?", name):
        causes.append(("metadata.name", f'Invalid value: "{name}": a lowercase RFC 1123 subdomain'))
    if resource.custom:
        assert resource.schema is not None
        causes += schema.violations(resource.schema, value)
    elif resource.id == "pods":
        containers = value["spec"].get("containers") or []
        if not containers:
            causes.append(("spec.containers", "Required value"))
        for index, container in enumerate(containers):
            causes += [
                (f"spec.containers[{index}].{field}", "Required value")
                for field in ("name", "image")
                if not container.get(field)
            ]
    elif resource.id == "leases.coordination.k8s.io":
        causes += _lease(value.get("spec") or {})
    if causes:
        raise invalid(resource.group, resource.kind, name, causes)


def _lease(spec: Object) -> list[tuple[str, str]]:
    limits = {
        "leaseDurationSeconds": (1, "must be greater than 0"),
        "leaseTransitions": (0, "must be greater than or equal to 0"),
    }
    return [
        (f"spec.{field}", f"Invalid value: {spec[field]}: {message}")
        for field, (least, message) in limits.items()
        if spec.get(field) is not None and spec[field] < least
    ]


def _lease_in_utc(value: Object) -> Object:
    """Returns a lease with its times in UTC. Times must have exactly six digits after the point."""
    spec = dict(value.get("spec") or {})
    for field in ("leaseDurationSeconds", "leaseTransitions"):
        if not isinstance(spec.get(field, 0), int):
            raise bad_request(f"Lease cannot be handled: {field}: unexpected {spec[field]!r}")
    for field in ("acquireTime", "renewTime"):
        if (text := spec.get(field)) is None:
            continue
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[-+]\d\d:\d\d)", str(text)):
            raise bad_request(f'parsing time "{text}" as "2006-01-02T15:04:05.000000Z07:00"')
        spec[field] = datetime.datetime.fromisoformat(text).astimezone(datetime.UTC).strftime(_MICRO_TIME)
    return value | {"spec": spec}
