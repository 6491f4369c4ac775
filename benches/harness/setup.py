"""The benchmark's own Python environment, with the peers that come from its registry."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / "target" / "bench" / "venv"


def setup_peers():
    """Installs the peers that come from the Python registry. Debian's are used when they are there."""
    wanted, stamp = ROOT / "benches" / "requirements.txt", VENV / "installed"
    if stamp.exists() and stamp.read_text() == wanted.read_text():
        return
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True, timeout=300)
    subprocess.run([str(VENV / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "-r", str(wanted)], check=True, timeout=900)
    stamp.write_text(wanted.read_text())
