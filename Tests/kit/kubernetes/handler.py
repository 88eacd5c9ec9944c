"""Handler of one connection: reads requests, sends answers and events."""

import gzip
import json
import re
import select
import ssl
import traceback
import urllib.parse
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from . import reads, resources, reviews, status, writes
from .access import ANONYMOUS, Attributes, User, allowed
from .resources import Resource
from .status import APIError
from .store import Object

if TYPE_CHECKING:
    from .server import FakeAPIServer

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_REVIEWS = ("tokenreviews", "subjectaccessreviews", "selfsubjectaccessreviews")
# Answers with more bytes are compressed for clients that accept gzip.
_COMPRESSED = 128 * 1024


@dataclass(frozen=True)
class Request:
    """A request as the server interprets it."""

    method: str
    path: str
    query: dict[str, str]
    user: str
    wanted: Attributes
    # Parts of the path: group, version and plural name of the resource, and the subresource.
    group: str = ""
    version: str = ""
    plural: str = ""
    subresource: str = ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # With Nagle's algorithm the second write of an answer waits for the acknowledgement of the first.
    disable_nagle_algorithm = True
    wbufsize = -1
    fake: "FakeAPIServer"

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self) -> None:
        body = self._body()
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        try:
            self.fake.faults.pause(self.path, self.fake.stopped)
            if failure := self.fake.faults.failure(self.command, self.path):
                headers = {"Retry-After": str(failure[1])} if failure[1] is not None else {}
                raise APIError(failure[0], "InternalError", "a fault that the test asked for", headers=headers)
            user = self._user()
            request = understood(self.command, parts.path, query, user.name)
            self.fake.record(request)
            self._authorize(user, request)
            self._answer(request, user, body)
        except APIError as error:
            if error.plain:
                self._send(error.code, error.message.encode() + b"\n", "text/plain; charset=utf-8", error.headers)
            else:
                self._send_json(error.code, error.status(), error.headers)
        except OSError:
            # The client has closed the connection, or a test has cut it.
            self.close_connection = True
        except Exception:
            # A fault of this server: the failing test shows the printed trace and the answer.
            traceback.print_exc()
            self._send_json(500, APIError(500, "InternalError", traceback.format_exc()).status())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _user(self) -> User:
        header = self.headers.get("Authorization")
        if header is None:
            return _certified(self.connection) or ANONYMOUS
        kind, _, token = header.partition(" ")
        user = self.fake.tokens.user(token.strip()) if kind.lower() == "bearer" else None
        if user is None:
            raise status.unauthorized()
        return user

    def _authorize(self, user: User, request: Request) -> None:
        wanted = request.wanted
        if allowed(self.fake.store, user, wanted) is not None:
            return
        if wanted.path:
            raise status.path_forbidden(user.name, wanted.verb, wanted.path)
        raise status.forbidden(user.name, wanted.verb, wanted.group, wanted.resource, wanted.namespace, wanted.name)

    def _answer(self, request: Request, user: User, body: bytes) -> None:
        if request.wanted.path:
            return self._page(request)
        if "protobuf" in (self.headers.get("Content-Type") or ""):
            raise APIError(415, "UnsupportedMediaType", "this server reads JSON alone")
        if request.plural in _REVIEWS and request.method == "POST":
            answer = reviews.review(self.fake.store, self.fake.tokens, user, request.plural, _parsed(body))
            return self._send_json(201, answer)
        resource = resources.find(self.fake.store, request.group, request.version, request.plural)
        if resource is None or (
            not resource.namespaced and request.wanted.namespace and request.plural != "namespaces"
        ):
            # A built-in group exists without this resource; a group of definitions exists only by its resources.
            built_in = request.group not in {custom.group for custom in resources.custom_resources(self.fake.store)}
            if built_in and resources.serves(self.fake.store, request.group, request.version):
                raise status.no_such_resource()
            raise status.nothing_here()
        namespace = request.wanted.namespace if resource.namespaced else ""
        if request.subresource == "token" and resource.id == "serviceaccounts" and request.method == "POST":
            answer = reviews.token_request(
                self.fake.store, self.fake.tokens, namespace, request.wanted.name, _parsed(body)
            )
            return self._send_json(201, answer)
        if request.subresource and not (request.subresource == "status" and resource.has_status):
            raise status.no_such_resource()
        if request.wanted.verb == "watch":
            return self._watch(request, resource, namespace)
        if request.wanted.verb == "list":
            options = reads.Options.of(resource, namespace, request.query)
            return self._send(
                200, _encoded(reads.listed(self.fake.store, resource, options), resource), "application/json"
            )
        code, value = self._change(request, resource, namespace, body)
        self._send(code, _encoded(value, resource), "application/json")

    def _change(self, request: Request, resource: Resource, namespace: str, body: bytes) -> tuple[int, Object]:
        store, name = self.fake.store, request.wanted.name
        manager = re.split(r"[/ ]", self.headers.get("User-Agent") or "unknown")[0]
        match request.method, bool(name):
            case "GET", True:
                if (value := store.get(resource.id, (namespace, name))) is None:
                    raise status.not_found(resource.group, resource.plural, name)
                return 200, value
            case "POST", False:
                return 201, writes.create(store, resource, namespace, _parsed(body), manager)
            case "PUT", True:
                value, is_new = writes.update(
                    store, resource, namespace, name, _parsed(body), request.subresource, manager
                )
                return 201 if is_new else 200, value
            case "PATCH", True:
                content_type = self.headers.get("Content-Type") or ""
                patch = json.loads(body) if body.strip() else {}
                return 200, writes.patch(
                    store, resource, namespace, name, content_type, patch, request.subresource, manager
                )
            case "DELETE", True:
                value, gone = writes.delete(store, resource, namespace, name, _parsed(body) if body else {})
                return 200, _deleted(resource, value) if gone else value
        message = "the server does not allow this method on the requested resource"
        raise APIError(405, "MethodNotAllowed", message, {})

    def _page(self, request: Request) -> None:
        """Answers a path that is not a resource."""
        if request.path in ("/healthz", "/livez", "/readyz"):
            return self._send(200, b"ok", "text/plain; charset=utf-8")
        if request.path == "/version":
            return self._send_json(
                200, {"major": "1", "minor": "20", "gitVersion": "v1.20.2", "platform": "linux/amd64"}
            )
        page = resources.discovery(self.fake.store, request.path)
        if page is None:
            raise status.nothing_here()
        self._send_json(200, page)

    def _watch(self, request: Request, resource: Resource, namespace: str) -> None:
        options = reads.Options.of(resource, namespace, request.query)
        watch = reads.Watch(self.fake.store, resource, options, self.fake.bookmark_every)
        self.send_response(200)
        for name, value in (
            ("Cache-Control", "no-cache, private"),
            ("Content-Type", "application/json"),
            ("Transfer-Encoding", "chunked"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()
        cuts = self.fake.faults.cuts

        def goes_on() -> bool:
            # Clients send nothing during an answer: a readable connection is a closed one.
            gone = bool(select.select([self.connection], [], [], 0)[0])
            return not (gone or self.fake.stopped.is_set() or cuts != self.fake.faults.cuts)

        with self.fake.watching(resource.id):
            for event in watch.events(goes_on):
                self.fake.faults.pause(self.path, self.fake.stopped)
                self._chunk(_encoded(event, resource))
        if cuts != self.fake.faults.cuts:
            self._chunk(b'{"type":"MODIFIED","object":{"kind":')
            self.close_connection = True
        elif not self.fake.stopped.is_set():
            self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def _send_json(self, code: int, value: Object, headers: dict[str, str] | None = None) -> None:
        self._send(code, json.dumps(value, separators=(",", ":")).encode() + b"\n", "application/json", headers)

    def _send(self, code: int, body: bytes, content_type: str, headers: dict[str, str] | None = None) -> None:
        headers = {"Cache-Control": "no-cache, private", "Content-Type": content_type} | (headers or {})
        if len(body) > _COMPRESSED and "gzip" in (self.headers.get("Accept-Encoding") or ""):
            body = gzip.compress(body, 4)
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        self.send_response(code)
        for name, text in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def _certified(connection: object) -> User | None:
    """Returns the user of a client certificate: its common name is the name, its organizations are the groups."""
    certificate: Any = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    if not certificate:
        return None
    fields = [pair for part in certificate["subject"] for pair in part]
    groups = tuple(value for name, value in fields if name == "organizationName")
    return User(next(value for name, value in fields if name == "commonName"), (*groups, "system:authenticated"))


def _encoded(value: Object, resource: Resource) -> bytes:
    """Returns the JSON of an answer; of a custom resource with sorted names, so that items come before metadata."""
    return json.dumps(value, separators=(",", ":"), sort_keys=resource.custom).encode() + b"\n"


def _parsed(body: bytes) -> Object:
    try:
        value: Any = json.loads(body)
    except ValueError as error:
        raise status.bad_request(f"the object provided is unrecognized: {error}") from None
    if not isinstance(value, dict):
        raise status.bad_request("the object provided is unrecognized: it is no object")
    return value


def _deleted(resource: Resource, value: Object) -> Object:
    """Returns the answer to a deletion: the object for some resources, a Status for the others."""
    if resource.id in ("pods", "serviceaccounts", resources.CRD):
        return value
    metadata = value["metadata"]
    group = {"group": resource.group} if resource.group else {}
    details = {"name": metadata["name"], **group, "kind": resource.plural, "uid": metadata["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def understood(method: str, path: str, query: dict[str, str] | None = None, user: str = "") -> Request:
    """Returns the request of a method and a path, by the rules of the authorization."""
    query = query or {}
    found = re.fullmatch(
        r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
        r"(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]))?/(?P<plural>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<below>[^/]+))?)?/?",
        path,
    )
    if not found or (found["plural"] == "namespaces" and found["below"] not in (None, "status", "finalize")):
        return Request(method, path, query, user, Attributes(method.lower(), path=path))
    name, namespace = found["name"] or "", found["namespace"] or ""
    if found["namespace"] and found["plural"] in ("status", "finalize") and not name:
        # /api/v1/namespaces/NAME/status is a subresource of the namespace itself.
        name, found_plural, below = namespace, "namespaces", found["plural"]
    else:
        found_plural, below = found["plural"], found["below"] or ""
    if found_plural == "namespaces" and name:
        namespace = name
    verb = _VERBS.get(method, method.lower())
    if method == "GET":
        verb = "get" if name else "list"
    if method == "DELETE" and not name:
        verb = "deletecollection"
    if verb == "list":
        # A name in a field selector counts for rules with resourceNames.
        selected = re.search(r"(?:^|,)metadata\.name==?([^,]+)", query.get("fieldSelector", ""))
        name = selected[1] if selected else ""
        verb = "watch" if query.get("watch", "false").lower() not in ("", "0", "false") else "list"
    resource = found_plural + (f"/{below}" if below else "")
    wanted = Attributes(verb, found["group"] or "", resource, namespace, name)
    return Request(
        method, path, query, user, wanted, found["group"] or "", found["version"] or "v1", found_plural, below
    )
