"""No test hangs: each has two minutes, the start of its fixtures included."""

import signal
from typing import Iterator

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
