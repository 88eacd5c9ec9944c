"""A client with which tests use and observe an API server; it retries nothing and hides nothing."""

import http.client
import json
import socket
import ssl
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any, Iterator

import yaml

from ..http import Answer
from . import patches
from .store import Object


class Client:
    """Sends requests to the server at `url` as the user of `token` or `certificate` (files of certificate and key)."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        authority: Path | None = None,
        certificate: tuple[Path, Path] | None = None,
    ):
        self.url = url
        self.token = token
        self._authority = authority
        self._tls: ssl.SSLContext | None = None
        if url.startswith("https://"):
            self._tls = ssl.create_default_context(cafile=authority)
            if certificate:
                self._tls.load_cert_chain(*certificate)

    @classmethod
    def of(cls, kubeconfig: Path, context: str | None = None) -> "Client":
        """Returns the client of a context of a kubeconfig; by default of the current context."""
        config = yaml.safe_load(kubeconfig.read_text())

        def named(kind: str, name: str) -> Object:
            return next(entry[kind] for entry in config[f"{kind}s"] if entry["name"] == name)

        chosen = named("context", context or config["current-context"])
        cluster, user = named("cluster", chosen["cluster"]), named("user", chosen["user"])
        authority = cluster.get("certificate-authority")
        files = [user.get("client-certificate"), user.get("client-key")]
        return cls(
            cluster["server"],
            user.get("token"),
            Path(authority) if authority else None,
            (Path(str(files[0])), Path(str(files[1]))) if all(files) else None,
        )

    def with_token(self, token: str | None) -> "Client":
        return Client(self.url, token, self._authority)

    def _send(
        self,
        method: str,
        path: str,
        body: object,
        query: dict[str, object],
        content_type: str,
        headers: dict[str, str],
        timeout: float,
    ):
        host = urllib.parse.urlsplit(self.url).netloc
        connection: http.client.HTTPConnection
        if self._tls:
            connection = http.client.HTTPSConnection(host, timeout=timeout, context=self._tls)
        else:
            connection = http.client.HTTPConnection(host, timeout=timeout)
        if self.token is not None:
            headers = {"Authorization": f"Bearer {self.token}"} | headers
        data = None
        if body is not None:
            headers = {"Content-Type": content_type} | headers
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        target = path + ("?" + urllib.parse.urlencode(query) if query else "")
        try:
            connection.request(method, target, data, headers)
            return connection, connection.getresponse()
        except BaseException:
            connection.close()
            raise

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
        timeout: float = 20,
        **query: object,
    ) -> Answer:
        """Sends a request on its own connection and returns the answer of any status. `query` are the parameters."""
        connection, answer = self._send(method, path, body, query, content_type, headers or {}, timeout)
        try:
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def _done(self, method: str, path: str, *arguments: object, **options: Any) -> Object:
        answer = self.request(method, path, *arguments, **options)  # type: ignore[arg-type]
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.body.decode()}"
        return answer.json()

    def get(self, path: str, **query: object) -> Object:
        return self._done("GET", path, **query)

    def create(self, path: str, body: Object) -> Object:
        return self._done("POST", path, body)

    def replace(self, path: str, body: Object) -> Object:
        return self._done("PUT", path, body)

    def merge(self, path: str, patch: Object) -> Object:
        return self._done("PATCH", path, patch, patches.MERGE)

    def delete(self, path: str, **options: object) -> Object:
        """Deletes one object; `options` are fields of DeleteOptions."""
        return self._done("DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", **options} if options else None)

    def watch(self, path: str, **query: object) -> "Watch":
        connection, answer = self._send("GET", path, None, {"watch": "1", **query}, "", {}, 60)
        return Watch(connection, answer)


class Watch:
    """The events of one watch, read as they arrive."""

    def __init__(self, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse):
        self.status = answer.status
        self._connection, self._answer = connection, answer
        # The connection loses its reference to the socket when the answer closes the connection.
        self._socket = connection.sock
        self._changed = threading.Condition()
        self._events: list[Object] = []
        self._taken = 0
        self._end: str | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        end, rest = "in order", b""
        try:
            for piece in self._pieces():
                *lines, rest = (rest + piece).split(b"\n")
                with self._changed:
                    self._events += [json.loads(line) for line in lines if line]
                    self._changed.notify_all()
        except (OSError, ValueError) as error:
            end = f"broken: {error!r}"
        if rest:
            end = f"broken in the middle of {rest!r}"
        with self._changed:
            self._end = end
            self._changed.notify_all()

    def _pieces(self) -> Iterator[bytes]:
        """Yields the chunks. http.client treats the end of a connection as the end of an answer, and tests must
        distinguish them."""
        stream = self._answer.fp
        if not self._answer.chunked:
            yield self._answer.read()
            return
        while size := int(stream.readline(), 16):
            data = stream.read(size)
            if len(data) < size or stream.readline() != b"\r\n":
                raise ValueError("the connection ended within a chunk")
            yield data

    def event(self, timeout: float = 10) -> Object:
        """Returns the next event, bookmarks included."""
        with self._changed:
            more = self._changed.wait_for(lambda: len(self._events) > self._taken or self._end is not None, timeout)
            assert len(self._events) > self._taken, (
                f"no event within {timeout} s; ended: {self._end}" if not more else f"ended {self._end}"
            )
            self._taken += 1
            return self._events[self._taken - 1]

    def change(self, timeout: float = 10) -> tuple[str, str]:
        """Returns type and name of the next event."""
        event = self.event(timeout)
        return event["type"], event["object"]["metadata"].get("name", "")

    def end(self, timeout: float = 10) -> str:
        """Waits for the end of the stream and returns `in order`, or a text that begins with `broken`."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._end is not None, timeout), (
                f"the watch goes on after {timeout} s"
            )
            return str(self._end)

    def silent(self, seconds: float) -> bool:
        """Returns whether no event arrives and the stream stays open for this time."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while (left := deadline - time.monotonic()) > 0:
                if len(self._events) > self._taken or self._end is not None:
                    return False
                self._changed.wait(left)
            return True

    def close(self) -> None:
        try:
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            # The peer has already closed the connection.
            pass
        self._reader.join()
        self._answer.close()
        self._connection.close()

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
