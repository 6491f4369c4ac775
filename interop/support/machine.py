"""This machine: the binary under test, its tools, free ports, and what to do when something is missing."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INTEROP = ROOT / "interop"
CLIENTS = INTEROP / "clients"
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")

# No command of these suites takes longer on a slow and busy machine.
COMMAND_SECONDS = 90


def binary() -> Path:
    """The binary under test: $COUNTERSIGN_BIN, else what `cargo build` made."""
    named = os.environ.get("COUNTERSIGN_BIN")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = Path(named) if named else target / "debug" / "countersign"
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: run `cargo build` first or set COUNTERSIGN_BIN")
    return path


def need(tool: str, package: str) -> str:
    """The path of a command. Missing: the test is skipped, in CI it fails."""
    path = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin:/usr/local/sbin")
    return path or missing(f"{tool} is missing: `make setup-tests` installs the Debian package {package}")


def missing(why: str):
    """Says what is not there."""
    import pytest  # not above: the benchmarks use this file too, without it

    if IN_CI:
        pytest.fail(why)
    pytest.skip(why)


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on right now. All are held until the last is found, so they differ."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def run(*command, seconds: float = COMMAND_SECONDS, stdin: str | None = None, **kwargs) -> subprocess.CompletedProcess:
    """Runs a command to its end, bounded, and keeps what it said."""
    # Not `input=None`: the child would inherit our standard input and could wait for it.
    feed = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=seconds, **feed, **kwargs
    )


def node(script: str) -> list[str]:
    """The command that runs one of our Node clients."""
    path = need("node", "nodejs")
    if not (INTEROP / "node_modules").is_dir():
        missing("the Node clients are not installed: run `make setup-tests`")
    return [path, str(CLIENTS / script)]
