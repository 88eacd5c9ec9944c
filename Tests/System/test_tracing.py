"""Traces through a real Envoy, the picker, sidecars and engines, as a collector gets them."""

import json
from pathlib import Path

import pytest

from kit import http
from kit.certificates import Authority
from kit.collector import INTERNAL, Collector
from kit.disaggregated import CONFIGURATION
from kit.engine import Engine
from kit.epp import EPP
from kit.process import Process
from kit.sidecar import Sidecar
from kit.simulator import Simulator
from kit.waiting import eventually

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
RECORDED = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "vendor=1"}
LONG = "The quick brown fox jumps over the lazy dog near the river bank at dawn. " * 60


def _chat(url: str, headers: dict[str, str], prompt: str = "hello", model: str = "m") -> http.Answer:
    return http.post(url, http.chat(prompt, model=model, max_tokens=4), headers=headers)


def test_spans_join_the_callers_trace_and_the_engine_joins_them(collector: Collector, engine: Engine, start_epp, start_envoy) -> None:
    epp = start_epp("--tracing", endpoints=[engine.address], env=collector.variables(OTEL_RESOURCE_ATTRIBUTES="k8s.pod.name=p"))
    envoy = start_envoy(epp.extproc_port)
    assert _chat(envoy.url, RECORDED).status == 200
    eventually(lambda: "gateway.request" in collector.trace(TRACE), "the request's span has arrived")
    spans = collector.trace(TRACE)
    request = spans["gateway.request"]
    assert request.parent == CALLER and request.service == "llm-d-epp" and not request.failed
    assert [request.attributes["gen_ai.request.id"]] == engine.received[-1].header("x-request-id")
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["warmpath.endpoint"] == engine.address
    assert spans["gateway.request_orchestration"].parent == request.id
    profile = spans["run_scheduler_profile"]
    assert profile.parent == spans["gateway.request_orchestration"].id
    # The filter of the default profile is `utilization-detector`.
    assert spans["filter_endpoints"].parent == profile.id and spans["filter_endpoints"].kind == INTERNAL
    assert spans["filter_endpoints"].attributes == _filtered(1, 1)
    assert spans["llm_d.epp.scorer.prefix-cache-scorer"].parent == spans["llm_d.epp.scoring"].id
    assert spans["pick_endpoints"].attributes["llm_d.epp.picker.top_endpoints"] == [engine.address]
    # The engine gets one trace context: the trace of the caller, under the request's span.
    received = engine.received[-1]
    assert received.header("traceparent") == [f"00-{TRACE}-{request.id}-01"]
    assert received.header("tracestate") == ["vendor=1"]
    path, headers = collector.requests[0]
    assert path == "/v1/traces" and headers["content-type"] == "application/json"
    # Counted when the collector has answered, which is after it has them.
    eventually(
        lambda: epp.metric("epp_trace_spans_total", result="exported") == len(collector.spans) > 8, "all spans are counted as exported"
    )


def _filtered(candidates: int, left: int) -> dict[str, object]:
    return {"llm_d.epp.filter.candidate_endpoints": candidates, "llm_d.epp.filter.filtered_endpoints": left}


_PROFILE = """
apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
plugins:
- type: decode-filter
- { name: large, type: label-selector-filter, parameters: { matchLabels: { size: large } } }
- type: queue-scorer
schedulingProfiles: [{ name: only, plugins: [FILTERS { pluginRef: queue-scorer, weight: 1 }] }]
"""


def _start_filtering(folder: Path, start_epp, collector: Collector, engines: list[Engine], filters: str) -> EPP:
    """A picker with filters over a prefill engine, and decode engines of which the last one is large."""
    entries = []
    for number, engine in enumerate(engines):
        host, port = engine.address.rsplit(":", 1)
        labels = {"llm-d.ai/role": "decode" if number else "prefill", "size": "small" if number + 1 < len(engines) else "large"}
        entries.append({"name": f"e{number}", "address": host, "port": port, "labels": labels})
    (folder / "endpoints.yaml").write_text(json.dumps({"endpoints": entries}))
    (folder / "epp.yaml").write_text(_PROFILE.replace("FILTERS", filters))
    files = ("--endpoints-file", str(folder / "endpoints.yaml"), "--config-file", str(folder / "epp.yaml"))
    epp = start_epp("--tracing", *files, env=collector.variables())
    eventually(lambda: epp.metric("llm_d_epp_ready_endpoints") == len(engines), "all endpoints are ready")
    return epp


@pytest.mark.parametrize(
    "filters, left", [("{ pluginRef: decode-filter },", 2), ("{ pluginRef: decode-filter }, { pluginRef: large },", 1), ("", None)],
)  # fmt: skip
def test_the_filters_of_a_profile_are_one_span(
    filters: str, left: int | None, collector: Collector, engines: list[Engine], start_epp, start_envoy, tmp_path: Path
) -> None:
    epp = _start_filtering(tmp_path, start_epp, collector, engines, filters)
    assert _chat(start_envoy(epp.extproc_port).url, RECORDED).status == 200
    eventually(lambda: "gateway.request" in collector.trace(TRACE), "the request's span has arrived")
    spans = collector.trace(TRACE)
    profile = spans["run_scheduler_profile"]
    assert profile.attributes["llm_d.epp.scheduling.profile.name"] == "only"
    found = [span for span in collector.spans if span.name == "filter_endpoints"]
    # A profile without filters has no such span.
    assert [(span.parent, span.attributes) for span in found] == ([(profile.id, _filtered(3, left))] if left else [])
    assert spans["llm_d.epp.scoring"].attributes["llm_d.epp.scoring.candidate_endpoints"] == (left or 3)


def test_filters_that_leave_no_endpoint_fail_the_request(collector: Collector, engine: Engine, start_epp, start_envoy, tmp_path) -> None:
    # The only engine computes prompts alone.
    epp = _start_filtering(tmp_path, start_epp, collector, [engine], "{ pluginRef: decode-filter },")
    answer = _chat(start_envoy(epp.extproc_port).url, RECORDED)
    assert answer.status >= 500 and engine.received == []
    eventually(lambda: "gateway.request" in collector.trace(TRACE), "the request's span has arrived")
    spans = collector.trace(TRACE)
    assert spans["filter_endpoints"].attributes == _filtered(1, 0)
    assert spans["gateway.request"].failed and spans["gateway.request"].attributes["http.response.status_code"] == answer.status
    assert spans["gateway.request_orchestration"].failed
    assert not {"llm_d.epp.scoring", "pick_endpoints"} & set(spans)


def test_traces_that_are_not_recorded_leave_nothing(collector: Collector, engine: Engine, start_epp, start_envoy) -> None:
    epp = start_epp("--tracing", endpoints=[engine.address], env=collector.variables(OTEL_TRACES_SAMPLER_ARG="0"))
    envoy = start_envoy(epp.extproc_port)
    other = f"00-{TRACE}-{CALLER}-00"
    assert _chat(envoy.url, {"traceparent": other}).status == 200
    assert _chat(envoy.url, {}).status == 200
    first, second = (request.header("traceparent") for request in engine.received)
    # The caller's decision passes; without a caller, the engine is told of the picker's.
    assert first == [other] and len(second) == 1 and second[0].endswith("-00")
    epp.stop()
    assert collector.requests == []


def test_without_the_flag_nothing_is_recorded(collector: Collector, engine: Engine, start_epp, start_envoy) -> None:
    epp = start_epp(endpoints=[engine.address], env=collector.variables())
    envoy = start_envoy(epp.extproc_port)
    assert _chat(envoy.url, RECORDED).status == 200
    assert engine.received[-1].header("traceparent") == [RECORDED["traceparent"]]
    with Sidecar(engine.address, env=collector.variables()) as sidecar:
        assert _chat(sidecar.url, RECORDED).status == 200
        assert engine.received[-1].header("traceparent") == [RECORDED["traceparent"]]
    epp.stop()
    assert collector.requests == []


def test_a_collector_that_is_away_costs_no_request(collector: Collector, engine: Engine, start_epp, start_envoy) -> None:
    collector.stop()
    # Started and stopped as always, with the address of gRPC that llm-d's charts name.
    grpc = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_TRACES_SAMPLER": "always_on"}
    for variables in (collector.variables(OTEL_BSP_MAX_QUEUE_SIZE="20", OTEL_TRACES_SAMPLER="always_on"), grpc):
        epp = start_epp("--tracing", endpoints=[engine.address], env=variables)
        envoy = start_envoy(epp.extproc_port)
        for _ in range(20):
            assert _chat(envoy.url, RECORDED).status == 200
        if variables is grpc:
            epp.wait_for(r"asks for OTLP over gRPC.*http://127\.0\.0\.1:4318/v1/traces")
            assert epp.output(1000).count("asks for OTLP over gRPC") == 1
        else:
            epp.wait_for(r"traces cannot be exported")
            eventually(lambda: epp.metric("epp_trace_spans_total", result="dropped") > 0, "spans are dropped")
        assert epp.stop() == 0


def test_a_collector_that_refuses_is_said_once(collector: Collector, engine: Engine, start_epp, start_envoy) -> None:
    collector.status = 404
    epp = start_epp("--tracing", endpoints=[engine.address], env=collector.variables())
    envoy = start_envoy(epp.extproc_port)
    assert _chat(envoy.url, RECORDED).status == 200
    epp.wait_for(r"traces cannot be exported.*status 404")
    collector.status = 200
    assert _chat(envoy.url, RECORDED).status == 200
    epp.wait_for(r"traces are exported again")


def test_a_collector_may_want_tls_a_certificate_and_a_header(engine: Engine, start_epp, start_envoy, tmp_path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.client()
    collector = Collector(authority)
    try:
        shown = {
            "OTEL_EXPORTER_OTLP_CERTIFICATE": str(authority.certificate), "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(certificate),
            "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(key), "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20abc",
        }  # fmt: skip
        epp = start_epp("--tracing", endpoints=[engine.address], env=collector.variables(**shown))
        envoy = start_envoy(epp.extproc_port)
        assert _chat(envoy.url, RECORDED).status == 200
        eventually(lambda: "gateway.request" in collector.trace(TRACE), "the request's span has arrived")
        assert collector.requests[0][1]["authorization"] == "Bearer abc"
        # A file that is not there stops no start.
        missing = collector.variables(OTEL_EXPORTER_OTLP_CERTIFICATE=str(tmp_path / "none.crt"))
        other = start_epp("--tracing", endpoints=[engine.address], env=missing)
        other.wait_for(r"a certificate or key of OTEL_EXPORTER_OTLP_\* cannot be used; nothing is traced")
    finally:
        collector.stop()


def test_spans_on_standard_output_are_lines(engine: Engine, start_epp, start_envoy) -> None:
    variables = {"OTEL_TRACES_EXPORTER": "console", "OTEL_BSP_SCHEDULE_DELAY": "20"}
    epp = start_epp("--tracing", endpoints=[engine.address], env=variables)
    envoy = start_envoy(epp.extproc_port)
    assert _chat(envoy.url, RECORDED).status == 200
    epp.wait_for(r'\{"resourceSpans":.*"name":"gateway.request"')


def test_the_stages_of_a_disaggregated_request_are_one_trace(collector: Collector, start_epp, start_envoy, tmp_path) -> None:
    started: list[Process] = []
    try:
        prefill = Simulator("--kv-connector", "nixlv2")
        started.append(prefill)
        decode = Simulator("--kv-connector", "nixlv2")
        started.append(decode)
        sidecar = Sidecar(decode.address, "--tracing", prefillers=[prefill.address], env=collector.variables())
        started.append(sidecar)
        endpoints = tmp_path / "endpoints.yaml"
        lines = ["endpoints:"]
        for name, address, role in (("p", prefill.address, "prefill"), ("d", sidecar.address, "decode")):
            host, port = address.rsplit(":", 1)
            lines.append(f"- {{name: {name}, address: {host}, port: {port}, labels: {{llm-d.ai/role: {role}}}}}")
        endpoints.write_text("\n".join(lines) + "\n")
        (tmp_path / "epp.yaml").write_text(CONFIGURATION)
        epp = start_epp(
            "--tracing", "--endpoints-file", str(endpoints), "--config-file", str(tmp_path / "epp.yaml"),
            env=collector.variables(),
        )  # fmt: skip
        eventually(lambda: epp.metric("llm_d_epp_ready_endpoints") == 2, "both endpoints are ready")
        envoy = start_envoy(epp.extproc_port)
        assert _chat(envoy.url, RECORDED, LONG, "engine-sim").status == 200
        wanted = {"gateway.request", "llm_d.pd_proxy.request", "llm_d.pd_proxy.prefill", "llm_d.pd_proxy.decode"}
        eventually(lambda: wanted <= set(collector.trace(TRACE)), "the spans of picker and sidecar have arrived")
        spans = collector.trace(TRACE)
        assert spans["llm_d.pd_proxy.request"].parent == spans["gateway.request"].id
        for stage in ("prefill", "decode"):
            assert spans[f"llm_d.pd_proxy.{stage}"].parent == spans["llm_d.pd_proxy.request"].id
        assert spans["llm_d.pd_proxy.prefill"].attributes["server.address"] == prefill.address
        assert spans["llm_d.pd_proxy.request"].service == "llm-d-routing-sidecar"
        eventually(lambda: sidecar.metric("routing_sidecar_trace_spans_total", result="exported") == 3, "the sidecar's spans are counted")
    finally:
        for process in reversed(started):
            process.stop()
