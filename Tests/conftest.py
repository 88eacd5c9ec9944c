"""No test hangs: each has two minutes, the start of its fixtures included."""

import os
import signal
from typing import Iterator

# Before anything imports grpc. Every process under test is for a moment a fork of this one; with fork support the gRPC of Python
# starts its poller in there, on descriptors that are closed already, and aborts the child.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

import pytest

LONGEST_TEST = 120


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    def too_long(*_: object) -> None:
        raise TimeoutError(f"the test took more than {LONGEST_TEST} s")

    previous = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LONGEST_TEST)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
