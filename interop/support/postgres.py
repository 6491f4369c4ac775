"""A PostgreSQL of the tests' own, and a line to it that can be cut."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from .machine import free_ports, missing, run

USER = "countersign"


class Postgres:
    """A cluster in a directory of its own, not in pytest's, which its owner alone may enter: PostgreSQL refuses to run as
    root, so root lends it to another user."""

    def __init__(self):
        directory = Path(tempfile.mkdtemp(prefix="countersign-pg-"))
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        self._programs = found[-1].parent if found else Path(shutil.which("initdb") or missing("PostgreSQL is missing: run `make setup-tests`")).parent
        self._directory = directory
        self._user = []
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(directory, account.pw_uid, account.pw_gid)
            self._user = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        self.port = free_ports(1)[0]
        self.url = f"postgres://{USER}@127.0.0.1:{self.port}/postgres"
        done = run(*self._user, self._programs / "initdb", "-D", directory / "data", "-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8", cwd="/")
        assert done.returncode == 0, done.stderr
        self._log = directory / "log"
        self._server = None

    def start(self) -> "Postgres":
        options = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self._directory), "-c", "max_connections=60"]
        with open(self._log, "a") as log:
            self._server = subprocess.Popen([*self._user, str(self._programs / "postgres"), "-D", str(self._directory / "data"), *options],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        for _ in range(300):
            if self.sql("select 1").returncode == 0:
                return self
            assert self._server.poll() is None, self._log.read_text()
            time.sleep(0.1)
        raise AssertionError(self._log.read_text())

    def sql(self, text: str):
        return run(self._programs / "psql", self.url, "-c", text, cwd="/")

    def stop(self):
        """Fast: whoever is connected still does not hold it up."""
        self._server.send_signal(signal.SIGINT)
        self._server.wait(30)

    def close(self):
        self.stop()
        shutil.rmtree(self._directory)

    def crash(self):
        """As a power cut would: the server and, when it is gone, its children."""
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(30)


class Line:
    """Passes connections on to a port, until it is cut. The port stays the same."""

    def __init__(self, to: int):
        self._to = to
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._whole = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Ends what is open; whoever comes is turned away."""
        with self._lock:
            self._whole = False
            ends, self._open = self._open, set()
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def mend(self):
        with self._lock:
            self._whole = True

    def close(self):
        self.cut()
        self._listener.close()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                near.close()
                continue
            with self._lock:
                whole = self._whole
                self._open |= {near, far} if whole else set()
            if not whole:
                near.close()
                far.close()
                continue
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    @staticmethod
    def _pump(one: socket.socket, other: socket.socket):
        try:
            while piece := one.recv(65536):
                other.sendall(piece)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
