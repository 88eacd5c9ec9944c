"""A small API server that answers like kube-apiserver 1.20, with hooks for faults of clusters.

Tests/System/test_kubernetes_api*.py test each behaviour that other tests rely on, also with the real server. Not
supported: HTTP/2, protobuf, JSON patches, server-side apply, deletion of collections, tables, conversion between
versions of a resource."""

import contextlib
import socket
import ssl
import tempfile
import threading
from collections import Counter
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Iterator

from ..waiting import eventually
from . import patches, resources, writes
from .access import RBAC, Tokens, User
from .certificates import kubeconfig, made
from .client import Client
from .faults import Faults
from .handler import Handler, Request, understood
from .store import Object, Store


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, handler: type[Handler], tls: ssl.SSLContext | None):
        super().__init__(("127.0.0.1", port), handler)
        self._tls = tls
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        if self._tls:
            # The first read does the handshake, on the connection's own thread.
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignores errors of connections, which tests cause; the client reports them."""

    def drop_connections(self) -> None:
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class FakeAPIServer:
    """Listens on a free port of 127.0.0.1, in plain text unless `secure`. `admin` has all permissions. `requests`
    contains all requests of known users, forbidden ones included."""

    def __init__(self, secure: bool = False) -> None:
        self.store = Store()
        self.tokens = Tokens(self.store)
        self.faults = Faults()
        self.requests: list[Request] = []
        self.bookmark_every = 60.0
        self.stopped = threading.Event()
        self._watches: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="warmpath-fake-kubernetes-")
        folder = Path(self._folder.name)
        certificates = made(folder) if secure else None
        self.authority = certificates.authority if certificates else None
        self._tls: ssl.SSLContext | None = None
        if certificates:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificates.server)
            # A client certificate is optional; one of the same authority identifies the user.
            self._tls.load_verify_locations(certificates.authority)
            self._tls.verify_mode = ssl.CERT_OPTIONAL
        self._handler = type("_Handler", (Handler,), {"fake": self})
        self._listener: _Listener | None = _Listener(0, self._handler, self._tls)
        self._port = self._listener.server_address[1]
        self.url = f"{'https' if secure else 'http'}://127.0.0.1:{self._port}"
        self.admin = Client(self.url, self.tokens.issue(User("token-admin", ("system:masters",), "1")), self.authority)
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(kubeconfig(self.url, self.admin.token, certificates))
        self._start_with()

    def _start_with(self) -> None:
        """Creates the objects that every cluster has."""
        namespaces = resources.find(self.store, "", "v1", "namespaces")
        roles = resources.find(self.store, RBAC, "v1", "clusterroles")
        assert namespaces and roles
        for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
            writes.create(self.store, namespaces, "", {"metadata": {"name": name}})
        delegator: list[Object] = [
            {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
            {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
        ]
        everything: list[Object] = [
            {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
            {"nonResourceURLs": ["*"], "verbs": ["*"]},
        ]
        for name, rules in (("system:auth-delegator", delegator), ("cluster-admin", everything)):
            writes.create(self.store, roles, "", {"metadata": {"name": name}, "rules": rules})

    # Called by the handler.

    def record(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)

    @contextlib.contextmanager
    def watching(self, resource: str) -> Iterator[None]:
        with self._lock:
            self._watches[resource] += 1
        try:
            yield
        finally:
            with self._lock:
                self._watches[resource] -= 1

    # For tests.

    def open_watches(self, resource: str) -> int:
        """Returns the number of open watches of a resource, such as `pods` or `leases.coordination.k8s.io`."""
        with self._lock:
            return self._watches[resource]

    def wait_watches(self, resource: str, count: int = 1, timeout: float = 10) -> None:
        eventually(lambda: self.open_watches(resource) == count, f"{count} watches of {resource}", timeout)

    def asked(self, verb: str, resource: str) -> list[Request]:
        """Returns the requests so far with a verb (`list`, `watch`, `update`, ...) and a resource."""
        with self._lock:
            return [one for one in self.requests if (one.wanted.verb, one.wanted.resource) == (verb, resource)]

    def put(self, path: str, value: Object) -> Object:
        """Creates an object in the collection at `path`, or merges it into the existing one, then merges its status.
        Sends no request, for tests with many objects."""
        found = understood("POST", path)
        resource = resources.find(self.store, found.group, found.version, found.plural)
        assert resource, f"nothing is served at {path}"
        namespace, name = found.wanted.namespace, value["metadata"]["name"]
        with self.store.changed:
            if self.store.get(resource.id, (namespace, name)) is None:
                stored = writes.create(self.store, resource, namespace, value)
            else:
                stored = writes.patch(self.store, resource, namespace, name, patches.MERGE, value)
            if "status" in value and resource.has_status:
                status = {"status": value["status"]}
                stored = writes.patch(self.store, resource, namespace, name, patches.MERGE, status, "status")
            return stored

    def kill_connections(self) -> None:
        """Closes every connection, also in the middle of an answer; new connections are accepted."""
        if self._listener:
            self._listener.drop_connections()

    def cut_watches(self) -> None:
        """Ends every watch in the middle of a line."""
        with self.store.changed:
            self.faults.cuts += 1
            self.store.changed.notify_all()

    def compact(self) -> None:
        """Makes every resourceVersion so far too old for lists and watches. Ends all connections, like the restart that
        the real server needs for it."""
        with self.store.changed:
            # The next list has a higher version than the last one, as after a write of any object.
            self.store.revision += 1
            self.store.compact()
        self.kill_connections()

    def revoke(self, token: str) -> None:
        """Refuses the token from now on with 401. Watches that were opened with it continue."""
        self.tokens.revoke(token)

    def stop_serving(self) -> None:
        """Refuses connections and closes the open ones, like a crash; the objects stay."""
        assert self._listener
        self._listener.shutdown()
        self._listener.server_close()
        self._listener.drop_connections()
        self._listener = None

    def serve_again(self) -> None:
        assert self._listener is None
        # Like the real server, it has no changes from before its start.
        with self.store.changed:
            self.store.forget_changes()
        self._listener = _Listener(self._port, self._handler, self._tls)

    def stop(self) -> None:
        self.stopped.set()
        self.faults.release()
        if self._listener:
            self.stop_serving()
        self._folder.cleanup()
