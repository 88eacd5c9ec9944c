"""Pickers are replaced one after the other, as a Deployment does it, and no request is lost."""

import os
import signal
import time
from http.client import HTTPException
from pathlib import Path

from kit import http
from kit.engine import Engine
from kit.envoy import Envoy
from kit.epp import EPP
from kit.load import Load
from kit.waiting import eventually

# The programs of an earlier release, which the new ones replace. Without it, both sides are the same.
PREVIOUS = os.environ.get("WARMPATH_PREVIOUS_BIN_DIR")


class Chats(Load):
    """Clients whose every other answer is streamed."""

    def __init__(self, envoy: Envoy, clients: int = 4):
        self._url = envoy.url
        self.failures: list[str] = []
        super().__init__(clients)

    def ask(self, client: int, count: int) -> None:
        is_streamed = count % 2 == 0
        try:
            answer = http.post(self._url, http.chat(f"{client} {count}", stream=is_streamed))
            if answer.status != 200 or (is_streamed and b"[DONE]" not in answer.body):
                self.failures.append(f"{answer.status} {answer.body[:200]!r}")
        except (OSError, HTTPException) as error:
            self.failures.append(repr(error))


def _picker(engines: list[Engine], start_epp, previous: str | None = None) -> EPP:
    started = start_epp(
        "--drain-timeout", "30s", endpoints=[engine.address for engine in engines], secure=True,
        program=Path(previous) / "epp" if previous else None,
    )  # fmt: skip
    for engine in engines:
        engine.wait_scrapes(1)
    return started


def test_a_rolling_upgrade_loses_no_request(engines: list[Engine], start_epp, start_envoy) -> None:
    pickers = [_picker(engines, start_epp, PREVIOUS) for _ in range(2)]
    envoy = start_envoy([picker.extproc_port for picker in pickers], secure=True)
    load = Chats(envoy)
    try:
        load.wait(50)
        for old in list(pickers):
            pickers.append(_picker(engines, start_epp))
            envoy.set_pickers([picker.extproc_port for picker in pickers])
            load.wait(50)
            # The pod is told to end; the gateway hears of it later.
            old.signal(signal.SIGTERM)
            load.wait(50)
            pickers.remove(old)
            envoy.set_pickers([picker.extproc_port for picker in pickers])
            began = time.monotonic()
            assert old.wait(40) == 0
            # It ends with its last connection, long before the drain timeout.
            assert time.monotonic() - began < 20
            load.wait(50)
    finally:
        load.stop()
    assert load.failures == [] and load.answers > 300
    assert all(picker.metric("llm_d_epp_request_total") > 0 for picker in pickers)
