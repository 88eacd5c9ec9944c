"""No test hangs: each has two minutes, the start of its fixtures included. One that fails shows what its processes printed."""

import os
import signal
from typing import Iterator

# Before anything imports grpc. Every process under test is for a moment a fork of this one; with fork support the gRPC of Python
# starts its poller in there, on descriptors that are closed already, and aborts the child.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

import pytest

from kit.process import Process

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[pytest.TestReport]:
    """A failed test shows what its processes have printed, and which of them have ended."""
    report: pytest.TestReport = yield
    if report.failed and report.when == "call":
        for process in sorted(Process.started, key=lambda process: process.pid):
            state = "runs" if process.running() else f"has ended with {process.wait()}"
            report.sections.append((f"{process.name} ({process.pid}) {state}", process.output(20)))
    return report
