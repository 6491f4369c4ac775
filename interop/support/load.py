"""Requests in the background while a test does something that must not be noticed."""

import http.client
import threading
import time

# A load ends by itself even if the test forgets it.
MOST_SECONDS = 60


class Load:
    """Some connections kept alive, each asking again and again until `stop`."""

    def __init__(self, port: int, path: str, tls=None, connections: int = 4, headers=None, method="GET", body=None):
        self.port, self.path, self.tls, self.method, self.body = port, path, tls, method, body
        self.headers = headers if callable(headers) else lambda: headers or {}
        self.failures: list[str] = []
        self.answers = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(connections)]

    def _connect(self):
        if self.tls:
            return http.client.HTTPSConnection("localhost", self.port, context=self.tls, timeout=30)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def _ask(self):
        end = time.monotonic() + MOST_SECONDS
        connection = self._connect()
        while not self._stop.is_set() and time.monotonic() < end:
            try:
                connection.request(self.method, self.path, body=self.body, headers=self.headers())
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 200:
                    self.failures.append(f"{answer.status} {text[:300]!r}")
                self.answers += 1
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
                connection = self._connect()
            # Gentle: this machine has other things to do.
            self._stop.wait(0.003)
        connection.close()

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        end = time.monotonic() + 20
        while self.answers < len(self._threads) and time.monotonic() < end:
            time.sleep(0.01)
        assert self.answers, f"no answer at all: {self.failures[:3]}"
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(40)

    def wait(self, answers: int, seconds: float = 30):
        """Until so many more answers have come."""
        goal, end = self.answers + answers, time.monotonic() + seconds
        while self.answers < goal:
            assert time.monotonic() < end, f"too slow: {self.answers} answers, {self.failures[:3]}"
            time.sleep(0.01)
