"""Load for scripts/checks/sanitize: streams of every kind against a picker, long enough for threads to meet."""

import subprocess
import sys

from kit.engine import Engine
from kit.epp import EPP
from kit.paths import product

SECONDS = 30


def main() -> int:
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
        if not epp.running() or epp.stop(60) != 0:
            print(epp.output(), file=sys.stderr)
            status = 1
    for engine in engines:
        engine.stop()
    return status


if __name__ == "__main__":
    sys.exit(main())
