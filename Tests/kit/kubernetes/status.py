"""Errors of an API server, which it answers with a Status object."""

from dataclasses import dataclass, field

from .store import Object


@dataclass
class APIError(Exception):
    """A refusal with a Status as body; with `plain` it is a text, as for paths that nothing serves."""

    code: int
    reason: str
    message: str
    details: Object | None = None
    metadata: Object = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    plain: bool = False

    def status(self) -> Object:
        reason = {"reason": self.reason} if self.reason else {}
        details = {} if self.details is None else {"details": self.details}
        return {
            "kind": "Status", "apiVersion": "v1", "metadata": self.metadata, "status": "Failure",
            "message": self.message, **reason, **details, "code": self.code,
        }  # fmt: skip


def _details(name: str, group: str, resource: str) -> Object:
    return {"name": name} | ({"group": group} if group else {}) | {"kind": resource}


def _qualified(group: str, resource: str) -> str:
    return f"{resource}.{group}" if group else resource


def bad_request(message: str) -> APIError:
    return APIError(400, "BadRequest", message)


def unauthorized() -> APIError:
    return APIError(401, "Unauthorized", "Unauthorized")


def forbidden(user: str, verb: str, group: str, resource: str, namespace: str, name: str) -> APIError:
    place = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    kind = resource.partition("/")[0]
    subject = f'{_qualified(group, kind)} "{name}" is forbidden' if name else f"{_qualified(group, kind)} is forbidden"
    message = f'{subject}: User "{user}" cannot {verb} resource "{resource}" in API group "{group}" {place}'
    details = ({"name": name} if name else {}) | ({"group": group} if group else {}) | {"kind": kind}
    return APIError(403, "Forbidden", message, details)


def path_forbidden(user: str, verb: str, path: str) -> APIError:
    return APIError(403, "Forbidden", f'forbidden: User "{user}" cannot {verb} path "{path}"', {})


def nothing_here() -> APIError:
    """Returns the error for an unknown group or path, which has no Status."""
    return APIError(404, "NotFound", "404 page not found", plain=True)


def no_such_resource() -> APIError:
    """Returns the error for an unknown resource of a group and version that exist."""
    return APIError(404, "NotFound", "the server could not find the requested resource", {})


def not_found(group: str, resource: str, name: str) -> APIError:
    return APIError(
        404, "NotFound", f'{_qualified(group, resource)} "{name}" not found', _details(name, group, resource)
    )


def already_exists(group: str, resource: str, name: str) -> APIError:
    message = f'{_qualified(group, resource)} "{name}" already exists'
    return APIError(409, "AlreadyExists", message, _details(name, group, resource))


def conflict(group: str, resource: str, name: str, why: str = "") -> APIError:
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {_qualified(group, resource)} "{name}": {why}'
    return APIError(409, "Conflict", message, _details(name, group, resource))


def expired(message: str, metadata: Object | None = None) -> APIError:
    return APIError(410, "Expired", message, metadata=metadata or {})


def invalid(group: str, kind: str, name: str, causes: list[tuple[str, str]]) -> APIError:
    """Returns the error for an invalid object; `causes` are field paths, each with a description of the error."""
    text = [f"{field}: {message}" for field, message in causes]
    qualified = f"{kind}.{group}" if group else kind
    message = f'{qualified} "{name}" is invalid: {text[0] if len(text) == 1 else "[" + ", ".join(text) + "]"}'
    listed = [{"reason": _cause(message), "message": message, "field": field} for field, message in causes]
    return APIError(422, "Invalid", message, _details(name, group, kind) | {"causes": listed})


def _cause(message: str) -> str:
    kinds = {"Required": "Required", "Unsupported": "NotSupported", "Forbidden": "Forbidden"}
    return "FieldValue" + next((kind for start, kind in kinds.items() if message.startswith(start)), "Invalid")


def too_large_version(wanted: int, current: int) -> APIError:
    message = f"Timeout: Too large resource version: {wanted}, current: {current}"
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    return APIError(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1})
