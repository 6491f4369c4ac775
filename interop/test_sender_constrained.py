"""Tokens bound to keys: DPoP (RFC 9449) and certificates (RFC 8705), by npm openid-client, oauth4webapi and curl."""

import base64
import hashlib
import json

import pytest

from conftest import REDIRECT
from support.browser import Browser
from support.certificates import jwks, self_signed
from support.lines import Lines
from support.machine import ROOT, free_ports, need, node, run

ALL = ["jwt", "oauth", "mtls", "basic", "api_key"]


@pytest.fixture(scope="module")
def bound(start, upstream):
    """An instance that asks for nonces and certificates, and clients of each kind."""
    (port,) = free_ports(1)

    def change(config):
        config["server"]["dpop_nonce"] = True
        config["server"]["mtls"] = {"listen": f"127.0.0.1:{port}", "url": f"https://localhost:{port}",
                                    "tls": {"built_in_ca": ["localhost"]}}
        config["gateway"]["client_certificates"] = "unvouched"
        config["gateway"]["routes"].append(
            {"name": "bound", "path": "/bound", "upstream": upstream.url, "accept": ALL, "dpop": {"nonce": True}})

    instance = start(change)
    password = instance.add_user("alice", "--email", "alice@example.com", password="a long enough password for alice")
    instance.add_client("spa", "--grant", "authorization_code", "--grant", "refresh_token", "--auth", "none", "--first-party",
                        "--redirect-uri", REDIRECT, "--scopes", "openid email offline_access orders.read",
                        "--dpop-bound-access-tokens")
    secrets = {
        "dpopSecret": instance.add_client("dpop-service", "--grant", "client_credentials", "--scopes", "orders.read",
                                          "--auth", "client_secret_post", "--dpop-bound-access-tokens"),
        "signerSecret": instance.add_client("signer", "--grant", "client_credentials", "--scopes", "orders.read",
                                            "--auth", "client_secret_jwt"),
    }
    cert, key = instance.issue_certificate("uri:spiffe://localhost/billing")
    other, other_key = instance.issue_certificate("uri:spiffe://localhost/other")
    own = self_signed(instance.directory, "own")
    keys = instance.directory / "own.jwks"
    keys.write_text(json.dumps(jwks(own["cert"])))
    certificates = {"tls_client_auth": {"cert": str(cert), "key": str(key)}, "self_signed_tls_client_auth": own,
                    "other": {"cert": str(other), "key": str(other_key)}}
    binding = ("--tls-client-certificate-bound-access-tokens", "--grant", "client_credentials", "--scopes", "orders.read")
    instance.add_client("mtls-client", "--auth", "tls_client_auth", "--tls-client-auth-san-uri", "spiffe://localhost/billing", *binding)
    instance.add_client("self-signed", "--auth", "self_signed_tls_client_auth", "--jwks-file", keys, *binding)
    return {"instance": instance, "password": password, "secrets": secrets, "certificates": certificates,
            "mtls": f"https://localhost:{port}"}


def test_clients_with_keys(bound):
    instance = bound["instance"]
    program = Lines(node("sender_constrained.mjs"))
    try:
        asked = program.ask({"issuer": instance.issuer, "ca": str(instance.ca_path), "redirect": REDIRECT,
                             "resource": f"{instance.gateway}/bound/7?page=1", "certificates": bound["certificates"], **bound["secrets"]})
        assert "dpop_jkt=" in asked["open"]
        back = Browser().authorize(asked["open"], REDIRECT, "alice", bound["password"])
        got = program.ask({"url": back})
    finally:
        program.close()
    for number, secret in enumerate(got["secrets"]):
        instance.secret(f"token {number} of a bound client", secret)

    dpop = got["dpop"]
    assert dpop["type"].lower() == "dpop" and dpop["refreshed"].lower() == "dpop"
    assert dpop["userinfo"] == "alice@example.com"
    assert [dpop[name]["status"] for name in ("gateway", "again")] == [200, 200], dpop
    assert "dpop" not in {name.lower() for name, _ in json.loads(dpop["gateway"]["body"])["headers"]}
    # RFC 9449 §7.2: a bound token is no bearer token. §7.1: nor is it anybody else's.
    assert dpop["bearer"]["status"] == 401 and dpop["stolen"]["status"] == 401, dpop
    assert dpop["refreshStolen"] == "invalid_grant"
    # A client registered for DPoP gets nothing without a proof.
    assert dpop["refreshBearer"] == "invalid_request"
    assert got["oauth4webapi"]["first"] == "use_dpop_nonce"
    assert got["oauth4webapi"]["type"].lower() == "dpop"

    for name in ("tls_client_auth", "self_signed_tls_client_auth"):
        mtls = got[name]
        assert mtls["at"] == f"{bound['mtls']}/token", "RFC 8705 §5"
        assert mtls["type"].lower() == "bearer" and mtls["gateway"]["status"] == 200, mtls
        assert mtls["withoutCertificate"]["status"] == 401 and mtls["withAnother"]["status"] == 401, mtls
        assert (mtls["tokenWithout"], mtls["tokenWithAnother"]) == ("basic", "basic"), "401, which names a scheme"
    assert got["clientSecretJwt"] == {"type": "bearer", "wrong": "basic"}


def curl(instance, *options):
    """Status and body."""
    done = run(need("curl", "curl"), "-sS", "--cacert", instance.ca_path, "-w", "\n%{http_code}", *options)
    assert done.returncode == 0, done.stderr
    body, status = done.stdout.rsplit("\n", 1)
    return int(status), body


def test_curl_with_a_certificate(bound):
    """The steps of docs/guides/mtls-client.md."""
    instance = bound["instance"]
    identity = bound["certificates"]["tls_client_auth"]
    shown = ("--cert", identity["cert"], "--key", identity["key"])
    ask = ("-d", "grant_type=client_credentials", "-d", "client_id=mtls-client", "-d", "scope=orders.read")
    status, body = curl(instance, *shown, f"{bound['mtls']}/token", *ask)
    assert status == 200, body
    token = instance.secret("token of curl", json.loads(body)["access_token"])
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    der = run("openssl", "x509", "-in", identity["cert"], "-outform", "DER", "-out", instance.directory / "leaf.der")
    assert der.returncode == 0, der.stderr
    digest = hashlib.sha256((instance.directory / "leaf.der").read_bytes()).digest()
    assert claims["cnf"] == {"x5t#S256": base64.urlsafe_b64encode(digest).rstrip(b"=").decode()}
    bearer = ("-H", f"Authorization: Bearer {token}", f"{instance.gateway}/orders/7")
    assert curl(instance, *shown, *bearer)[0] == 200
    assert curl(instance, *bearer)[0] == 401
    # The main address asks nobody for a certificate, and knows the client by none.
    status, body = curl(instance, f"{instance.issuer}/token", *ask)
    assert (status, json.loads(body)["error"]) == (401, "invalid_client")


def test_a_revoked_certificate_is_no_client(bound):
    instance = bound["instance"]
    cert, key = instance.issue_certificate("dns:revoked.example")
    instance.add_client("revoked", "--auth", "tls_client_auth", "--tls-client-auth-san-dns", "revoked.example",
                        "--grant", "client_credentials", "--scopes", "orders.read")
    ask = ("--cert", cert, "--key", key, f"{bound['mtls']}/token", "-d", "grant_type=client_credentials", "-d", "client_id=revoked")
    assert curl(instance, *ask)[0] == 200
    serial = next(one["serial"] for one in instance.json("cert", "list") if "revoked.example" in json.dumps(one))
    instance.command("cert", "revoke", serial)
    assert instance.wait_for_log("certificate", since=0)
    for _ in range(100):
        status, body = curl(instance, *ask)
        if status == 401:
            break
    assert (status, json.loads(body)["error"]) == (401, "invalid_client")


def test_the_guide_says_what_is_so():
    text = (ROOT / "docs" / "guides" / "mtls-client.md").read_text()
    for word in ("--tls-client-auth-san-uri", "--tls-client-certificate-bound-access-tokens", "x5t#S256", "8404/token"):
        assert word in text, word
