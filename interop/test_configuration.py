"""The production form: files and environment, TLS by files and by the built-in authority, reload, an end in good order."""

import json
import os
import socket
import ssl
import threading
import time

import pytest
import requests

from support import toml
from support.instance import Instance, clean_environment
from support.load import Load
from support.machine import binary, free_ports, need, run


def certificate(directory, name: str, common_name: str):
    """A self-signed certificate for localhost and its key, written as a careful operator does: whole or not at all."""
    key, chain = directory / f"{name}.key", directory / f"{name}.pem"
    made = run(need("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3",
               "-subj", f"/CN={common_name}", "-addext", "subjectAltName=DNS:localhost", "-keyout", f"{key}.new", "-out", f"{chain}.new")
    assert made.returncode == 0, made.stderr
    os.replace(f"{key}.new", key)
    os.replace(f"{chain}.new", chain)
    return chain


def shown_by(port: int) -> str:
    """The common name in the certificate that a listener shows."""
    said = run(need("openssl", "openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost")
    return next((line.rpartition("CN = ")[2].strip() for line in said.stdout.splitlines() if line.startswith("subject=")), said.stdout)


def comes_true(condition, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def check(path, *arguments, **environment):
    return run(binary(), "config", "check", "-c", path, *arguments, cwd=path.parent, env=clean_environment() | environment)


def test_the_example_serves(tmp_path):
    """Every key of it is what it says: the file is valid and starts, its ports exchanged by the environment."""
    path = tmp_path / "countersign.toml"
    path.write_text(run(binary(), "config", "example").stdout)
    assert check(path).returncode == 0
    instance = Instance(tmp_path, "http://127.0.0.1:9")
    path.write_text(run(binary(), "config", "example").stdout)
    environment = {"COUNTERSIGN_SERVER__LISTEN": f"127.0.0.1:{instance.server_port}", "COUNTERSIGN_GATEWAY__LISTEN": f"127.0.0.1:{instance.gateway_port}",
                   "COUNTERSIGN_MANAGEMENT__LISTEN": f"127.0.0.1:{instance.management_port}", "COUNTERSIGN_NETWORK__WORKERS": "1"}
    instance.environment |= environment
    instance.start()
    assert requests.get(f"http://127.0.0.1:{instance.server_port}/healthz", timeout=30).status_code == 200
    assert instance.stop() == 0


def test_the_schema_knows_what_the_program_knows(tmp_path):
    schema = json.loads(run(binary(), "config", "schema").stdout)
    assert schema["title"] == "Countersign's configuration" and schema["additionalProperties"] is False
    assert {"server", "gateway", "store", "keys", "tokens", "ca", "basic", "issuers", "network", "log"} <= set(schema["properties"])


def test_every_problem_at_once_for_people_and_for_programs(tmp_path):
    path = tmp_path / "countersign.toml"
    path.write_text(toml.dumps({
        "server": {"listen": "127.0.0.1:1", "issuer": "http://id.example.com", "tls": {"certificate": "no.pem", "key": "no.key"}},
        "gateway": {"listen": "127.0.0.1:2", "routes": [{"name": "a", "upstream": "nowhere", "accept": ["basic"]}]}}))
    done = check(path)
    assert done.returncode == 1
    for key in ("server.issuer: ", "gateway.routes[0].upstream: "):
        assert key in done.stderr, done.stderr
    done = check(path, "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1 and not found["valid"]
    assert {problem["key"] for problem in found["problems"]} == {"server.issuer", "gateway.routes[0].upstream"}
    path.write_text("[server]\nlisten = \"127.0.0.1:1\"\nissuer = \"http://localhost:1\"\nlisen = 1\n")
    problem, = json.loads(check(path, "--json").stdout)["problems"]
    assert problem == {"line": 4, "column": 1, "message": "unknown key `lisen`: did you mean `listen`?"}
    problem, = json.loads(check(path.with_name("other.toml"), "--json").stdout)["problems"]
    assert "No such file" in problem["message"]


def test_what_check_calls_valid_is_there_and_can_be_read(tmp_path):
    """Files that are missing, and files that are not what they should be: found by `check`, and by `serve` before it makes anything."""
    path = tmp_path / "countersign.toml"
    config = {"data_dir": "data", "server": {"listen": "127.0.0.1:0", "issuer": "https://localhost:1", "tls": {"certificate": "server.pem", "key": "server.key"}},
              "basic": {"htpasswd": ["people"]},
              "issuers": {"partner": {"issuer": "https://partner.example.com", "jwks_file": "partner.json"}}}
    path.write_text(toml.dumps(config))
    names = ("server.tls.certificate", "server.tls.key", "basic.htpasswd[0]", "issuers.partner.jwks_file")
    for command in (["config", "check"], ["serve"]):
        done = run(binary(), *command, "-c", path, cwd=tmp_path, env=clean_environment())
        assert done.returncode == 1 and all(f"{name}: " in done.stderr for name in names), done.stderr
    assert not (tmp_path / "data").exists()
    for name in ("server.pem", "server.key", "people", "partner.json"):
        (tmp_path / name).write_text("nothing of the kind\n")
    done = check(path)
    assert done.returncode == 1 and "server.tls: " in done.stderr and "basic.htpasswd: " in done.stderr, done.stderr


def test_the_environment_comes_last(start):
    instance = start()
    done = check(instance.config_path, COUNTERSIGN_SERVER__LISTN="127.0.0.1:1")
    assert done.returncode == 1 and "environment variable COUNTERSIGN_SERVER__LISTN: unknown key `listn`: did you mean `listen`?" in done.stderr
    done = check(instance.config_path, COUNTERSIGN_TOKENS__ACCESS_TOKEN="a while")
    assert done.returncode == 1 and "COUNTERSIGN_TOKENS__ACCESS_TOKEN" in done.stderr
    routes = check(instance.config_path, "--json", COUNTERSIGN_GATEWAY__ROUTES="[]")
    assert json.loads(routes.stdout)["routes"] == 0


@pytest.fixture()
def by_files(tmp_path, upstream):
    """Both listeners with certificates from files."""
    directory = tmp_path / "instance"
    directory.mkdir()
    for name in ("server", "gateway"):
        certificate(directory, name, f"{name} one")

    def change(config):
        for name in ("server", "gateway"):
            config[name]["tls"] = {"certificate": f"{name}.pem", "key": f"{name}.key"}
        config["server"]["issuer"] = config["server"]["issuer"].replace("http:", "https:")

    instance = Instance(directory, upstream.url, change).start()
    yield instance
    instance.stop()


def test_tls_by_files_and_renewed_while_it_runs(by_files):
    """As a tool that renews certificates does it: the files change, the configuration does not."""
    instance = by_files
    listeners = {"server": instance.server_port, "gateway": instance.gateway_port}
    metadata = requests.get(f"https://localhost:{instance.server_port}/.well-known/openid-configuration", verify=str(instance.directory / "server.pem"), timeout=30)
    assert metadata.json()["issuer"] == f"https://localhost:{instance.server_port}"
    assert requests.get(f"{instance.gateway}/open", verify=str(instance.directory / "gateway.pem"), timeout=30).status_code == 200
    trusting_nobody = ssl.create_default_context()
    trusting_nobody.check_hostname, trusting_nobody.verify_mode = False, ssl.CERT_NONE
    with Load(instance.gateway_port, "/open", trusting_nobody) as load:
        for name, port in listeners.items():
            assert shown_by(port) == f"{name} one"
            certificate(instance.directory, name, f"{name} two")
            assert comes_true(lambda: shown_by(port) == f"{name} two"), instance.log()[-3000:]
        load.wait(20)
    assert not load.failures, load.failures[:5]
    # A broken one is refused, and the one before goes on.
    since = len(instance.log())
    (instance.directory / "server.pem").write_text("no certificate at all\n")
    assert instance.wait_for_log("the old one stays in force", since=since), instance.log()[since:]
    assert shown_by(instance.server_port) == "server two"


def test_both_listeners_by_the_built_in_authority(start):
    def change(config):
        config["server"]["tls"] = {"built_in_ca": ["localhost"]}
        config["server"]["issuer"] = config["server"]["issuer"].replace("http:", "https:")

    instance = start(change)
    for url in (f"https://localhost:{instance.server_port}/jwks", f"{instance.gateway}/open"):
        assert requests.get(url, verify=str(instance.ca_path), timeout=30).status_code == 200, url


def test_what_must_wait_for_a_start_is_said(start):
    instance = start()
    since = len(instance.log())
    instance.config["tokens"]["access_token"] = "1m"
    instance.config["network"]["drain"] = "6s"
    instance.write_config()
    assert instance.wait_for_log("these changes take effect with the next start", since=since)
    line = next(line for line in instance.log()[since:].splitlines() if "with the next start" in line)
    assert json.loads(line)["keys"] == "[tokens], [network]", line
    since = len(instance.log())
    instance.config["server"]["listen"] = f"127.0.0.1:{free_ports(1)[0]}"
    instance.write_config()
    assert instance.wait_for_log("can't change while running", since=since)


def test_secrets_from_files(tmp_path, upstream):
    """An HS256 secret that another issuer shares with us, with the line feed that editors leave."""
    import jwt

    secret = "a secret of more than thirty-two characters"

    def change(config):
        config["issuers"] = {"partner": {"issuer": "https://partner.example.com", "hs256_secret_file": "partner.secret", "audience": "orders"}}
        config["gateway"]["routes"].append({"name": "partner", "path": "/partner", "upstream": upstream.url, "accept": ["jwt"], "issuers": ["partner"]})

    instance = Instance(tmp_path / "instance", upstream.url, change)
    (instance.directory / "partner.secret").write_text(secret + "\n")
    instance.secret("secret of the partner", secret)
    instance.start()
    token = jwt.encode({"iss": "https://partner.example.com", "sub": "them", "aud": "orders", "exp": int(time.time()) + 60}, secret, "HS256")
    answer = requests.get(f"{instance.gateway}/partner", headers={"authorization": f"Bearer {token}"}, verify=str(instance.ca_path), timeout=30)
    assert answer.status_code == 200, answer.text
    # Exchanged while it runs.
    (instance.directory / "partner.secret").write_text(secret[::-1])
    refused = lambda: requests.get(f"{instance.gateway}/partner", headers={"authorization": f"Bearer {token}"}, verify=str(instance.ca_path), timeout=30).status_code == 401
    assert comes_true(refused)
    assert instance.stop() == 0 and not instance.leaked()


def test_a_request_that_was_begun_is_finished(tmp_path):
    """SIGTERM while the service is still thinking: the answer arrives, nothing new is taken, the process ends by itself."""
    listener = socket.create_server(("127.0.0.1", 0))
    arrived, go = threading.Event(), threading.Event()

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.recv(65536)
            arrived.set()
            go.wait(30)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\ndone")
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    instance = Instance(tmp_path / "instance", f"http://127.0.0.1:{listener.getsockname()[1]}").start()
    answers = []
    asking = threading.Thread(target=lambda: answers.append(requests.get(f"{instance.gateway}/open", verify=str(instance.ca_path), timeout=30)))
    asking.start()
    assert arrived.wait(20)
    instance.process.terminate()
    assert instance.wait_for_log("requests in progress may finish")

    def takes_nothing_new():
        try:
            socket.create_connection(("127.0.0.1", instance.gateway_port), timeout=5).close()
        except OSError:
            return True
        return False

    assert comes_true(takes_nothing_new)
    assert instance.process.poll() is None
    go.set()
    asking.join(30)
    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "done")]
    assert instance.process.wait(30) == 0
    listener.close()
