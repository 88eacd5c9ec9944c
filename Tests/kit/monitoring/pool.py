"""A pool as deploy/ runs it, on the loopback interface: pods with engines and sidecars, replicas of the picker, what monitors find."""

import json
from contextlib import ExitStack
from pathlib import Path

import yaml

from .. import extproc as ep
from .. import http
from ..configurations import DISAGGREGATED
from ..epp import EPP
from ..envoy import Envoy
from ..gateway import Exchange
from ..kubernetes.store import Object
from ..manifests import rendered
from ..ports import free_port
from ..sidecar import Sidecar
from ..simulator import Simulator
from ..waiting import eventually
from .pages import PAGES, Pages, kubelet_page
from .queries import MONITORING
from .scrape import ConfiguredPrometheus, Target, job, scrape_configs

PICKER_LABELS = {"app.kubernetes.io/name": "warmpath-epp"}
ENGINE_LABELS = {"app": "vllm"}


def picker_target(epp: EPP, pod: str, namespace: str = "inference") -> Target:
    """Returns the port of a picker's metrics as deploy/base names it."""
    address = f"127.0.0.1:{epp.metrics_port}"
    return Target(address, pod, "http-metrics", "epp", namespace, PICKER_LABELS, "epp", PICKER_LABELS)


def sidecar_target(sidecar: Sidecar, pod: str, **labels: str) -> Target:
    return Target(f"127.0.0.1:{sidecar.metrics_port}", pod, "http-metrics", "routing-proxy", labels=ENGINE_LABELS | labels)


def monitors() -> list[Object]:
    return [value for value in rendered(MONITORING) if value["kind"].endswith("Monitor")]


def _configuration() -> str:
    """Returns the configuration of the pickers: media are encoded elsewhere, and of sessions that name none the token and the client's
    address count. A prefill engine alone is chosen by the address, so that requests of one client go to all decode engines."""
    value = yaml.safe_load(DISAGGREGATED)
    (handler,) = [plugin for plugin in value["plugins"] if plugin["type"] == "disagg-profile-handler"]
    handler["parameters"]["deciders"]["encode"] = "always-disagg-multimodal-decider"
    token, address = {"strategy": "encoded_endpoint_header"}, {"strategy": "client_address", "profileName": "prefill"}
    value["plugins"] += [
        {"type": "encode-filter"}, {"type": "always-disagg-multimodal-decider"},
        {"type": "session-affinity-scorer", "name": "by-token", "parameters": token},
        {"type": "session-affinity-scorer", "name": "by-address", "parameters": address},
    ]  # fmt: skip
    profiles = {profile["name"]: profile["plugins"] for profile in value["schedulingProfiles"]}
    profiles["decode"].append({"pluginRef": "by-token", "weight": 2})
    profiles["prefill"].append({"pluginRef": "by-address", "weight": 2})
    encode = [{"pluginRef": name} for name in ("encode-filter", "queue-scorer", "max-score-picker")]
    value["schedulingProfiles"].append({"name": "encode", "plugins": encode})
    return yaml.safe_dump(value)


class MonitoredPool:
    """Two decode pods, one with two data-parallel ranks, a prefill pod and an encode pod; two pickers behind one Envoy; a Prometheus that
    scrapes them by the monitors of deploy/monitoring, beside the pages of others."""

    # The names of a pod's ports, in the order of ranks.
    RANKS = ["http-engine", "http-engine-1"]
    DECODE = {"vllm-0": 2, "vllm-1": 1}
    PREFILL = "vllm-prefill-0"
    ENCODE = "vllm-encode-0"

    def __init__(self, folder: Path):
        self._stack = ExitStack()
        self._folder = folder
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        self.targets: list[Target] = []
        self.sidecars: list[Sidecar] = []
        # A port of the allowed ones at which nobody listens.
        self.dead_port = free_port()
        entries = []
        self.prefill = self._stack.enter_context(Simulator("--kv-connector", "nixlv2"))
        entries.append(self._entry(self.prefill, self.PREFILL, 0, "prefill"))
        self.encode = self._stack.enter_context(Simulator("--ec-connector", "ec-nixl"))
        entries.append(self._entry(self.encode, self.ENCODE, 0, "encode"))
        for pod, ranks in self.DECODE.items():
            for rank in range(ranks):
                engine = self._stack.enter_context(Simulator("--kv-connector", "nixlv2"))
                ports = [self.prefill.address, self.encode.address, f"127.0.0.1:{self.dead_port}"]
                connectors = ["--kv-connector=nixlv2", "--ec-connector=ec-nixl"]
                sidecar = self._stack.enter_context(Sidecar(engine.address, *connectors, prefillers=ports))
                self.sidecars.append(sidecar)
                self.targets.append(sidecar_target(sidecar, pod, **{"llm-d.ai/role": "decode"}))
                entries.append(self._entry(engine, pod, rank, "decode") | {"port": str(sidecar.port)})
        # A pod that no monitor is for, with ports of the same names.
        self.targets.append(Target(self.prefill.address, "stranger", "http-engine", "vllm", labels={"app": "other"}))
        (self._folder / "endpoints.yaml").write_text(json.dumps({"endpoints": entries}))
        (self._folder / "epp.yaml").write_text(_configuration())
        flags = ["--endpoints-file", f"{self._folder}/endpoints.yaml", "--config-file", f"{self._folder}/epp.yaml"]
        flags += ["--pool-name", "chat", "--token-deadline", "2s"]
        self.pickers = {f"epp-{name}": self._stack.enter_context(EPP(*flags)) for name in "ab"}
        self.targets += [picker_target(epp, pod) for pod, epp in self.pickers.items()]
        for epp in self.pickers.values():
            eventually(lambda epp=epp: epp.metric("llm_d_epp_ready_endpoints") == len(entries), "all endpoints are ready", 20)
        self.envoy = self._stack.enter_context(Envoy("full-duplex.yaml", [epp.extproc_port for epp in self.pickers.values()]))
        self.prometheus = self._stack.enter_context(ConfiguredPrometheus(self._jobs(), self._folder))
        self.query = self.prometheus.query
        # All but the stranger, and three pages of others.
        pages = len(self.targets) - 1 + 3
        eventually(lambda: len(self.query("up == 1")) == pages, f"{pages} pages are scraped", 30)

    def _entry(self, engine: Simulator, pod: str, rank: int, role: str) -> dict[str, object]:
        """Adds the page of an engine; returns its entry in the pickers' file, under the name that Kubernetes would give it."""
        labels = {"llm-d.ai/role": role}
        self.targets.append(Target(engine.address, pod, self.RANKS[rank], "vllm", labels=ENGINE_LABELS | labels))
        return engine.entry(f"{pod}-rank-{rank}") | {"labels": labels}

    def _jobs(self) -> list[dict]:
        """The monitors' jobs; the DCGM exporters of two nodes, one scraped with honor_labels and one without; a kubelet."""
        texts = {f"/{node}": (PAGES / f"dcgm-{node}.txt").read_text for node in ("node-a", "node-b")}
        pages = Pages(texts | {"/cadvisor": lambda: kubelet_page("inference", dict(self.pickers))})
        self._stack.callback(pages.stop)
        exporter = {"namespace": "gpu-operator", "pod": "dcgm-exporter-x"}

        def foreign(name: str, labels: dict[str, str], is_honoured: bool) -> dict:
            groups = [{"targets": [pages.address], "labels": labels}]
            return job(name, groups, metrics_path=f"/{name}", honor_labels=is_honoured)

        found = [foreign("node-a", exporter, True), foreign("node-b", exporter, False), foreign("cadvisor", {}, True)]
        return found + [config for monitor in monitors() for config in scrape_configs(monitor, self.targets)]

    def post(self, body: bytes, status: int = 200, path: str = "/v1/chat/completions", **headers: str) -> http.Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = http.post(self.envoy.url, body, path, headers=named)
        assert answer.status == status, answer
        return answer

    def converse(self) -> None:
        """Sessions of long prompts and short ones, streamed and not, and one of a token; pictures; and so many short prompts that one slow
        pick does not count."""
        for number in range(8):
            told = f"{number} " + "the story goes on and on. " * (200 if number % 2 else 20)
            for turn in (1, 2):
                body = http.chat(told * turn, model="engine-sim", max_tokens=12)
                self.post(body, x_session_id=f"session-{number}")
                streamed = {"stream": True, "stream_options": {"include_usage": True}}
                self.post(http.chat(told, model="engine-sim", max_tokens=12, **streamed), x_session_id=f"session-{number}")
        picture = {"type": "image_url", "image_url": {"url": "http://example.com/cat.png"}}
        content = [{"type": "text", "text": "What is it?"}, picture]
        fields = {"model": "engine-sim", "max_tokens": 2, "messages": [{"role": "user", "content": content}]}
        seen = self.post(json.dumps(fields).encode())
        self.post(json.dumps(fields).encode(), x_session_token=seen.headers["x-session-token"])
        for number in range(300):
            body = json.dumps({"model": "engine-sim", "prompt": f"{number % 20} words to go on with", "max_tokens": 1})
            self.post(body.encode(), path="/v1/completions")

    def fail(self) -> None:
        """What engines refuse, what no endpoint is for, a session token that is none, a prefill engine that is away, a target that is not
        allowed, and an engine that dies."""
        self.post(http.chat("hello", model="nobody-serves-it"), 404)
        self.post(http.chat("hello", model="engine-sim", max_tokens=2), x_session_token="no token")
        exchange = Exchange(ep.Stream(self.pickers["epp-a"].channel()))
        outcome = exchange.request(ep.post_headers(), [http.chat("hello")], metadata=ep.subset(["192.0.2.1:8000"]))
        assert outcome.status == 503
        exchange.stream.finish()
        for target, status in ((f"127.0.0.1:{self.dead_port}", 200), ("192.0.2.1:8000", 403)):
            body = http.chat("a prompt to be computed elsewhere " * 40, model="engine-sim", max_tokens=2)
            answer = http.post(self.sidecars[0].url, body, headers={"x-prefiller-host-port": target})
            assert answer.status == status, answer
        self.encode.kill()
        for epp in self.pickers.values():
            for name in ("epp_endpoint_stale", "epp_endpoint_refusing"):
                said = f"{name} of the dead engine"
                eventually(lambda e=epp, n=name: e.metric(n, endpoint_name=f"{self.ENCODE}-rank-0") == 1, said)

    def stop(self) -> None:
        self._stack.close()
