"""A server pinned to core 0: its start, its CPU time, its memory, its end."""

import os
import socket
import subprocess
import time
from pathlib import Path

SERVER_CORE, LOAD_CORE = "0", "1"
TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 30


class Process:
    """A command with whatever it starts."""

    def __init__(self, name: str, command: list, directory: Path, core: str = SERVER_CORE, env: dict | None = None):
        self.name, self.directory, self.core = name, directory, core
        self.command = ["taskset", "-c", core, *map(str, command)]
        self.env = quiet_environment() | (env or {})
        self.popen: subprocess.Popen | None = None

    def start(self, port: int) -> float:
        """Starts it and waits until it accepts connections; how long that took, in seconds."""
        log = open(self.directory / f"{self.name}.log", "ab")
        began = time.perf_counter()
        self.popen = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory, env=self.env)
        log.close()
        while time.perf_counter() - began < START_SECONDS:
            if self.popen.poll() is not None:
                raise RuntimeError(f"{self.name} ended: {self.tail()}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return time.perf_counter() - began
            time.sleep(0.0005)
        raise RuntimeError(f"{self.name} does not listen on {port}: {self.tail()}")

    def tail(self) -> str:
        return (self.directory / f"{self.name}.log").read_text(errors="replace")[-2500:]

    def stop(self):
        if self.popen is None or self.popen.poll() is not None:
            return
        self.popen.terminate()
        try:
            self.popen.wait(15)
        except subprocess.TimeoutExpired:
            for pid in family(self.popen.pid)[::-1]:
                os.kill(pid, 9)
            self.popen.wait(15)

    def cpu(self) -> float:
        """CPU seconds, user and system, of the process and its workers."""
        return cpu(self.popen.pid)

    def memory(self) -> float:
        """Resident memory in MB, each shared page divided among those who share it."""
        return memory(self.popen.pid)


def family(root: int) -> list[int]:
    """A process and all below it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                pass
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def cpu(root: int) -> float:
    ticks = 0
    for pid in family(root):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def memory(root: int) -> float:
    kilobytes = 0
    for pid in family(root):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kilobytes += int(line.split()[1])
    return kilobytes / 1024


def quiet_environment() -> dict:
    names = ("http_proxy", "https_proxy", "all_proxy")
    return {k: v for k, v in os.environ.items() if k.lower() not in names and not k.startswith("COUNTERSIGN_")}
