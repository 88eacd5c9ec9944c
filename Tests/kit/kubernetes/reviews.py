"""Requests whose objects are not stored: tokens of service accounts, TokenReview, SubjectAccessReview."""

import datetime

from .access import Attributes, Tokens, User, allowed
from .status import APIError, bad_request, invalid, no_such_resource, not_found
from .store import Object, Store

_ISSUER = "https://kubernetes.default.svc"


def token_request(store: Store, tokens: Tokens, namespace: str, name: str, body: Object) -> Object:
    """Returns the answer to a POST on the subresource `token` of a service account."""
    account = store.get("serviceaccounts", (namespace, name))
    if account is None:
        raise not_found("", "serviceaccounts", name)
    spec = body.get("spec") or {}
    seconds = spec.get("expirationSeconds") or 3600
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return body | {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"creationTimestamp": None},
        "spec": {"audiences": [_ISSUER], "expirationSeconds": seconds, "boundObjectRef": None} | spec,
        "status": {
            "token": tokens.issue_for_account(account),
            "expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    }


def review(store: Store, tokens: Tokens, requester: User, plural: str, body: Object) -> Object:
    """Returns the answer to a POST of a review; raises an `APIError`."""
    spec = body.get("spec") or {}
    if plural == "tokenreviews":
        return body | {"metadata": {"creationTimestamp": None}, "status": _token_review(tokens, spec)}
    if plural == "subjectaccessreviews":
        user = User(spec.get("user", ""), tuple(spec.get("groups") or ()), spec.get("uid", ""))
        if not user.name and not user.groups:
            raise _invalid("spec.user", "at least one of user or group must be specified")
    elif plural == "selfsubjectaccessreviews":
        user = requester
    else:
        raise no_such_resource()
    return body | {"metadata": {"creationTimestamp": None}, "status": _access_review(store, user, spec)}


def _invalid(field: str, message: str) -> APIError:
    return invalid("authorization.k8s.io", "SubjectAccessReview", "", [(field, f"Invalid value: {message}")])


def _token_review(tokens: Tokens, spec: Object) -> Object:
    if not spec.get("token"):
        raise bad_request("token is required for TokenReview in authentication")
    user = tokens.user(spec["token"])
    if spec.get("audiences") and _ISSUER not in spec["audiences"]:
        return {"user": {}, "error": "[invalid bearer token, token audiences are invalid for the target audiences]"}
    if user is None:
        # The field `authenticated` is omitted when it is false.
        return {"user": {}, "error": "invalid bearer token"}
    answered = {"username": user.name, "groups": list(user.groups)} | ({"uid": user.uid} if user.uid else {})
    return {"authenticated": True, "user": answered, "audiences": [_ISSUER]}


def _access_review(store: Store, user: User, spec: Object) -> Object:
    if (wanted := spec.get("nonResourceAttributes")) is not None:
        attributes = Attributes(wanted.get("verb", ""), path=wanted.get("path", ""))
    elif (wanted := spec.get("resourceAttributes")) is not None:
        resource = wanted.get("resource", "") + (f"/{wanted['subresource']}" if wanted.get("subresource") else "")
        attributes = Attributes(
            wanted.get("verb", ""),
            wanted.get("group", ""),
            resource,
            wanted.get("namespace", ""),
            wanted.get("name", ""),
        )
    else:
        raise _invalid(
            "spec.resourceAttributes", "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        )
    reason = allowed(store, user, attributes)
    if reason is None:
        return {"allowed": False}
    return {"allowed": True} | ({"reason": reason} if reason else {})
