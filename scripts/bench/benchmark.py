"""The rows of the table in Sources/epp-bench/README.md: see scripts/bench/benchmark."""

import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Callable, Iterator

from kit.process import Process
from kit.waiting import eventually

BIN = Path(os.environ.get("WARMPATH_BIN_DIR", ""))
EPP, BENCH = BIN / "epp", BIN / "epp-bench"
# The picker on core 0, everything else on core 1.
PICKER_CORE, LOAD_CORE, BOTH_CORES = ["taskset", "-c", "0"], ["taskset", "-c", "1"], ["taskset", "-c", "0,1"]
LISTEN = ["--bind-address", "127.0.0.1", "--grpc-port", "0", "--grpc-health-port", "0", "--metrics-port", "0"]
LISTEN += ["--admin-address", ""]
QUIET = {**os.environ, "SWIFT_BACKTRACE": "enable=no"}


class Picker(Process):
    """A picker that serves."""

    def __init__(self, arguments: list[str], launcher: list[str], binary: Path = EPP):
        command = [*launcher, str(binary), *LISTEN, "--secure-serving=false", "--drain-timeout", "500ms"]
        started = time.monotonic()
        super().__init__([*command, *arguments], name="epp", env=QUIET)
        try:
            found = self.wait_for(r"serving ext_proc on (\S+), health on \S+, metrics on (\S+)", 60)
        except BaseException:
            self.kill()
            raise
        self.start_seconds = time.monotonic() - started
        self.target, self.metrics_address = found[1], found[2]

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://{self.metrics_address}/metrics", timeout=10) as page:
            return page.read().decode()


@contextlib.contextmanager
def picker(
    *arguments: str, engines: int = 8, launcher: list[str] = PICKER_CORE, binary: Path = EPP
) -> Iterator[Picker]:
    """A picker beside engines that show metrics."""
    with contextlib.ExitStack() as stack:
        fleet = Process([*LOAD_CORE, str(BENCH), "engines", "--count", str(engines)], name="epp-bench", env=QUIET)
        stack.callback(fleet.stop, 30)
        # One line: the flags for the picker.
        flags = fleet.wait_for(r"^--endpoint .*", 30)[0].split()
        served = Picker([*flags, *arguments], launcher, binary)
        stack.callback(served.stop, 60)
        ready = f"llm_d_epp_ready_endpoints{{name=\"default\"}} {engines}"
        eventually(lambda: ready in served.metrics(), "every engine has been scraped", 60)
        yield served


def bench(*arguments: str, launcher: list[str] = LOAD_CORE) -> dict:
    """The JSON of an epp-bench run."""
    command = [*launcher, str(BENCH), arguments[0], "--json", "-", *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, env=QUIET, timeout=300)
    if done.returncode != 0:
        raise SystemExit(f"benchmark: error: epp-bench {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def load(served: Picker, *arguments: str, seconds: int = 5) -> dict:
    return bench(
        "load", "--target", served.target, "--server-pid", str(served.pid), "--warm-up", "1", "--duration",
        str(seconds), *arguments)


def cpu_per_request() -> None:
    with picker() as served:
        for kilobytes in (1, 16, 128, 400):
            run = load(served, "--prompt-bytes", str(kilobytes * 1024), "--concurrency", "32")["runs"][0]
            row(f"CPU per request, {kilobytes} KB prompt", f"{run['serverMicrosecondsPerRequest']:.0f} µs")
            if kilobytes == 128:
                row("memory after the 128 KB run", f"{run['cost']['serverResidentBytes'] / 1e6:.0f} MB")


def cpu_per_chunk() -> None:
    """As many chunks as the picker can answer; then 200 streams at 20 chunks a second, which come one by one."""
    with picker() as served:
        result = load(served, "--prompt-bytes", "1024", "--concurrency", "32", "--compare-chunks", "201")
        row("CPU per chunk, saturated", f"{result['comparison']['serverMicrosecondsPerChunk']:.1f} µs")
        bounds = [0.5, 0.99]
        held = [_quantile(served.metrics(), "epp_grpc_write_hold_seconds", share) for share in bounds]
        row("first of several answers held, p50 / p99", " / ".join(f"at most {bound * 1e6:.0f} µs" for bound in held))
    for name, workers in (("default workers", []), ("1 worker", ["--workers", "1"])):
        with picker(*workers, launcher=BOTH_CORES) as served:
            paced = ("--count", "200", "--events-per-second", "20", "--settle", "1", "--duration", "8")
            result = streams_of(served, *paced, launcher=BOTH_CORES)
            row(f"CPU per chunk, paced, {name}", f"{result['serverMicrosecondsPerChunk']:.0f} µs")
            row(f"answer of a paced chunk, {name}, p50 / p99", _milliseconds(result["echo"]))


def whole_answer() -> None:
    """A streamed answer of 500 chunks, with all that the request costs, by what the gateway shows of it."""
    with picker() as served:
        for name, arguments in (("full", ["--response-chunks", "500"]), ("headers only", ["--headers-only"])):
            run = load(served, "--prompt-bytes", "1024", "--concurrency", "32", *arguments)["runs"][0]
            row(f"CPU per answer of 500 chunks, {name}", f"{run['serverMicrosecondsPerRequest']:.0f} µs")


def _milliseconds(summary: dict) -> str:
    return f"{summary['p50'] / 1000:.2f} / {summary['p99'] / 1000:.2f} ms"


def _quantile(page: str, name: str, share: float) -> float:
    """The upper bound of the bucket of a histogram without labels that holds the share."""
    found = re.findall(rf'^{name}_bucket\{{le="([^"]+)"\}} (\S+)', page, re.M)
    buckets = [(float(bound), float(count)) for bound, count in found]
    total = buckets[-1][1]
    return min((bound for bound, count in buckets if count >= share * total), default=0.0)


def cpu_without_responses() -> None:
    with picker("--response-processing", "none") as served:
        run = load(served, "--prompt-bytes", "1024", "--concurrency", "32")["runs"][0]
        cost = run["cost"]
        each = (cost["serverUserSeconds"] + cost["serverSystemSeconds"]) * 1e6 / max(1, run["leftEarly"])
        row("CPU per request, 1 KB, --response-processing none", f"{each:.0f} µs")


def pick() -> None:
    """At half of the rate of a closed loop: the picker's own histogram, from the last body message to the decision."""
    with picker(engines=64) as served:
        arguments = ("--prompt-bytes", "16384")
        rate = load(served, *arguments)["runs"][0]["requestsPerSecond"] / 2
        before = _pick_buckets(served.metrics())
        load(served, *arguments, "--rate", f"{rate:.0f}", "--concurrency", "256", seconds=10)
        after = _pick_buckets(served.metrics())
        counts = {bound: after[bound] - before.get(bound, 0) for bound in after}
        total = counts[float("inf")]
        for share in (0.5, 0.99):
            bound = min(b for b, count in counts.items() if count >= share * total)
            row(f"pick, 16 KB, 64 endpoints, p{share * 100:.0f}", f"at most {bound * 1e6:.0f} µs")


def _pick_buckets(page: str) -> dict[float, float]:
    found = re.findall(r'^llm_d_epp_scheduler_e2e_duration_seconds_bucket\{le="([^"]+)"\} (\S+)', page, re.M)
    return {float(bound): float(count) for bound, count in found}


def idle() -> None:
    for count, page_bytes in ((8, 34_000), (100, 55_000)):
        result = bench(
            "scrape", "--count", str(count), "--page-bytes", str(page_bytes), "--epp", str(EPP), "--epp-cpu", "0",
            "--duration", "15", "--", *LISTEN, "--secure-serving=false")
        row(f"idle beside {count} endpoints", f"{result['cost']['serverCores']:.3f} core")


def streams_of(served: Picker, *arguments: str, launcher: list[str] = LOAD_CORE) -> dict:
    return bench(
        "streams", "--target", served.target, "--server-pid", str(served.pid), "--prompt-bytes", "1024", *arguments,
        launcher=launcher)


def streams() -> None:
    """10,000 of them, 4,000 chunks a second over all."""
    with picker() as served:
        result = streams_of(served, "--count", "10000", "--events-per-second", "0.4", "--duration", "10")
        row("memory per open stream, 10,000 of them", f"{result['serverBytesPerStream'] / 1000:.1f} kB")
        row("CPU per chunk beside 10,000 open streams", f"{result['serverMicrosecondsPerChunk']:.0f} µs")
        row("answer of a chunk there, p50 / p99", _milliseconds(result["echo"]))


def start() -> None:
    """From the start of the process to the line that says that it serves; one endpoint that refuses connections."""
    times = []
    for _ in range(11):
        served = Picker(["--endpoint", "127.0.0.1:1"], PICKER_CORE)
        times.append(served.start_seconds)
        served.stop()
    row("start to serving", f"{statistics.median(times) * 1000:.0f} ms")


def binary() -> None:
    with tempfile.TemporaryDirectory() as folder:
        stripped = Path(folder) / "epp"
        subprocess.run(["strip", "-o", str(stripped), str(EPP)], check=True)
        row("release binary, static and stripped", f"{stripped.stat().st_size / 1e6:.1f} MB")
        needed = subprocess.run(["ldd", str(stripped)], capture_output=True, text=True, check=True).stdout
        row("shared libraries it needs", ", ".join(sorted(re.findall(r"^\s*(lib\S+?)\.so", needed, re.M))))


def index() -> None:
    """The block index alone, in process."""
    result = bench("index", "--seconds", "0")
    row("block keys, 16 tokens a block", f"{result['keyNanosecondsPerBlock']:.1f} ns a block")
    for lookup in result["lookups"]:
        if (lookup["blocks"], lookup["endpoints"]) == (62_500, 64):
            times = f"{lookup['hotMicroseconds']:.1f} / {lookup['flushedMicroseconds']:.0f} µs"
            row("look-up, 62,500 blocks, 64 endpoints, hot / flushed", times)
    for run in result["ingestion"]:
        row(f"KV events: {run['shape']}", f"{run['nanosecondsPerBlock']:.0f} ns a block")
    for memory in result["memory"]:
        row(f"index memory, {memory['pairs']:,} pairs", f"{memory['residentBytesPerPair']:.1f} B a pair")


def concurrent() -> None:
    """A writer that is fed with KV events of 1,024 engines at 1.5 M block operations a second, beside a reader."""
    run = bench("index", "--only", "concurrent", "--seconds", "60", launcher=[])["concurrency"]
    row("block operations/s of 1,024 engines", f"{run['operationsPerSecond'] / 1e6:.2f} M at {run['writerCore'] * 100:.0f} % of a core")
    row("look-up of 775 blocks meanwhile, p99", f"{run['lookupP99']:.1f} µs")
    row("wrong depths", f"{run['wrongDepths']}")


def schedule() -> None:
    """The scheduler alone, in process: the medians of decisions by all scorers."""
    rows = bench("schedule")["rows"]
    for found in rows:
        if found["kind"] == "profile":
            allocations = found["allocations"]
            row(
                f"decision, {found['name']}, {found['endpoints']} endpoints",
                f"{found['p50']:.1f} µs" + ("" if allocations is None else f", {allocations:.0f} allocations"))


def instructions() -> None:
    """callgrind counts user-space instructions; the engines are scraped once a second, as counting slows all by 50."""
    with tempfile.TemporaryDirectory() as folder:
        # Without its symbols, which valgrind's reader does not take.
        stripped = Path(folder) / "epp"
        subprocess.run(["strip", "-o", str(stripped), str(EPP)], check=True)
        output = Path(folder) / "callgrind"
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}"]
        with picker("--refresh-metrics-interval", "1s", launcher=valgrind, binary=stripped) as served:
            arguments = ("--prompt-bytes", "1024", "--concurrency", "32")
            load(served, *arguments, seconds=5)
            control = ["callgrind_control"]
            pid = str(served.pid)
            subprocess.run([*control, "-z", pid], check=True, capture_output=True)
            count = _requests(served)
            load(served, *arguments, seconds=20)
            count = _requests(served) - count
            subprocess.run([*control, "-d", pid], check=True, capture_output=True)
            dump = Path(f"{output}.1")
            # Written to its end after callgrind_control has returned.
            found = eventually(
                lambda: re.search(r"^totals: (\d+)", dump.read_text(errors="replace"), re.M), "callgrind's totals", 60)
            row("instructions per request, 1 KB", f"{int(found[1]) / count:,.0f}")


def _requests(served: Picker) -> float:
    found = re.findall(r"^llm_d_epp_request_total\{[^}]*\} (\S+)", served.metrics(), re.M)
    return sum(map(float, found))


def row(name: str, value: str) -> None:
    print(f"{name:55} {value}", flush=True)


ROWS: dict[str, Callable[[], None]] = {
    "request": cpu_per_request, "chunk": cpu_per_chunk, "answer": whole_answer, "none": cpu_without_responses, "pick": pick, "idle": idle,
    "streams": streams, "start": start, "binary": binary, "instructions": instructions, "index": index,
    "concurrent": concurrent, "schedule": schedule,
}


# What a row needs beside the release binaries, and the Debian package that has it.
NEEDS = {"instructions": {"valgrind": "valgrind", "callgrind_control": "valgrind", "strip": "binutils"},
         "binary": {"strip": "binutils"}}


def check_tools(names: list[str]) -> None:
    """Ends at the start, and not after minutes, when a program is missing."""
    for name in names:
        for program, package in NEEDS.get(name, {}).items():
            if not shutil.which(program):
                raise SystemExit(
                    f"benchmark: error: the row '{name}' needs {program}: install the package {package}, or name the rows "
                    "that you want")


def main() -> None:
    names = sys.argv[1:] or list(ROWS)
    if names == ["--list"]:
        print("\n".join(ROWS))
        return
    if unknown := [name for name in names if name not in ROWS]:
        raise SystemExit(f"benchmark: error: no row '{unknown[0]}'; there are: {', '.join(ROWS)}")
    check_tools(names)
    for name in names:
        try:
            ROWS[name]()
        except AssertionError as error:
            raise SystemExit(f"benchmark: error: {name}: {error}") from None


if __name__ == "__main__":
    main()
