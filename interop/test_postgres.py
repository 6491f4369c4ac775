"""Two nodes on one PostgreSQL: what one issues the other accepts, what one revokes the other refuses."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import requests

from support import flip
from support.machine import free_ports, missing, run


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A cluster of our own. PostgreSQL refuses to run as root, so root lends it to another user."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    programs = found[-1].parent if found else Path(shutil.which("initdb") or missing("PostgreSQL is missing: run `make setup-tests`")).parent
    directory = tmp_path_factory.mktemp("postgres")
    user = []
    if os.geteuid() == 0:
        directory.parent.chmod(0o711)
        directory.parent.parent.chmod(0o711)
        account = pwd.getpwnam("postgres")
        os.chown(directory, account.pw_uid, account.pw_gid)
        user = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    port = free_ports(1)[0]
    done = run(*user, programs / "initdb", "-D", directory / "data", "-U", "countersign", "-A", "trust", "--no-sync", "-E", "UTF8", cwd="/")
    assert done.returncode == 0, done.stderr
    options = ["-h", "127.0.0.1", "-p", str(port), "-k", str(directory), "-c", "max_connections=60"]
    log = open(tmp_path_factory.mktemp("log") / "postgres.log", "w")
    server = subprocess.Popen([*user, str(programs / "postgres"), "-D", str(directory / "data"), *options],
                              stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
    url = f"postgres://countersign@127.0.0.1:{port}/postgres"
    for _ in range(200):
        if run(programs / "psql", url, "-c", "select 1", cwd="/").returncode == 0:
            break
        assert server.poll() is None, Path(log.name).read_text()
    yield url
    # Fast: the nodes still hold connections, and the next suites may go on without them.
    server.send_signal(signal.SIGINT)
    server.wait(30)


@pytest.fixture(scope="module")
def nodes(start, database):
    first = start(lambda config: config.update(store={"url": database}))

    def beside(config):
        config["store"] = {"url": database}
        config["server"]["issuer"] = first.issuer
        config["keys"] = {"master_key_file": str(first.directory / "data" / "master.key")}

    return first, start(beside)


def ask(node, **more):
    return requests.get(f"{node.gateway}/", verify=str(node.ca_path), timeout=60, **more)


def test_what_one_issues_the_other_accepts(nodes):
    first, second = nodes
    first.add_user("robot", "--service", password="a password for the robot")
    secret = first.add_client("service", "--grant", "client_credentials", "--auth", "client_secret_post")
    token = first.client_credentials("service", secret)["access_token"]
    key = first.add_api_key("shared", "robot")["key"]
    certificate = first.issue_certificate("billing.example.com")
    for node in nodes:
        assert ask(node, headers={"authorization": f"Bearer {token}"}).status_code == 200
        assert ask(node, headers={"authorization": f"Bearer {flip.in_text(token)}"}).status_code == 401
        assert ask(node, headers={"x-api-key": key}).status_code == 200
        assert ask(node, auth=("robot", "a password for the robot")).status_code == 200
        assert ask(node, cert=tuple(map(str, certificate))).status_code == 200


def test_what_one_revokes_the_other_refuses(nodes):
    first, second = nodes
    first.add_user("keeper", "--service", password="a password for the keeper")
    made = first.add_api_key("short", "keeper")
    for node in nodes:
        assert ask(node, headers={"x-api-key": made["key"]}).status_code == 200
    first.command("apikey", "revoke", made["id"])
    for node in nodes:
        for _ in range(200):
            if ask(node, headers={"x-api-key": made["key"]}).status_code == 401:
                break
        assert ask(node, headers={"x-api-key": made["key"]}).status_code == 401


def test_keys_rotate_on_both(nodes):
    first, second = nodes
    first.command("keys", "rotate", "--now")
    both = lambda: [{key["kid"] for key in requests.get(f"http://127.0.0.1:{node.server_port}/jwks", timeout=30).json()["keys"]} for node in nodes]
    for _ in range(200):
        published = both()
        if published[0] == published[1] and len(published[0]) > 1:
            break
    assert published[0] == published[1] and len(published[0]) > 1
