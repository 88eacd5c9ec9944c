"""Faults between the server and its clients, which tests choose."""

import threading
from dataclasses import dataclass


@dataclass
class _Failure:
    status: int
    times: int
    method: str
    path: str
    retry_after: int | None


class Faults:
    """Faults of the requests whose path contains the text `path`; by default of all requests. Any thread may use it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._failures: list[_Failure] = []
        self._held: str | None = None
        self._delays: list[tuple[str, float]] = []
        # Number of times that all watches were cut.
        self.cuts = 0

    def fail(
        self, status: int, times: int = 1, method: str = "", path: str = "", retry_after: int | None = None
    ) -> None:
        """Answers the next `times` requests with an error, with a header `Retry-After` when it is given."""
        with self._changed:
            self._failures.append(_Failure(status, times, method, path, retry_after))

    def delay(self, seconds: float, path: str = "") -> None:
        """Delays each answer and each event of a watch; 0 ends the delay."""
        with self._changed:
            self._delays = [entry for entry in self._delays if entry[0] != path]
            if seconds:
                self._delays.append((path, seconds))

    def hold(self, path: str = "") -> None:
        """Accepts connections and requests, but sends no answers and no events of watches until `release`."""
        with self._changed:
            self._held = path

    def release(self) -> None:
        with self._changed:
            self._held = None
            self._changed.notify_all()

    def pause(self, path: str, stopped: threading.Event) -> None:
        """Returns when the next answer or event can be sent. Called before each of them."""
        with self._changed:
            seconds = max((delay for part, delay in self._delays if part in path), default=0.0)
        if seconds:
            stopped.wait(seconds)
        with self._changed:
            while self._held is not None and self._held in path and not stopped.is_set():
                self._changed.wait(0.2)

    def failure(self, method: str, path: str) -> tuple[int, int | None] | None:
        """Returns status and Retry-After of the error for this request; None when it gets no error."""
        with self._changed:
            for failure in self._failures:
                if failure.method in ("", method) and failure.path in path:
                    failure.times -= 1
                    if failure.times <= 0:
                        self._failures.remove(failure)
                    return failure.status, failure.retry_after
            return None
