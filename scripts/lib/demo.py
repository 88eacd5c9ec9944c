"""The part of scripts/demo that runs once everything is built."""

import argparse
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from kit.envoy import Envoy
from kit.epp import EPP
from kit.paths import product
from kit.process import Process

import demo_pd

ENGINES = 3
PREFILL_TOKENS_PER_SECOND = 8_000
# One cache holds 24,000 of the about 57,600 tokens of the working set, all three hold it with room.
CACHE_BLOCKS = 1_500
WORKLOAD = [
    "--model", "engine-sim", "--groups", "18", "--shared-prefix-tokens", "2000", "--conversations", "54", "--turns", "5", "--user-tokens", "60",
    "--max-tokens", "20", "--concurrency", "6", "--seed", "7",
]  # fmt: skip
EXPECTED = ["--minimum-hit-ratio", "0.8", "--minimum-gain", "1.5", "--minimum-warm-gain", "4"]


class System:
    """Engines, picker and gateway, stopped in the opposite order."""

    def __init__(self, gateway: str, picker_arguments: list[str]):
        self._stack = ExitStack()
        try:
            self.engines = [self._engine(index) for index in range(ENGINES)]
            self.epp = EPP(*picker_arguments, endpoints=[address for _, address in self.engines], secure=True)
            self._stack.callback(self.epp.stop)
            self.envoy = Envoy(f"{gateway}.yaml", self.epp.extproc_port, secure=True)
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
        return engine.name, engine.wait_for(r"listening on (?:http://)?(\S+:\d+)")[1]

    def stop(self) -> None:
        self._stack.close()


def converse(system: System, *arguments: object) -> int:
    """Runs the workload with its progress and its table on the screen; its exit status."""
    command = [product("epp-bench"), "converse", "--gateway", system.envoy.url, *arguments, *WORKLOAD]
    for name, address in system.engines:
        command += ["--engine", f"{name}=http://{address}"]
    # Not a Process: progress is drawn by carriage returns, which a pipe would hold back.
    return subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, check=False).returncode


def compare(gateway: str) -> int:
    """The workload with random picks, then with the default profile, both from cold caches."""
    with tempfile.TemporaryDirectory(prefix="warmpath-demo-") as folder:
        baseline = Path(folder) / "random.json"
        print("\ndemo: conversations with random picks", flush=True)
        system = System(gateway, ["--picker", "random-picker"])
        try:
            if converse(system, "--json", baseline) != 0:
                print("demo: error: the workload with random picks failed", file=sys.stderr)
                return 1
        finally:
            system.stop()
        print("\ndemo: the same conversations with the default profile", flush=True)
        system = System(gateway, [])
        try:
            good = converse(system, "--baseline", baseline, *EXPECTED) == 0
        finally:
            system.stop()
    wanted = "at least 80 % of the prompts from a cache, 1.5 times as much as random picks, and first tokens 4 times sooner"
    print(f"\ndemo: {'as it should be' if good else 'NOT as it should be'}: {wanted} when warm", flush=True)
    return 0 if good else 1


def keep(gateway: str) -> None:
    """Runs until Ctrl-C."""
    system = System(gateway, [])
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
    # Checked by scripts/demo, which has the help.
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--gateway", default="full-duplex")
    parser.add_argument("--pd", action="store_true")
    options = parser.parse_args()
    try:
        if options.keep:
            keep(options.gateway)
            return 0
        return demo_pd.compare() if options.pd else compare(options.gateway)
    except KeyboardInterrupt:
        print("\ndemo: stopped", flush=True)
        return 130


if __name__ == "__main__":
    sys.exit(main())
