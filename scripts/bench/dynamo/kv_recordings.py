"""Recorded KV events for scripts/bench/compare-dynamo: messages as vLLM 0.32 publishes them, and prompts to look up."""

import random
import struct
from pathlib import Path
from typing import Callable, Iterator

import msgpack
import numpy as np

# Tokens in a block.
BLOCK = 16
PROMPT_BLOCKS = (64, 512, 4096)
PROMPTS_OF_A_LENGTH = 16
# Blocks from here on are in no data set.
UNKNOWN = 1 << 40


def mix(values: np.ndarray) -> np.ndarray:
    """A permutation of 64-bit numbers (the finalizer of MurmurHash3)."""
    values = np.asarray(values, dtype=np.uint64)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))


def hashes(blocks: np.ndarray) -> list[int]:
    return mix(np.asarray(blocks, dtype=np.uint64) + np.uint64(1)).tolist()


def tokens(blocks: np.ndarray) -> np.ndarray:
    """16 of a vocabulary of 128,000 for each block."""
    places = np.asarray(blocks, dtype=np.uint64)[:, None] * np.uint64(BLOCK) + np.arange(BLOCK, dtype=np.uint64)
    return (mix(places + np.uint64(1 << 50)) % np.uint64(128_000)).astype(np.uint32).reshape(-1)


class Recording:
    """Messages of engines in a file, and prompts in another one: endpoint and length before each."""

    def __init__(self, folder: Path, name: str):
        self.messages_path, self.prompts_path = folder / f"{name}.messages", folder / f"{name}.prompts"
        self.file = self.messages_path.open("wb")
        self.operations = self.pairs = self.messages = self.bytes = 0
        self.workers = 0
        self.events: list[dict] = []
        self.chains: list[np.ndarray] = []
        self.unused = 0

    def fresh(self, count: int) -> np.ndarray:
        """Blocks that nobody has yet."""
        self.unused += count
        return np.arange(self.unused - count, self.unused, dtype=np.uint64)

    def store(self, blocks: np.ndarray, parent: int | None) -> None:
        """`parent` is the block before, None at the beginning of a prompt."""
        self.events.append(
            {
                "type": "BlockStored",
                "block_hashes": hashes(blocks),
                "parent_block_hash": None if parent is None else hashes(np.array([parent]))[0],
                "token_ids": tokens(blocks).tolist(),
                "block_size": BLOCK,
                "lora_id": None,
                "medium": "GPU",
                "lora_name": None,
                "extra_keys": [None] * len(blocks),
                "group_idx": 0,
                "kv_cache_spec_kind": "full_attention",
            })
        self.operations += len(blocks)
        self.pairs += len(blocks)

    def remove(self, blocks: np.ndarray) -> None:
        """Its own event for each block, the last one first, as engines drop them."""
        for digest in reversed(hashes(blocks)):
            self.events.append({"type": "BlockRemoved", "block_hashes": [digest], "medium": "GPU", "group_idx": 0})
        self.operations += len(blocks)
        self.pairs -= len(blocks)

    def end_message(self, worker: int) -> None:
        payload = encode(self.events)
        self.file.write(struct.pack("<II", worker, len(payload)) + payload)
        self.messages += 1
        self.bytes += len(payload)
        self.workers = max(self.workers, worker + 1)
        self.events = []

    def finish(self, rng: random.Random) -> None:
        """Prompts that begin with what is held and go on with what nobody has."""
        self.file.close()
        with self.prompts_path.open("wb") as file:
            for length in PROMPT_BLOCKS:
                fitting = [chain for chain in self.chains if len(chain) >= length] or self.chains
                for number in range(PROMPTS_OF_A_LENGTH):
                    chain = rng.choice(fitting)[:length]
                    tail = np.arange(length - len(chain), dtype=np.uint64) + np.uint64(2 * UNKNOWN + number * 10_000)
                    payload = tokens(np.concatenate([chain, tail])).astype("<u4").tobytes()
                    file.write(struct.pack("<II", 0, len(payload)) + payload)


def encode(events: list[dict]) -> bytes:
    return msgpack.packb([1_795_458_000.125, events, 0])


def recorded(path: Path) -> Iterator[tuple[int, bytes]]:
    data, place = path.read_bytes(), 0
    while place < len(data):
        worker, length = struct.unpack_from("<II", data, place)
        yield worker, data[place + 8 : place + 8 + length]
        place += 8 + length


def chats(record: Recording, rng: random.Random, blocks: int) -> None:
    """Conversations behind shared system prompts grow turn by turn on 8 workers."""
    prompts = [record.fresh(rng.randint(64, 192)) for _ in range(100)]
    held: list[set[int]] = [set() for _ in range(8)]
    active: list[list] = []
    while record.operations < blocks:
        if len(active) < 200:
            active.append([rng.randrange(8), rng.randrange(100), np.empty(0, dtype=np.uint64), rng.randint(3, 40)])
        place = rng.randrange(len(active))
        conversation = active[place]
        worker, prompt, said, turns = conversation
        turn = record.fresh(rng.randint(16, 200))
        if prompt not in held[worker]:
            held[worker].add(prompt)
            record.store(prompts[prompt], None)
        record.store(turn, int(said[-1] if len(said) else prompts[prompt][-1]))
        record.end_message(worker)
        conversation[2], conversation[3] = np.concatenate([said, turn]), turns - 1
        if turns == 1:
            record.chains.append(np.concatenate([prompts[prompt], conversation[2]]))
            del active[place]
    record.chains += [np.concatenate([prompts[prompt], said]) for _, prompt, said, _ in active]


def short(record: Recording, rng: random.Random, blocks: int) -> None:
    """Prompts of 4 to 16 blocks that share nothing, on 8 workers."""
    while record.operations < blocks:
        chain = record.fresh(rng.randint(4, 16))
        record.store(chain, None)
        record.end_message(record.messages % 8)
        record.chains.append(chain)


def single(record: Recording, rng: random.Random, blocks: int) -> None:
    """Engines that generate: a step of 16 sequences on each of 8 workers stores one block of each, up to 64."""
    while record.operations < blocks:
        for worker in range(8):
            chains = [record.fresh(64) for _ in range(16)]
            for step in range(64):
                for chain in chains:
                    record.store(chain[step : step + 1], int(chain[step - 1]) if step else None)
                record.end_message(worker)
            record.chains += chains


def churn(record: Recording, rng: random.Random, blocks: int) -> None:
    """Full caches on 8 workers: for every 64 blocks that are stored, the oldest 64 are dropped, block by block."""
    caches: list[list[np.ndarray]] = [[] for _ in range(8)]
    while record.operations < blocks:
        for worker, cache in enumerate(caches):
            if len(cache) == 600:
                record.remove(cache.pop(0))
            cache.append(record.fresh(64))
            record.store(cache[-1], None)
            record.end_message(worker)
    record.chains += [chain for cache in caches for chain in cache]


def copies(workers: int) -> Callable[[Recording, random.Random, int], None]:
    def make(record: Recording, rng: random.Random, blocks: int) -> None:
        while record.operations < blocks:
            chain = record.fresh(256)
            record.chains.append(chain)
            for worker in range(workers):
                for start in range(0, 256, 64):
                    record.store(chain[start : start + 64], int(chain[start - 1]) if start else None)
                    record.end_message(worker)

    make.__doc__ = f"Chains of 256 blocks, in events of 64, each held by {workers} worker{'s' if workers > 1 else ''}."
    return make


SETS = {
    "chats": (chats, 1_500_000),
    "short": (short, 800_000),
    "single": (single, 600_000),
    "churn": (churn, 1_200_000),
    "copies-1": (copies(1), 1_000_000),
    "copies-8": (copies(8), 1_500_000),
    "copies-64": (copies(64), 1_500_000),
}
