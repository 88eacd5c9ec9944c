"""scripts/demo --keep brings the whole system up and takes it down again."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from kit import http
from kit.paths import BIN_DIR, ROOT
from kit.process import Process


def _children(pid: int) -> set[int]:
    """All processes below `pid`."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


@pytest.mark.parametrize(
    "number,arguments", [(signal.SIGINT, []), (signal.SIGTERM, ["--gateway", "headers-only"])], ids=["plain", "headers-only"]
)
def test_the_demo_serves_and_stops_what_it_started(number: int, arguments: list[str]) -> None:
    command = [ROOT / "scripts" / "demo", "--keep", *arguments]
    demo = Process(command, env=os.environ | {"WARMPATH_BIN_DIR": str(BIN_DIR)})
    try:
        url = demo.wait_for(r"gateway\s+(http://[^/]+)", 60)[1]
        demo.wait_for("Ctrl-C stops")
        answer = http.post(url, http.chat("Hello", model="engine-sim", max_tokens=4))
        assert answer.status == 200
        assert answer.json()["usage"]["completion_tokens"] == 4
        stream = http.EventStream(url, http.chat("Hello", model="engine-sim", max_tokens=3, stream=True))
        while stream.event() != "[DONE]":
            pass
        stream.close()
        started = _children(demo.pid)
        assert len(started) >= 5, "three engines, the picker and Envoy"
        demo.signal(number)
        assert demo.wait(30) == 130
        assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
    finally:
        demo.kill()


def test_the_demo_of_prefill_engines_is_as_it_should_be() -> None:
    command = [str(ROOT / "scripts" / "demo"), "--pd"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=115, env=os.environ | {"WARMPATH_BIN_DIR": str(BIN_DIR)})
    assert ended.returncode == 0 and "demo: as it should be" in ended.stdout, ended.stdout + ended.stderr
