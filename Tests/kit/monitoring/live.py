"""A small system in which alerts fire for real: engines, a sidecar, a picker, Envoy and traffic, and a Prometheus with short rules."""

import itertools
import json
import re
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from .. import http
from ..envoy import Envoy
from ..epp import EPP
from ..kubernetes.store import Object
from ..ports import free_port
from ..sidecar import Sidecar
from ..simulator import Simulator
from ..waiting import eventually
from .pool import monitors, picker_target, sidecar_target
from .queries import groups, rules
from .scrape import ConfiguredPrometheus, scrape_configs

# In place of the windows of rules, and of the time for which an expression has to hold.
WINDOW = "5s"
# Needs ten minutes of slow picks: on a busy machine single ones are slow in a healthy system. Short only in the fault that it is for.
NOT_SHORTENED = {"WarmpathPickSlow"}
# The picker compares caches once in 30 seconds, and three comparisons do not fit into a test: one is enough.
THRESHOLDS = {"WarmpathKVEventsUnmatched": ("> 2", "> 0")}
_FAST = ("--prefill-tokens-per-second", "1000000")


@dataclass(frozen=True)
class Setup:
    """How the parts are started: further flags, the picker's plugins, and what traffic asks."""

    picker: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    plugins: str = "[{type: queue-scorer}]"
    # Whether the picker follows the engines' KV events, and whether it may ask for those that it missed.
    follows: bool = True
    replays: bool = True
    # How many prompts traffic has; with none each is new.
    prompts: int | None = None
    # Alerts whose rules have short windows although others' have not.
    shortened: frozenset[str] = frozenset()


def shortened(also: frozenset[str] = frozenset()) -> Object:
    """Returns the groups of the rules with short windows; `also` names rules of `NOT_SHORTENED`."""
    found = groups()
    for rule in rules(found):
        name = rule["alert"]
        if name in NOT_SHORTENED - also:
            continue
        rule.pop("for", None)
        rule["expr"] = re.sub(r"\[\d+m\]|(?<=offset )\d+m", lambda one: f"[{WINDOW}]" if one[0][0] == "[" else WINDOW, rule["expr"])
        if name in THRESHOLDS:
            before, after = THRESHOLDS[name]
            assert rule["expr"].count(before) == 1, rule["expr"]
            rule["expr"] = rule["expr"].replace(before, after)
    return found


class Live:
    """Two engines, one behind a sidecar, a picker, Envoy, and a Prometheus that evaluates the rules with short windows."""

    def __init__(self, folder: Path, setup: Setup):
        self.stack = ExitStack()
        self.setup = setup
        self.config = folder / "epp.yaml"
        self.config.write_text(f"{{apiVersion: llm-d.ai/v1alpha1, kind: EndpointPickerConfig, plugins: {setup.plugins}}}")
        self._file = folder / "endpoints.yaml"
        # For prompts that differ.
        self.numbers = itertools.count()
        try:
            self._start(folder)
        except BaseException:
            self.stack.close()
            raise

    def _start(self, folder: Path) -> None:
        self.engines = [self.start_engine() for _ in range(2)]
        self.away = free_port()
        self.sidecar = self.stack.enter_context(Sidecar(self.engines[1].address, prefillers=[f"127.0.0.1:{self.away}"]))
        self.entries = [engine.entry(f"vllm-{number}-rank-0") for number, engine in enumerate(self.engines)]
        self.entries[1]["port"] = str(self.sidecar.port)
        for entry in self.entries:
            if not self.setup.replays or not self.setup.follows:
                del entry["kvReplay"]
            if not self.setup.follows:
                del entry["kvEvents"]
        self.name_endpoints(self.entries)
        flags = ["--endpoints-file", str(self._file), "--config-file", str(self.config), "--token-deadline", "2s"]
        self.epp = self.stack.enter_context(EPP(*flags, *self.setup.picker))
        eventually(lambda: self.epp.metric("llm_d_epp_ready_endpoints") == 2, "both endpoints are ready")
        self.envoy = self.stack.enter_context(Envoy("full-duplex.yaml", self.epp.extproc_port))
        targets = [picker_target(self.epp, "epp"), sidecar_target(self.sidecar, "vllm-1")]
        jobs = [config for monitor in monitors() for config in scrape_configs(monitor, targets)]
        self.prometheus = self.stack.enter_context(ConfiguredPrometheus(jobs, folder, shortened(self.setup.shortened)))
        self.start_traffic(self.envoy.url, self.setup.prompts)

    def start_engine(self) -> Simulator:
        return self.stack.enter_context(Simulator(*_FAST, *self.setup.engines))

    def start_traffic(self, url: str, prompts: int | None = None, text: str = "words") -> None:
        self.stack.callback(Traffic(url, prompts, text).stop)

    def name_endpoints(self, entries: list[dict[str, object]]) -> None:
        """Writes the file of the picker's endpoints."""
        self._file.write_text(json.dumps({"endpoints": entries}))

    def names(self) -> list[str]:
        """Returns the alerts that fire."""
        return sorted({alert["labels"]["alertname"] for alert in self.prometheus.alerts()})

    def wait_until_seen(self) -> None:
        """Waits until Prometheus has seen requests, and that the picker follows the events that it is to follow."""
        streams = len(self.entries) if self.setup.follows else 0
        followed = f'(sum(epp_kv_events_streams{{state="live"}}) or vector(0)) == {streams}'
        seen = f"min(increase(llm_d_epp_request_total[5s])) > 3 and on () {followed}"
        eventually(lambda: self.prometheus.query(seen), "requests and events are seen", 30)

    def __enter__(self) -> "Live":
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()


class Traffic:
    """Requests one after the other until it is stopped, whose prompts fill some blocks: each with one of its own, or with one of
    `prompts`."""

    def __init__(self, url: str, prompts: int | None, text: str):
        self._url = url
        self._prompts = prompts
        self._text = text
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for number in itertools.count(1):
            if self._ends.is_set():
                return
            told = number if self._prompts is None else number % self._prompts
            # An engine may be away.
            try:
                http.post(self._url, http.chat(f"{told} {self._text} " * 400, model="engine-sim", max_tokens=1), timeout=5)
            except (OSError, HTTPException):
                continue

    def stop(self) -> None:
        self._ends.set()
        self._thread.join()
