"""Requests through a gateway that records spans of its own: client, gateway, picker, sidecar and engines, linked by ids of spans."""

from pathlib import Path

import pytest

from kit import http
from kit.collector import CLIENT, SERVER, Collector, Span
from kit.disaggregated import CONFIGURATION
from kit.engine import Engine
from kit.sidecar import Sidecar
from kit.waiting import eventually

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
RECORDED = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "vendor=1"}
LONG = "The quick brown fox jumps over the lazy dog near the river bank at dawn. " * 60
# Envoy's spans: of a request, and of the stream that it opens to the picker for it.
GATEWAY, STREAM = "ingress", "async envoy.service.ext_proc.v3.ExternalProcessor.Process egress"
# Envoy sends its spans every 5 s.
FLUSH = 15


def _header(engine: Engine, name: str) -> str:
    """The one value of a header of the last request."""
    (value,) = engine.received[-1].header(name)
    return value


def _wait(collector: Collector, trace: str, *names: str) -> dict[str, Span]:
    eventually(lambda: set(names) <= set(collector.trace(trace)), f"spans {names} of {trace} have arrived", FLUSH)
    return collector.trace(trace)


@pytest.mark.parametrize("headers, caller", [({}, ""), (RECORDED, CALLER)], ids=["client without a trace", "client with a trace"])
def test_the_pickers_span_is_under_that_of_the_gateways_stream(
    headers: dict[str, str], caller: str, collector: Collector, engine: Engine, start_epp, start_envoy
) -> None:
    epp = start_epp("--tracing", endpoints=[engine.address], env=collector.variables(OTEL_TRACES_SAMPLER_ARG="1"))
    envoy = start_envoy(epp.extproc_port, traces_to=collector.address)
    assert http.post(envoy.url, http.chat("hello"), headers=headers).status == 200
    trace = _header(engine, "traceparent").split("-")[1]
    spans = _wait(collector, trace, GATEWAY, STREAM, "gateway.request")
    gateway, stream, request = spans[GATEWAY], spans[STREAM], spans["gateway.request"]
    assert (gateway.service, stream.service, request.service) == ("gateway", "gateway", "llm-d-epp")
    assert (gateway.kind, stream.kind, request.kind) == (SERVER, CLIENT, SERVER)
    # Client, gateway, its stream to the picker, picker; and gateway, engine: Envoy names its own span to whom it sends the request.
    assert (gateway.parent, stream.parent, request.parent) == (caller, gateway.id, stream.id)
    assert _header(engine, "traceparent") == gateway.context
    assert trace == TRACE or not caller
    # They are of one request.
    identity = _header(engine, "x-request-id")
    assert gateway.attributes["guid:x-request-id"] == request.attributes["gen_ai.request.id"] == identity
    # Nothing of the trace is outside of this tree.
    ids = {span.id for span in collector.spans} | {caller}
    assert {span.trace for span in collector.spans} == {trace}
    assert [span for span in collector.spans if span.parent not in ids] == []


def test_each_request_is_under_the_span_of_its_own_stream(collector: Collector, engine: Engine, start_epp, start_envoy) -> None:
    epp = start_epp("--tracing", endpoints=[engine.address], env=collector.variables(OTEL_TRACES_SAMPLER_ARG="1"))
    envoy = start_envoy(epp.extproc_port, traces_to=collector.address)
    for number in range(4):
        assert http.post(envoy.url, http.chat(f"request {number}")).status == 200
    sent = [(one.header("traceparent")[0].split("-")[1], one.header("x-request-id")[0]) for one in engine.received]
    assert len({trace for trace, _ in sent}) == 4
    for trace, identity in sent:
        spans = _wait(collector, trace, GATEWAY, STREAM, "gateway.request")
        assert spans["gateway.request"].parent == spans[STREAM].id and spans[STREAM].parent == spans[GATEWAY].id
        assert spans["gateway.request"].attributes["gen_ai.request.id"] == identity == spans[GATEWAY].attributes["guid:x-request-id"]


def test_what_the_gateway_does_not_record_the_picker_does_not_either(
    collector: Collector, engine: Engine, start_epp, start_envoy
) -> None:
    epp = start_epp("--tracing", endpoints=[engine.address], env=collector.variables(OTEL_TRACES_SAMPLER_ARG="1"))
    envoy = start_envoy(epp.extproc_port, traces_to=collector.address)
    assert http.post(envoy.url, http.chat("hello"), headers={"traceparent": f"00-{TRACE}-{CALLER}-00"}).status == 200
    _, trace, _, flags = _header(engine, "traceparent").split("-")
    assert (trace, flags) == (TRACE, "00")
    # Its spans would come before those of the next request.
    assert http.post(envoy.url, http.chat("hello")).status == 200
    eventually(lambda: any(span.name == "gateway.request" for span in collector.spans), "the next request's span has arrived")
    assert [span for span in collector.spans if span.service == "llm-d-epp" and span.trace == TRACE] == []


@pytest.mark.parametrize("is_recorded", [False, True], ids=["gateway without spans", "gateway with spans"])
def test_a_disaggregated_request_is_one_tree_from_the_client_to_both_engines(
    is_recorded: bool, collector: Collector, start_epp, start_envoy, tmp_path: Path
) -> None:
    arguments = ("--tracing", "--kv-connector=sglang")
    with Engine("p") as prefill, Engine("d") as decode:
        with Sidecar(decode.address, *arguments, prefillers=[prefill.address], env=collector.variables()) as sidecar:
            lines = ["endpoints:"]
            for name, address, role in (("p", prefill.address, "prefill"), ("d", sidecar.address, "decode")):
                host, port = address.rsplit(":", 1)
                lines.append(f"- {{name: {name}, address: {host}, port: {port}, labels: {{llm-d.ai/role: {role}}}}}")
            (tmp_path / "endpoints.yaml").write_text("\n".join(lines) + "\n")
            (tmp_path / "epp.yaml").write_text(CONFIGURATION)
            epp = start_epp(
                "--tracing", "--endpoints-file", str(tmp_path / "endpoints.yaml"), "--config-file", str(tmp_path / "epp.yaml"),
                env=collector.variables(),
            )  # fmt: skip
            eventually(lambda: epp.metric("llm_d_epp_ready_endpoints") == 2, "both endpoints are ready")
            envoy = start_envoy(epp.extproc_port, traces_to=collector.address if is_recorded else None)
            assert http.post(envoy.url, http.chat(LONG), headers=RECORDED).status == 200
            stages = {engine: f"llm_d.pd_proxy.{stage}" for engine, stage in ((prefill, "prefill"), (decode, "decode"))}
            names = ["gateway.request", "llm_d.pd_proxy.request", *stages.values(), *((GATEWAY, STREAM) if is_recorded else ())]
            spans = _wait(collector, TRACE, *names)
            request, proxied = spans["gateway.request"], spans["llm_d.pd_proxy.request"]
            if is_recorded:
                assert spans[GATEWAY].parent == CALLER
                assert (spans[STREAM].parent, request.parent) == (spans[GATEWAY].id, spans[STREAM].id)
                assert proxied.parent == spans[GATEWAY].id
            else:
                assert (request.parent, proxied.parent) == (CALLER, request.id)
            for engine, stage in stages.items():
                assert spans[stage].parent == proxied.id and spans[stage].kind == CLIENT
                (asked,) = engine.received
                assert asked.header("traceparent") == [spans[stage].context]
            identities = {spans[name].attributes["gen_ai.request.id"] for name in ("gateway.request", "llm_d.pd_proxy.request")}
            assert identities == {_header(decode, "x-request-id")} == {_header(prefill, "x-request-id")}


def test_a_request_that_passes_a_sidecar_is_under_its_span_at_the_engine(collector: Collector, engine: Engine) -> None:
    with Sidecar(engine.address, "--tracing", env=collector.variables()) as sidecar:
        assert http.post(sidecar.url, http.chat("hello"), headers=RECORDED).status == 200
        proxied = _wait(collector, TRACE, "llm_d.pd_proxy.request")["llm_d.pd_proxy.request"]
    assert (proxied.parent, proxied.kind) == (CALLER, SERVER)
    assert engine.received[-1].header("traceparent") == [proxied.context]
    assert engine.received[-1].header("tracestate") == ["vendor=1"]
