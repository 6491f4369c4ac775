"""Installs what the tests need and is not there: Debian packages, Python packages, Node packages. Says what it did."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / "target" / "interop" / "venv"
INTEROP = ROOT / "interop"
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")

# A Debian package and the command by which we know it is there.
PACKAGES = {
    "curl": "curl",
    "openssl": "openssl",
    "apache2-utils": "htpasswd",
    "libapache2-mod-auth-openidc": None,  # and with it apache2-bin, which starts no service
    "postgresql": "initdb",
    "python3-venv": None,
    "zsh": "zsh",
}


def present(package: str, command: str | None) -> bool:
    if package == "python3-venv":
        return subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True).returncode == 0
    if package == "libapache2-mod-auth-openidc":
        return Path("/usr/lib/apache2/modules/mod_auth_openidc.so").exists()
    if package == "postgresql" and any(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        return True
    return shutil.which(command) is not None


def run(*command, **kwargs) -> bool:
    print("+", *(str(part).replace(str(ROOT) + "/", "") for part in command), flush=True)
    return subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, timeout=900, **kwargs).returncode == 0


def debian(missing: list[str]) -> bool:
    """Installs packages as root, or by sudo where that asks nothing. Whether all are there."""
    if not shutil.which("apt-get"):
        print(f"missing, and this is no Debian: {', '.join(missing)}")
        return False
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if root and (not shutil.which("sudo") or subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode):
        print(f"missing: {', '.join(missing)}; as root: apt-get install {' '.join(missing)}")
        return False
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    run(*root, "apt-get", "update", "-qq", env=quiet)
    return run(*root, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, env=quiet, stdout=subprocess.DEVNULL)


def unchanged(stamp: Path, *sources: Path) -> bool:
    """Whether this was installed from these files before. If not, remembers it for the caller to write."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    return stamp.exists() and stamp.read_text() == digest


def remember(stamp: Path, *sources: Path):
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest())


def python() -> bool:
    wanted, stamp = INTEROP / "requirements.txt", VENV / "installed"
    if unchanged(stamp, wanted):
        return True
    made = (VENV / "bin" / "pip").exists() or run(sys.executable, "-m", "venv", VENV)
    made = made and run(VENV / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", wanted)
    if made:
        remember(stamp, wanted)
    return made


def node() -> bool:
    if not shutil.which("npm"):
        print("npm is missing: the suites with Node clients can't run")
        return False
    wanted, stamp = (INTEROP / "package.json", INTEROP / "package-lock.json"), INTEROP / "node_modules" / ".installed"
    if unchanged(stamp, *wanted):
        return True
    made = run("npm", "ci", "--loglevel=error", "--no-audit", "--no-fund", cwd=INTEROP)
    if made:
        remember(stamp, *wanted)
    return made


def main() -> int:
    missing = [package for package, command in PACKAGES.items() if not present(package, command)]
    complete = debian(missing) if missing else True
    complete = python() and complete
    complete = node() and complete
    if complete:
        print("everything the tests need is here")
        return 0
    # Elsewhere than in CI the suites skip what is missing and say so.
    return 1 if IN_CI else 0


if __name__ == "__main__":
    sys.exit(main())
