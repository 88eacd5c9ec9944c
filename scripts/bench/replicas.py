"""The part of scripts/bench/replicas that runs once everything is built."""

import argparse
import json
import statistics
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import yaml

from kit.envoy import Envoy
from kit.epp import EPP
from kit.paths import product
from kit.simulator import Simulator

ENGINES = 4
# All caches together hold the working set with room; one holds a third of it.
CACHE_BLOCKS = 1_500
WORKLOAD = [
    "--model", "engine-sim", "--groups", "18", "--shared-prefix-tokens", "2000", "--conversations", "54", "--turns", "5",
    "--user-tokens", "60", "--max-tokens", "20", "--concurrency", "8", "--seed", "7", "--quiet",
]  # fmt: skip


@dataclass
class Result:
    # Share of the prompt tokens that came from a cache, by the engines' counters.
    hit_ratio: float
    # Requests of the busiest engine, divided by the mean.
    imbalance: float
    # Mean time to the first token, in milliseconds.
    first_token: float


def run(mode: str, replicas: int, folder: Path) -> Result:
    with ExitStack() as stack:
        engines = []
        for _ in range(ENGINES):
            engines.append(Simulator("--prefill-tokens-per-second", "8000", "--kv-cache-blocks", str(CACHE_BLOCKS)))
            stack.callback(engines[-1].stop)
        endpoints = folder / "endpoints.yaml"
        endpoints.write_text(yaml.safe_dump({"endpoints": [engine.entry(f"e{n}") for n, engine in enumerate(engines)]}))
        pickers = []
        for _ in range(replicas):
            pickers.append(EPP("--endpoints-file", str(endpoints), "--prefix-mode", mode, secure=True))
            stack.callback(pickers[-1].stop)
        envoy = Envoy("full-duplex.yaml", [picker.extproc_port for picker in pickers], secure=True)
        stack.callback(envoy.stop)
        report = folder / "report.json"
        command = [product("epp-bench"), "converse", "--gateway", envoy.url, "--json", report, *WORKLOAD]
        for number, engine in enumerate(engines):
            command += ["--engine", f"e{number}={engine.url}"]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        values = json.loads(report.read_text())
        assert not values["errors"], values["errors"]
        requests = [engine["counters"]["requests"] for engine in values["engines"]]
        return Result(
            values["hitRatio"], max(requests) / statistics.mean(requests), values["timeToFirstToken"]["mean"] / 1000
        )


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = max(1, parser.parse_args().rounds)
    print(f"median of {rounds} runs: {ENGINES} engines, 270 requests in conversations\n")
    print(f"{'mode':<12} {'pickers':>7} {'hit ratio':>10} {'max/mean':>9} {'first token':>12}", flush=True)
    for mode in ("approximate", "precise"):
        for replicas in (1, 2, 3):
            with tempfile.TemporaryDirectory(prefix="warmpath-replicas-") as folder:
                results = [run(mode, replicas, Path(folder)) for _ in range(rounds)]
            hit, imbalance, first = (
                statistics.median(getattr(result, name) for result in results)
                for name in ("hit_ratio", "imbalance", "first_token")
            )
            print(f"{mode:<12} {replicas:>7} {hit:>9.1%} {imbalance:>9.2f} {first:>9.0f} ms", flush=True)


if __name__ == "__main__":
    main()
