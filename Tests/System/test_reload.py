"""The configuration file is read again while the picker serves: what is picked then, and what is told of it."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kit import http
from kit.engine import Engine
from kit.waiting import eventually

HEAD = "apiVersion: llm-d.ai/v1\nkind: EndpointPickerConfig\n"


def _scorers(queue: int, cache: int) -> str:
    return HEAD + (
        "plugins: [{type: queue-scorer}, {type: kv-cache-utilization-scorer}]\n"
        "schedulingProfiles:\n"
        "- name: default\n"
        f"  plugins: [{{pluginRef: queue-scorer, weight: {queue}}}, {{pluginRef: kv-cache-utilization-scorer, weight: {cache}}}]\n"
    )


def _replace(file: Path, text: str) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, file)


def _load(engine_pair: tuple[Engine, Engine]) -> None:
    """One engine gets a queue, and one a full cache, as the picker sees them."""
    queued, full = engine_pair
    queued.set(waiting=50)
    full.set(kv_usage=0.75)


@pytest.fixture
def engine_pair():
    queued, full = Engine("queued"), Engine("full")
    yield queued, full
    queued.stop()
    full.stop()


def _picked(url: str) -> str:
    answer = http.post(url, http.chat("hello"))
    assert answer.status == 200, answer
    return answer.headers["x-engine"]


def test_other_weights_change_the_picks_and_a_bad_file_does_not(engine_pair, start_epp, start_envoy, tmp_path: Path) -> None:
    file = tmp_path / "epp.yaml"
    file.write_text(_scorers(9, 1))
    epp = start_epp("--config-file", str(file), endpoints=[engine.address for engine in engine_pair])
    _load(engine_pair)
    envoy = start_envoy(epp.extproc_port)
    assert _picked(envoy.url) == "full"
    _replace(file, _scorers(1, 99))
    eventually(lambda: _picked(envoy.url) == "queued", "the new weights count", 5)
    assert epp.metric("epp_config_reloads_total", result="success") == 1
    report = epp.document("/debug/config")
    assert report["lastReload"]["state"] == "ok"
    assert [scorer["weight"] for scorer in report["profiles"][0]["scorers"]] == [1, 99]

    _replace(file, _scorers(9, 1).replace("queue-scorer}", "queue-scorrer}"))
    eventually(lambda: epp.metric("epp_config_reloads_total", result="invalid") == 1, "the bad file is counted", 5)
    assert epp.metric("epp_config_valid") == 0
    assert _picked(envoy.url) == "queued"
    report = epp.document("/debug/config")
    assert report["lastReload"]["state"] == "failed"
    assert any("did you mean 'queue-scorer'" in error for error in report["lastReload"]["errors"])

    file.unlink()
    eventually(lambda: epp.metric("epp_config_reloads_total", result="read_error") == 1, "the missing file is counted", 5)
    assert _picked(envoy.url) == "queued"
    _replace(file, _scorers(9, 1))
    eventually(lambda: _picked(envoy.url) == "full", "the first weights count again", 5)
    assert epp.metric("epp_config_valid") == 1


def test_a_mounted_config_map_is_followed(engine_pair, start_epp, start_envoy, tmp_path: Path) -> None:
    """The kubelet swaps a link to a folder."""
    def publish(name: str, text: str) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "epp.yaml").write_text(text)
        link = tmp_path / "..data.new"
        link.symlink_to(name)
        os.replace(link, tmp_path / "..data")

    publish("..one", _scorers(9, 1))
    (tmp_path / "epp.yaml").symlink_to("..data/epp.yaml")
    epp = start_epp("--config-file", str(tmp_path / "epp.yaml"), endpoints=[engine.address for engine in engine_pair])
    _load(engine_pair)
    envoy = start_envoy(epp.extproc_port)
    assert _picked(envoy.url) == "full"
    publish("..two", _scorers(1, 99))
    eventually(lambda: _picked(envoy.url) == "queued", "the new folder counts", 5)


def test_sighup_reads_a_file_that_is_not_watched(engine_pair, start_epp, start_envoy, tmp_path: Path) -> None:
    file = tmp_path / "epp.yaml"
    file.write_text(_scorers(9, 1))
    epp = start_epp(
        "--config-file", str(file), "--watch-config-file=false", endpoints=[engine.address for engine in engine_pair]
    )
    _load(engine_pair)
    envoy = start_envoy(epp.extproc_port)
    _replace(file, _scorers(1, 99))
    assert _picked(envoy.url) == "full"
    epp.signal(signal.SIGHUP)
    eventually(lambda: _picked(envoy.url) == "queued", "the signal was heard", 5)
    # And a process without a file goes on.
    other = start_epp(endpoints=[engine.address for engine in engine_pair])
    other.signal(signal.SIGHUP)
    other.wait_for("SIGHUP: there is nothing to read again")
    assert other.metric("epp_config_valid") == 1


def test_twenty_reloads_under_load_lose_no_request(engines: list[Engine], start_epp, start_envoy, tmp_path: Path) -> None:
    file = tmp_path / "epp.yaml"
    file.write_text(_scorers(2, 2))
    epp = start_epp("--config-file", str(file), endpoints=[engine.address for engine in engines])
    for engine in engines:
        engine.wait_scrapes(1)
    envoy = start_envoy(epp.extproc_port)
    ended = threading.Event()

    def client(number: int) -> tuple[int, int]:
        sent = good = 0
        while not ended.is_set():
            sent += 1
            good += http.post(envoy.url, http.chat(f"{number} {sent} " + "x" * 2000), timeout=60).status == 200
        return sent, good

    def total() -> float:
        return sum(epp.metric("epp_config_reloads_total", result=result) for result in ("success", "invalid"))

    with ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(client, number) for number in range(8)]
        for number in range(20):
            bad = number % 4 == 3
            _replace(file, HEAD + "plugins: [{type: nonsense}]" if bad else _scorers(number + 1, 2))
            eventually(lambda: total() == number + 1, f"reload {number + 1} is done", 5)
        ended.set()
        results = [client.result() for client in clients]
    assert all(sent == good for sent, good in results), results
    assert sum(sent for sent, _ in results) > 100
    assert epp.metric("epp_config_reloads_total", result="success") == 15
    assert epp.metric("epp_config_reloads_total", result="invalid") == 5
