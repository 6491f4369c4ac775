"""Under load: keys rotate, the configuration is reloaded, a broken one is refused. Not one request fails."""

import json
import threading

import pytest
import requests

from support import toml
from support.load import Load


@pytest.fixture()
def instance(start):
    def change(config):
        config["keys"] = {"algorithms": ["ES256"], "prepublish": "1s"}
        config["log"]["level"] = "info"

    return start(change)


@pytest.fixture()
def secret(instance):
    return instance.add_client("service", "--grant", "client_credentials", "--scopes", "orders.read", "--auth", "client_secret_post")


class Tokens:
    """The newest token; the load always carries it."""

    def __init__(self, instance, secret):
        self._instance, self._secret, self._lock = instance, secret, threading.Lock()
        self.all = []
        self.fetch()

    def fetch(self):
        made = self._instance.client_credentials("service", self._secret)["access_token"]
        with self._lock:
            self.all.append(made)

    def header(self):
        with self._lock:
            return {"Authorization": f"Bearer {self.all[-1]}"}


def kid(token):
    import jwt

    return jwt.get_unverified_header(token)["kid"]


def test_keys_rotate(instance, secret):
    tokens = Tokens(instance, secret)
    with Load(instance.gateway_port, "/", instance.tls(), headers=tokens.header) as load:
        for _ in range(2):
            instance.command("keys", "rotate")
            for _ in range(12):
                tokens.fetch()
                load.wait(25)
        instance.command("keys", "rotate", "--now")
        for _ in range(12):
            tokens.fetch()
            load.wait(25)
    assert not load.failures, load.failures[:5]
    assert len({kid(token) for token in tokens.all}) >= 3, "the keys did not rotate"
    # What was issued before stays good until it expires.
    for token in (tokens.all[0], tokens.all[-1]):
        answer = requests.get(instance.gateway, headers={"authorization": f"Bearer {token}"}, verify=str(instance.ca_path), timeout=30)
        assert answer.status_code == 200, answer.text
    published = {key["kid"] for key in requests.get(f"{instance.issuer}/jwks", timeout=30).json()["keys"]}
    assert {kid(token) for token in tokens.all} <= published


def test_retiring_now_refuses_its_tokens(instance, secret):
    token = instance.client_credentials("service", secret)["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    assert requests.get(instance.gateway, headers=headers, verify=str(instance.ca_path), timeout=30).status_code == 200
    instance.command("keys", "rotate", "--now")
    instance.command("keys", "retire", kid(token), "--now")
    for _ in range(100):
        status = requests.get(instance.gateway, headers=headers, verify=str(instance.ca_path), timeout=30).status_code
        if status == 401:
            break
    assert status == 401
    fresh = instance.client_credentials("service", secret)["access_token"]
    assert requests.get(instance.gateway, headers={"authorization": f"Bearer {fresh}"}, verify=str(instance.ca_path), timeout=30).status_code == 200


def reaches(instance, path, status, tries=100):
    """Whether the gateway comes to answer so."""
    for _ in range(tries):
        answer = requests.get(instance.gateway + path, verify=str(instance.ca_path), timeout=30)
        if answer.status_code == status:
            return True
        threading.Event().wait(0.1)
    return False


@pytest.mark.parametrize("by", ["signal", "file"])
def test_a_new_configuration_takes_over(instance, by):
    """A route more, by SIGHUP or by the file alone, while requests run on other routes, over TLS and on the server."""
    route = {"name": "fresh", "path": "/fresh", "upstream": instance.config["gateway"]["routes"][0]["upstream"], "anonymous": True}
    assert requests.get(f"{instance.gateway}/fresh", verify=str(instance.ca_path), timeout=30).status_code == 401
    with Load(instance.gateway_port, "/open", instance.tls()) as load, Load(instance.server_port, "/jwks") as server:
        for number in range(3):
            instance.config["gateway"]["routes"] = [r for r in instance.config["gateway"]["routes"] if r["name"] != "fresh"]
            instance.config["gateway"]["routes"] += [route] if number % 2 == 0 else []
            instance.write_config()
            if by == "signal":
                instance.reload()
            assert reaches(instance, "/fresh", 200 if number % 2 == 0 else 401), instance.log()[-2000:]
            load.wait(30)
    assert not load.failures, load.failures[:5]
    assert not server.failures, server.failures[:5]


@pytest.mark.parametrize("broken, said", [
    ("this is no TOML [[[", "countersign.toml:1:"),
    ("[gatewey]\nlisten = \"127.0.0.1:1\"\n", "did you mean `gateway`"),
])
def test_a_broken_configuration_is_refused(instance, broken, said):
    good = instance.config_path.read_text()
    with Load(instance.gateway_port, "/open", instance.tls()) as load:
        before = len(instance.log())
        instance.config_path.write_text(broken if broken.startswith("this") else good + broken)
        instance.reload()
        assert instance.wait_for_log("the old one stays in force", since=before), instance.log()[before:]
        assert said in instance.log()[before:]
        load.wait(60)
        # And the next good one is taken.
        instance.config["gateway"]["routes"].append({"name": "mended", "path": "/mended", "anonymous": True,
                                                     "upstream": instance.config["gateway"]["routes"][0]["upstream"]})
        instance.config_path.write_text(toml.dumps(instance.config))
        instance.reload()
        assert reaches(instance, "/mended", 200)
    assert not load.failures, load.failures[:5]


def test_a_polite_end_finishes_what_was_begun(instance):
    with Load(instance.gateway_port, "/open", instance.tls()) as load:
        load.wait(20)
    assert instance.stop() == 0, instance.log()[-2000:]
    assert not load.failures


def test_logs_are_json_with_a_request_id(instance):
    before = len(instance.log())
    answer = requests.get(f"{instance.gateway}/orders/1?secret=in-the-url", verify=str(instance.ca_path), timeout=30)
    assert answer.status_code == 401
    lines = [json.loads(line) for line in instance.log()[before:].splitlines() if line.startswith("{")]
    assert answer.json()["request_id"] in json.dumps(lines)
    assert "in-the-url" not in instance.log()[before:]
