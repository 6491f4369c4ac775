"""What a start says when something is in its way, and the newcomer's first minute."""

import json
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import time

import pytest
import requests

from support.browser import Browser
from support.guide import Shell
from support.instance import Instance, clean_environment
from support.machine import ROOT, binary, free_ports, run


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


PORTS = ("--server-port", "--gateway-port", "--demo-port", "--management-port", "--mtls-port")


class Developer:
    """`countersign dev`, as the newcomer starts it."""

    def __init__(self, directory, *options):
        self.directory = directory
        self.command = [str(part) for part in (binary(), "dev", *options)]
        self.ports = dict(zip(PORTS, free_ports(len(PORTS))))
        self.ask_for_ports = [str(part) for pair in self.ports.items() for part in pair]
        self.process, self.said = None, ""

    def start(self, *more, line="make run"):
        """`line` is what a guide has one type, `make run` in it."""
        path = self.directory / "output.txt"
        run_it = line.replace("make run", "exec " + shlex.join([*self.command, *map(str, more)]))
        with open(path, "w") as output:
            self.process = subprocess.Popen(["/bin/bash", "-c", run_it], cwd=self.directory, stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=subprocess.STDOUT, env=clean_environment())
        end = time.monotonic() + 90
        while time.monotonic() < end and not re.search(r"ready in \d+ ms", path.read_text()):
            assert self.process.poll() is None, path.read_text()
            time.sleep(0.05)
        self.said = path.read_text()
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(45) == 0

    def lines(self):
        """The curl lines as printed."""
        return [line[line.index("curl "):].strip() for line in self.said.splitlines() if "curl " in line]

    def callers(self):
        """Pastes each printed line into a shell; whom the service saw, by method."""
        seen = {}
        for line in self.lines():
            assert shlex.split(line)[0] == "curl"
            done = run("/bin/sh", "-c", line, cwd=self.directory, env=clean_environment())
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            identity = json.loads(done.stdout)["identity"]
            assert identity["token"]["sub"] == identity["subject"] and identity["token"]["method"] == identity["method"]
            seen[identity["method"]] = identity["subject"]
        return seen


FIVE = {"jwt", "oauth", "mtls", "basic", "api_key"}


@pytest.fixture(scope="module")
def developer(tmp_path_factory):
    made = Developer(tmp_path_factory.mktemp("newcomer"))
    made.start(*made.ask_for_ports)
    yield made
    made.stop()


def test_every_printed_line_works(developer):
    assert set(developer.callers()) == FIVE, developer.said


def test_the_line_for_all_at_once_works(developer):
    line = re.search(r"All at once +(.*)", developer.said)[1]
    done = run("/bin/sh", "-c", line, cwd=developer.directory, env=clean_environment())
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" 200 ") == done.stdout.count(" 401") == 5, done.stdout


def test_try_tells_status_identity_bytes_and_latency(developer):
    done = run(binary(), "try", "--json", cwd=developer.directory, env=clean_environment())
    assert done.returncode == 0, done.stdout + done.stderr
    trials = json.loads(done.stdout)
    assert {trial["method"] for trial in trials} == FIVE
    for trial in trials:
        assert trial["ok"] and trial["status"] == 200 and trial["spoiled_status"] == 401, trial
        assert trial["identity_method"] == trial["method"] and trial["subject"]
        assert trial["request_bytes"] > 40 and trial["first_ms"] > 0 and trial["median_ms"] > 0


def test_the_sign_in_page_is_there(developer):
    page, name, password = re.search(r"Sign-in page +(\S+) +(\S+) / (\S+)", developer.said).groups()
    browser = Browser()
    browser.open(page)
    browser.submit("sign-in", "login-submit", username=name, password=password)
    assert browser.page.status_code == 200 and browser.page.url.endswith("/account"), browser.page.url


def test_nobody_else_can_read_what_it_keeps(developer):
    kept = developer.directory / ".countersign"
    assert kept.stat().st_mode & 0o777 == 0o700
    for path in kept.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path


@pytest.mark.parametrize("flag", PORTS)
def test_a_taken_port_says_who_has_it_and_what_to_do(developer, tmp_path, flag):
    """The others are free; what it suggests for this one works."""
    second = Developer(tmp_path)
    asked = [str(part) for pair in (second.ports | {flag: developer.ports[flag]}).items() for part in pair]
    done = run(*second.command, *asked, cwd=tmp_path, env=clean_environment())
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert f"port {developer.ports[flag]} on 127.0.0.1 is taken by countersign (process {developer.process.pid})" in said, said
    suggestion = re.search(rf"`(.*{flag} \d+)`", said)
    assert suggestion, said
    # Only the port that was taken is asked for again: the others stay as they were chosen.
    second.command = shlex.split(suggestion[1])
    second.start()
    assert set(second.callers()) == FIVE
    second.stop()


def test_a_second_start_keeps_the_data(tmp_path):
    # A name that a shell must have in quotes.
    developer = Developer(tmp_path, "--data-dir", "my data")
    first = developer.start(*developer.ask_for_ports).callers()
    key = (tmp_path / "my data" / "api-key").read_text()
    added = run(binary(), "user", "add", "carol", "--generate", "-c", "my data/countersign.toml", cwd=tmp_path, env=clean_environment())
    assert added.returncode == 0, added.stderr
    developer.process.kill()
    developer.process.wait(20)
    # Without ports: the file remembers them.
    assert developer.start().callers() == first
    assert (tmp_path / "my data" / "api-key").read_text() == key
    users = run(binary(), "user", "list", "--json", "-c", "my data/countersign.toml", cwd=tmp_path, env=clean_environment())
    assert {user["username"] for user in json.loads(users.stdout)} == {"alice", "robot", "carol"}
    developer.stop()


def test_a_file_changed_by_hand_is_left_alone(tmp_path):
    developer = Developer(tmp_path)
    developer.start(*developer.ask_for_ports).stop()
    path = tmp_path / ".countersign" / "countersign.toml"
    path.write_text(path.read_text() + "# mine\n")
    mine = path.read_text()
    developer.start().stop()
    assert path.read_text() == mine
    done = run(*developer.command, "--server-port", free_ports(1)[0], cwd=tmp_path, env=clean_environment())
    assert done.returncode == 1 and "changed by hand" in done.stderr, done.stderr
    assert path.read_text() == mine


# What the first version wrote, but for the ports.
FIRST = """\
# Written by `countersign dev`. It is yours to change; `dev` writes it anew only when given a port.
# `countersign config example` shows every key.

data_dir = "."

[server]
listen = "127.0.0.1:{--server-port}"
issuer = "http://localhost:{--server-port}"

[gateway]
listen = "127.0.0.1:{--gateway-port}"
tls = {{ built_in_ca = ["localhost", "127.0.0.1"] }}
certificate_scopes = {{ "spiffe://localhost/*" = ["demo.read", "demo.write"] }}

# One protected service, five ways in.
[[gateway.routes]]
name = "demo"
path = "/"
upstream = "http://127.0.0.1:{--demo-port}"
accept = ["jwt", "oauth", "mtls", "basic", "api_key"]
api_key = {{ headers = ["X-API-Key"], query = "api_key" }}

[management]
listen = "127.0.0.1:{--management-port}"

[log]
level = "warn"
"""


def at(developer, *arguments):
    """A command against what `dev` keeps; what it printed."""
    done = run(binary(), *arguments, "-c", ".countersign/countersign.toml", cwd=developer.directory, env=clean_environment())
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_directory_of_an_earlier_version_is_brought_up_to_date(tmp_path):
    developer = Developer(tmp_path)
    developer.start(*developer.ask_for_ports).stop()
    path = tmp_path / ".countersign" / "countersign.toml"
    newest = path.read_text()
    path.write_text(FIRST.format(**developer.ports))
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    with sqlite3.connect(path.with_name("countersign.db")) as database:
        database.execute("DELETE FROM clients WHERE id = 'demo-device'")
        [(document,)] = database.execute("SELECT document FROM clients WHERE id = 'demo-service'")
        client = json.loads(document)
        client["grant_types"].remove(exchange)
        database.execute("UPDATE clients SET document = ? WHERE id = 'demo-service'", (json.dumps(client),))
    # No earlier version had a port for certificates: the usual one may be taken here.
    developer.start("--mtls-port", developer.ports["--mtls-port"])
    assert path.read_text() == newest
    clients = {client["client_id"]: client for client in json.loads(at(developer, "client", "list", "--json"))}
    assert set(clients) == {"demo-app", "demo-device", "demo-service", "demo-reference"}
    assert exchange in clients["demo-service"]["grant_types"]
    browser = Browser()
    browser.open(f"http://localhost:{developer.ports['--server-port']}/authorize?client_id=demo-app&response_type=code&scope=demo.read"
                 "&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback&code_challenge_method=S256"
                 "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    _, name, password = re.search(r"Sign-in page +(\S+) +(\S+) / (\S+)", developer.said).groups()
    browser.submit("sign-in", "login-submit", username=name, password=password)
    assert "Read what the demo service keeps for you" in browser.page.text
    # What was taken away on the command line stays away.
    at(developer, "client", "update", "demo-service", "--grant", "client_credentials")
    developer.stop()
    developer.start().stop()
    [service] = [client for client in json.loads(at(developer, "client", "list", "--json")) if client["client_id"] == "demo-service"]
    assert service["grant_types"] == ["client_credentials"]


@pytest.mark.parametrize("gone", ["api-key", "robot.password", "client.key", "countersign.db"])
def test_lost_files_are_made_anew(tmp_path, gone):
    developer = Developer(tmp_path)
    developer.start(*developer.ask_for_ports).stop()
    for path in (tmp_path / ".countersign").glob(f"{gone}*"):
        path.unlink()
    assert set(developer.start().callers()) == FIVE
    developer.stop()


def test_the_printed_line_makes_it_a_command(developer):
    line = re.search(r"By its name +(.*)", developer.said)[1]
    shell = Shell(developer.directory)
    try:
        assert shell.type("countersign --version")[0] == 127
        assert shell.type(f"{line}\ncountersign --version")[1] == run(binary(), "--version").stdout.strip()
    finally:
        shell.close()


def test_whoever_calls_it_by_its_name_is_not_told_how(tmp_path):
    developer = Developer(tmp_path)
    path = f"export PATH={shlex.quote(str(binary().resolve().parent))}:$PATH\n"
    developer.start(*developer.ask_for_ports, line=path + "make run")
    assert "All at once" in developer.said and "By its name" not in developer.said
    developer.stop()


def test_the_readme_word_for_word(tmp_path):
    """The lines from trying to production, in order; only the ports are other ones, by the environment."""
    readme = (ROOT / "README.md").read_text().split("## From trying to production")[1]
    lines = [line[2:] for line in readme.split("```")[1].splitlines() if line.startswith("$ ")]
    assert len(lines) >= 9
    server, gateway = free_ports(2)
    shell = Shell(tmp_path, COUNTERSIGN_SERVER__LISTEN=f"127.0.0.1:{server}", COUNTERSIGN_GATEWAY__LISTEN=f"127.0.0.1:{gateway}")
    try:
        for line in lines:
            # "And beside it, while it runs."
            serves = line.startswith("countersign serve")
            status, said = shell.type(re.sub(r" +#.*", "", line) + " &" if serves else line)
            assert status == 0, f"{line}\n{said}"
            for _ in range(600 if serves else 0):
                try:
                    requests.get(f"http://127.0.0.1:{server}/healthz", timeout=5)
                    break
                except requests.RequestException:
                    time.sleep(0.05)
        assert shell.type("kill %1 && wait %1")[0] == 0, "it ran until the end, and ends well"
    finally:
        shell.close()


def test_the_readme_shows_what_is_printed(developer):
    """The first screen is that of a first start, but for the ports, the password and where the program is."""
    def plain(text):
        text = text[text.index("Five methods in"):]
        text = re.sub(r"localhost:84\d\d|localhost:\d{5}", "localhost:PORT", text.split("```")[0].split("ready in")[0])
        text = re.sub(r"alice / \S+", "alice / PASSWORD", text)
        text = re.sub(r"(All at once +)\S+( try)", r"\1PROGRAM\2", text)
        return re.sub(r"(By its name +)export PATH=.*", r"\1LINE", text).strip().splitlines()

    assert plain((ROOT / "README.md").read_text()) == plain(developer.said)
