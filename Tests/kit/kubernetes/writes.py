"""Create, update, patch and delete: all changes of an object, each in one step under the store's lock."""

import datetime
import random
import uuid

from . import patches, resources, strategies
from .resources import Resource
from .status import APIError, already_exists, bad_request, conflict, invalid, not_found
from .store import Object, Store

_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


def create(store: Store, resource: Resource, namespace: str, body: Object, manager: str = "test") -> Object:
    """Creates an object and returns it; raises an `APIError`."""
    with store.changed:
        value = _addressed(resource, namespace, body)
        metadata = dict(value["metadata"])
        if metadata.get("resourceVersion"):
            raise APIError(500, "", "resourceVersion should not be set on objects to be created")
        if resource.namespaced and store.get("namespaces", ("", namespace)) is None:
            raise not_found("", "namespaces", namespace)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + "".join(random.choices(_SUFFIX, k=5))
        for owned in ("deletionTimestamp", "deletionGracePeriodSeconds", "generation", "managedFields"):
            metadata.pop(owned, None)
        metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": strategies.now()}
        value = strategies.created(resource, value | {"metadata": metadata})
        name = metadata.get("name", "")
        if store.get(resource.id, (namespace, name)) is not None:
            raise already_exists(resource.group, resource.plural, name)
        return store.write(resource.id, (namespace, name), _managed(value, resource, manager))


def update(
    store: Store,
    resource: Resource,
    namespace: str,
    name: str,
    body: Object,
    subresource: str = "",
    manager: str = "test",
) -> tuple[Object, bool]:
    """Performs a PUT. Returns the object and whether it was created; raises an `APIError`."""
    with store.changed:
        value = _addressed(resource, namespace, body)
        if value["metadata"].get("name") != name:
            own = value["metadata"].get("name", "")
            raise bad_request(f"the name of the object ({own}) does not match the name on the URL ({name})")
        old = store.get(resource.id, (namespace, name))
        if old is None:
            if not resource.creates_on_update or subresource:
                raise not_found(resource.group, resource.plural, name)
            return create(store, resource, namespace, value, manager), True
        _check_uid(resource, old, value)
        if not value["metadata"].get("resourceVersion") and not resource.unconditional:
            cause = ("metadata.resourceVersion", "Invalid value: 0x0: must be specified for an update")
            raise invalid(resource.group, resource.plural, name, [cause])
        return _replace(store, resource, old, value, subresource, manager), False


def patch(
    store: Store,
    resource: Resource,
    namespace: str,
    name: str,
    content_type: str,
    body: object,
    subresource: str = "",
    manager: str = "test",
) -> Object:
    with store.changed:
        old = store.get(resource.id, (namespace, name))
        if old is None:
            raise not_found(resource.group, resource.plural, name)
        value = patches.patched(content_type, old, body, resource.custom)
        return _replace(store, resource, old, _addressed(resource, namespace, value), subresource, manager)


def _replace(store: Store, resource: Resource, old: Object, value: Object, subresource: str, manager: str) -> Object:
    was = old["metadata"]
    name, namespace = was["name"], was.get("namespace", "")
    metadata = dict(value["metadata"])
    if metadata.get("resourceVersion") not in (None, "", was["resourceVersion"]):
        raise conflict(resource.group, resource.plural, name)
    _check_uid(resource, old, value)
    # Fields that only the server sets.
    for owned in (
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "managedFields",
    ):
        metadata.pop(owned, None)
        if owned in was:
            metadata[owned] = was[owned]
    metadata["resourceVersion"] = was["resourceVersion"]
    value = strategies.updated(resource, old, value | {"metadata": metadata}, subresource)
    # A write that changes nothing does not create a new version.
    if value == old:
        return old
    value = _managed(value, resource, manager)
    released = was.get("finalizers") and not value["metadata"].get("finalizers")
    if released and "deletionTimestamp" in was and not was.get("deletionGracePeriodSeconds"):
        return store.write(resource.id, (namespace, name), None)
    return store.write(resource.id, (namespace, name), value)


def _check_uid(resource: Resource, old: Object, value: Object) -> None:
    """Raises a conflict for another UID: an object that was deleted and created again is a different one."""
    wanted, actual = value["metadata"].get("uid"), old["metadata"]["uid"]
    if wanted not in (None, actual):
        why = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {actual}"
        raise conflict(resource.group, resource.plural, old["metadata"]["name"], why)


def delete(store: Store, resource: Resource, namespace: str, name: str, options: Object) -> tuple[Object, bool]:
    """Returns the object and whether it is gone: pods on a node have a grace period, and finalizers keep any object."""
    with store.changed:
        old = store.get(resource.id, (namespace, name))
        if old is None:
            raise not_found(resource.group, resource.plural, name)
        metadata = old["metadata"]
        for field, wanted in (options.get("preconditions") or {}).items():
            if wanted and metadata[field] != wanted:
                label = "UID" if field == "uid" else "ResourceVersion"
                actual = metadata[field]
                why = f"the {label} in the precondition ({wanted}) does not match the {label} in record ({actual})"
                raise conflict(resource.group, resource.kind, name, why)
        grace = _grace(resource, old, options)
        if resource.id != "pods" and not metadata.get("finalizers"):
            if resource.id == resources.CRD:
                _delete_all(store, old)
            return store.write(resource.id, (namespace, name), None), True
        if "deletionTimestamp" in metadata and grace >= metadata.get("deletionGracePeriodSeconds", 0):
            return old, False
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=grace)
        stamps: Object = {"deletionTimestamp": end.strftime("%Y-%m-%dT%H:%M:%SZ"), "deletionGracePeriodSeconds": grace}
        if "generation" in metadata:
            stamps["generation"] = metadata["generation"] + 1
        marked = store.write(resource.id, (namespace, name), old | {"metadata": metadata | stamps})
        if grace or metadata.get("finalizers"):
            return marked, False
        # A pod is marked even when it is removed at once.
        store.write(resource.id, (namespace, name), None)
        return marked, True


def _grace(resource: Resource, value: Object, options: Object) -> int:
    if resource.id != "pods" or not value["spec"].get("nodeName"):
        return 0
    if value.get("status", {}).get("phase") in ("Failed", "Succeeded"):
        return 0
    wanted = options.get("gracePeriodSeconds")
    return int(value["spec"]["terminationGracePeriodSeconds"] if wanted is None else wanted)


def _delete_all(store: Store, definition: Object) -> None:
    """Deletes the objects of a deleted definition."""
    for resource in resources.resources_of(definition):
        for key, _ in store.items(resource.id):
            store.write(resource.id, key, None)


def _addressed(resource: Resource, namespace: str, body: Object) -> Object:
    """Returns the body with the kind and namespace of the path. A kind or namespace in the body must be the same. A
    custom resource must contain its kind."""
    if resource.custom and not (body.get("kind") and body.get("apiVersion")):
        raise bad_request(f"{resource.kind} cannot be handled: Object 'Kind' or 'apiVersion' is missing")
    if body.get("kind") not in (None, resource.kind) or body.get("apiVersion") not in (None, resource.api_version):
        wanted = f"{resource.api_version}, Kind={resource.kind}"
        raise bad_request(f"{body.get('apiVersion')}, Kind={body.get('kind')} does not match the expected {wanted}")
    metadata = dict(body.get("metadata") or {})
    if metadata.get("namespace", namespace) != namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if resource.namespaced:
        metadata["namespace"] = namespace
    return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata} | {
        name: inner for name, inner in body.items() if name not in ("kind", "apiVersion", "metadata")
    }


def _managed(value: Object, resource: Resource, manager: str) -> Object:
    """Returns the object with the record of its fields, which makes up much of a real answer."""

    def fields(inner: object) -> Object:
        return {f"f:{name}": fields(deeper) for name, deeper in inner.items()} if isinstance(inner, dict) else {}

    content = {name: inner for name, inner in value.items() if name not in ("metadata", "kind", "apiVersion")}
    labels = fields({"labels": value["metadata"].get("labels") or {}})
    entry = {
        "manager": manager, "operation": "Update", "apiVersion": resource.api_version, "time": strategies.now(),
        "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": labels} | fields(content),
    }  # fmt: skip
    return value | {"metadata": value["metadata"] | {"managedFields": [entry]}}
