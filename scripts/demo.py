"""The part of scripts/demo that runs once everything is built."""

import json
import signal
import sys
import tempfile
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from kit.envoy import Envoy
from kit.epp import EPP, sum_of
from kit.paths import product
from kit.process import Process

ENGINES = 3
PREFILL_TOKENS_PER_SECOND = 8_000
# One engine's cache holds about half of the working set, all three hold it with room.
CACHE_BLOCKS = 2_600
WORKLOAD = [
    "--prefixes", "18", "--prefix-tokens", "2000", "--conversations", "54", "--turns", "5", "--turn-tokens", "60",
    "--output-tokens", "20", "--clients", "6", "--seed", "7",
]  # fmt: skip


class System:
    """Engines, picker and gateway, stopped in the opposite order."""

    def __init__(self, picker_arguments: list[str]):
        self._stack = ExitStack()
        try:
            self.engines = [self._engine(index) for index in range(ENGINES)]
            self.epp = EPP(*picker_arguments, endpoints=[address for _, address in self.engines], secure=True)
            self._stack.callback(self.epp.stop)
            self.envoy = Envoy("full-duplex.yaml", self.epp.extproc_port, secure=True)
            self._stack.callback(self.envoy.stop)
        except BaseException:
            self._stack.close()
            raise

    def _engine(self, index: int) -> tuple[str, str]:
        engine = Process(
            [
                product("engine-sim"), "--host", "127.0.0.1", "--port", "0",
                "--prefill-tokens-per-second", str(PREFILL_TOKENS_PER_SECOND), "--kv-cache-blocks", str(CACHE_BLOCKS),
            ],
            name=f"engine-{index + 1}",
        )
        self._stack.callback(engine.stop)
        return engine.name, engine.wait_for(r"serving on (?:http://)?(\S+:\d+)")[1]

    def counters(self) -> list[dict[str, float]]:
        """Requests and prefix-cache tokens of each engine, by its own count."""
        result = []
        for _, address in self.engines:
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
                page = answer.read().decode()
            result.append(
                {
                    "requests": sum_of(page, "vllm:request_success_total"),
                    "queried": sum_of(page, "vllm:prefix_cache_queries_total"),
                    "hit": sum_of(page, "vllm:prefix_cache_hits_total"),
                }
            )
        return result

    def stop(self) -> None:
        self._stack.close()


def converse(system: System, report: Path) -> dict:
    """Runs the workload with its progress on the screen; the client's report."""
    bench = Process([product("epp-bench"), "converse", "--url", system.envoy.url, "--json", report, *WORKLOAD])
    printed = 0
    try:
        while bench.running() or printed < len(bench.lines):
            while printed < len(bench.lines):
                print(f"  {bench.lines[printed]}", flush=True)
                printed += 1
            bench.wait_for_change(0.5)
    finally:
        code = bench.stop()
    if code != 0:
        sys.exit(f"demo: error: the workload failed with {code}:\n{bench.output()}")
    return json.loads(report.read_text())


def run(title: str, picker_arguments: list[str]) -> tuple[list[dict[str, float]], dict]:
    print(f"demo: {title}", flush=True)
    system = System(picker_arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="warmpath-demo-") as folder:
            report = converse(system, Path(folder) / "report.json")
        return system.counters(), report
    finally:
        system.stop()


def ratio(counters: list[dict[str, float]]) -> float:
    queried = sum(engine["queried"] for engine in counters)
    return sum(engine["hit"] for engine in counters) / queried if queried else 0.0


def table(warm: tuple[list[dict[str, float]], dict], random: tuple[list[dict[str, float]], dict]) -> bool:
    """Prints both runs side by side; whether the picks were as good as they are meant to be."""
    print("\n                        default profile        random-picker")
    for index in range(ENGINES):
        cells = []
        for counters, _ in (warm, random):
            engine = counters[index]
            cells.append(f"{engine['requests']:5.0f} req {ratio([engine]):6.1%} hit")
        print(f"  engine {index + 1}        {cells[0]:>22}{cells[1]:>22}")
    hits = [ratio(counters) for counters, _ in (warm, random)]
    print(f"  prefix hit ratio{hits[0]:>20.1%}{hits[1]:>22.1%}")
    for label, key in (("first token, warm", "ttft_warm_ms"), ("first token, cold", "ttft_cold_ms")):
        print(f"  {label:<16}{warm[1][key]:>16.0f} ms{random[1][key]:>19.0f} ms")
    speed = warm[1]["ttft_cold_ms"] / max(warm[1]["ttft_warm_ms"], 0.001)
    gain = hits[0] / max(hits[1], 0.001)
    checks = [
        (hits[0] >= 0.8, f"prefix hit ratio {hits[0]:.1%} (at least 80 %)"),
        (gain >= 1.5, f"{gain:.1f} times the hit ratio of random picks (at least 1.5)"),
        (speed >= 4, f"the first token comes {speed:.1f} times sooner when the cache is warm (at least 4)"),
    ]
    print()
    for good, text in checks:
        print(f"  {'yes' if good else 'NO '}  {text}")
    return all(good for good, _ in checks)


def keep() -> None:
    """Runs until Ctrl-C."""
    system = System([])
    try:
        print(f"demo: gateway   {system.envoy.url}/v1/chat/completions")
        print(f"demo: metrics   http://127.0.0.1:{system.epp.metrics_port}/metrics")
        print(f"demo: envoy     {system.envoy.admin}")
        for name, address in system.engines:
            print(f"demo: {name}  http://{address}/metrics")
        print("demo: Ctrl-C stops everything", flush=True)
        signal.pause()
    finally:
        system.stop()


def main() -> int:
    # SIGTERM ends like Ctrl-C: by an exception, so that everything is stopped on the way out.
    def terminate(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, terminate)
    try:
        if "--keep" in sys.argv[1:]:
            keep()
            return 0
        warm = run("conversations with the default profile", [])
        random = run("the same conversations with random picks", ["--picker", "random-picker"])
        return 0 if table(warm, random) else 1
    except KeyboardInterrupt:
        print("\ndemo: stopped", flush=True)
        return 130


if __name__ == "__main__":
    sys.exit(main())
