"""Real vLLM engines on this machine's CPU, with a model of random weights."""

import json
import os
import random
import signal
import socket
import subprocess
from pathlib import Path

from kit import http
from kit.paths import ROOT, TOOLS
from kit.process import Process
from kit.waiting import eventually

MODEL = "tiny"
# Attention for CPUs takes multiples of 32 from vLLM 0.31 on.
BLOCK = 32


def made_model(size: str) -> Path:
    """The folder of a model, which is made once: "small", or "large" enough that computing a prompt takes most of a request's time."""
    model = TOOLS / ("vllm-model" if size == "small" else f"vllm-model-{size}")
    if not (model / "model.safetensors").exists():
        print(f"making a {size} model ...", flush=True)
        command = [os.environ["VLLM_PYTHON"], "-W", "ignore", ROOT / "scripts/checks/vllm/vllm-model.py", model, size]
        subprocess.run(command, check=True)
    return model


def free_ports(count: int) -> list[int]:
    """Ports that the system gives to nobody by itself: whoever connects to the port of an engine that is away, and is given
    that very port to connect from, is connected to itself, and the engine finds its port taken when it comes back."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    held: list[socket.socket] = []
    for port in random.sample(range(10_000, min(lowest, 32_768)), 1000):
        try:
            held.append(socket.create_server(("127.0.0.1", port)))
        except OSError:
            continue
        if len(held) == count:
            break
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


class VLLM(Process):
    """One engine with KV events and their replay, and a cache of so many blocks; `arguments` are further ones."""

    def __init__(self, name: str, model: Path, ports: tuple[int, int, int], core: int, blocks: int, *arguments: str):
        self.label = name
        self.port, self.events_port, self.replay_port = ports
        self.arguments_of_start = (name, model, ports, core, blocks, *arguments)
        # "::" makes vLLM listen where it would connect otherwise; this is the loopback address of IPv4.
        events = {
            "enable_kv_cache_events": True,
            "publisher": "zmq",
            "endpoint": f"tcp://[::ffff:127.0.0.1]:{self.events_port}",
            "replay_endpoint": f"tcp://127.0.0.1:{self.replay_port}",
        }
        environment = dict(
            os.environ, VLLM_CPU_KVCACHE_SPACE="1", VLLM_SERVER_DEV_MODE="1", VLLM_NO_USAGE_STATS="1", DO_NOT_TRACK="1",
            HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", VLLM_HOST_IP="127.0.0.1", VLLM_ENABLE_V1_MULTIPROCESSING="0",
            OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false", VLLM_CPU_OMP_THREADS_BIND=str(core),
        )  # fmt: skip
        super().__init__(
            [
                os.environ["VLLM_PYTHON"], "-W", "ignore", "-m", "vllm.entrypoints.openai.api_server", "--model", model,
                "--served-model-name", MODEL, "--host", "127.0.0.1", "--port", str(self.port), "--dtype", "bfloat16",
                "--max-model-len", "4096", "--max-num-seqs", "16", "--block-size", str(BLOCK),
                "--num-gpu-blocks-override", str(blocks), "--enforce-eager", "--enable-prefix-caching",
                "--kv-events-config", json.dumps(events), "--enable-prompt-tokens-details", "--enable-scale-out",
                "--distributed-executor-backend", "uni", *arguments,
            ],
            name=name, env=environment,
        )  # fmt: skip

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def healthy(self) -> bool:
        if not self.running():
            raise AssertionError(f"{self.label} has ended:\n{self.output(60)}")
        return http.request(f"http://{self.address}", "GET", "/health", timeout=2).status == 200

    def wait_healthy(self) -> None:
        eventually(self.healthy, f"{self.label} serves", 600)

    def kill(self) -> int:
        """The whole group: the engine's core is a process of its own, which would keep the ports."""
        os.killpg(self.pid, signal.SIGKILL)
        return self.wait()

    def again(self) -> "VLLM":
        return VLLM(*self.arguments_of_start)
