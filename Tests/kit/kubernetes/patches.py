"""Application of a PATCH: merge patches, and the part of strategic merge patches that clients of pods use."""

from .status import APIError
from .store import Object

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"

# Lists that a strategic merge patch merges, by the field that identifies an element; other lists are replaced.
_MERGE_KEYS = {
    "conditions": "type",
    "containers": "name",
    "initContainers": "name",
    "ownerReferences": "uid",
    "ports": "containerPort",
}


def patched(content_type: str, value: Object, patch: object, custom: bool) -> Object:
    """Returns `value` after `patch`. Raises an `APIError` 415 for other content types, and for a strategic merge patch
    of a custom resource."""
    accepted = (
        ["application/json-patch+json", MERGE] + ([] if custom else [STRATEGIC]) + ["application/apply-patch+yaml"]
    )
    kind = content_type.split(";")[0].strip()
    # The real server also accepts JSON patches and server-side apply, which these tests do not need.
    if kind not in (MERGE, STRATEGIC) or kind not in accepted:
        message = (
            f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
        )
        raise APIError(415, "UnsupportedMediaType", message)
    if not isinstance(patch, dict):
        raise APIError(400, "BadRequest", "the patch is not an object")
    return _merged(value, patch, strategic=kind == STRATEGIC)


def _merged(value: Object, patch: Object, strategic: bool) -> Object:
    result = dict(value)
    for name, change in patch.items():
        old = result.get(name)
        if change is None:
            result.pop(name, None)
        elif isinstance(change, dict):
            result[name] = _merged(old if isinstance(old, dict) else {}, change, strategic)
        elif isinstance(change, list) and strategic and name in _MERGE_KEYS:
            result[name] = _merged_list(old or [], change, _MERGE_KEYS[name])
        else:
            result[name] = change
    return result


def _merged_list(old: list[Object], patch: list[Object], key: str) -> list[Object]:
    result = list(old)
    for change in patch:
        places = [index for index, element in enumerate(result) if element.get(key) == change.get(key)]
        if places:
            result[places[0]] = _merged(result[places[0]], change, strategic=True)
        else:
            result.append(change)
    return result
