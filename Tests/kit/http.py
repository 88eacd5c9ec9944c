"""A small HTTP/1.1 client for the gateway: connections of its own, answers read piece by piece."""

import http.client
import json
from dataclasses import dataclass


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict:
        return json.loads(self.body)


def request(
    url: str, method: str, path: str, body: object = None, headers: dict[str, str] | None = None, timeout: float = 30
) -> Answer:
    """One request on a connection of its own; `body` is bytes, or an iterable of bytes that is sent chunked."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=headers or {}, encode_chunked=not isinstance(body, bytes))
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def chat(prompt: str, **fields: object) -> bytes:
    """A chat completion body."""
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": prompt}], **fields}).encode()


def post(url: str, body: object, path: str = "/v1/chat/completions", **options: object) -> Answer:
    headers = {"content-type": "application/json"} | dict(options.pop("headers", {}))  # type: ignore[call-overload]
    return request(url, "POST", path, body, headers, **options)  # type: ignore[arg-type]


class EventStream:
    """An answer read event by event."""

    def __init__(self, url: str, body: bytes, path: str = "/v1/chat/completions", timeout: float = 20):
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout)
        self._connection.request("POST", path, body=body, headers={"content-type": "application/json"})
        self.answer = self._connection.getresponse()
        self.status = self.answer.status

    def event(self) -> str:
        """The data of the next event; EOFError at the end."""
        data = []
        while True:
            line = self.answer.readline()
            if not line:
                raise EOFError
            if line == b"\n" and data:
                return "\n".join(data)
            if line.startswith(b"data: "):
                data.append(line[6:].rstrip(b"\n").decode())

    def close(self) -> None:
        self._connection.close()
