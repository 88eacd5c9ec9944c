"""A real Prometheus scrapes the picker, and promtool finds nothing to complain about."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kit import http as web
from kit.prometheus import Prometheus
from kit.waiting import eventually


@pytest.fixture
def prometheus(tmp_path: Path):
    """Starts a Prometheus that scrapes one target; returns a function that runs a query."""
    running: list[Prometheus] = []

    def start(target: str):
        running.append(Prometheus(target, tmp_path))
        return running[-1].query

    yield start
    for process in running:
        process.stop()


def test_a_real_prometheus_reads_the_counters(engines, start_epp, start_envoy, prometheus) -> None:
    epp = start_epp(endpoints=[engine.address for engine in engines], secure=True)
    for engine in engines:
        engine.wait_scrapes(1)
    envoy = start_envoy(epp.extproc_port, secure=True)
    for number in range(10):
        assert web.post(envoy.url, web.chat(f"prompt {number}")).status == 200
    query = prometheus(f"127.0.0.1:{epp.metrics_port}")
    eventually(lambda: query('up{job="epp"} == 1'), "the target up", 20)
    eventually(lambda: [r["value"][1] for r in query("sum(llm_d_epp_request_total)")] == ["10"], "10 requests", 20)
    assert [r["value"][1] for r in query("sum(inference_objective_request_total)")] == ["10"]
    assert query("histogram_quantile(0.9, sum by (le) (llm_d_epp_scheduler_e2e_duration_seconds_bucket))")
    eventually(lambda: [r["value"][1] for r in query("llm_d_epp_ready_endpoints")] == ["3"], "3 ready endpoints", 20)


def test_promtool_accepts_the_page(engines, start_epp, start_envoy) -> None:
    epp = start_epp(endpoints=[engine.address for engine in engines], secure=True)
    envoy = start_envoy(epp.extproc_port, secure=True)
    assert web.post(envoy.url, web.chat("one")).status == 200
    assert web.post(envoy.url, b"not json").status == 400
    assert shutil.which("promtool"), "promtool is missing: run scripts/setup"
    result = subprocess.run(
        ["promtool", "check", "metrics"], input=epp.metrics(), capture_output=True, text=True, timeout=30
    )
    # The names are llm-d's where promtool's naming rules differ.
    allowed = re.compile(r"should not contain abbreviated units|non-counter metrics should not have|metric names should not contain")
    complaints = [line for line in (result.stdout + result.stderr).splitlines() if line and not allowed.search(line)]
    assert complaints == []


def test_metrics_without_legacy_names(engines, start_epp) -> None:
    epp = start_epp("--legacy-metrics=false", endpoints=[engines[0].address])
    page = epp.metrics()
    assert "llm_d_epp_" in page
    assert "inference_objective_" not in page
    assert "inference_pool_" not in page


def test_the_health_pages_follow_the_pool(engines, start_epp) -> None:
    epp = start_epp(endpoints=[engines[0].address])
    assert epp.get("/healthz")[0] == 200
    eventually(lambda: epp.get("/readyz")[0] == 200, "ready once an endpoint answers")
