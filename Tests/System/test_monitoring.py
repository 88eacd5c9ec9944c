"""deploy/monitoring in a real Prometheus, which scrapes pickers, sidecars, engines and others' pages by its monitors: every query of the
dashboard and of KEDA's triggers is answered, and the names that they use exist."""

import math
import re
import subprocess
import time
from pathlib import Path
from typing import Iterator

import pytest
import yaml

from kit import http
from kit.families import FAMILIES
from kit.kubernetes.store import Object
from kit.manifests import DEPLOY
from kit.monitoring import (
    MONITORING, ConfiguredPrometheus, MonitoredPool, Panel, Target, families, monitors, names, panels, picker_target, rules,
    scrape_configs, selectors, variables,
)  # fmt: skip
from kit.paths import ROOT
from kit.simulator import Simulator
from kit.waiting import eventually

KEDA = DEPLOY / "components" / "keda"
PODS = {"vllm-0", "vllm-1", "vllm-prefill-0", "vllm-encode-0"}
VALUES = {"$__rate_interval": "5m", "$namespace": "inference", "$pool": "chat", "$picker": "(epp)", "$pod": f"({'|'.join(sorted(PODS))})"}
ALERTS = {rule["alert"]: rule["expr"] for rule in rules()}


class System(MonitoredPool):
    """The pool after its requests, and after faults; `query_healthy` asks for the time before those."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        try:
            self.converse()
            self._settle()
            self._healthy_at = self._scrape_again()
            self.fail()
            self._settle()
        except BaseException:
            self.stop()
            raise

    def _settle(self) -> None:
        """Waits until the last request is on the pages that were scraped, and every page was scraped once more: a rate is between two
        samples of a series, and a fault's series begins with the fault."""
        for pod, epp in self.pickers.items():
            eventually(lambda epp=epp: epp.metric("llm_d_epp_request_running") == 0, "no request runs")
            for name in ("llm_d_epp_request_total", "llm_d_epp_request_error_total"):
                expected = epp.metric(name)
                asked = f'sum({name}{{pod="{pod}"}}) or vector(0)'
                eventually(lambda a=asked, e=expected: self.number(a) == e, f"{name} of {pod} is scraped", 20)
        for name in ("routing_sidecar_targets_refused_total", "llm_d_disagg_sidecar_requests_total"):
            total = sum(sidecar.metric(name) for sidecar in self.sidecars)
            eventually(lambda n=name, t=total: self.number(f"sum({n}) or vector(0)") == t, f"{name} is scraped", 20)
        self._scrape_again()

    def _scrape_again(self) -> float:
        """Returns the time, when all pages were scraped after it: no later scrape belongs to the time before."""
        now = time.time()
        eventually(lambda: self.number("min(timestamp(up))") > now, "every page is scraped again", 20)
        return now

    def query_healthy(self, query: str) -> list[dict]:
        return self.prometheus.query_at(query, self._healthy_at)

    def number(self, query: str) -> float:
        (one,) = self.query(query)
        return float(one["value"][1])


def _substituted(query: str) -> str:
    for name, value in VALUES.items():
        query = query.replace(name, value)
    assert "$" not in query.replace('"$1"', ""), query
    return query


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    made = System(tmp_path_factory.mktemp("monitoring"))
    yield made
    made.stop()


def test_monitors_find_their_pages_and_no_others(system: System) -> None:
    up = system.query_healthy('up{namespace="inference"}')
    found = sorted((one["metric"]["job"], one["metric"]["pod"], one["metric"]["endpoint"]) for one in up)
    engines, sidecars = "pod/engines", "pod/sidecars"
    assert found == sorted(
        [
            ("epp", "epp-a", "http-metrics"), ("epp", "epp-b", "http-metrics"),
            (engines, "vllm-0", "http-engine"), (engines, "vllm-0", "http-engine-1"), (engines, "vllm-1", "http-engine"),
            (engines, "vllm-encode-0", "http-engine"), (engines, "vllm-prefill-0", "http-engine"),
            # Two ranks with a sidecar process each.
            (sidecars, "vllm-0", "http-metrics"), (sidecars, "vllm-0", "http-metrics"), (sidecars, "vllm-1", "http-metrics"),
        ]
    )  # fmt: skip
    assert {one["value"][1] for one in up} == {"1"}


def test_both_sides_name_pods_and_ranks_alike(system: System) -> None:
    expected = {("vllm-0", "0"), ("vllm-0", "1"), ("vllm-1", "0"), ("vllm-encode-0", "0"), ("vllm-prefill-0", "0")}
    for query in ("epp_endpoint_stale", "llm_d_epp_per_endpoint_queue_size", "epp_kv_events_stream_state", "vllm:num_requests_running"):
        labels = [one["metric"] for one in system.query_healthy(query)]
        assert {(one["engine_pod"], one["engine_rank"]) for one in labels} == expected, query
    # A picker's series stay its own; those about itself name no engine.
    assert {one["metric"]["pod"] for one in system.query("epp_endpoint_stale")} == {"epp-a", "epp-b"}
    assert not system.query('llm_d_epp_request_total{engine_pod!=""}')
    # The namespace of the endpoint makes place for that of the picker.
    (attempts,) = system.query('count(llm_d_epp_scheduler_attempts_total{namespace="inference", exported_namespace="default"}) > 0')
    assert float(attempts["value"][1]) > 0
    roles = {(one["metric"]["engine_pod"], one["metric"]["role"]) for one in system.query_healthy("vllm:num_requests_running")}
    assert roles == {("vllm-0", "decode"), ("vllm-1", "decode"), ("vllm-encode-0", "encode"), ("vllm-prefill-0", "prefill")}


@pytest.mark.parametrize("panel", panels(), ids=str)
def test_a_panel_shows_something(panel: Panel, system: System) -> None:
    series = system.query(_substituted(panel.query))
    assert [one for one in series if not math.isnan(float(one["value"][1]))], panel.query


@pytest.mark.parametrize("panel", [one for one in panels() if "engine_pod" in one.query], ids=str)
def test_a_panel_of_pods_has_one_row_for_each(panel: Panel, system: System) -> None:
    series = system.query(_substituted(panel.query))
    if not any("engine_pod" in one["metric"] for one in series):
        # A sum over all pods.
        assert "by (engine_pod" not in panel.query
        return
    rows = [one["metric"]["engine_pod"] for one in series]
    assert [one["metric"].keys() for one in series] == [{"engine_pod"}] * len(rows)
    shown = {"vllm-encode-0"} if panel.title.startswith("Endpoints that are stale or refuse") else {"vllm-0", "vllm-1"}
    assert len(rows) == len(set(rows)) and shown <= set(rows) <= PODS


def test_gpu_memory_is_that_of_the_pods(system: System) -> None:
    """By the labels of the exporter where they are honoured (node-a), and by exported_pod where they are not (node-b)."""
    (panel,) = [one for one in panels() if one.title == "GPU memory in use, per pod"]
    found = {one["metric"]["engine_pod"]: float(one["value"][1]) for one in system.query(_substituted(panel.query))}
    assert found == {"vllm-0": (70000 + 71000) * 2**20, "vllm-1": 60000 * 2**20, "vllm-prefill-0": 50000 * 2**20}


def test_variables_offer_what_there_is(system: System) -> None:
    offered = {}
    for name, (series, label) in variables().items():
        offered[name] = {one["metric"][label] for one in system.query_healthy(_substituted(series))}
    assert offered == {"namespace": {"inference"}, "pool": {"chat"}, "picker": {"epp"}, "pod": PODS}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_silent_in_a_healthy_system_and_its_series_exist(name: str, system: System) -> None:
    assert system.query_healthy(ALERTS[name]) == []
    for selector in selectors(ALERTS[name]):
        assert system.query(selector), f"{selector} is on no page"


def test_promtool_complains_of_names_of_llm_d_alone(system: System) -> None:
    pages = [epp.metrics() for epp in system.pickers.values()]
    pages += [http.request(f"http://127.0.0.1:{sidecar.metrics_port}", "GET", "/metrics").body.decode() for sidecar in system.sidecars]
    for page in pages:
        result = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, timeout=30)
        complaints = (result.stdout + result.stderr).splitlines()
        assert [line for line in complaints if not line.startswith(("llm_d_", "inference_", "kvcache_"))] == []


def test_every_family_is_documented(system: System) -> None:
    """In a README; those of llm-d's picker in the table of tests, which holds their labels and buckets."""
    text = (ROOT / "README.md").read_text() + (MONITORING / "README.md").read_text()
    documented = set(re.findall(r"`((?:epp|routing_sidecar|llm_d_epp|llm_d_disagg_sidecar|process)_\w+)", text)) | FAMILIES.keys()
    assert _declared() - documented == set()
    for process in [*system.pickers.values(), *system.sidecars]:
        url = f"http://127.0.0.1:{process.metrics_port}"
        exported = set(re.findall(r"^# TYPE (\S+)", http.request(url, "GET", "/metrics").body.decode(), re.MULTILINE))
        assert len(exported) > 10 and exported - documented == set()
        # What is read from the sources is what is exported.
        assert {name for name in exported if name.startswith(("epp_", "routing_sidecar_", "llm_d_"))} - _older() <= _declared()


# MARK: names


def _asked() -> set[str]:
    queries = [one.query for one in panels()] + [series for series, _ in variables().values()]
    queries += [*ALERTS.values()] + [one["metadata"]["query"] for one in _triggers()]
    return {re.sub(r"_(bucket|sum|count)$", "", name) for query in queries for name in families(_substituted(query))}


def _older() -> set[str]:
    """Returns the older names of families that begin like current ones."""
    return {name for name in FAMILIES if name.startswith("llm_d_inference_scheduler_")}


def _declared() -> set[str]:
    """Returns the names of families that our sources declare, those too that have no series yet."""
    text = "".join(path.read_text() for path in (ROOT / "Sources/EPPMetrics/Families").glob("*.swift"))
    own = re.findall(r'\.own(?:Histogram)?\(\s*"(\w+)"', text) + re.findall(r'"epp_(\w+)"', text)
    shared = re.findall(r'\.(?:counter|gauge|histogram)\(\s*"(\w+)"', text)
    sidecar = (ROOT / "Sources/EPPMetrics/Page/SidecarMetrics.swift").read_text()
    stages = {f"llm_d_disagg_sidecar_{stage}_duration_seconds" for stage in ("encode", "prefill", "decode")}
    found = {f"epp_{name}" for name in own} | {f"llm_d_epp_{name}" for name in shared}
    found |= {f"llm_d_disagg_sidecar_{name}" for name in re.findall(r'\.shared\(\s*"(\w+)"', sidecar)}
    return found | {f"routing_sidecar_{name}" for name in re.findall(r'\.own(?:Histogram)?\(\s*"(\w+)"', sidecar)} | stages


def test_every_name_is_exported_by_us_or_known_of_others() -> None:
    asked = _asked()
    assert len(asked) > 50
    dcgm = names("dcgm-node-a.txt")
    assert asked - _declared() - dcgm - names("kubelet.txt") - names("vllm-0.32.0.txt") == set()
    assert "DCGM_FI_DEV_FB_USED" in asked and "vllm:prefix_cache_hits_total" in asked


def test_names_of_the_engine_are_those_of_old_and_current_versions(system: System) -> None:
    asked = {name for name in _asked() if name.startswith("vllm:")}
    for version in ("0.10.0", "0.32.0"):
        assert asked - names(f"vllm-{version}.txt") == set(), version
    page = http.request(f"http://{system.prefill.address}", "GET", "/metrics").body.decode()
    simulated = {name for name in re.findall(r"^# TYPE (vllm:\S+)", page, re.MULTILINE) if not name.endswith("_created")}
    assert simulated <= names("vllm-0.32.0.txt")


# MARK: KEDA


def _triggers() -> list[Object]:
    (value,) = [one for one in yaml.safe_load_all((KEDA / "scaled-object.yaml").read_text()) if one["kind"] == "ScaledObject"]
    return value["spec"]["triggers"]


def test_triggers_count_all_replicas_and_none_that_is_dead(start_epp, start_envoy, tmp_path: Path) -> None:
    assert [one["metadata"]["ignoreNullValues"] for one in _triggers()] == ["false", "false"]
    running, saturation = [one["metadata"]["query"] for one in _triggers()]
    configuration = tmp_path / "epp.yaml"
    configuration.write_text(
        "{apiVersion: llm-d.ai/v1alpha1, kind: EndpointPickerConfig, plugins: [{type: queue-scorer}, {type: concurrency-detector,"
        " parameters: {maxConcurrency: 10}}], flowControl: {saturationDetector: {pluginRef: concurrency-detector}},"
        " schedulingProfiles: [{name: default, plugins: [{pluginRef: queue-scorer}]}]}"
    )
    (scraped,) = [one for one in monitors() if one["kind"] == "ServiceMonitor"]
    with Simulator("--inter-token-latency", "100ms") as engine:
        flags = ["--pool-name", "vllm", "--config-file", str(configuration)]
        pickers = [start_epp(*flags, endpoints=[engine.address]) for _ in range(2)]  # type: ignore[attr-defined]
        others = start_epp(*flags, endpoints=[engine.address])  # type: ignore[attr-defined]
        targets: list[Target] = [picker_target(epp, f"epp-{number}") for number, epp in enumerate(pickers)]
        targets.append(picker_target(others, "epp-0", "elsewhere"))
        streams = []
        body = http.chat("a long answer", model="engine-sim", max_tokens=5000, stream=True)
        for epp, count in ((pickers[0], 5), (pickers[1], 2), (others, 9)):
            envoy = start_envoy(epp.extproc_port)
            streams += [http.EventStream(envoy.url, body) for _ in range(count)]
        for stream in streams:
            stream.event()
        with ConfiguredPrometheus(scrape_configs(scraped, targets), tmp_path) as prometheus:

            def values() -> list[str]:
                return [one["value"][1] for query in (running, saturation) for one in prometheus.query(query)]  # type: ignore[attr-defined]

            eventually(lambda: values() == ["7", "0.5"], "both replicas count", 20)
            pickers[0].kill()
            eventually(lambda: values() == ["2", "0.2"], "the living one counts", 20)
            pickers[1].kill()
            # Nothing, which KEDA takes for an error, and not for an idle pool.
            eventually(lambda: values() == [], "none counts", 20)
        for stream in streams:
            stream.close()
