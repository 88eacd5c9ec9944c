"""Every metric family of llm-d's EPP in a real Prometheus, after mixed requests through a real Envoy: present, with llm-d's labels
and buckets. Families of features that are not here are absent."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Callable, Iterator

import pytest
import yaml

from kit import extproc as ep
from kit import http
from kit.configurations import DISAGGREGATED
from kit.envoy import Envoy
from kit.epp import EPP
from kit.families import ABSENT, FAMILIES, Family
from kit.gateway import Exchange
from kit.kubernetes import FakeAPIServer, objects
from kit.kubernetes.cluster import Cluster, has_pod_addresses, wait_endpoints
from kit.prometheus import Prometheus
from kit.simulator import Simulator
from kit.waiting import eventually

pytestmark = pytest.mark.skipif(
    not has_pod_addresses(), reason="no address of a pod is here: run the tests with scripts/pod-network"
)

OBJECTIVE = "x-llm-d-inference-objective"
FAIRNESS = "x-llm-d-inference-fairness-id"


class PodSimulator(Simulator):
    """A simulated engine at the address of a pod, with KV events."""

    def __init__(self, name: str, host: str, port: int):
        # vLLM listens on addresses with `::`, and connects to others.
        sockets = {"events": f"tcp://[::ffff:{host}]:5557", "replay": f"tcp://[::ffff:{host}]:5558"}
        speed = ("--prefill-tokens-per-second", "400000", "--inter-token-latency", "2ms")
        super().__init__("--host", host, *speed, port=port, **sockets)


class Load:
    """Requests of all kinds, through Envoy and, for what a gateway adds, straight to the picker."""

    def __init__(self, envoy: Envoy, epp: EPP, prometheus: Prometheus):
        self._envoy = envoy
        self._epp = epp
        self._prometheus = prometheus

    def post(self, body: bytes, status: int = 200, path: str = "/v1/chat/completions", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = http.post(self._envoy.url, body, path, headers=named)
        assert answer.status == status, answer

    def conversations(self) -> None:
        """Long prompts and short ones, streamed and not, most of each found in a cache the second time."""
        for number in range(6):
            told = f"{number} " + "the story goes on and on. " * (200 if number % 2 else 4)
            for turn in range(2):
                body = http.chat(told * (turn + 1), model="engine-sim", max_tokens=12)
                self.post(body, x_session_id=f"session-{number}", **{FAIRNESS: "team"})
                streamed = {"stream": True, "stream_options": {"include_usage": True}}
                self.post(http.chat(told, model="engine-sim", max_tokens=12, **streamed))
                self.post(json.dumps({"model": "engine-sim", "prompt": told, "max_tokens": 4}).encode(), path="/v1/completions")

    def refused(self) -> None:
        """By the picker, by the engine, and by nobody in the subset that a gateway names."""
        self.post(b'{"model": "m", "messages": [', 400)
        self.post(http.chat("hello", model="nobody-serves-it"), 404)
        self.post(http.chat("never seen before " * 40, model="engine-sim"), 412, prefer="if-available")
        exchange = Exchange(ep.Stream(self._epp.channel()))
        outcome = exchange.request(ep.post_headers(), [http.chat("hello")], metadata=ep.subset(["192.0.2.1:8000"]))
        assert outcome.status == 503
        exchange.stream.finish()

    def rewritten(self) -> None:
        self.post(http.chat("which dish", model="food-review", max_tokens=4))

    def shed(self) -> None:
        """Ten streams fill the endpoints; then a request of negative priority is refused."""
        body = http.chat("a long answer", model="engine-sim", max_tokens=6000, stream=True)
        streams = [http.EventStream(self._envoy.url, body) for _ in range(10)]
        for stream in streams:
            stream.event()
        self.post(http.chat("later", model="engine-sim"), 429, **{OBJECTIVE: "batch"})
        self.post(http.chat("now", model="engine-sim", max_tokens=2), **{OBJECTIVE: "chat"})
        running = "sum(llm_d_epp_request_running) >= 10 and sum(llm_d_epp_average_running_requests) > 0"
        eventually(lambda: self._prometheus.query(running), "Prometheus sees what is in flight")
        for stream in streams:
            stream.close()


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], list[dict]]]:
    """Runs queries in a Prometheus that has seen everything."""
    folder: Path = tmp_path_factory.mktemp("prometheus")
    configuration = yaml.safe_load(DISAGGREGATED)
    # As in llm-d's guide for precise routing, whose dashboard and alerts ask for these types of plugins.
    configuration["plugins"] += [{"type": "token-producer"}, {"type": "precise-prefix-cache-producer"}]
    configuration["plugins"].append({"type": "concurrency-detector", "parameters": {"maxConcurrency": 3}})
    configuration["flowControl"] = {"saturationDetector": {"pluginRef": "concurrency-detector"}}
    (folder / "epp.yaml").write_text(yaml.safe_dump(configuration))
    with ExitStack() as stack:
        api = FakeAPIServer(secure=True)
        stack.callback(api.stop)
        objects.install(api.admin)
        api.admin.create(objects.NAMESPACES, {"metadata": {"name": "models"}})
        cluster = Cluster(api, "models")
        stack.callback(cluster.stop)
        cluster.make_pool("chat")
        for name in ("decode-a", "decode-b", "prefill-a"):
            labels = {"app": "vllm", "llm-d.ai/role": name.split("-")[0]}
            cluster.add_pod(name, engine=PodSimulator, labels=labels)
        for name, priority in (("batch", -1), ("chat", 3)):
            path = objects.custom(objects.LLM_D, "inferenceobjectives", "models")
            api.admin.create(path, objects.objective(name, "chat", priority))
        rule = {"matches": [{"model": {"type": "Exact", "value": "food-review"}}], "targets": [{"modelRewrite": "engine-sim"}]}
        path = objects.custom(objects.LLM_D, "inferencemodelrewrites", "models")
        api.admin.create(path, objects.rewrite("canary", "chat", [rule]))
        epp = stack.enter_context(
            EPP(
                "--kubeconfig", str(api.kubeconfig), "--pool-name", "chat", "--pool-namespace", "models",
                "--metrics-endpoint-auth=false", "--enable-grpc-stream-metrics", "--config-file", str(folder / "epp.yaml"),
                "--kv-events-port", "5557", "--kv-replay-port", "5558", "--token-deadline", "2s",
            )
        )  # fmt: skip
        wait_endpoints(epp, "decode-a-rank-0", "decode-b-rank-0", "prefill-a-rank-0")
        eventually(lambda: epp.metric("epp_kv_events_streams") == 3, "all KV events are followed", 20)
        prometheus = stack.enter_context(Prometheus(f"127.0.0.1:{epp.metrics_port}", folder))
        envoy = stack.enter_context(Envoy("full-duplex.yaml", epp.extproc_port))
        eventually(lambda: prometheus.query('up{job="epp"} == 1'), "the page is scraped", 20)
        load = Load(envoy, epp, prometheus)
        load.conversations()
        load.rewritten()
        load.refused()
        load.shed()
        # An engine that dies is one whose page cannot be read.
        cluster.engines["decode-b"][0].kill()
        seen = "sum(llm_d_epp_datalayer_poll_errors_total) > 0 and sum(llm_d_epp_request_running) == 0"
        eventually(lambda: prometheus.query(seen), "all requests have ended, and an engine is away", 30)
        yield prometheus.query


def _labels(series: list[dict]) -> set[str]:
    """Returns the names of all labels; Prometheus leaves out those without a value."""
    return {name for one in series for name in one["metric"]} - {"__name__", "instance", "job", "le"}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_that_of_llm_d(name: str, query: Callable[[str], list[dict]]) -> None:
    family: Family = FAMILIES[name]
    is_histogram = family.kind == "histogram"
    series = query(f"{name}_bucket" if is_histogram else name)
    assert series, "the family is absent"
    assert _labels(series) == set(family.labels)
    for label, values in family.values.items():
        assert {one["metric"].get(label) for one in series} >= values, label
    if is_histogram:
        bounds = {float(one["metric"]["le"]) for one in series}
        assert sorted(bounds - {float("inf")}) == list(family.buckets)
    counted = query(f"sum({name}_count)" if is_histogram else f"sum(max_over_time({name}[10m]))")
    assert family.is_idle or float(counted[0]["value"][1]) > 0, "nothing was counted"


# What llm-d's dashboards and alerts about KV events and tokens ask for, beyond the names and labels of families.
ANSWERED = [
    'rate(llm_d_epp_prefix_predicted_cached_tokens_sum{plugin_type="precise-prefix-cache-producer"}[5m])',
    'rate(llm_d_epp_prefix_prompt_tokens_sum{plugin_type="precise-prefix-cache-producer"}[5m]) > 0',
    'rate(llm_d_epp_plugin_duration_seconds_bucket{plugin_type="token-producer",le="0.1"}[5m]) > 0',
    'rate(llm_d_epp_plugin_duration_seconds_bucket{plugin_type="precise-prefix-cache-producer"}[5m]) > 0',
    'llm_d_epp_extproc_streams_total{code="OK"} > 0',
    # How a dashboard finds pods of pickers, and what it joins with them.
    "up and on (instance) llm_d_epp_kv_cache_events_pool_capacity",
    "process_resident_memory_bytes and on (instance) llm_d_epp_kv_cache_events_pool_capacity",
    # What alerts compare with: an absent series would silence them.
    "rate(llm_d_epp_kv_cache_index_evictions_total[5m])",
    "llm_d_epp_kv_cache_events_pool_queue_depth == 0",
    'sum by (pod_identifier) (rate(llm_d_epp_kv_cache_events_subscriber_reconnections_total[5m])) > 0',
    'sum by (pod_identifier, operation) (rate(llm_d_epp_kv_cache_events_zmq_errors_total{operation="connect"}[5m])) > 0',
]
# Nor do those of them fire that find nothing of the faults that they are for.
SILENT = [
    "absent(llm_d_epp_kv_cache_index_lookup_requests_total)",
    "absent(llm_d_epp_ready_endpoints)",
    "rate(llm_d_epp_kv_cache_index_lookup_requests_total[5m]) > 0 unless rate(llm_d_epp_kv_cache_index_admissions_total[5m]) > 0",
    "histogram_quantile(0.99, rate(llm_d_epp_kv_cache_index_lookup_latency_seconds_bucket[5m])) > 0.05",
]


@pytest.mark.parametrize("asked", ANSWERED)
def test_what_pages_of_llm_d_ask_for_is_there(asked: str, query: Callable[[str], list[dict]]) -> None:
    # A rate is there once its series has risen from one scrape to the next, as attempts to connect again do.
    eventually(lambda: bool(query(asked)), asked, 60)


@pytest.mark.parametrize("fault", SILENT)
def test_what_alerts_of_llm_d_look_for_is_not_there(fault: str, query: Callable[[str], list[dict]]) -> None:
    assert query(fault) == []


@pytest.mark.parametrize("pattern", ABSENT)
def test_a_family_of_a_feature_that_is_not_here_is_absent(pattern: str, query: Callable[[str], list[dict]]) -> None:
    assert {one["metric"]["__name__"] for one in query(f'{{__name__=~"{pattern}(_bucket|_count|_sum)?"}}')} == set()
