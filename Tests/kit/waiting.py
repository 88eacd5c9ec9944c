"""Waiting for a condition with a deadline."""

import time
from typing import Callable, TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], message: str, timeout: float = 10.0) -> T:
    """Calls `condition` until it returns something true and returns that; an assertion error with `message` after
    `timeout` seconds. Connection errors count as not yet."""
    deadline = time.monotonic() + timeout
    last: object = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except OSError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"{message} (waited {timeout:.0f} s; last: {last!r})")
        time.sleep(0.01)
