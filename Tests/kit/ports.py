"""Ports for processes that take a number and cannot say which one the kernel chose."""

import itertools
import os
import socket
from pathlib import Path

# The kernel gives ports of its range to whoever asks for any: one of them could be taken before the process listens on it.
_END = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
_COUNT = 8192
_numbers = itertools.count(os.getpid() * 37)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on, that the kernel gives to nobody, and that the next 8,191 calls of this process do not return."""
    return consecutive_ports(1, host)


def consecutive_ports(count: int, host: str = "127.0.0.1") -> int:
    """The first of `count` such ports side by side."""
    for _ in range(_COUNT):
        numbers = [_END - _COUNT + next(_numbers) % _COUNT for _ in range(count)]
        if numbers[-1] - numbers[0] == count - 1 and all(_is_free(host, number) for number in numbers):
            return numbers[0]
    raise AssertionError(f"there are no {count} free ports below {_END} on {host}")


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
