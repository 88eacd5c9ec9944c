"""A pod of deploy/components/model-server as processes, whose containers start and end in the order of a kubelet, and clients that
notice every answer that is not whole."""

import http.client
import json
import os
import signal
import subprocess
import time

import yaml

from . import http as client
from .epp import sum_of
from .kubernetes import objects
from .kubernetes.cluster import Cluster
from .load import Load
from .paths import ROOT, product
from .process import Process
from .simulator import Simulator
from .waiting import eventually

# Tokens of answers, the time of a token, and what stands for drain-seconds: well above the longest answer, which takes about 2.4 s.
LENGTHS = [10, 120, 70, 110]
TOKEN_TIME = "20ms"
DRAIN_SECONDS = 5

_POD = yaml.safe_load((ROOT / "deploy/components/model-server/deployment.yaml").read_text())["spec"]["template"]["spec"]
(_SIDECAR,) = _POD["initContainers"]
(_ENGINE,) = _POD["containers"]
_ENGINE_PORT = _ENGINE["ports"][0]["containerPort"]


class ModelServer:
    """The containers of one pod: the sidecar with the arguments of the manifest, which runs from the start, and an engine."""

    def __init__(self, name: str, host: str, port: int):
        self.name = name
        self.address = f"{host}:{port}"
        self._host = host
        # Pods of a test share the loopback addresses, so the engine is at the pod's own.
        command = [product("routing-sidecar"), *_SIDECAR["args"], "--bind-address", host, "--model-server-host", host]
        self.sidecar = Process(command, name=f"sidecar of {name}", env=os.environ | {"POD_IP": host})
        self._engine: Simulator | None = None
        # What the engine was computing when the pod was marked as terminating, and what it was computing and had answered when it was
        # told to end itself.
        self.under_way = self.unfinished = self.served = 0.0

    @property
    def engine(self) -> Simulator:
        assert self._engine, f"the engine of {self.name} has not been started"
        return self._engine

    def start_engine(self) -> None:
        self._engine = Simulator("--host", self._host, "--inter-token-latency", TOKEN_TIME, port=_ENGINE_PORT)

    def probe(self, name: str) -> int:
        """The status that a probe of the sidecar gets, by the name that it has in the manifest."""
        assert self.sidecar.running(), self.sidecar.output()
        return client.request(f"http://{self.address}", "GET", _SIDECAR[name]["httpGet"]["path"], timeout=2).status

    def metric(self, name: str) -> float:
        """A metric of the engine, which is asked by its own port."""
        return sum_of(client.request(self.engine.url, "GET", "/metrics").body.decode(), name)

    def pre_stop(self, seconds: int) -> None:
        """Runs the hook of the engine's container to its end, with this value of drain-seconds."""
        command = _ENGINE["lifecycle"]["preStop"]["exec"]["command"]
        subprocess.run(command, env=os.environ | {"DRAIN_SECONDS": str(seconds)}, check=True, timeout=seconds + 10)

    def end_engine(self) -> None:
        self.unfinished = self.metric("vllm:num_requests_running")
        self.served = self.metric("vllm:request_success_total")
        self.engine.signal(signal.SIGTERM)
        assert self.engine.wait() == 0

    def end_sidecar(self) -> None:
        self.sidecar.signal(signal.SIGTERM)
        # Long before its --drain-timeout of 30 s: connections of gateways without a request do not hold it.
        assert self.sidecar.wait(10) == 0

    def stop(self) -> None:
        self.sidecar.stop()
        if self._engine:
            self._engine.stop()


def start_pod(cluster: Cluster, name: str) -> ModelServer:
    """Creates a pod, starts its containers one after the other, and reports it ready."""
    (pod,) = cluster.add_pod(name, ready=False, engine=ModelServer, node="node")
    # The next container is started when the startup probe of a native sidecar has succeeded.
    eventually(lambda: pod.probe("startupProbe") == 200, f"the sidecar of {name} has started")
    assert pod.probe("readinessProbe") == 503
    pod.start_engine()
    eventually(lambda: pod.probe("readinessProbe") == 200, f"{name} is ready")
    cluster.set_ready(name, True)
    return pod


def end_pod(cluster: Cluster, name: str, drains: bool = True, drain_seconds: int = DRAIN_SECONDS) -> None:
    """Marks a pod as terminating, ends its containers one after the other, and removes it. Without `drains` the engine is told to end
    at once."""
    pod = cluster.engines[name][0]
    # Nobody waits for the picker, or the gateway, to have seen it.
    cluster.delete_pod(name)
    pod.under_way = pod.metric("vllm:num_requests_running")
    if drains:
        pod.pre_stop(drain_seconds)
    pod.end_engine()
    pod.end_sidecar()
    cluster.api.admin.delete(f"{objects.pods(cluster.namespace)}/{name}", gracePeriodSeconds=0)


class Chats(Load):
    """Clients that try no chat again. Two of three answers are streamed, or all of them. With `sources`, addresses of this machine, each
    chat comes from the next one of them."""

    def __init__(self, url: str, clients: int = 10, streams_all: bool = False, sources: list[str] | None = None):
        self._url = url
        self._clients = clients
        self._sources = sources or []
        self._streams_all = streams_all
        self.longest = 0.0
        # Answers that began and have no end, and requests without an answer of status 200.
        self.cut: list[str] = []
        self.lost: list[str] = []
        super().__init__(clients)

    def ask(self, client: int, count: int) -> None:
        # Clients begin with different lengths.
        place = client + count
        began = time.monotonic()
        tokens = LENGTHS[place % len(LENGTHS)]
        source = self._sources[(count * self._clients + client) % len(self._sources)] if self._sources else ""
        cut, lost = ask(self._url, f"client {client} asks {count}", tokens, self._streams_all or place % 3 > 0, source)
        self.longest = max(self.longest, time.monotonic() - began)
        self.cut += [cut] if cut else []
        self.lost += [lost] if lost else []


def ask(url: str, prompt: str, tokens: int, streamed: bool = True, source: str = "") -> tuple[str | None, str | None]:
    """Sends a chat, from an address of this machine if one is given; returns how its answer is cut, and why there is none."""
    fields = {"model": "engine-sim", "max_tokens": tokens}
    if streamed:
        fields |= {"stream": True, "stream_options": {"include_usage": True}}
    try:
        answer = _post(url, client.chat(prompt, **fields), source)
    except http.client.IncompleteRead as error:
        return f"{error!r} {error.partial[-100:]!r}", None
    except (OSError, http.client.HTTPException) as error:
        return None, repr(error)
    if answer.status != 200:
        return None, f"{answer.status} {answer.body[:200]!r}"
    whole = _streamed_tokens(answer.body) == (tokens, tokens) if streamed else answer.json()["usage"]["completion_tokens"] == tokens
    return (None if whole else f"200 {answer.body[-200:]!r}"), None


def _post(url: str, body: bytes, source: str) -> client.Answer:
    where = (source, 0) if source else None
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30, source_address=where)
    try:
        connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        return client.Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def _streamed_tokens(body: bytes) -> tuple[int, int] | None:
    """The tokens that came in events, and those that the engine has counted; None without the mark of the end."""
    events = [line.removeprefix(b"data: ") for line in body.splitlines() if line.startswith(b"data: ")]
    if len(events) < 2 or events.pop() != b"[DONE]":
        return None
    *chunks, last = [json.loads(event) for event in events]
    texts = [chunk["choices"][0]["delta"].get("content") for chunk in chunks]
    return sum(map(bool, texts)), (last.get("usage") or {}).get("completion_tokens", 0)
