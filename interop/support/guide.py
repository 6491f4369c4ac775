"""A guide of docs/guides and its reader: what the page says is typed into a shell, in the directory of a start."""

import os
import re
import subprocess

from .instance import clean_environment
from .machine import ROOT, binary

USUAL = {"8400": "--server-port", "8443": "--gateway-port", "8404": "--mtls-port"}


def page(name, developer):
    """The page, with the ports of this start instead of the usual ones."""
    text = (ROOT / "docs" / "guides" / name).read_text()
    for usual, flag in USUAL.items():
        text = text.replace(f"localhost:{usual}", f"localhost:{developer.ports[flag]}")
    return text


def commands(text):
    """What stands after a prompt."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.S)
    return [command.strip() for block in blocks for command in re.findall(r"^\$ ((?:.*\\\n)*.*)$", block, re.M)]


def blocks(text):
    """Blocks without a prompt and a language: each is typed as it is."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```", text, re.S | re.M)
    return [block.strip() for language, block in fenced if not language]


class Shell:
    """One terminal in which the reader types."""

    def __init__(self, developer):
        # What `make run` built, at its place in the clone. Nothing puts it on the PATH but the guide's own line.
        built = developer.directory / "target" / "debug"
        if not built.exists():
            built.mkdir(parents=True)
            (built / "countersign").symlink_to(os.path.abspath(binary()))
        self.process = subprocess.Popen(["/bin/bash"], cwd=developer.directory, env=clean_environment(), text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def type(self, command):
        self.process.stdin.write(f"{command}\nstatus=$?; echo; echo done $status\n")
        said = ""
        for line in self.process.stdout:
            if line.startswith("done "):
                return int(line.split()[1]), said.strip()
            said += line
        raise AssertionError(f"the shell ended at {command}: {said}")

    def close(self):
        self.process.kill()
        self.process.wait(20)
