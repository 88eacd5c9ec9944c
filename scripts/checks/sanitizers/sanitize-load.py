"""Load for scripts/checks/sanitize: requests of every kind against a picker and against a sidecar, long enough for threads to meet."""

import random
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kit import http
from kit.disaggregated import CONNECTORS, Pair
from kit.engine import Engine
from kit.epp import EPP
from kit.paths import product
from kit.process import Process

SECONDS = 30
CLIENTS = 16


def picker() -> int:
    engines = [Engine(f"engine-{index}") for index in range(4)]
    status = 0
    with EPP("--workers", "2", endpoints=[engine.address for engine in engines], start_timeout=60) as epp:
        for arguments in (
            ["load", "--concurrency", "32", "--prompt-bytes", "4096", "--response-chunks", "8"],
            ["load", "--concurrency", "8", "--prompt-bytes", "400000", "--response-chunks", "2"],
            ["streams", "--count", "500", "--events-per-second", "5", "--open-rate", "100"],
        ):
            command = [product("epp-bench"), *arguments, "--target", f"127.0.0.1:{epp.extproc_port}"]
            command += ["--duration", str(SECONDS)]
            print("load:", *arguments, flush=True)
            status |= subprocess.run([str(part) for part in command], timeout=SECONDS * 10, check=False).returncode
        status |= stopped(epp)
    for engine in engines:
        engine.stop()
    return status


def stopped(process: Process) -> int:
    """Whether a process does not end well: 0 or 1."""
    if process.running() and process.stop(60) == 0:
        return 0
    print(process.output(), file=sys.stderr)
    return 1


def sidecar() -> int:
    """Each connector for a while: prompts that are passed on or computed elsewhere, whole and streamed, by clients of which some go
    away; the prefill engine ends in between."""
    status = 0
    for connector in CONNECTORS:
        print("load: sidecar,", connector, flush=True)
        with tempfile.TemporaryDirectory(prefix="warmpath-load-") as folder:
            pair = Pair(connector, Path(folder), "--threads", "2", "--drain-timeout", "1s")
            try:
                end = time.monotonic() + SECONDS / 3
                ended = threading.Timer(SECONDS / 5, pair.prefill.stop)
                ended.start()
                with ThreadPoolExecutor(CLIENTS) as pool:
                    counts = list(pool.map(lambda seed, pair=pair, end=end: client(pair, seed, end), range(CLIENTS)))
                ended.join()
                print(f"load: {sum(counts)} answers with status 200", flush=True)
                status |= int(sum(counts) == 0)
                status |= stopped(pair.sidecar)
            finally:
                pair.stop()
    return status


def client(pair: Pair, seed: int, end: float) -> int:
    """Sends requests one after the other until the end. Returns how many succeeded; after the kill not all of them do."""
    chosen = random.Random(seed)
    succeeded = 0
    while time.monotonic() < end:
        streams = chosen.random() < 0.5
        headers = pair.headers if chosen.random() < 0.6 else {}
        prompt = " ".join(str(chosen.random()) for _ in range(chosen.choice([1, 20, 100])))
        body = pair.body(prompt, max_tokens=8, stream=streams)
        try:
            if streams and chosen.random() < 0.3:
                stream = http.EventStream(pair.sidecar.url, body)
                stream.event()
                stream.close()
                continue
            answer = http.post(pair.sidecar.url, body, headers=headers, timeout=60)
            succeeded += answer.status == 200
        except OSError:
            continue
    return succeeded


def main() -> int:
    return picker() | sidecar()


if __name__ == "__main__":
    sys.exit(main())
