"""Prefill engines, and decode engines with a sidecar before each: a pair, and a pool with the picker's files for it."""

import json
from pathlib import Path
from typing import TypeVar

from . import http
from .ports import free_port
from .process import Process
from .sidecar import Sidecar
from .simulator import Simulator

CONFIGURATION = """\
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: approx-prefix-cache-producer
- type: prefix-cache-scorer
- type: queue-scorer
- type: prefill-filter
- type: decode-filter
- type: max-score-picker
- type: disagg-profile-handler
  parameters:
    deciders:
      prefill: prefix-based-pd-decider
- type: prefix-based-pd-decider
  parameters:
    nonCachedTokens: 128
schedulingProfiles:
- name: prefill
  plugins:
  - pluginRef: prefill-filter
  - pluginRef: max-score-picker
  - pluginRef: prefix-cache-scorer
    weight: 2
  - pluginRef: queue-scorer
- name: decode
  plugins:
  - pluginRef: decode-filter
  - pluginRef: max-score-picker
  - pluginRef: prefix-cache-scorer
    weight: 2
  - pluginRef: queue-scorer
"""


class Pool:
    """`prefill` engines without sidecars, and `decode` engines with theirs; `flags` are further ones of the engines, `sidecar_flags` of
    the sidecars."""

    def __init__(
        self, folder: Path, connector: str = "nixlv2", prefill: int = 2, decode: int = 3, flags: list[str] | None = None,
        sidecar_flags: list[str] | None = None,
    ):  # fmt: skip
        self.prefill: list[Simulator] = []
        self.decode: list[Simulator] = []
        self.sidecars: list[Sidecar] = []
        common = ["--kv-connector", connector, *(flags or [])]
        try:
            self.prefill += (Simulator(*common) for _ in range(prefill))
            self.decode += (Simulator(*common) for _ in range(decode))
            ports = [engine.address for engine in self.prefill]
            self.sidecars += (
                Sidecar(engine.address, f"--kv-connector={connector}", *(sidecar_flags or []), prefillers=ports)
                for engine in self.decode
            )
        except BaseException:
            self.stop()
            raise
        entries = [self._entry(f"prefill-{n}", engine.address, "prefill") for n, engine in enumerate(self.prefill)]
        entries += [self._entry(f"decode-{n}", sidecar.address, "decode") for n, sidecar in enumerate(self.sidecars)]
        self.file = folder / "endpoints.yaml"
        self.file.write_text(json.dumps({"endpoints": entries}))
        self.config = folder / "epp.yaml"
        self.config.write_text(CONFIGURATION)

    @staticmethod
    def _entry(name: str, address: str, role: str) -> dict[str, object]:
        host, port = address.rsplit(":", 1)
        return {"name": name, "address": host, "port": int(port), "labels": {"llm-d.ai/role": role}}

    def flags(self) -> list[str]:
        """What the picker is started with."""
        return ["--endpoints-file", str(self.file), "--config-file", str(self.config)]

    def disaggregated(self) -> float:
        """Requests whose prompt a prefill engine was asked to compute."""
        return sum(sidecar.metric("llm_d_disagg_sidecar_disagg_requests_total") for sidecar in self.sidecars)

    def fallbacks(self) -> float:
        """Those of them whose prompt the decode engine has computed after all."""
        return sum(sidecar.metric("routing_sidecar_prefill_fallbacks_total") for sidecar in self.sidecars)

    def stop(self) -> None:
        for process in [*self.sidecars, *self.decode, *self.prefill]:
            process.stop()


P = TypeVar("P", bound=Process)

CONNECTORS = ["nixlv2", "sglang", "mooncake", "shared-storage", "offloading"]
PROMPT = "The quick brown fox jumps over the lazy dog near the river bank at dawn. " * 20


class Pair:
    """A prefill engine, and a decode engine with a sidecar before it, which speak by `connector`. `flags` are further ones of the sidecar,
    `prefill` and `decode` of the engines; shared storage is in `folder`."""

    def __init__(
        self, connector: str, folder: Path, *flags: str, prefill: list[str] | None = None, decode: list[str] | None = None
    ):
        self.connector = connector
        common = ["--kv-connector", connector]
        if connector == "shared-storage":
            common += ["--kv-shared-storage", str(folder)]
        mode = (["--disaggregation-mode", "prefill"], ["--disaggregation-mode", "decode"]) if connector == "sglang" else ([], [])
        side = str(free_port())
        ports = ["--mooncake-bootstrap-port", side, "--sglang-bootstrap-port", side, "--p2p-connector-port", side]
        self._started: list[Process] = []
        try:
            self.prefill = self._start(Simulator(*common, *mode[0], "--kv-transfer-port", side, *(prefill or [])))
            self.decode = self._start(Simulator(*common, *mode[1], *(decode or [])))
            self.sidecar = self._start(
                Sidecar(self.decode.address, f"--kv-connector={connector}", *ports, *flags, prefillers=[self.prefill.address])
            )
        except BaseException:
            self.stop()
            raise

    def _start(self, process: P) -> P:
        self._started.append(process)
        return process

    def ask(self, prompt: str = PROMPT, timeout: float = 30, **fields: object) -> http.Answer:
        return http.post(self.sidecar.url, self.body(prompt, **fields), headers=self.headers, timeout=timeout)

    def body(self, prompt: str = PROMPT, **fields: object) -> bytes:
        fields = {"model": "engine-sim", "max_tokens": 3, **fields}
        if self.connector == "shared-storage":
            fields["cache_hit_threshold"] = 0.9
        return http.chat(prompt, **fields)

    @property
    def headers(self) -> dict[str, str]:
        return {"x-prefiller-host-port": self.prefill.address}

    def count(self, name: str) -> float:
        return self.sidecar.metric(name, connector=self.connector)

    def stop(self) -> None:
        for process in reversed(self._started):
            process.stop()
