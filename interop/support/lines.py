"""A program beside us that speaks one JSON document a line."""

import json
import queue
import subprocess
import threading

from .instance import clean_environment


class Lines:
    """The program, its questions and answers bounded in time."""

    def __init__(self, command: list[str], seconds: float = 60):
        self.seconds = seconds
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment()
        )
        self._errors: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=lambda: self._errors.extend(self.process.stderr), daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                self._lines.put(line)
        self._lines.put(None)

    def say(self, value):
        self.process.stdin.write(json.dumps(value) + "\n")
        self.process.stdin.flush()

    def hear(self):
        try:
            line = self._lines.get(timeout=self.seconds)
        except queue.Empty:
            line = None
        assert line is not None, f"{self.process.args[-1]} said nothing more:\n{''.join(self._errors)[-3000:]}"
        return json.loads(line)

    def ask(self, value):
        self.say(value)
        return self.hear()

    def close(self):
        self.process.kill()
        self.process.wait(20)
