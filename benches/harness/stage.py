"""Everything that stands before the first round: material, certificates, the upstream, and every peer that is here."""

import shutil
import subprocess
from pathlib import Path

from support.machine import free_ports  # interop/support: the same launcher as the suites'

from . import load, material
from .process import LOAD_CORE, Process
from .setup import VENV



class Stage:
    """One run's directory and what is in it."""

    def __init__(self, directory: Path, quick: bool):
        self.directory, self.quick = directory, quick
        self.processes: list[Process] = []
        self.absent: dict[str, str] = {}
        self.upstream_port = free_ports(1)[0]
        self.upstream = f"127.0.0.1:{self.upstream_port}"
        self.start(Process("upstream", [load.TOOL, "upstream", self.upstream], directory, LOAD_CORE), self.upstream_port)
        self.signers = {algorithm: material.Signer(directory, algorithm) for algorithm in ("ES256", "EdDSA", "RS256")}
        self.user, self.password = "robot", material.password()
        self.htpasswd = {cost: self._htpasswd(cost) for cost in (5, 10)}
        # Made by our own authority once that runs; every TLS server gets the same.
        self.ca: Path | None = None
        self.server_certificate: tuple[Path, Path] | None = None
        self.client_certificate: tuple[Path, Path] | None = None
        self.api_keys: Path | None = None

    def _htpasswd(self, cost: int) -> Path:
        path = self.directory / f"bcrypt-{cost}.htpasswd"
        made = subprocess.run(["htpasswd", "-niB", "-C", str(cost), self.user], input=self.password, capture_output=True, text=True, check=True, timeout=60)
        # nginx's crypt knows the letter y of today's bcrypt; the file stays as htpasswd wrote it.
        path.write_text(made.stdout.strip() + "\n")
        return path

    def start(self, process: Process, port: int) -> float:
        seconds = process.start(port)
        self.processes.append(process)
        return seconds

    def ports(self, count: int) -> list[int]:
        return free_ports(count)

    def tool(self, name: str) -> str | None:
        """A peer's command: from Debian, or from the registry into the benchmark's own environment."""
        own = VENV / "bin" / name
        return str(own) if own.exists() else shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")

    def stop_started(self):
        """Ends everybody but the upstream, so that nothing of them runs beside what comes next."""
        for process in self.processes[1:]:
            process.stop()
        del self.processes[1:]

    def close(self):
        for process in reversed(self.processes):
            try:
                process.stop()
            except (OSError, subprocess.TimeoutExpired) as error:
                print(f"{process.name} did not end: {error}")

