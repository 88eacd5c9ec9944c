"""Pickers are replaced one after the other, as a Deployment does it, and no request is lost."""

import os
import signal
import threading
import time
from http.client import HTTPException
from pathlib import Path

from kit import http
from kit.engine import Engine
from kit.envoy import Envoy
from kit.epp import EPP
from kit.waiting import eventually

# The programs of an earlier release, which the new ones replace. Without it, both sides are the same.
PREVIOUS = os.environ.get("WARMPATH_PREVIOUS_BIN_DIR")


class Load:
    """Clients that send one request after the other, every other answer streamed."""

    def __init__(self, envoy: Envoy, clients: int = 4):
        self._url = envoy.url
        self._ended = threading.Event()
        self.failures: list[str] = []
        self.answers = 0
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(clients)]
        for thread in self._threads:
            thread.start()

    def _send(self, client: int) -> None:
        number = 0
        while not self._ended.is_set():
            number += 1
            body = http.chat(f"{client} {number}", stream=number % 2 == 0)
            try:
                answer = http.post(self._url, body)
                if answer.status != 200 or (number % 2 == 0 and b"[DONE]" not in answer.body):
                    self.failures.append(f"{answer.status} {answer.body[:200]!r}")
            except (OSError, HTTPException) as error:
                self.failures.append(repr(error))
            self.answers += 1

    def wait(self, count: int) -> None:
        """Waits for so many further answers."""
        target = self.answers + count
        eventually(lambda: self.answers >= target, f"{count} answers", 30)

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


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
    load = Load(envoy)
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
