"""The part of scripts/bench/burst that runs once everything is built."""

import argparse
import asyncio
import json
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from kit import http
from kit.envoy import Envoy
from kit.epp import EPP
from kit.simulator import Simulator

ENGINES = 3
REQUESTS = 48
# Seconds between two requests.
GAP = 0.004
RANDOM = "apiVersion: llm-d.ai/v1\nkind: EndpointPickerConfig\nplugins: [{type: random-picker}]"
PROMPT = "The quick brown fox jumps over the lazy dog. " * 156
"""7 KB: 109 blocks of 64 tokens."""


@dataclass
class Result:
    seconds: float
    # Requests by engine, the most first.
    shares: list[int]
    # The longest queue of an engine while another engine had none.
    longest_queue: int


class QueueWatch(threading.Thread):
    """Reads the engines' queues in turn, as fast as they answer."""

    def __init__(self, engines: list[Simulator]):
        super().__init__(daemon=True)
        self._engines = engines
        self._ended = threading.Event()
        self._passes: list[list[int]] = []

    def run(self) -> None:
        while not self._ended.is_set():
            self._passes.append([int(_value(engine, "vllm:num_requests_waiting")) for engine in self._engines])

    def end(self) -> int:
        self._ended.set()
        self.join()
        # Pages are not read at one time: a queue counts that was read between two readings of another engine without one.
        longest = 0
        for first, second in zip(self._passes, self._passes[1:]):
            for idle in range(len(first)):
                if first[idle] == second[idle] == 0:
                    longest = max([longest, *first[idle + 1:], *second[:idle]])
        return longest


def _value(engine: Simulator, family: str) -> float:
    page = http.request(engine.url, "GET", "/metrics").body.decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(family + "{"))


async def _burst(url: str) -> None:
    body = json.dumps({"model": "engine-sim", "prompt": PROMPT, "max_tokens": 40}).encode()

    async def one(number: int) -> None:
        await asyncio.sleep(number * GAP)
        answer = await asyncio.to_thread(http.post, url, body, "/v1/completions")
        assert answer.status == 200, answer

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(REQUESTS))
    await asyncio.gather(*(one(number) for number in range(REQUESTS)))


def run(arguments: list[str]) -> Result:
    with ExitStack() as stack:
        engines = []
        for _ in range(ENGINES):
            engines.append(Simulator("--max-num-seqs", "4"))
            stack.callback(engines[-1].stop)
        picker = EPP(*arguments, endpoints=[engine.address for engine in engines], secure=True)
        stack.callback(picker.stop)
        envoy = Envoy("full-duplex.yaml", [picker.extproc_port], secure=True)
        stack.callback(envoy.stop)
        # One request makes the prompt popular: its blocks are at one engine.
        asyncio.run(_first(envoy.url))
        before = [_value(engine, "vllm:request_success_total") for engine in engines]
        watch = QueueWatch(engines)
        watch.start()
        start = time.monotonic()
        asyncio.run(_burst(envoy.url))
        seconds = time.monotonic() - start
        longest = watch.end()
        after = [_value(engine, "vllm:request_success_total") for engine in engines]
        shares = sorted((int(new - old) for new, old in zip(after, before)), reverse=True)
        return Result(seconds, shares, longest)


async def _first(url: str) -> None:
    body = json.dumps({"model": "engine-sim", "prompt": PROMPT, "max_tokens": 1}).encode()
    answer = await asyncio.to_thread(http.post, url, body, "/v1/completions")
    assert answer.status == 200, answer


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = max(1, parser.parse_args().rounds)
    print(f"{REQUESTS} requests {GAP * 1000:.0f} ms apart, {ENGINES} engines of 4 sequences\n")
    print(f"{'picks':<10} {'seconds':>8} {'requests by engine':>22} {'longest queue':>14}", flush=True)
    profiles = {"default": [], "random": ["--config-text", RANDOM]}
    results: dict[str, list[Result]] = {name: [] for name in profiles}
    for _ in range(rounds):
        for name, arguments in profiles.items():
            result = run(arguments)
            results[name].append(result)
            print(f"{name:<10} {result.seconds:>8.2f} {str(result.shares):>22} {result.longest_queue:>14}", flush=True)
    medians = {name: statistics.median(result.seconds for result in found) for name, found in results.items()}
    print(f"\nmedian: default {medians['default']:.2f} s, random {medians['random']:.2f} s, "
          f"ratio {medians['default'] / medians['random']:.2f}")


if __name__ == "__main__":
    main()
