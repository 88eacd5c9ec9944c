"""The alerts of deploy/monitoring: by promtool on made series, and in a real Prometheus while pickers, engines and sidecars fail."""

import json
import re
import subprocess
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Callable, Iterator

import pytest
import yaml

from kit import extproc as ep
from kit import http
from kit.envoy import Envoy
from kit.epp import EPP
from kit.gateway import Exchange
from kit.kubernetes.store import Object
from kit.monitoring import MONITORING, ConfiguredPrometheus, groups, monitors, picker_target, rules, scrape_configs, sidecar_target
from kit.paths import product
from kit.ports import free_port
from kit.sidecar import Sidecar
from kit.simulator import Simulator
from kit.waiting import eventually

# In place of the windows of rules, and of the time for which an expression has to hold.
WINDOW = "5s"
# Needs ten minutes of slow picks: on a busy machine single ones are slow in a healthy system.
NOT_SHORTENED = {"WarmpathPickSlow"}


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


def _shortened() -> Object:
    shortened = groups()
    for rule in rules(shortened):
        if rule["alert"] not in NOT_SHORTENED:
            rule.pop("for", None)
            rule["expr"] = re.sub(r"\[\d+m\]|(?<=offset )\d+m", lambda found: f"[{WINDOW}]" if found[0][0] == "[" else WINDOW, rule["expr"])
    return shortened


class Live:
    """Two engines, one behind a sidecar, a picker, Envoy, and a Prometheus that evaluates the rules with short windows."""

    def __init__(self, folder: Path, replays: bool = True):
        self.stack = ExitStack()
        self.config = folder / "epp.yaml"
        self.config.write_text("{apiVersion: llm-d.ai/v1alpha1, kind: EndpointPickerConfig, plugins: [{type: queue-scorer}]}")
        try:
            speed = ("--prefill-tokens-per-second", "1000000")
            self.engines = [self.stack.enter_context(Simulator(*speed)) for _ in range(2)]
            self.away = free_port()
            self.sidecar = self.stack.enter_context(Sidecar(self.engines[1].address, prefillers=[f"127.0.0.1:{self.away}"]))
            entries = [engine.entry(f"vllm-{number}-rank-0") for number, engine in enumerate(self.engines)]
            entries[1]["port"] = str(self.sidecar.port)
            for entry in entries:
                if not replays:
                    del entry["kvReplay"]
            (folder / "endpoints.yaml").write_text(json.dumps({"endpoints": entries}))
            flags = ["--endpoints-file", f"{folder}/endpoints.yaml", "--config-file", str(self.config), "--token-deadline", "2s"]
            self.epp = self.stack.enter_context(EPP(*flags, "--request-deadline", "2s"))
            eventually(lambda: self.epp.metric("llm_d_epp_ready_endpoints") == 2, "both endpoints are ready")
            self.envoy = self.stack.enter_context(Envoy("full-duplex.yaml", self.epp.extproc_port))
            targets = [picker_target(self.epp, "epp"), sidecar_target(self.sidecar, "vllm-1")]
            jobs = [config for monitor in monitors() for config in scrape_configs(monitor, targets)]
            self.prometheus = self.stack.enter_context(ConfiguredPrometheus(jobs, folder, _shortened()))
            self.traffic = Traffic(self.envoy.url)
            self.stack.callback(self.traffic.stop)
        except BaseException:
            self.stack.close()
            raise

    def names(self) -> list[str]:
        """Returns the alerts that fire."""
        return sorted({alert["labels"]["alertname"] for alert in self.prometheus.alerts()})


class Traffic:
    """Requests one after the other until it is stopped, each with a prompt of its own that fills some blocks."""

    def __init__(self, url: str):
        self._url = url
        self._ends = threading.Event()
        self.answered = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._ends.is_set():
            number += 1
            # An engine may be away.
            try:
                answer = http.post(self._url, http.chat(f"{number} words " * 400, model="engine-sim", max_tokens=1), timeout=5)
            except OSError:
                continue
            self.answered += answer.status == 200

    def stop(self) -> None:
        self._ends.set()
        self._thread.join()


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


# The fault, whether it has to go on for its rates to rise, and the alerts that it fires. Where an engine is dead, its picker says so in
# two ways.
FAULTS: dict[str, tuple[Callable[[Live], None], bool, set[str]]] = {
    "no engine": (_no_engine, False, {"NoReadyEndpoints", "EngineRefused", "MetricsStale"}),
    "an engine is dead": (_dead_engine, False, {"EngineRefused", "MetricsStale"}),
    "an engine is dead behind its sidecar": (_dead_engine_of_a_sidecar, False, {"EngineRefused", "MetricsStale"}),
    "an engine hangs": (_hanging_engine, False, {"MetricsStale"}),
    "requests without a candidate": (_no_candidate, True, {"PickErrors"}),
    "bodies that do not end": (_unfinished_body, True, {"Shedding"}),
    "a bad configuration file": (_bad_configuration, False, {"ConfigurationInvalid"}),
    "engines announce nothing": (_silence, False, {"KVEventsSilent"}),
    "lost events without replay": (_lost_events, False, {"KVEventsDegraded"}),
    "a prefill engine is away": (_dead_prefill_engine, True, {"PrefillFallbacks"}),
    "a target that is not allowed": (_forbidden_target, False, {"TargetsRefused"}),
}


@pytest.fixture
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    made = Live(tmp_path, replays="without replay" not in request.node.name)
    yield made
    made.stack.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fires_its_alerts_and_no_others(fault: str, live: Live) -> None:
    action, repeats, expected = FAULTS[fault]
    names = [f"Warmpath{name}" for name in sorted(expected)]
    seen = 'min(increase(llm_d_epp_request_total[5s])) > 3 and on () sum(epp_kv_events_streams{state="live"}) == 2'
    eventually(lambda: live.prometheus.query(seen), "requests and events are seen", 30)
    eventually(lambda: live.names() == [], "no alert fires before")
    action(live)

    def fires() -> bool:
        if repeats:
            action(live)
        return live.names() == names

    try:
        eventually(fires, f"the alerts of '{fault}' fire alone", 30)
    except AssertionError as error:
        raise AssertionError(f"{live.names()} fire: {error}") from None
    for alert in live.prometheus.alerts():
        # An error in a template stands in the text.
        assert not re.search(r"<no value>|<error", alert["annotations"]["description"] + alert["annotations"]["summary"]), alert
