"""npm openid-client: code + PKCE through the real pages, userinfo, refresh, client credentials, introspection, revocation."""

from conftest import REDIRECT
from support.browser import Browser
from support.lines import Lines
from support.machine import node


def test_every_flow(house):
    program = Lines(node("openid_client.mjs"))
    try:
        asked = program.ask({"issuer": house.instance.issuer, "web": "web", "redirect": REDIRECT,
                             "resource": "resource", "resourceSecret": house.resource_secret,
                             "service": "service", "serviceSecret": house.service_secret})
        back = Browser().authorize(asked["open"], REDIRECT, "alice", house.password)
        got = program.ask({"url": back})
    finally:
        program.close()
    for number, secret in enumerate(got["secrets"]):
        house.instance.secret(f"token {number} of openid-client", secret)

    assert got["claims"]["iss"] == house.instance.issuer and got["claims"]["aud"] in ("web", ["web"])
    assert got["claims"]["sub"] == got["userinfo"]["sub"]
    assert got["userinfo"]["email"] == "alice@example.com"
    assert got["userinfo"]["name"] == "Alice Example"
    assert set(got["scope"].split()) == {"openid", "profile", "email", "offline_access", "orders.read"}
    assert got["refreshed"] and got["rotated"]
    assert got["posted"] == "orders.read"
    assert got["replay"] == "invalid_grant"
    assert got["live"]["active"] is True and got["live"]["client_id"] == "resource" and got["live"]["scope"] == "orders.read"
    # RFC 7662 §2.2: nothing but this about a token that is not active.
    assert got["revoked"] == {"active": False}
    assert got["replayed"] == {"active": False}, "a replayed code must withdraw what it gave"
    # RFC 6749 §5.2: a client that used the Authorization field is told the scheme.
    assert got["refused"] == "basic"
