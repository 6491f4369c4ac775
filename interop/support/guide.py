"""A guide of docs/guides and its reader: what the page says is typed into a shell, in the directory of a start."""

import os
import re
import subprocess
import threading

from .browser import Browser
from .instance import clean_environment
from .machine import COMMAND_SECONDS, INTEROP, ROOT, binary, free_ports, missing

GUIDES = ROOT / "docs" / "guides"
CALLBACK = "http://127.0.0.1/callback"
# The ports of a start that names none, by flag; those of the guides' own programs, by none.
USUAL = {"8400": "--server-port", "8443": "--gateway-port", "8404": "--mtls-port", "8401": "--demo-port", "8405": None, "8406": None}


def page(name: str, ports: dict) -> str:
    """The page, with the ports of this start instead of the usual ones."""
    taken = {usual: ports[flag] if flag else free_ports(1)[0] for usual, flag in USUAL.items()}
    return re.sub(r"\b84\d\d\b", lambda found: str(taken.get(found[0], found[0])), (GUIDES / name).read_text())


def blocks(text: str) -> list[str]:
    """Blocks without a language: each is pasted as it stands."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```", text, re.S | re.M)
    return [block.strip() for language, block in fenced if not language]


class Shell:
    """One terminal in which the reader types."""

    def __init__(self, directory, **environment):
        # What `make run` built, at its place in the clone. Nothing puts it on the PATH but the guide's own line.
        built = directory / "target" / "debug"
        if not built.exists():
            built.mkdir(parents=True)
            (built / "countersign").symlink_to(os.path.abspath(binary()))
        self.process = subprocess.Popen(["/bin/bash"], cwd=directory, env=clean_environment() | environment, text=True,
                                        bufsize=1, process_group=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def type(self, command, hear=lambda line: None):
        """Status and output. `hear` is told each line as it is printed, while the command runs."""
        self.process.stdin.write(f"{command}\nstatus=$?; echo; echo done $status\n")
        said, bell = "", threading.Timer(COMMAND_SECONDS, self.process.kill)
        bell.start()
        try:
            for line in self.process.stdout:
                if line.startswith("done "):
                    return int(line.split()[1]), said.strip()
                hear(line.strip())
                said += line
        finally:
            bell.cancel()
        raise AssertionError(f"the shell ended at {command}, or was too slow: {said}")

    def close(self):
        """Closes the terminal, with what still runs in it."""
        os.killpg(self.process.pid, 9)
        self.process.wait(20)


class Reader:
    """A newcomer in front of a system that has just been started, with a terminal and a browser."""

    def __init__(self, developer):
        self.developer, self.browser, self.shell = developer, Browser(), Shell(developer.directory)
        self.base, self.person, self.password = re.search(r"Sign-in page +(\S+)/sign-in +(\S+) / (\S+)", developer.said).groups()
        self.code, self.asked = None, ""

    def follow(self, name: str, doing=lambda block: None, hearing=lambda line: None) -> list[str]:
        """Pastes every block, and does with the browser what the text says; what each block answered. `doing` is what the
        text says to do before a block, `hearing` what it says to do with a line that is printed."""
        answers = []
        for block in blocks(page(name, self.developer.ports)):
            doing(block)
            if block.endswith("make run"):
                self.restart(block)
            elif block.startswith("npm install --prefix "):
                self.install(block.split()[3])
            elif block == "read -r code":
                # No command of its own may come before the code.
                self.shell.process.stdin.write(f"{block}\n{self.code}\n")
            else:
                status, answer = self.shell.type(block, hearing)
                expected = 1 if "token scan" in block else 0
                assert status == expected, f"{block}\n{answer}"
                answers.append(answer)
        return answers

    def restart(self, block: str):
        """Ctrl-C in the first terminal, and what is to be typed there."""
        self.developer.stop()
        self.developer.start(line=block)

    def install(self, name: str):
        """The packages of `make setup-tests`, without a registry."""
        packages = INTEROP / "node_modules"
        if not (packages / "@octokit").is_dir():
            missing("the Node clients are not installed: run `make setup-tests`")
        directory = self.developer.directory / name
        directory.mkdir()
        (directory / "node_modules").symlink_to(packages)

    def sign_in(self):
        """Where the browser asks for it."""
        if self.browser.has_form("sign-in"):
            self.browser.submit("sign-in", "login-submit", username=self.person, password=self.password)

    def allow(self, address: str, callback: str = CALLBACK) -> str:
        """Opens an address, signs in where asked, allows; where the browser ends. Keeps the code, and what was asked."""
        self.browser.open(address)
        self.sign_in()
        self.asked = self.browser.page.text
        back = self.browser.submit("consent", "consent-allow", callback)
        self.code = re.search(r"[?&]code=([^&]+)", back)[1]
        return back

    def allow_device(self, address: str):
        """Opens a device's address with its code, and allows."""
        self.browser.open(address)
        self.sign_in()
        self.browser.submit("device", "device-continue")
        self.browser.submit("device-decision", "device-allow")

    def close(self):
        self.shell.close()
