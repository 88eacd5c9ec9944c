"""A child process whose output is read as it comes, and which never outlives its parent."""

import ctypes
import re
import signal
import subprocess
import threading
import time
import weakref
from pathlib import Path
from typing import ClassVar

_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _prepare() -> None:
    # A shell that runs the tests in the background has told them to ignore Ctrl-C; what they start is to hear it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Process:
    """Runs a command; `wait_for` waits for a line of its output. Start it from the main thread only: Linux sends the
    parent-death signal when the starting thread ends."""

    started: ClassVar[weakref.WeakSet["Process"]] = weakref.WeakSet()

    def __init__(self, arguments: list[str | Path], name: str | None = None, env: dict[str, str] | None = None):
        self.arguments = [str(a) for a in arguments]
        self.name = name or Path(self.arguments[0]).name
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        # A group of its own: Ctrl-C in a terminal reaches the owner, which then stops its children in order.
        self._process = subprocess.Popen(
            self.arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            preexec_fn=_prepare,
            process_group=0,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        Process.started.add(self)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            with self._changed:
                self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def pid(self) -> int:
        return self._process.pid

    def output(self, last: int = 40) -> str:
        with self._changed:
            return "\n".join(self.lines[-last:])

    def running(self) -> bool:
        return self._process.poll() is None

    def wait_for(self, pattern: str, timeout: float = 20.0, start: int = 0) -> re.Match[str]:
        """The match of the first line from `start` on that `pattern` is found in."""
        expression = re.compile(pattern)
        deadline = time.monotonic() + timeout
        seen = start
        with self._changed:
            while True:
                while seen < len(self.lines):
                    found = expression.search(self.lines[seen])
                    seen += 1
                    if found:
                        return found
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    why = "ended" if self._ended else f"did not print it within {timeout:.0f} s"
                    tail = "\n".join(self.lines[-40:])
                    raise AssertionError(f"{self.name}: waiting for /{pattern}/, the process {why}:\n{tail}")
                self._changed.wait(left)

    def wait_for_change(self, timeout: float) -> None:
        """Returns with the next line, with the end of the output, or after `timeout` seconds."""
        with self._changed:
            if not self._ended:
                self._changed.wait(timeout)

    def signal(self, number: int) -> None:
        if self.running():
            self._process.send_signal(number)

    def wait(self, timeout: float = 20.0) -> int:
        """The exit code; a negative number is the signal that ended it."""
        code = self._process.wait(timeout)
        self._reader.join(timeout)
        return code

    def stop(self, timeout: float = 10.0) -> int:
        """SIGTERM, then SIGKILL after `timeout` seconds; the exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        self.signal(signal.SIGKILL)
        return self.wait()

    def resident_bytes(self) -> int:
        """Resident memory as the kernel counts it."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"{self.name} has no resident memory: it ended")

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100.0

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
