"""The part of scripts/demo --pd that runs once everything is built."""

import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from kit import http
from kit.disaggregated import Pool
from kit.envoy import Envoy
from kit.epp import EPP
from kit.waiting import eventually

# A step of 2,048 prompt tokens takes 0.26 s, in which no answer of the engine grows.
ENGINE = ["--prefill-tokens-per-second", "8000", "--inter-token-latency", "10ms"]
CHATS = 12
CHAT_TOKENS = 200
DOCUMENTS = 24
WORDS = "The quick brown fox jumps over the lazy dog near the river bank at dawn. "


class Load:
    """Chats whose answers are streamed, while long documents are asked about."""

    def __init__(self, url: str):
        self._url = url
        # Seconds between two events of a chat.
        self.pauses: list[float] = []
        self._lock = threading.Lock()

    def run(self) -> None:
        with ThreadPoolExecutor(CHATS + 4) as pool:
            chats = [pool.submit(self._chat, number) for number in range(CHATS)]
            documents = [pool.submit(self._document, number) for number in range(DOCUMENTS)]
            for request in [*chats, *documents]:
                request.result()

    def _chat(self, number: int) -> None:
        body = http.chat(f"chat {number}", model="engine-sim", stream=True, max_tokens=CHAT_TOKENS)
        stream = http.EventStream(self._url, body, timeout=120)
        pauses, last = [], None
        while stream.event() != "[DONE]":
            now = time.monotonic()
            if last is not None:
                pauses.append(now - last)
            last = now
        stream.close()
        with self._lock:
            self.pauses += pauses

    def _document(self, number: int) -> None:
        prompt = f"document {number}: " + WORDS * 250
        answer = http.post(self._url, http.chat(prompt, model="engine-sim", max_tokens=20), timeout=120)
        assert answer.status == 200, answer


def measure(prefill: int, decode: int) -> tuple[float, float]:
    """Runs the load on a pool; the 99th percentile of the pauses in seconds, and the prompts that prefill engines have computed."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="warmpath-demo-")))
        pool = Pool(folder, prefill=prefill, decode=decode, flags=ENGINE)
        stack.callback(pool.stop)
        epp = EPP(*pool.flags(), secure=True)
        stack.callback(epp.stop)
        eventually(lambda: epp.metric("llm_d_epp_ready_endpoints") == prefill + decode, "all engines are ready")
        envoy = Envoy("full-duplex.yaml", epp.extproc_port, secure=True)
        stack.callback(envoy.stop)
        load = Load(envoy.url)
        load.run()
        percentiles = statistics.quantiles(load.pauses, n=100)
        print(f"  pauses between the tokens of {CHATS} chats: median {percentiles[49] * 1e3:.0f} ms, 99 % below {percentiles[98] * 1e3:.0f} ms")
        done = pool.disaggregated() - pool.fallbacks()
        print(f"  prompts of {DOCUMENTS} documents and {CHATS} chats that prefill engines have computed: {done:.0f}", flush=True)
        return percentiles[98], done


def compare() -> int:
    """The load on five engines that do both, then on two that compute prompts and three that answer."""
    print(f"\ndemo: {CHATS} chats are streamed while {DOCUMENTS} long documents are asked about: five engines that do both", flush=True)
    before, none = measure(0, 5)
    print("\ndemo: the same with two prefill engines, and three decode engines with the sidecar before them", flush=True)
    after, done = measure(2, 3)
    good = none == 0 and done == DOCUMENTS and after * 2 < before
    wanted = "every document is computed by a prefill engine, no chat is, and the longest pauses are half as long or less"
    print(f"\ndemo: {'as it should be' if good else 'NOT as it should be'}: {wanted}", flush=True)
    return 0 if good else 1
