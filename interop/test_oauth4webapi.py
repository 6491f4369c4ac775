"""npm oauth4webapi by itself: what openid-client is made of, each step checked by hand."""

import json

import pytest

from conftest import REDIRECT
from support.browser import Browser
from support.certificates import jwks, self_signed
from support.lines import Lines
from support.machine import free_ports, node

PASSWORD = "a long enough password for alice"


@pytest.fixture(scope="module")
def program():
    made = Lines(node("oauth4webapi.mjs"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def got(start, program):
    """What the library got, its person having said yes to everything."""
    (port,) = free_ports(1)

    def change(config):
        config["server"]["mtls"] = {"listen": f"127.0.0.1:{port}", "url": f"https://localhost:{port}",
                                    "tls": {"built_in_ca": ["localhost"]}}
        config["server"]["dpop_nonce"] = True

    instance = start(change)
    instance.add_user("alice", password=PASSWORD)
    people = ("--grant", "authorization_code", "--grant", "refresh_token", "--redirect-uri", REDIRECT, "--first-party",
              "--scopes", "openid offline_access orders.read")
    own = ("--grant", "client_credentials", "--scopes", "orders.read")
    key = instance.directory / "app.jwks"
    key.write_text(json.dumps(program.hear()["jwks"]))
    instance.add_client("o4w-public", "--auth", "none", *people)
    instance.add_client("o4w-dpop", "--auth", "none", "--dpop-bound-access-tokens", "--require-pushed-requests", *people)
    instance.add_client("o4w-signer", "--auth", "private_key_jwt", "--jwks-file", key, *people)
    instance.add_client("o4w-device", "--auth", "none", "--grant", "device_code", "--scopes", "openid orders.read")
    secrets = {name: instance.add_client(f"o4w-{name}", "--auth", name, *own)
               for name in ("client_secret_basic", "client_secret_post", "client_secret_jwt")}
    secrets["resource"] = instance.add_client("o4w-resource", "--auth", "client_secret_post", "--introspect", *own)
    instance.add_client("o4w-private_key_jwt", "--auth", "private_key_jwt", "--jwks-file", key, *own)
    cert, tls_key = instance.issue_certificate("uri:spiffe://localhost/billing")
    instance.add_client("o4w-tls_client_auth", "--auth", "tls_client_auth",
                        "--tls-client-auth-san-uri", "spiffe://localhost/billing", *own)
    mine = self_signed(instance.directory, "mine")
    registered = instance.directory / "mine.jwks"
    registered.write_text(json.dumps(jwks(mine["cert"])))
    instance.add_client("o4w-self_signed_tls_client_auth", "--auth", "self_signed_tls_client_auth",
                        "--jwks-file", registered, *own)
    said = program.ask({
        "issuer": instance.issuer, "redirect": REDIRECT, "ca": str(instance.ca_path), "secrets": secrets,
        "certificates": {"tls_client_auth": {"cert": str(cert), "key": str(tls_key)}, "self_signed_tls_client_auth": mine}})
    browser, opened = Browser(), []
    while "flows" not in said and len(opened) < 10:
        if "open" in said:
            opened.append(said["open"])
            said = program.ask({"url": browser.authorize(said["open"], REDIRECT, "alice", PASSWORD)})
        else:
            browser.open(said["device"]["verification_uri_complete"])
            browser.submit("device", "device-continue")
            browser.submit("device-decision", "device-allow")
            said = program.ask({})
    for number, secret in enumerate(said["secrets"]):
        instance.secret(f"what oauth4webapi got, {number}", secret)
    return said["flows"] | {"opened": opened}


def test_code_userinfo_refresh_and_revocation(got):
    assert got["public"] == {"sub": True, "rotated": True, "after": "invalid_grant"}


def test_pushed_signed_and_answered_by_jwt(got):
    assert [audience in ("o4w-signer", ["o4w-signer"]) for audience in got["signer"]] == [True] * 3
    _, par, jar, both, _ = got["opened"]
    assert all("request_uri=urn" in url and "scope=" not in url for url in (par, both))
    assert "request=ey" in jar and "scope=" not in jar


def test_dpop_with_nonces(got):
    assert got["dpop"] == {"type": "dpop", "stolen": "invalid_grant"}


def test_the_device_flow(got):
    assert got["device"]["early"] == "authorization_pending" and got["device"]["again"] == "invalid_grant"
    assert set(got["device"]["scope"].split()) == {"openid", "orders.read"}


def test_every_client_authentication(got):
    assert got["authentication"] == {name: "orders.read" for name in (
        "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "tls_client_auth",
        "self_signed_tls_client_auth")}
    # RFC 6749 §4.4: a client that can't prove who it is has nothing of its own.
    assert got["none"] == "unauthorized_client"


def test_introspection_both_ways_and_revocation(got):
    as_json, as_jwt = got["introspection"]
    assert as_json.pop("type").startswith("application/json")
    assert as_jwt.pop("type").startswith("application/token-introspection+jwt")  # RFC 9701 §5
    assert as_json == as_jwt == {"active": True, "scope": "orders.read", "client": "o4w-client_secret_basic"}
    assert got["revoked"] is False
