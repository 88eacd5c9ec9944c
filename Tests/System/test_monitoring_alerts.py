"""The alerts of deploy/monitoring: by promtool on made series, and in a real Prometheus while pickers, engines and sidecars fail."""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import pytest
import yaml

from kit import extproc as ep
from kit import http
from kit.gateway import Exchange
from kit.kubernetes.store import Object
from kit.monitoring import MONITORING, Live, Setup, groups, rules
from kit.paths import product
from kit.waiting import eventually


def _tests() -> list[Object]:
    return yaml.safe_load((MONITORING / "rules_test.yaml").read_text())["tests"]


NAMES = [rule["alert"] for rule in rules()]


def _run_unit_tests(of: Object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the unit tests on rules, without their descriptions; of each time of a test, alerts that it does not name have to be silent."""
    for rule in rules(of):
        del rule["annotations"]["description"]
    (folder / "groups.yaml").write_text(yaml.safe_dump(of))
    document = yaml.safe_load((MONITORING / "rules_test.yaml").read_text())
    for test in document["tests"]:
        cases = test["alert_rule_test"]
        for time in sorted({case["eval_time"] for case in cases}):
            named = {case["alertname"] for case in cases if case["eval_time"] == time}
            cases += [{"eval_time": time, "alertname": name} for name in NAMES if name not in named]
    (folder / "rules_test.yaml").write_text(yaml.safe_dump(document))
    return subprocess.run(["promtool", "test", "rules", "rules_test.yaml"], cwd=folder, capture_output=True, text=True, timeout=60)


def test_promtool_accepts_the_rules(tmp_path: Path) -> None:
    (tmp_path / "groups.yaml").write_text(yaml.safe_dump(groups()))
    result = subprocess.run(["promtool", "check", "rules", tmp_path / "groups.yaml"], capture_output=True, text=True, timeout=30)
    assert result.returncode == 0 and f"{len(NAMES)} rules found" in result.stdout, result.stdout + result.stderr


def test_each_alert_fires_in_its_fault_and_there_alone(tmp_path: Path) -> None:
    result = _run_unit_tests(groups(), tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    fired = {case["alertname"] for test in _tests() for case in test["alert_rule_test"] if case.get("exp_alerts")}
    assert fired == set(NAMES) and len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("expression", ["vector(0) > 1", "vector(1)"])
def test_the_unit_tests_notice_an_alert_that_never_fires_or_always(expression: str, tmp_path: Path) -> None:
    changed = groups()
    rules(changed)[-1]["expr"] = expression
    result = _run_unit_tests(changed, tmp_path)
    assert result.returncode != 0 and NAMES[-1] in result.stdout + result.stderr


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule: Object) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert len(rule["annotations"]["summary"]) < 100 < len(rule["annotations"]["description"])
    labels: set[str] = set()
    for case in (case for test in _tests() for case in test["alert_rule_test"] if case["alertname"] == rule["alert"]):
        labels |= {name for alert in case.get("exp_alerts", []) for name in alert["exp_labels"]}
    text = rule["annotations"]["description"] + rule["annotations"]["summary"]
    assert set(re.findall(r"\$labels\.(\w+)", text)) <= labels


def test_flags_in_descriptions_are_real() -> None:
    described = " ".join(rule["annotations"]["description"] for rule in rules())
    help_texts = ""
    for name in ("epp", "routing-sidecar"):
        result = subprocess.run([product(name), "--help-hidden"], capture_output=True, text=True, timeout=30)
        help_texts += result.stdout
    flags = set(re.findall(r"(?<!\w)(--[a-z-]+)", described)) - {"--previous", "--kv-events-config"}
    assert len(flags) > 5 and [flag for flag in sorted(flags) if not re.search(rf"{flag}\b", help_texts)] == []


# MARK: live faults


def _no_engine(live: Live) -> None:
    for engine in live.engines:
        engine.kill()


def _dead_engine(live: Live) -> None:
    live.engines[0].kill()


def _dead_engine_of_a_sidecar(live: Live) -> None:
    """The sidecar goes on to listen."""
    live.engines[1].kill()


def _hanging_engine(live: Live) -> None:
    assert http.post(live.engines[0].url, b'{"mode": "hang", "seconds": 60}', path="/sim/faults").status == 200


def _no_candidate(live: Live) -> None:
    exchange = Exchange(ep.Stream(live.epp.channel()))
    outcome = exchange.request(ep.post_headers(), [http.chat("hello")], metadata=ep.subset(["192.0.2.1:8000"]))
    assert outcome.status == 503
    exchange.stream.finish()


def _unfinished_body(live: Live) -> None:
    """A request whose body does not end before the deadline."""
    stream = ep.Stream(live.epp.channel())
    stream.send(ep.request_headers(ep.post_headers()), ep.request_body(b"{"))
    assert stream.receive().immediate_response.status.code == 503
    stream.finish()


def _bad_configuration(live: Live) -> None:
    live.config.write_text("{apiVersion: llm-d.ai/v1alpha1, kind: EndpointPickerConfig, plugins: [{type: no-scorer}]}")


def _silence(live: Live) -> None:
    for engine in live.engines:
        engine.faults(paused=True)


def _lost_events(live: Live) -> None:
    for engine in live.engines:
        engine.faults(drop=3)


def _dead_prefill_engine(live: Live) -> None:
    _name_prefill_engine(live, f"127.0.0.1:{live.away}", 200)


def _forbidden_target(live: Live) -> None:
    _name_prefill_engine(live, "192.0.2.1:8000", 403)


def _name_prefill_engine(live: Live, target: str, status: int) -> None:
    body = http.chat("a prompt for another engine " * 40, model="engine-sim", max_tokens=1)
    assert http.post(live.sidecar.url, body, headers={"x-prefiller-host-port": target}).status == status


def _long_prompts(live: Live) -> None:
    """Prompts of which each takes some part of the index."""
    for _ in range(4):
        _pick(live, http.chat(f"{next(live.numbers)} " + "words " * 1_000_000))


def _prompts_that_take_long(live: Live) -> None:
    """Prompts of 24 MB, which take more than 10 ms to be read alone."""
    _pick(live, http.chat(f"{next(live.numbers)} " + "words " * 4_000_000))


def _prompts_of_many_blocks(live: Live) -> None:
    """Prompts of more blocks than may wait for the index, at the same time: what has to wait for another one is dropped."""
    numbers = [next(live.numbers) for _ in range(4)]
    bodies = [json.dumps({"model": "engine-sim", "prompt": [number % 100] * MANY}).encode() for number in numbers]
    with ThreadPoolExecutor(len(bodies)) as pool:
        list(pool.map(lambda body: _pick(live, body, "/v1/completions"), bodies))


def _pick(live: Live, body: bytes, path: str = "/v1/chat/completions") -> None:
    """Asks for an endpoint without a request to it."""
    exchange = Exchange(ep.Stream(live.epp.channel()), ep.BUFFERED)
    assert exchange.request(ep.post_headers(path), [body]).status == 200
    exchange.stream.finish()


def _events_of_others(live: Live) -> None:
    """The picker is told the addresses of other engines' events, whose prompts are others. Under new names, so that it compares their
    caches from now on."""
    for number, entry in enumerate(live.entries):
        other = live.start_engine()
        live.start_traffic(other.url, text="others")
        entry |= {"name": f"vllm-{number + 2}-rank-0", "kvEvents": other.events, "kvReplay": other.replay}
    live.name_endpoints(live.entries)


@dataclass(frozen=True)
class Fault:
    """What fails, and the names of the alerts that it fires, without their beginning."""

    act: Callable[[Live], None]
    alerts: set[str]
    # Whether it has to go on for its rates to rise.
    repeats: bool = False
    setup: Setup = Setup()

    @property
    def names(self) -> set[str]:
        return {f"Warmpath{name}" for name in self.alerts}


# More blocks of one token than the index lets wait.
MANY = 1_100_000
# Plugins that look at prompts; and at the whole of long ones, which they spread over the endpoints.
PREFIXES = "[{type: queue-scorer}, {type: prefix-cache-scorer}]"
WHOLE_PREFIXES = (
    "[{type: prefix-cache-scorer}, {type: random-picker},"
    " {type: approx-prefix-cache-producer, parameters: {maxPrefixTokensToMatch: 16000000}}]"
)
# Where an engine is dead, its picker says so in two ways.
FAULTS = {
    "no engine": Fault(_no_engine, {"NoReadyEndpoints", "EngineRefused", "MetricsStale"}),
    "an engine is dead": Fault(_dead_engine, {"EngineRefused", "MetricsStale"}),
    "an engine is dead behind its sidecar": Fault(_dead_engine_of_a_sidecar, {"EngineRefused", "MetricsStale"}),
    "an engine hangs": Fault(_hanging_engine, {"MetricsStale"}),
    "requests without a candidate": Fault(_no_candidate, {"PickErrors"}, repeats=True),
    "bodies that do not end": Fault(_unfinished_body, {"Shedding"}, repeats=True, setup=Setup(picker=("--request-deadline", "2s"))),
    "picks that take long": Fault(
        _prompts_that_take_long, {"PickSlow"}, repeats=True, setup=Setup(shortened=frozenset({"WarmpathPickSlow"}))
    ),
    "a bad configuration file": Fault(_bad_configuration, {"ConfigurationInvalid"}),
    "engines announce nothing": Fault(_silence, {"KVEventsSilent"}),
    "lost events without replay": Fault(_lost_events, {"KVEventsDegraded"}, setup=Setup(replays=False)),
    "events of other engines": Fault(
        # Whether a model is an adapter is not known where adapters can be loaded.
        _events_of_others, {"KVEventsUnmatched"}, setup=Setup(engines=("--max-loras", "0"), plugins=PREFIXES, prompts=10),
    ),
    "an index that is nearly full": Fault(
        _long_prompts, {"IndexNearCapacity"}, repeats=True, setup=Setup(
            picker=("--max-index-bytes", "16Mi"), engines=("--kv-cache-blocks", "2000000"), plugins=WHOLE_PREFIXES, follows=False
        ),
    ),
    "an index that has no time": Fault(
        _prompts_of_many_blocks, {"IndexFull"}, repeats=True, setup=Setup(
            picker=("--workers", "4", "--worker-busy-share", "0"), engines=("--block-size", "1", "--kv-cache-blocks", f"{MANY}"),
            plugins=WHOLE_PREFIXES,
        ),
    ),
    "a prefill engine is away": Fault(_dead_prefill_engine, {"PrefillFallbacks"}, repeats=True),
    "a target that is not allowed": Fault(_forbidden_target, {"TargetsRefused"}),
}  # fmt: skip


def test_each_alert_has_a_live_fault() -> None:
    assert set().union(*(fault.names for fault in FAULTS.values())) == set(NAMES)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_fires_its_alerts_and_no_others(name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    with Live(tmp_path, fault.setup) as live:
        live.wait_until_seen()
        eventually(lambda: live.names() == [], "no alert fires before")
        fault.act(live)

        def fires() -> bool:
            if fault.repeats:
                fault.act(live)
            return live.names() == sorted(fault.names)

        try:
            eventually(fires, f"the alerts of '{name}' fire alone", 75)
        except AssertionError as error:
            raise AssertionError(f"{live.names()} fire: {error}") from None
        for alert in live.prometheus.alerts():
            # An error in a template stands in the text.
            assert not re.search(r"<no value>|<error", alert["annotations"]["description"] + alert["annotations"]["summary"]), alert
