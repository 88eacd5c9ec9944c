"""What a test lets go wrong between the server and its clients."""

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
    """All of it holds for requests whose path holds the text `path`: all of them by default. Any thread may call."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._failures: list[_Failure] = []
        self._held: str | None = None
        self._delays: list[tuple[str, float]] = []
        # Counts how often all watches had to break off.
        self.cuts = 0

    def fail(
        self, status: int, times: int = 1, method: str = "", path: str = "", retry_after: int | None = None
    ) -> None:
        """The next `times` requests are answered with an error; with a header `Retry-After` where it is given."""
        with self._changed:
            self._failures.append(_Failure(status, times, method, path, retry_after))

    def delay(self, seconds: float, path: str = "") -> None:
        """Each answer, and each event of a watch, comes that much later; 0 takes it back."""
        with self._changed:
            self._delays = [entry for entry in self._delays if entry[0] != path]
            if seconds:
                self._delays.append((path, seconds))

    def hold(self, path: str = "") -> None:
        """Accepts connections and requests and says nothing until `release`, watches included."""
        with self._changed:
            self._held = path

    def release(self) -> None:
        with self._changed:
            self._held = None
            self._changed.notify_all()

    def pause(self, path: str, stopped: threading.Event) -> None:
        """Called before each answer and each event: returns when it may go out."""
        with self._changed:
            seconds = max((delay for part, delay in self._delays if part in path), default=0.0)
        if seconds:
            stopped.wait(seconds)
        with self._changed:
            while self._held is not None and self._held in path and not stopped.is_set():
                self._changed.wait(0.2)

    def failure(self, method: str, path: str) -> tuple[int, int | None] | None:
        """Status and Retry-After of the error that this request gets, or None."""
        with self._changed:
            for failure in self._failures:
                if failure.method in ("", method) and failure.path in path:
                    failure.times -= 1
                    if failure.times <= 0:
                        self._failures.remove(failure)
                    return failure.status, failure.retry_after
            return None
