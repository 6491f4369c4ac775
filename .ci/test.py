"""Everything CI runs, one step after the other, all of them even if one fails; the last line is the sum."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / "target" / "interop" / "venv"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
CARGO = os.environ.get("CARGO", "cargo")

# What a test runner says of itself, cargo's and pytest's.
CARGO_LINE = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
PYTEST_LINE = re.compile(r"(\d+) (passed|failed|errors?|skipped)\b")
PYTEST_END = re.compile(r"^=*\s?.*\b(passed|failed|errors?|skipped)\b.* in [\d.]+s")


class Sum:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.steps = []

    def count(self, line: str):
        if found := CARGO_LINE.match(line):
            self.passed, self.failed, self.skipped = (
                old + int(new) for old, new in zip((self.passed, self.failed, self.skipped), found.groups()))
        elif PYTEST_END.match(line):
            for number, word in PYTEST_LINE.findall(line):
                name = {"passed": "passed", "skipped": "skipped"}.get(word, "failed")
                setattr(self, name, getattr(self, name) + int(number))

    def step(self, name: str, *command, minutes: float, counted: bool, env: dict | None = None) -> bool:
        """Runs one step and shows what it says. One that counts no tests of its own counts as one."""
        print(f"\n=== {name}", flush=True)
        began, failed_before = time.monotonic(), self.failed
        process = subprocess.Popen([str(part) for part in command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, errors="replace", env=os.environ | (env or {}), start_new_session=True)
        timer = Timer(process, minutes * 60)
        for line in process.stdout:
            print(line, end="", flush=True)
            self.count(line.strip()) if counted else None
        good = process.wait() == 0
        timer.cancel()
        if not counted:
            self.passed, self.failed = self.passed + good, self.failed + (not good)
        elif not good and self.failed == failed_before:
            self.failed += 1  # it did not even come to the tests
        self.steps.append((name, good, time.monotonic() - began))
        return good


class Timer:
    """Ends a step that does not end by itself, with everything it started."""

    def __init__(self, process, seconds):
        import signal
        import threading

        def end():
            print(f"\nthis took more than {seconds / 60:.0f} minutes", flush=True)
            os.killpg(process.pid, signal.SIGKILL)

        self._timer = threading.Timer(seconds, end)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self):
        self._timer.cancel()


def main() -> int:
    total = Sum()
    total.step("what the tests need", sys.executable, ".ci/setup.py", minutes=15, counted=False)
    total.step("format", CARGO, "fmt", "--all", "--check", minutes=2, counted=False)
    total.step("lints", CARGO, "clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings", minutes=25, counted=False)
    # Architecture checks and the short fuzz run are tests of the workspace: tests/architecture, tests/fuzz_smoke.
    total.step("tests", CARGO, "test", "--workspace", "--no-fail-fast", "--quiet", minutes=35, counted=True)
    if shutil.which("cargo-deny"):
        total.step("cargo-deny", CARGO, "deny", "--offline", "check", "bans", "sources", minutes=5, counted=False)
    built = total.step("binary", CARGO, "build", "--quiet", "--bin", "countersign", minutes=20, counted=False)
    pytest = VENV / "bin" / "pytest"
    if built and pytest.exists():
        total.step("interoperability", pytest, "interop", "-q", minutes=20, counted=True,
                   env={"COUNTERSIGN_BIN": str(TARGET / "debug" / "countersign"), "PYTHONDONTWRITEBYTECODE": "1"})

    print()
    for name, good, seconds in total.steps:
        print(f"{'ok' if good else 'FAILED':8}{seconds:7.1f} s  {name}")
    if total.skipped:
        print(f"{total.skipped} skipped; the reasons are above")
    print(f"{total.passed} passed, {total.failed} failed", flush=True)
    return 1 if total.failed or not all(good for _, good, _ in total.steps) else 0


if __name__ == "__main__":
    sys.exit(main())
