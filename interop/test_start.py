"""What a start says when something is in its way, and the newcomer's first minute."""

import json
import re
import shlex
import signal
import socket
import subprocess
import time

import pytest
import requests

from support.instance import Instance, clean_environment
from support.machine import binary, free_ports, run


def test_a_taken_port_is_named(tmp_path, upstream):
    instance = Instance(tmp_path / "one", upstream.url)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", instance.gateway_port))
        taken.listen()
        done = run(binary(), "serve", "-c", instance.config_path, cwd=instance.directory, env=clean_environment())
    assert done.returncode not in (0, None)
    said = done.stdout + done.stderr
    assert str(instance.gateway_port) in said and "gateway" in said.lower(), said
    assert "panicked" not in said


@pytest.mark.parametrize("text, said", [
    ("[server]\nlisten = \"127.0.0.1:0\"\nissuer = \"http://localhost:1\"\nlisten_to = 1\n", ":4:1: unknown key"),
    ("[server]\nlisten = \"127.0.0.1:0\"\nissuer = \"http://id.example.com\"\n", "https"),
    ("[gateway]\nlisten = \"nowhere\"\n", ":2:10:"),
    ("", "nothing would be served"),
])
def test_a_wrong_configuration_says_where(tmp_path, text, said):
    path = tmp_path / "countersign.toml"
    path.write_text(text)
    for command in (["config", "check"], ["serve"]):
        done = run(binary(), *command, "-c", path, cwd=tmp_path, env=clean_environment())
        assert done.returncode != 0
        assert said in done.stdout + done.stderr, done.stdout + done.stderr


def test_a_corrupt_database_says_what_to_do(start, upstream):
    instance = start()
    instance.stop()
    databases = [path for path in (instance.directory / "data").iterdir() if path.suffix in (".db", ".sqlite", ".sqlite3")]
    assert databases, list((instance.directory / "data").iterdir())
    for path in databases:
        path.write_bytes(b"not a database at all " * 400)
    done = run(binary(), "serve", "-c", instance.config_path, cwd=instance.directory, env=clean_environment())
    said = done.stdout + done.stderr
    assert done.returncode != 0 and databases[0].name in said and "panicked" not in said, said


@pytest.fixture(scope="module")
def developer(tmp_path_factory):
    """`countersign dev` in an empty directory, as the newcomer starts it."""
    directory = tmp_path_factory.mktemp("newcomer")
    server, gateway, demo, management = free_ports(4)
    options = ["--server-port", server, "--gateway-port", gateway, "--demo-port", demo, "--management-port", management]
    command = [str(part) for part in (binary(), "dev", *options)]
    output = open(directory / "output.txt", "w+")
    process = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=clean_environment())
    end = time.monotonic() + 90
    while time.monotonic() < end and not re.search(r"ready in \d+ ms", (directory / "output.txt").read_text()):
        assert process.poll() is None, (directory / "output.txt").read_text()
        time.sleep(0.05)
    yield directory, command, server
    process.send_signal(signal.SIGTERM)
    assert process.wait(45) == 0


def lines_of(directory):
    """The curl lines as printed."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", (directory / "output.txt").read_text())
    return [line[line.index("curl "):].strip() for line in text.splitlines() if "curl " in line]


def test_every_printed_line_works(developer):
    directory, _, _ = developer
    lines = lines_of(directory)
    assert len(lines) >= 5, (directory / "output.txt").read_text()
    methods = set()
    for line in lines:
        done = run("/bin/sh", "-c", line, cwd=directory, env=clean_environment())
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        for method in ("jwt", "oauth", "mtls", "basic", "api_key"):
            if f'"{method}"' in done.stdout:
                methods.add(method)
    assert methods == {"jwt", "oauth", "mtls", "basic", "api_key"}, methods
    assert all(shlex.split(line)[0] == "curl" for line in lines)


def test_try_runs_all_five(developer):
    directory, _, _ = developer
    done = run(binary(), "try", "--json", cwd=directory, env=clean_environment())
    assert done.returncode == 0, done.stdout + done.stderr
    text = json.dumps(json.loads(done.stdout))
    assert text.count("200") >= 5, text


def test_the_sign_in_page_is_there(developer):
    _, _, server = developer
    answer = requests.get(f"http://localhost:{server}/sign-in", timeout=30)
    assert answer.status_code == 200 and 'id="login-submit"' in answer.text


def test_a_second_start_beside_it_says_which_port(developer, tmp_path):
    _, command, _ = developer
    done = run(*command, cwd=tmp_path, env=clean_environment())
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert " is taken by " in said and "-port" in said, said
