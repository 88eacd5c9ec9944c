"""Warmpath's block index beside Dynamo's: see scripts/bench/compare-dynamo."""

import argparse
import contextlib
import http.client
import json
import os
import platform
import random
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Callable

import numpy as np
import zmq

from kv_recordings import BLOCK, PROMPT_BLOCKS, SETS, UNKNOWN, Recording, encode, hashes, recorded, tokens
from processes import cpu_seconds, proportional_bytes, running, wait

os.environ["DYN_LOG"] = "off"
from dynamo._core import compute_block_hash_for_seq  # noqa: E402

MODEL = "compared"
EMPTY_MODEL = "empty"
# Dynamo's queries of each length: enough for the clock's ticks of 10 ms.
QUERIES = {64: 2_000, 512: 1_500, 4096: 750}
CPU_BUDGET, MEMORY_BUDGET = 0.5, 0.4


class Publishers:
    """A PUB socket per worker, as engines have."""

    def __init__(self, workers: int):
        self.context = zmq.Context()
        self.sockets = [self.context.socket(zmq.PUB) for _ in range(workers)]
        for publisher in self.sockets:
            publisher.set(zmq.SNDHWM, 0)
            publisher.set(zmq.LINGER, 0)
            publisher.bind("tcp://127.0.0.1:*")
        self.addresses = [publisher.get(zmq.LAST_ENDPOINT).decode() for publisher in self.sockets]
        self.sequences = [0] * workers

    def send(self, worker: int, payload: bytes, topic: bytes = b"kv-events") -> None:
        self.sockets[worker].send_multipart([topic, self.sequences[worker].to_bytes(8, "big"), payload])
        self.sequences[worker] += 1

    def send_marker(self, worker: int, number: int) -> np.ndarray:
        block = np.array([UNKNOWN + number * 4096 + worker], dtype=np.uint64)
        event = {"type": "BlockStored", "block_hashes": hashes(block), "parent_block_hash": None,
                 "token_ids": tokens(block).tolist(), "block_size": BLOCK, "lora_id": None, "medium": "GPU"}
        self.send(worker, encode([event]))
        return block

    def close(self) -> None:
        for publisher in self.sockets:
            publisher.close()
        self.context.term()


class Dynamo:
    """The HTTP side of a standalone indexer."""

    def __init__(self, process: subprocess.Popen, port: int, log: Path):
        self.process, self.port, self.log = process, port, log
        wait("the start of dynamo.indexer", self.answers)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def answers(self) -> bool:
        if self.process.poll() is not None:
            said = self.log.read_text(errors="replace")[-1_000:]
            raise SystemExit(f"compare-dynamo: error: dynamo.indexer ended with {self.process.returncode}: {said}")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def post(self, path: str, body: bytes) -> dict:
        self.connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = self.connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise SystemExit(f"compare-dynamo: error: dynamo.indexer answers {response.status} to {path}: {answer[:300]!r}")
        return json.loads(answer)

    def register(self, model: str, worker: int, address: str) -> None:
        self.post("/register", json.dumps(
            {"instance_id": worker, "endpoint": address, "model_name": model, "block_size": BLOCK}).encode())

    @staticmethod
    def question(token_ids: np.ndarray, model: str = MODEL) -> bytes:
        return json.dumps({"model_name": model, "token_ids": token_ids.tolist()}).encode()

    def depths(self, body: bytes, workers: int) -> list[int]:
        """Blocks that each worker holds."""
        scores = self.post("/query", body)["scores"]
        return [scores.get(str(worker), {}).get("0", 0) // BLOCK for worker in range(workers)]


def free_port() -> int:
    """One that no outgoing connection is given until the indexer has it."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(100):
        port = random.SystemRandom().randrange(max(1024, first - 16_384), first)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise SystemExit(f"compare-dynamo: error: no free port below {first}")


# MARK: measuring


def measure_dynamo(record: Recording, threads: int, folder: Path) -> dict:
    port, publishers = free_port(), Publishers(record.workers)
    spare = Publishers(1)
    log = folder / "dynamo.log"
    command = [sys.executable, "-m", "dynamo.indexer", "--port", str(port), "--threads", str(threads)]
    with log.open("ab") as file, running(*command, stdout=file, stderr=file) as process:
        dynamo = Dynamo(process, port, log)
        for worker, address in enumerate(publishers.addresses):
            dynamo.register(MODEL, worker, address)
        dynamo.register(EMPTY_MODEL, 1_000_000, spare.addresses[0])
        for worker in range(record.workers):
            numbers = iter(range(1_000))

            def arrives() -> bool:
                marker = publishers.send_marker(worker, next(numbers))
                return dynamo.depths(dynamo.question(tokens(marker)), record.workers)[worker] == 1

            wait(f"the first event of worker {worker}", arrives, 20)
        messages = list(recorded(record.messages_path))
        memory, cpu, start = proportional_bytes(process.pid), cpu_seconds(process.pid), time.monotonic()
        for worker, payload in messages:
            publishers.send(worker, payload)
        last = [dynamo.question(tokens(publishers.send_marker(worker, 4_000))) for worker in range(record.workers)]
        caught_up = {}

        def is_idle() -> bool:
            before = cpu_seconds(process.pid)
            caught_up["cpu"], caught_up["wall"] = before - cpu, time.monotonic() - start
            time.sleep(0.5)
            return cpu_seconds(process.pid) == before

        def is_done() -> bool:
            return is_idle() and all(
                dynamo.depths(question, record.workers)[worker] == 1 for worker, question in enumerate(last))

        wait("the last event's arrival", is_done, 300)
        result = {"cpu_seconds": caught_up["cpu"], "wall_seconds": caught_up["wall"],
                  "bytes": proportional_bytes(process.pid) - memory}
        result |= query_dynamo(dynamo, record)
    publishers.close()
    spare.close()
    return result


def query_dynamo(dynamo: Dynamo, record: Recording) -> dict:
    prompts = [np.frombuffer(payload, dtype="<u4") for _, payload in recorded(record.prompts_path)]
    result: dict = {"depths": [dynamo.depths(dynamo.question(prompt), record.workers) for prompt in prompts],
                    "lookups": {}}
    for blocks, count in QUERIES.items():
        times = {}
        digests = [compute_block_hash_for_seq(prompt.tolist(), BLOCK) for prompt in prompts if len(prompt) == blocks * BLOCK]
        for model in (MODEL, EMPTY_MODEL):
            bodies = [
                json.dumps({"model_name": model, "block_hashes": np.array(one, dtype="<u8").view("<i8").tolist()}).encode()
                for one in digests]
            cpu = cpu_seconds(dynamo.process.pid)
            for number in range(count):
                dynamo.post("/query_by_hash", bodies[number % len(bodies)])
            times[model] = (cpu_seconds(dynamo.process.pid) - cpu) / count * 1e6
        result["lookups"][blocks] = {"microseconds": times[MODEL], "floor": times[EMPTY_MODEL]}
    return result


def measure_warmpath(record: Recording, folder: Path) -> dict:
    output = folder / "warmpath.json"
    command = [str(Path(os.environ["WARMPATH_BIN_DIR"]) / "epp-bench"), "index", "--only", "recorded"]
    command += ["--messages", str(record.messages_path), "--prompts", str(record.prompts_path), "--json", str(output)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    report = json.loads(output.read_text())["recorded"]
    lookups = {
        blocks: statistics.mean(row["microseconds"] for row in report["lookups"] if row["blocks"] == blocks)
        for blocks in PROMPT_BLOCKS}
    return {"cpu_seconds": report["cpuSeconds"], "bytes": report["proportionalBytes"], "pairs": report["pairs"],
            "counted_bytes": report["countedBytes"], "lookups": lookups,
            "depths": [row["depths"] for row in report["lookups"]]}


def measure_receiving(record: Recording) -> float:
    """CPU seconds of a subscriber that drops what it receives."""
    publishers = Publishers(record.workers)
    command = [os.environ["ZMQ_DRAIN"], str(record.messages), *publishers.addresses]
    with running(*command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None

        def is_ready() -> bool:
            for worker in range(record.workers):
                publishers.send(worker, b"", topic=b"%d" % worker)
            return bool(select.select([process.stdout], [], [], 0)[0])

        wait("a bare subscriber's first message", is_ready, 20)
        process.stdout.readline()
        for worker, payload in recorded(record.messages_path):
            publishers.send(worker, payload)
        seconds = float(process.stdout.readline())
    publishers.close()
    return seconds


def measure(name: str, scale: float, options: argparse.Namespace, folder: Path) -> dict:
    """One round: the same recording for both."""
    make, blocks = SETS[name]
    rng = random.Random(7)
    record = Recording(folder, name)
    make(record, rng, int(blocks * scale))
    record.finish(rng)
    one = {
        "block_operations": record.operations, "pairs": record.pairs, "messages": record.messages,
        "workers": record.workers, "bytes_on_wire": record.bytes,
        "warmpath": measure_warmpath(record, folder),
        "receiving_cpu_seconds": measure_receiving(record),
        "dynamo": measure_dynamo(record, options.threads, folder),
    }
    record.messages_path.unlink()
    record.prompts_path.unlink()
    depths = one["warmpath"].pop("depths"), one["dynamo"].pop("depths")
    one["prompts"] = len(depths[0])
    one["agreeing_prompts"] = sum(ours == theirs for ours, theirs in zip(*depths, strict=True))
    if one["warmpath"]["pairs"] != record.pairs:
        raise SystemExit(f"compare-dynamo: error: {record.pairs} pairs are {one['warmpath']['pairs']} in the index")
    return one


def compare(name: str, options: argparse.Namespace, folder: Path) -> dict:
    # Tables double: rounds of sizes up to twice the first, so that neither side profits from where it stands.
    rounds = []
    for number in range(options.rounds):
        rounds.append(measure(name, options.scale * 2 ** (number / options.rounds), options, folder))
        note(f"{name}: round {number + 1} of {options.rounds}")

    def total(read: Callable[[dict], float]) -> float:
        return sum(read(one) for one in rounds)

    operations, pairs = total(lambda one: one["block_operations"]), total(lambda one: one["pairs"])
    cpu = {
        "warmpath": total(lambda one: one["warmpath"]["cpu_seconds"]) / operations * 1e9,
        "receiving": total(lambda one: one["receiving_cpu_seconds"]) / operations * 1e9,
        "dynamo": total(lambda one: one["dynamo"]["cpu_seconds"]) / operations * 1e9,
    }
    memory = {
        "warmpath": total(lambda one: one["warmpath"]["bytes"]) / pairs,
        "warmpath_counted": total(lambda one: one["warmpath"]["counted_bytes"]) / pairs,
        "dynamo": total(lambda one: one["dynamo"]["bytes"]) / pairs,
    }
    lookups = {
        blocks: {
            "warmpath": total(lambda one: one["warmpath"]["lookups"][blocks]) / len(rounds),
            "dynamo": total(lambda one: one["dynamo"]["lookups"][blocks]["microseconds"]) / len(rounds),
            "dynamo_floor": total(lambda one: one["dynamo"]["lookups"][blocks]["floor"]) / len(rounds),
        }
        for blocks in PROMPT_BLOCKS}
    return {
        "set": name, "what": SETS[name][0].__doc__, "workers": rounds[0]["workers"],
        "block_operations": operations, "pairs": pairs,
        "ns_per_block": cpu, "cpu_ratio": (cpu["warmpath"] + cpu["receiving"]) / cpu["dynamo"],
        "bytes_per_pair": memory, "memory_ratio": memory["warmpath"] / memory["dynamo"],
        "lookup_microseconds": lookups,
        "prompts": total(lambda one: one["prompts"]), "agreeing_prompts": total(lambda one: one["agreeing_prompts"]),
        "rounds": rounds,
    }


# MARK: showing


def note(text: str) -> None:
    print(f"compare-dynamo: {text}", file=sys.stderr, flush=True)


def table(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows)


def show(results: list[dict]) -> None:
    rows = [["CPU, ns a block", "blocks", "workers", "wire to index", "+ receiving", "Dynamo", "ratio", "at most 0.5"]]
    for one in results:
        cpu = one["ns_per_block"]
        rows.append([
            one["set"], str(one["block_operations"]), str(one["workers"]), f"{cpu['warmpath']:.0f}",
            f"{cpu['warmpath'] + cpu['receiving']:.0f}", f"{cpu['dynamo']:.0f}", f"{one['cpu_ratio']:.2f}",
            "yes" if one["cpu_ratio"] <= CPU_BUDGET else "no"])
    print(table(rows) + "\n")
    rows = [["PSS, bytes a pair", "pairs", "Warmpath", "counted", "Dynamo", "ratio", "at most 0.4"]]
    for one in results:
        memory = one["bytes_per_pair"]
        rows.append([
            one["set"], str(one["pairs"]), f"{memory['warmpath']:.1f}", f"{memory['warmpath_counted']:.1f}",
            f"{memory['dynamo']:.1f}", f"{one['memory_ratio']:.2f}",
            "yes" if one["memory_ratio"] <= MEMORY_BUDGET else "no"])
    print(table(rows) + "\n")
    rows = [["look-ups, µs of CPU: Warmpath / Dynamo (floor)", *(f"{blocks} blocks" for blocks in PROMPT_BLOCKS), "agreeing"]]
    for one in results:
        times = one["lookup_microseconds"]
        rows.append([
            one["set"], *(f"{times[blocks]['warmpath']:.1f} / {times[blocks]['dynamo']:.0f} "
                          f"({times[blocks]['dynamo_floor']:.0f})" for blocks in PROMPT_BLOCKS),
            f"{one['agreeing_prompts']} of {one['prompts']}"])
    print(table(rows))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="compare-dynamo", add_help=False)
    parser.add_argument("sets", nargs="*", choices=[*SETS, []], metavar="SET")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.rounds < 1 or options.threads < 1 or not 0.01 <= options.scale <= 20:
        parser.error("--rounds and --threads must be at least 1, and --scale between 0.01 and 20")
    return options


def main() -> int:
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="compare-dynamo.") as folder:
        results = [compare(name, options, Path(folder)) for name in options.sets or SETS]
    show(results)
    if options.json:
        report = {"ai-dynamo-runtime": version("ai-dynamo-runtime"), "dynamo_threads": options.threads,
                  "rounds": options.rounds, "machine": platform.machine(), "cores": os.cpu_count(),
                  "load": os.getloadavg(), "results": results}
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    if wrong := [one["set"] for one in results if one["agreeing_prompts"] < one["prompts"]]:
        print(f"compare-dynamo: error: the indexes disagree: {', '.join(wrong)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
