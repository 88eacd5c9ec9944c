"""Users of requests, and their permissions by RBAC objects."""

import secrets
from dataclasses import dataclass

from .store import Object, Store

RBAC = "rbac.authorization.k8s.io"
_ANYONE = ("/healthz", "/healthz/*", "/livez", "/livez/*", "/readyz", "/readyz/*", "/version", "/version/")
_AUTHENTICATED = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*")


@dataclass(frozen=True)
class User:
    name: str
    groups: tuple[str, ...]
    uid: str = ""


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True)
class Attributes:
    """The action of a request: a verb on a resource (`pods`, `pods/status`) or on a path."""

    verb: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class Tokens:
    """Bearer tokens: those of users, and those of service accounts, which are valid as long as the account exists."""

    def __init__(self, store: Store):
        self._store = store
        self._users: dict[str, User] = {}
        self._accounts: dict[str, tuple[str, str, str]] = {}

    def issue(self, user: User) -> str:
        token = secrets.token_urlsafe(24)
        self._users[token] = user
        return token

    def issue_for_account(self, account: Object) -> str:
        token = "sa." + secrets.token_urlsafe(24)
        metadata = account["metadata"]
        self._accounts[token] = (metadata["namespace"], metadata["name"], metadata["uid"])
        return token

    def revoke(self, token: str) -> None:
        self._users.pop(token, None)
        self._accounts.pop(token, None)

    def user(self, token: str) -> User | None:
        """Returns the user of a token; None when the token is unknown, revoked or of a deleted account."""
        if token in self._users:
            user = self._users[token]
            return User(user.name, (*user.groups, "system:authenticated"), user.uid)
        if token not in self._accounts:
            return None
        namespace, name, uid = self._accounts[token]
        account = self._store.get("serviceaccounts", (namespace, name))
        if account is None or account["metadata"]["uid"] != uid:
            return None
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        return User(f"system:serviceaccount:{namespace}:{name}", groups, uid)


def allowed(store: Store, user: User, wanted: Attributes) -> str | None:
    """Returns the reason why the RBAC authorizer allows an action by the bindings in `store`; None when it does not."""
    if "system:masters" in user.groups:
        return ""
    if wanted.path and wanted.verb == "get":
        everybody = _ANYONE + (_AUTHENTICATED if "system:authenticated" in user.groups else ())
        if any(_path_matches(path, wanted.path) for path in everybody):
            return "RBAC: allowed to everybody"
    own_review = wanted.verb == "create" and wanted.resource == "selfsubjectaccessreviews"
    if own_review and "system:authenticated" in user.groups:
        return "RBAC: allowed to everybody"
    for binding, rules in _rules(store, user, wanted.namespace):
        if any(_permits(rule, wanted) for rule in rules):
            return f"RBAC: allowed by {binding}"
    return None


def _rules(store: Store, user: User, namespace: str) -> list[tuple[str, list[Object]]]:
    """Returns a description of each binding of a user, with the rules that the binding grants."""
    found: list[tuple[str, list[Object]]] = []
    bindings = store.items(f"clusterrolebindings.{RBAC}")
    bindings += [item for item in store.items(f"rolebindings.{RBAC}") if namespace and item[0][0] == namespace]
    for (place, _), binding in bindings:
        if any(_is(subject, user, place) for subject in binding.get("subjects") or []):
            reference = binding["roleRef"]
            if reference["kind"] == "ClusterRole":
                role = store.get(f"clusterroles.{RBAC}", ("", reference["name"]))
            else:
                role = store.get(f"roles.{RBAC}", (place, reference["name"]))
            name = binding["metadata"]["name"] + (f"/{place}" if place else "")
            words = f'{binding["kind"]} "{name}" of {reference["kind"]} "{reference["name"]}"'
            found.append((words, (role or {}).get("rules") or []))
    return found


def _is(subject: Object, user: User, namespace: str) -> bool:
    match subject["kind"]:
        case "User":
            return subject["name"] == user.name
        case "Group":
            return subject["name"] in user.groups
        case "ServiceAccount":
            return user.name == f"system:serviceaccount:{subject.get('namespace', namespace)}:{subject['name']}"
    return False


def _permits(rule: Object, wanted: Attributes) -> bool:
    if not _has(rule.get("verbs"), wanted.verb):
        return False
    if wanted.path:
        return any(_path_matches(path, wanted.path) for path in rule.get("nonResourceURLs") or [])
    if not _has(rule.get("apiGroups"), wanted.group):
        return False
    resources = rule.get("resources") or []
    subresource = wanted.resource.partition("/")[2]
    if not _has(resources, wanted.resource) and not (subresource and f"*/{subresource}" in resources):
        return False
    return not rule.get("resourceNames") or wanted.name in rule["resourceNames"]


def _has(values: list[str] | None, wanted: str) -> bool:
    return "*" in (values or []) or wanted in (values or [])


def _path_matches(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern
