"""Backchannel authentication (OpenID Connect CIBA) with npm openid-client, by poll and by ping, and the steps of
docs/guides/ciba.md."""

import json
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from support.browser import Browser
from support.lines import Lines
from support.machine import free_ports, node

GRANT = "urn:openid:params:grant-type:ciba"
NOTIFICATION_TOKEN = "8d67dc78-7faa-4d41-aabd-67707b374255"
PASSWORD = "correct horse 1 battery"


def certificate(directory):
    """An authority and a certificate of localhost, by OpenSSL."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=60)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=A bank's authority")
    openssl("req", "-x509", "-CA", "ca.pem", "-CAkey", "ca.key", *key, "-keyout", "leaf.key", "-out", "leaf.pem",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth")
    return directory / "ca.pem", directory / "leaf.pem", directory / "leaf.key"


class Notified:
    """The bank's notification endpoint: real TLS, and what came."""

    def __init__(self, port, chain, key, answer=204, location=None):
        self.came = []
        self.arrived = threading.Event()
        notified = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                notified.came.append((self.path, self.headers, json.loads(body)))
                self.send_response(answer)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()
                notified.arrived.set()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(chain, key)
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def bank(start, tmp_path_factory):
    """An instance that may ping this machine, one client that polls, and one that is pinged."""
    directory = tmp_path_factory.mktemp("bank")
    authority, chain, key = certificate(directory)
    (port,) = free_ports(1)

    def change(config):
        config["network"] |= {"fetch_from": ["127.0.0.0/8"], "fetch_ca": str(authority)}

    instance = start(change)
    instance.add_user("alice", "--display-name", "Alice Example", password=PASSWORD)
    scopes = ["--scopes", "openid email offline_access orders.read"]
    instance.bank_secret = instance.add_client(
        "bank", "--name", "First Bank", "--grant", "ciba", "--grant", "refresh_token", *scopes)
    instance.pinged_secret = instance.add_client(
        "pinged", "--name", "Second Bank", "--grant", "ciba", *scopes, "--backchannel-token-delivery-mode", "ping",
        "--backchannel-client-notification-endpoint", f"https://localhost:{port}/ping")
    instance.notification = (port, chain, key)
    instance.secret("client_notification_token", NOTIFICATION_TOKEN)
    return instance


def decide(instance, button, *words):
    """What the person does on their page, in a browser of their own."""
    browser = Browser()
    browser.open(f"{instance.issuer}/account/approvals")
    browser.submit("sign-in", "login-submit", username="alice", password=PASSWORD)
    assert all(word in browser.page.text for word in words), browser.page.text
    browser.submit("approval-1", button)
    return browser


def initiate(instance, client, secret, **parameters):
    form = {"scope": "openid orders.read", "login_hint": "alice", "binding_message": "W4SCT"} | parameters
    return requests.post(f"{instance.issuer}/bc-authorize", data=form, auth=(client, secret), timeout=30)


def fetch(instance, client, secret, answer):
    form = {"grant_type": GRANT, "auth_req_id": answer["auth_req_id"]}
    return requests.post(f"{instance.issuer}/token", data=form, auth=(client, secret), timeout=30)


def test_openid_client_polls(bank):
    program = Lines(node("openid_client_ciba.mjs"))
    try:
        started = program.ask({"issuer": bank.issuer, "client": "bank", "secret": bank.bank_secret, "parameters": {
            "scope": "openid email offline_access orders.read", "login_hint": "alice", "binding_message": "Pay 12: W4SCT"}})
        assert started["expires_in"] == 300 and started["interval"] == 5
        bank.secret("auth_req_id", started["auth_req_id"])
        program.say({})
        browser = decide(bank, "approval-approve-1", "First Bank", "Pay 12: W4SCT", "See your e-mail address")
        assert "You approved the request" in browser.page.text
        got = program.hear()
    finally:
        program.close()
    for name in ("access_token", "refresh_token", "id_token"):
        bank.secret(f"{name} by CIBA", got["tokens"][name])
    assert got["claims"]["aud"] in ("bank", ["bank"]) and got["claims"]["amr"] == ["pwd"]
    assert got["claims"]["urn:openid:params:jwt:claim:auth_req_id"] == started["auth_req_id"]
    answer = requests.get(f"{bank.gateway}/orders/7", verify=bank.ca_path, timeout=30,
                          headers={"Authorization": f"Bearer {got['tokens']['access_token']}"})
    assert answer.status_code == 200


def test_openid_client_hears_a_no_and_an_unknown_name(bank):
    parameters = {"scope": "openid", "login_hint": "alice"}
    program = Lines(node("openid_client_ciba.mjs"))
    try:
        program.ask({"issuer": bank.issuer, "client": "bank", "secret": bank.bank_secret, "parameters": parameters})
        decide(bank, "approval-deny-1")
        assert program.ask({}) == {"error": "access_denied"}
    finally:
        program.close()
    program = Lines(node("openid_client_ciba.mjs"))
    try:
        asked = {"issuer": bank.issuer, "client": "bank", "secret": bank.bank_secret,
                 "parameters": parameters | {"login_hint": "nobody"}}
        assert program.ask(asked) == {"error": "unknown_user_id"}
    finally:
        program.close()


def test_openid_client_is_pinged(bank):
    notified = Notified(*bank.notification)
    program = Lines(node("openid_client_ciba.mjs"))
    try:
        parameters = {"scope": "openid orders.read", "login_hint": "alice", "client_notification_token": NOTIFICATION_TOKEN}
        started = program.ask({"issuer": bank.issuer, "client": "pinged", "secret": bank.pinged_secret, "parameters": parameters})
        bank.secret("auth_req_id of a ping", started["auth_req_id"])
        assert not notified.came
        decide(bank, "approval-approve-1", "Second Bank")
        assert notified.arrived.wait(30), bank.log()[-3000:]
        got = program.ask({})
    finally:
        program.close()
        notified.close()
    assert len(notified.came) == 1
    path, headers, body = notified.came[0]
    assert (path, body) == ("/ping", {"auth_req_id": started["auth_req_id"]})
    assert headers["authorization"] == f"Bearer {NOTIFICATION_TOKEN}" and headers["content-type"] == "application/json"
    assert got["tokens"]["access_token"]


def test_a_program_of_the_persons_answers_as_the_guide_says(bank):
    bank.add_client("authenticator", "--name", "My authenticator", "--auth", "none", "--grant", "device_code",
                    "--scopes", "openid approvals")
    form = {"client_id": "authenticator", "scope": "openid approvals"}
    codes = requests.post(f"{bank.issuer}/device_authorization", data=form, timeout=30).json()
    browser = Browser()
    browser.open(codes["verification_uri_complete"])
    browser.submit("sign-in", "login-submit", username="alice", password=PASSWORD)
    browser.submit("device", "device-continue")
    assert "what waits for your approval" in browser.page.text
    browser.submit("device-decision", "device-allow")
    form = {"client_id": "authenticator", "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": codes["device_code"]}
    token = requests.post(f"{bank.issuer}/token", data=form, timeout=30).json()["access_token"]
    headers = {"Authorization": f"Bearer {bank.secret('token of an authenticator', token)}"}

    asked = initiate(bank, "bank", bank.bank_secret, binding_message="By telephone").json()
    listed = requests.get(f"{bank.issuer}/api/approvals", headers=headers, timeout=30).json()["approvals"]
    (one,) = [one for one in listed if one["binding_message"] == "By telephone"]
    assert one["client_name"] == "First Bank" and one["needs_sign_in"] is False
    answer = requests.post(f"{bank.issuer}/api/approvals/{one['id']}", headers=headers, json={"decision": "approve"}, timeout=30)
    assert (answer.status_code, answer.json()["decision"]) == (200, "approve")
    assert fetch(bank, "bank", bank.bank_secret, asked).status_code == 200


def test_a_redirect_is_not_followed(bank):
    port, chain, key = bank.notification
    notified = Notified(port, chain, key, answer=307, location=f"https://localhost:{port}/elsewhere")
    try:
        answer = initiate(bank, "pinged", bank.pinged_secret, client_notification_token=NOTIFICATION_TOKEN)
        since = len(bank.log())
        decide(bank, "approval-approve-1")
        assert notified.arrived.wait(30)
        assert bank.wait_for_log("a ping did not arrive", since=since)
    finally:
        notified.close()
    assert [path for path, _, _ in notified.came] == ["/ping"]
    assert fetch(bank, "pinged", bank.pinged_secret, answer.json()).status_code == 200


def test_what_was_decided_before_a_power_cut_is_told_after_it(bank):
    answer = initiate(bank, "pinged", bank.pinged_secret, client_notification_token=NOTIFICATION_TOKEN)
    decide(bank, "approval-approve-1")
    bank.kill()
    notified = Notified(*bank.notification)
    try:
        bank.start()
        assert notified.arrived.wait(60), bank.log()[-3000:]
    finally:
        notified.close()
    assert [body for _, _, body in notified.came] == [{"auth_req_id": answer.json()["auth_req_id"]}]
    assert fetch(bank, "pinged", bank.pinged_secret, answer.json()).status_code == 200


def test_oauth4webapi_signs_its_requests(bank):
    program = Lines(node("oauth4webapi_ciba.mjs"))
    try:
        keys = bank.directory / "signing.jwks"
        keys.write_text(json.dumps(program.hear()["jwks"]))
        bank.add_client("signing", "--name", "Third Bank", "--auth", "private_key_jwt", "--jwks-file", keys, "--grant", "ciba",
                        "--scopes", "openid orders.read", "--backchannel-request-signing-alg", "ES256")
        got = program.ask({"issuer": bank.issuer, "client": "signing", "parameters": {
            "scope": "openid orders.read", "login_hint": "alice", "binding_message": "Signed: W4SCT", "requested_expiry": "120"}})
        bank.secret("auth_req_id of a signed request", got["started"]["auth_req_id"])
        assert got["started"]["expires_in"] == 120, "what was signed is what counts"
        assert {"ES256", "PS256"} <= set(got["advertised"]) and not [name for name in got["advertised"] if name.startswith("HS")]
        refused = got["refused"]
        assert {(answer["status"], answer["error"]) for answer in refused.values()} == {(400, "invalid_request")}, refused
        # PS256 is the server's, and the key is the client's; but the client is registered for ES256.
        reasons = {name: answer["text"] for name, answer in refused.items()}
        assert "before" in reasons["replayed"] and "algorithm" in reasons["otherAlgorithm"], reasons
        assert "no key" in reasons["otherKey"] and "signed" in reasons["unsigned"], reasons
        # Of seven that came one was shown.
        browser = decide(bank, "approval-approve-1", "Third Bank", "Signed: W4SCT")
        assert "Nothing waits for you" in browser.page.text
        tokens = program.ask({})
    finally:
        program.close()
    for name in ("access_token", "id_token"):
        bank.secret(f"{name} of a signed request", tokens["tokens"][name])
    assert tokens["claims"]["urn:openid:params:jwt:claim:auth_req_id"] == got["started"]["auth_req_id"]


def test_what_a_client_is_told(bank):
    answer = initiate(bank, "bank", bank.bank_secret)
    told = [fetch(bank, "bank", bank.bank_secret, answer.json()) for _ in range(2)]
    assert [answer.status_code for answer in told] == [400, 400]
    assert [answer.json()["error"] for answer in told] == ["authorization_pending", "slow_down"]
    metadata = requests.get(f"{bank.issuer}/.well-known/openid-configuration", timeout=30).json()
    assert metadata["backchannel_token_delivery_modes_supported"] == ["poll", "ping"]
    assert metadata["backchannel_authentication_endpoint"] == f"{bank.issuer}/bc-authorize"
    missing = initiate(bank, "pinged", bank.pinged_secret)
    assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("arguments, word", [
    (["--grant", "ciba", "--auth", "none"], "prove who they are"),
    (["--grant", "ciba", "--backchannel-token-delivery-mode", "push"], "push is not offered"),
    (["--grant", "ciba", "--backchannel-token-delivery-mode", "ping"], "notification-endpoint"),
    (["--grant", "ciba", "--backchannel-token-delivery-mode", "ping",
      "--backchannel-client-notification-endpoint", "http://bank.example/ping"], "https"),
    (["--grant", "ciba", "--backchannel-request-signing-alg", "ES256"], "--jwks-file"),
    (["--grant", "client_credentials", "--backchannel-token-delivery-mode", "ping"], "--grant ciba"),
])
def test_the_command_refuses_what_would_never_work(bank, arguments, word):
    with pytest.raises(AssertionError, match=word):
        bank.command("client", "add", "never", *arguments)
