"""What the picker knows of engines by their own KV events, through a real Envoy: predicted cached tokens are the reported
ones, whatever happens to engines, to the picker and to what goes between them."""

import json
import random
from pathlib import Path
from typing import Callable, Iterator

import pytest
import yaml

from kit import http
from kit.engine import Engine
from kit.envoy import Envoy
from kit.epp import EPP, sum_of
from kit.ports import free_port
from kit.simulator import Simulator
from kit.waiting import eventually

_FAST = ("--prefill-tokens-per-second", "400000", "--inter-token-latency", "1ms", "--block-size", "16")


@pytest.fixture
def simulators() -> Iterator[list[Simulator]]:
    pool = [Simulator(*_FAST) for _ in range(2)]
    yield pool
    for simulator in pool:
        simulator.stop()


def _file(folder: Path, simulators: list[Simulator]) -> Path:
    path = folder / "endpoints.yaml"
    entries = [simulator.entry(f"engine-{index}") for index, simulator in enumerate(simulators)]
    path.write_text(yaml.safe_dump({"endpoints": entries}))
    return path


def _streams(epp: EPP) -> list[dict]:
    return epp.document("/debug/kv-events")["streams"]


def _wait_live(epp: EPP, count: int) -> None:
    eventually(
        lambda: [stream["isFollowed"] and stream["state"] in ("live", "waiting") for stream in _streams(epp)]
        == [True] * count,
        "all engines' KV events are followed",
        timeout=20,
    )


def _wait_announced(epp: EPP, blocks: int) -> None:
    """Until engines' events have named so many blocks. The index may have them before, from the picker's own picks."""
    eventually(
        lambda: epp.metric("epp_kv_events_blocks_total", outcome="stored") >= blocks, "the engine has announced its blocks"
    )


@pytest.fixture
def picker(tmp_path: Path, simulators: list[Simulator], start_epp: Callable[..., EPP]) -> EPP:
    epp = start_epp("--endpoints-file", str(_file(tmp_path, simulators)), "--refresh-metrics-interval", "50ms")
    _wait_live(epp, 2)
    return epp


@pytest.fixture
def picker_that_waits(tmp_path: Path, simulators: list[Simulator], start_epp: Callable[..., EPP]) -> EPP:
    epp = start_epp("--endpoints-file", str(_file(tmp_path, simulators)), "--token-deadline", "5s")
    _wait_live(epp, 2)
    return epp


_WORDS = "time people year way day thing world life hand part child eye woman place work week case point company number".split()


def _text(words: int, seed: int) -> str:
    choose = random.Random(seed)
    return " ".join(choose.choice(_WORDS) for _ in range(words))


def _ask(url: str, messages: list[dict], **fields: object) -> dict:
    body = json.dumps({"model": "engine-sim", "messages": messages, "max_tokens": 8, **fields}).encode()
    answer = http.post(url, body)
    assert answer.status == 200, answer
    return answer.json()


def _tokens(simulator: Simulator, prompt: str) -> list[int]:
    answer = http.post(simulator.url, json.dumps({"prompt": prompt}).encode(), path="/tokenize")
    return answer.json()["tokens"]


def _complete(url: str, tokens: list[int]) -> int:
    """Asks with token ids; the cached tokens that the engine reports."""
    body = json.dumps({"model": "engine-sim", "prompt": tokens, "max_tokens": 4}).encode()
    answer = http.post(url, body, path="/v1/completions")
    assert answer.status == 200, answer
    return answer.json()["usage"]["prompt_tokens_details"]["cached_tokens"]


class _Truth:
    """Predicted and reported cached tokens since the last look."""

    def __init__(self, epp: EPP):
        self.epp = epp
        self.before = self._read()

    def _read(self) -> tuple[float, float, float]:
        page = self.epp.metrics()
        return (
            sum_of(page, "epp_prefix_cache_hit_tokens_total", source="predicted"),
            sum_of(page, "epp_prefix_cache_hit_tokens_total", source="reported"),
            # Of an answer's usage what is counted last.
            sum_of(page, "llm_d_epp_request_output_tokens_count"),
        )

    def wait(self, cached: float, requests: int = 1) -> None:
        """Waits until so many answers since the last look were counted, and holds what was predicted and reported of them
        against `cached`. An answer is counted once the client has it already, at times."""
        eventually(lambda: self._read()[2] - self.before[2] >= requests, "the answers were counted")
        now = self._read()
        assert [now[index] - self.before[index] for index in range(3)] == [cached, cached, requests]
        self.before = now


def test_token_ids_are_predicted_exactly(picker: EPP, simulators: list[Simulator], start_envoy) -> None:
    envoy: Envoy = start_envoy(picker.extproc_port)
    base = _tokens(simulators[0], _text(600, 1))
    truth = _Truth(picker)
    total = 0
    for length in (300, 300, 500, 320, 640, 64, 15, 16, 17):
        cached = _complete(envoy.url, base[:length])
        truth.wait(cached)
        total += cached
    assert total > 1000
    assert picker.metric("epp_prefix_prediction_error_tokens_sum") == 0


def test_texts_are_predicted_exactly(picker_that_waits: EPP, simulators: list[Simulator], start_envoy) -> None:
    """Conversations whose tokens an engine renders: whole at first, by their new turns later."""
    envoy: Envoy = start_envoy(picker_that_waits.extproc_port)
    truth = _Truth(picker_that_waits)
    total = 0
    for seed in range(3):
        messages = [{"role": "system", "content": _text(80, 100)}]
        for turn in range(5):
            messages.append({"role": "user", "content": _text(20 + 10 * turn, 10 * seed + turn)})
            said = _ask(envoy.url, messages)
            cached = said["usage"]["prompt_tokens_details"]["cached_tokens"]
            messages.append({"role": "assistant", "content": said["choices"][0]["message"]["content"]})
            truth.wait(cached)
            total += cached
    assert total > 1000
    page = picker_that_waits.metrics()
    assert sum_of(page, "epp_tokens_requests_total", outcome="incremental") > 0
    assert sum_of(page, "epp_tokens_mismatches_total") == 0
    assert sum_of(page, "epp_tokens_requests_total", outcome="late") == 0
    exact = sum_of(page, "epp_prefix_exact_tokens_total")
    assert exact == sum_of(page, "epp_prefix_cache_queried_tokens_total")


def test_a_request_does_not_wait_for_a_slow_engine(tmp_path: Path, start_epp, start_envoy) -> None:
    simulator = Simulator(*_FAST, "--render-delay", "1s")
    try:
        epp = start_epp("--endpoints-file", str(_file(tmp_path, [simulator])), "--token-deadline", "30ms")
        _wait_live(epp, 1)
        envoy: Envoy = start_envoy(epp.extproc_port)
        for number in range(3):
            _ask(envoy.url, [{"role": "user", "content": _text(50, number)}])
        assert epp.metric("epp_tokens_requests_total", outcome="late") == 3
        # What comes late is kept: the same question is known then.
        eventually(lambda: epp.metric("epp_tokens_requests_total", outcome="rendered") == 3, "the late answers", 20)
        _ask(envoy.url, [{"role": "user", "content": _text(50, 0)}])
        assert epp.metric("epp_tokens_requests_total", outcome="cached") == 1
    finally:
        simulator.stop()


def test_a_request_that_waits_for_tokens_is_routed_when_its_time_is_up(tmp_path: Path, start_epp, start_envoy) -> None:
    simulator = Simulator(*_FAST, "--render-delay", "30s")
    try:
        epp = start_epp(
            "--endpoints-file", str(_file(tmp_path, [simulator])), "--token-deadline", "30s", "--request-deadline", "300ms"
        )
        _wait_live(epp, 1)
        envoy: Envoy = start_envoy(epp.extproc_port)
        _ask(envoy.url, [{"role": "user", "content": _text(50, 0)}])
        assert epp.metric("epp_tokens_requests_total", outcome="late") == 1
    finally:
        simulator.stop()


def test_engines_that_cannot_render_are_matched_by_text(tmp_path: Path, start_epp, start_envoy) -> None:
    simulator = Simulator(*_FAST, "--fault", "render-errors")
    try:
        epp = start_epp("--endpoints-file", str(_file(tmp_path, [simulator])), "--token-deadline", "2s")
        _wait_live(epp, 1)
        envoy: Envoy = start_envoy(epp.extproc_port)
        for number in range(6):
            _ask(envoy.url, [{"role": "user", "content": _text(100, number)}])
        page = epp.metrics()
        # After three failures the engine is left alone.
        assert sum_of(page, "epp_tokens_requests_total", outcome="failed") >= 3
        assert sum_of(page, "epp_prefix_exact_tokens_total") == 0
    finally:
        simulator.stop()


def test_a_restarted_engine_is_known_to_be_empty(
    picker: EPP, simulators: list[Simulator], start_envoy
) -> None:
    envoy: Envoy = start_envoy(picker.extproc_port)
    base = _tokens(simulators[0], _text(600, 2))
    for _ in range(3):
        _complete(envoy.url, base)
    for index, simulator in enumerate(simulators):
        simulator.kill()
        simulators[index] = simulator.again(*_FAST)
    eventually(
        lambda: all(s["isConnected"] and s["state"] in ("live", "waiting") for s in _streams(picker))
        and sum(s["restarts"] for s in _streams(picker)) >= 1,
        "the restart was noticed",
        timeout=10,
    )
    eventually(lambda: picker.metric("epp_endpoint_stale") == 0, "the engines answer scrapes")
    truth = _Truth(picker)
    assert _complete(envoy.url, base) == 0
    truth.wait(0)
    again = _complete(envoy.url, base)
    assert again > 0
    truth.wait(again)
    assert picker.metric("epp_prefix_prediction_error_tokens_sum") == 0


def test_lost_batches_are_fetched(picker: EPP, simulators: list[Simulator], start_envoy) -> None:
    envoy: Envoy = start_envoy(picker.extproc_port)
    for simulator in simulators:
        simulator.faults(drop=2, garbage=3)
    base = _tokens(simulators[0], _text(600, 3))
    truth = _Truth(picker)
    _complete(envoy.url, base)
    truth.wait(0)
    # The last batches were lost, and nothing follows them: they are asked for when the stream has become quiet.
    _wait_announced(picker, len(base) // 16)
    expected = (len(base) - 1) // 16 * 16
    assert _complete(envoy.url, base) == expected
    truth.wait(expected)
    assert picker.metric("epp_prefix_prediction_error_tokens_sum") == 0


def test_a_new_picker_learns_what_the_engines_hold(
    picker: EPP, simulators: list[Simulator], start_epp, start_envoy, tmp_path: Path
) -> None:
    first: Envoy = start_envoy(picker.extproc_port)
    base = _tokens(simulators[0], _text(600, 4))
    _complete(first.url, base)
    picker.kill()
    second = start_epp("--endpoints-file", str(_file(tmp_path, simulators)))
    _wait_live(second, 2)
    _wait_announced(second, len(base) // 16)
    envoy: Envoy = start_envoy(second.extproc_port)
    truth = _Truth(second)
    expected = (len(base) - 1) // 16 * 16
    assert _complete(envoy.url, base) == expected
    truth.wait(expected)


def test_the_index_is_kept_across_restarts(
    picker: EPP, simulators: list[Simulator], start_epp, start_envoy, tmp_path: Path
) -> None:
    """Blocks that the engines' replay does not bring any longer are known from the file."""
    picker.stop()
    snapshot = tmp_path / "index"
    arguments = ("--endpoints-file", str(_file(tmp_path, simulators)), "--index-snapshot", str(snapshot))
    first = start_epp(*arguments)
    assert (tmp_path / "index.secret").stat().st_mode & 0o777 == 0o600
    _wait_live(first, 2)
    envoy: Envoy = start_envoy(first.extproc_port)
    base = _tokens(simulators[0], _text(600, 5))
    _complete(envoy.url, base)
    _wait_announced(first, len(base) // 16)
    first.stop()
    assert snapshot.stat().st_size > 0
    second = start_epp(*arguments)
    second.wait_for("index snapshot read")
    _wait_live(second, 2)
    # Nothing had to be replayed: the last message is known to be the same.
    assert sum(stream["messages"] for stream in _streams(second)) == 0
    again: Envoy = start_envoy(second.extproc_port)
    truth = _Truth(second)
    expected = (len(base) - 1) // 16 * 16
    assert _complete(again.url, base) == expected
    truth.wait(expected)
    second.stop()
    # A file of another secret is refused, and the picker serves all the same.
    (tmp_path / "index.secret").write_text("00" * 16 + "\n")
    third = start_epp(*arguments)
    third.wait_for("the index snapshot is not used: .*secret")
    _wait_live(third, 2)


@pytest.mark.parametrize("mode, finds", [("auto", True), ("approximate", False)])
def test_what_one_picker_has_sent_another_finds_by_events(
    mode: str, finds: bool, tmp_path: Path, simulators: list[Simulator], start_epp, start_envoy
) -> None:  # fmt: skip
    """Each replica learns the same from the engines; without events each knows what it has sent itself."""
    file = _file(tmp_path, simulators)
    first, second = (start_epp("--endpoints-file", str(file), "--token-deadline", "5s", "--prefix-mode", mode) for _ in range(2))
    if finds:
        for epp in (first, second):
            _wait_live(epp, 2)
    told = [{"role": "user", "content": _text(400, 7)}]
    _ask(start_envoy(first.extproc_port).url, told)
    if finds:
        # At both, as events go to each.
        for epp in (first, second):
            _wait_announced(epp, 16)
    usage = _ask(start_envoy(second.extproc_port).url, told)["usage"]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    eventually(lambda: second.metric("llm_d_epp_request_output_tokens_count") == 1, "the answer is counted")
    predicted = second.metric("epp_prefix_cache_hit_tokens_total", source="predicted")
    assert predicted == (cached if finds else 0)
    assert cached > 0 or not finds


def test_an_engine_without_events_is_waited_for(start_epp) -> None:
    with Engine() as engine:
        epp = start_epp("--kv-events-port", str(free_port()), endpoints=[engine.address])
        eventually(lambda: [stream["state"] for stream in _streams(epp)] == ["waiting"], "the stream is known", 10)
        (stream,) = _streams(epp)
        assert not stream["isConnected"] and not stream["isFollowed"]


def test_without_modes_for_it_no_events_are_followed(simulators: list[Simulator], start_epp, tmp_path: Path) -> None:
    epp = start_epp("--endpoints-file", str(_file(tmp_path, simulators)), "--prefix-mode", "approximate")
    answer = http.request(f"http://{epp.admin_address}", "GET", "/debug/kv-events")
    assert answer.status == 404 and b"not found; there is " in answer.body


def test_ports_are_taken_from_flags(simulators: list[Simulator], start_epp) -> None:
    # Every engine's ports are the same by flags, so there is one engine here.
    engine = simulators[0]
    epp = start_epp(
        "--kv-events-port", engine.events.rsplit(":", 1)[1], "--kv-replay-port", engine.replay.rsplit(":", 1)[1],
        "--prefix-mode", "precise", endpoints=[engine.address],
    )
    _wait_live(epp, 1)


@pytest.mark.parametrize("algorithm", ["sha256", "sha256_cbor"])
def test_what_was_held_before_is_found_by_prompts(
    algorithm: str, tmp_path: Path, start_epp: Callable[..., EPP], start_envoy
) -> None:
    """Without a replay nobody says what an engine held before the picker came. Once it stores behind such blocks, the
    tokens of a prompt tell what they are."""
    simulator = Simulator(*_FAST, "--prefix-caching-hash-algo", algorithm)
    try:
        base = _tokens(simulator, _text(600, 1))
        _complete(simulator.url, base[:320])
        entry = simulator.entry("engine-0")
        del entry["kvReplay"]
        path = tmp_path / "endpoints.yaml"
        path.write_text(yaml.safe_dump({"endpoints": [entry]}))
        epp = start_epp("--endpoints-file", str(path), "--speculative-prefix=false")
        eventually(lambda: [s["isConnected"] for s in _streams(epp)] == [True], "the engine's KV events are connected to")
        envoy: Envoy = start_envoy(epp.extproc_port)
        _complete(envoy.url, _tokens(simulator, _text(40, 2)))
        eventually(lambda: _streams(epp)[0]["blockHashes"] == algorithm, "the engine's hashes come out the same")
        assert _complete(envoy.url, base[:480]) == 320
        blocks = "epp_kv_events_blocks_total"
        eventually(lambda: epp.metric(blocks, outcome="orphaned") == 10, "the new blocks wait for their parents")
        assert _complete(envoy.url, base[:480]) == 464
        eventually(lambda: epp.metric(blocks, outcome="adopted") == 20, "the old blocks are known")
        truth = _Truth(epp)
        assert _complete(envoy.url, base[:496]) == 480
        truth.wait(480)
    finally:
        simulator.stop()
