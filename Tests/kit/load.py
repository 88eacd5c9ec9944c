"""Clients that send one request after the other until they are stopped."""

import threading

from .waiting import eventually


class Load:
    """Runs so many clients from the start on; `answers` counts what has come back. A subclass says what a client sends."""

    def __init__(self, clients: int):
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.answers = 0
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]
        for thread in self._threads:
            thread.start()

    def ask(self, client: int, count: int) -> None:
        """Sends the request number `count`, from 1 on, of a client, and notes what is wrong with the answer."""
        raise NotImplementedError

    def _run(self, client: int) -> None:
        count = 0
        while not self._ended.is_set():
            count += 1
            self.ask(client, count)
            with self._lock:
                self.answers += 1

    def wait(self, count: int) -> None:
        """Waits for so many further answers."""
        target = self.answers + count
        eventually(lambda: self.answers >= target, f"{count} answers", 30)

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
