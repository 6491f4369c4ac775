"""One `countersign serve` with a configuration of its own, in a directory of its own, on ports of its own."""

import json
import os
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from . import toml
from .machine import binary, free_ports, run

# From the start of the process until it is ready, on a slow and busy machine, RSA keys included.
READY_SECONDS = 60
STOP_SECONDS = 45


class Instance:
    """A running server, gateway and management listener."""

    def __init__(self, directory: Path, upstream_url: str, change=None):
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.server_port, self.gateway_port, self.management_port = free_ports(3)
        self.issuer = f"http://localhost:{self.server_port}"
        self.gateway = f"https://localhost:{self.gateway_port}"
        self.management = f"http://127.0.0.1:{self.management_port}"
        self.config_path = directory / "countersign.toml"
        self.log_path = directory / "countersign.log"
        self.ca_path = directory / "ca.pem"
        self.process: subprocess.Popen | None = None
        self.secrets: dict[str, str] = {}
        self.prefix: list[str] = []
        self.environment: dict[str, str] = {}
        self.config = self._defaults(upstream_url)
        if change:
            change(self.config)
        self.write_config()

    def _defaults(self, upstream_url: str) -> dict:
        everything = ["jwt", "oauth", "mtls", "basic", "api_key"]
        return {
            "data_dir": "data",
            "server": {"listen": f"127.0.0.1:{self.server_port}", "issuer": self.issuer},
            "gateway": {
                "listen": f"127.0.0.1:{self.gateway_port}",
                "tls": {"built_in_ca": ["localhost", "127.0.0.1"]},
                "routes": [
                    {"name": "all", "path": "/", "upstream": upstream_url, "accept": everything},
                    {"name": "orders", "path": "/orders", "upstream": upstream_url, "accept": everything,
                     "scopes": ["orders.read"]},
                    {"name": "open", "path": "/open", "upstream": upstream_url, "accept": everything, "anonymous": True},
                    {"name": "url-key", "path": "/url-key", "upstream": upstream_url, "accept": ["api_key"],
                     "api_key": {"query": "api_key"}},
                ],
            },
            "management": {"listen": f"127.0.0.1:{self.management_port}"},
            "tokens": {"refresh_grace": "1s"},
            "network": {"workers": 2, "drain": "5s"},
            "log": {"format": "json", "level": "debug"},
        }

    # Life

    def write_config(self):
        """Writes `config` to its file in one step, as a careful operator would."""
        new = self.config_path.with_suffix(".new")
        new.write_text(toml.dumps(self.config))
        os.replace(new, self.config_path)

    def launch(self) -> subprocess.Popen:
        """Starts the process and does not wait for it. `prefix` is a command that starts it, such as taskset."""
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [*self.prefix, binary(), "serve", "-c", self.config_path],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.directory, env=clean_environment() | self.environment,
        )
        log.close()
        return self.process

    def start(self) -> "Instance":
        """Starts the process and waits until it is ready."""
        self.launch()
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"countersign ended with {self.process.returncode}:\n{self.log()[-4000:]}")
            if self._ready():
                self.ca_path.write_text(self.command("cert", "bundle"))
                return self
            time.sleep(0.05)
        raise AssertionError(f"countersign was not ready in {READY_SECONDS} s:\n{self.log()[-4000:]}")

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.management}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:  # URLError is one
            return False

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def kill(self):
        """Ends it as a power cut would."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def stop(self):
        """Ends it politely. Returns its exit code."""
        if self.process is None or self.process.poll() is not None:
            return self.process and self.process.returncode
        self.process.terminate()
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_SECONDS)
            raise

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_for_log(self, *words: str, since: int = 0, seconds: float = 15) -> bool:
        """Whether one of the words appears in the log after that many characters, in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            text = self.log()[since:].lower()
            if any(word.lower() in text for word in words):
                return True
            time.sleep(0.05)
        return False

    def leaked(self) -> list[str]:
        """Names of the secrets that stand in the log."""
        text = self.log()
        return [name for name, secret in self.secrets.items() if secret and secret in text]

    # Commands

    def command(self, *arguments, check=True, stdin: str | None = None):
        """Runs a management command against this instance's store; what it printed."""
        done = run(binary(), *arguments, "-c", self.config_path, cwd=self.directory, stdin=stdin, env=clean_environment())
        if check and done.returncode != 0:
            raise AssertionError(f"countersign {' '.join(map(str, arguments))}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout if check else done

    def json(self, *arguments, stdin: str | None = None):
        """Runs a command with --json."""
        return json.loads(self.command(*arguments, "--json", stdin=stdin))

    def secret(self, name: str, value: str) -> str:
        """Remembers a secret, so that the end of the test looks for it in the log."""
        self.secrets[name] = value
        return value

    def add_user(self, name: str, *options: str, password: str) -> str:
        """A person or service account; the password."""
        path = self.directory / f"{name}.password"
        path.write_text(password)
        path.chmod(0o600)
        self.command("user", "add", name, "--password-file", path, *options)
        return self.secret(f"password of {name}", password)

    def add_client(self, client_id: str, *options: str) -> str | None:
        """A client; its secret if it has one."""
        made = self.json("client", "add", client_id, *options)
        if made.get("client_secret"):
            self.secret(f"secret of {client_id}", made["client_secret"])
        return made.get("client_secret")

    def add_api_key(self, name: str, owner: str, *options: str) -> dict:
        made = self.json("apikey", "create", "--name", name, "--owner", owner, *options)
        self.secret(f"API key {name}", made["key"])
        return made

    def issue_certificate(self, *names: str, profile: str = "client") -> tuple[Path, Path]:
        """A certificate and its key, as files."""
        out = self.directory / "certificates"
        before = set(out.glob("*.pem"))
        options = [part for name in names for part in ("--name", name)]
        self.command("cert", "issue", "--profile", profile, *options, "--out", out)
        made = [path for path in set(out.glob("*.pem")) - before if path.with_suffix(".key").exists()]
        assert len(made) == 1, f"expected one new certificate in {out}, found {made}"
        self.secret(f"key of {names[0]}", "".join(made[0].with_suffix(".key").read_text().split("\n")[1:-2]))
        return made[0], made[0].with_suffix(".key")

    # Requests

    def tls(self, certificate: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        """A context that trusts the built-in authority and nobody else."""
        context = ssl.create_default_context(cafile=str(self.ca_path))
        if certificate:
            context.load_cert_chain(str(certificate[0]), str(certificate[1]))
        return context

    def client_credentials(self, client_id: str, secret: str, scope: str | None = None) -> dict:
        """The answer of the token endpoint."""
        from urllib.parse import urlencode

        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        if scope:
            form["scope"] = scope
        request = urllib.request.Request(f"{self.issuer}/token", data=urlencode(form).encode())
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                token = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"token endpoint: {error.code} {error.read().decode()}") from None
        self.secret("access token", token["access_token"])
        return token


def clean_environment() -> dict:
    """Our environment without proxies and without anybody's COUNTERSIGN_ settings."""
    drop = ("COUNTERSIGN_",)
    names = ("http_proxy", "https_proxy", "all_proxy")
    return {k: v for k, v in os.environ.items() if not k.startswith(drop) and k.lower() not in names} | {"NO_COLOR": "1"}
