"""A route that asks for a stronger sign-in: challenge, authorization with what it asked for, and through (RFC 9470, RFC 9728)."""

import json
import secrets
import urllib.error
import urllib.request

import pytest

from conftest import REDIRECT
from support.browser import Browser
from support.lines import Lines
from support.machine import node

PASSWORD, RECENT = "urn:example:password", "urn:example:recent"


@pytest.fixture(scope="module")
def stepped(start, upstream):
    """An instance whose orders are a resource of their own, half of it for recent sign-ins only."""

    def change(config):
        gateway = config["gateway"]
        resource = f"https://localhost:{gateway['listen'].rsplit(':', 1)[1]}/orders"
        route = {"path": "/orders", "upstream": upstream.url, "accept": ["jwt"], "audience": resource, "scopes": ["orders.read"]}
        gateway["routes"] = [
            {"name": "orders", **route},
            {"name": "payments", **route, "path": "/orders/pay", "acr_values": [RECENT], "max_age": "10m"},
        ]
        config["resources"] = [{"resource": resource, "name": "Orders", "scopes": {"orders.read": "See your orders"}}]
        config["acr_classes"] = [{"acr": RECENT, "amr": ["pwd"], "within": "5m"}, {"acr": PASSWORD, "amr": ["pwd"]}]

    instance = start(change)
    password = instance.add_user("alice", password=secrets.token_urlsafe(18))
    instance.add_client("web", "--grant", "authorization_code", "--auth", "none", "--redirect-uri", REDIRECT,
                        "--scopes", "openid orders.read")
    return instance, password


def answer(instance, path: str, token: str | None = None):
    """Status, header fields and body of a call at the gateway."""
    request = urllib.request.Request(instance.gateway + path, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=30, context=instance.tls()) as got:
            return got.status, got.headers, got.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_openid_client_goes_the_round_by_the_challenge_alone(stepped):
    instance, password = stepped
    program = Lines(["env", f"NODE_EXTRA_CA_CERTS={instance.ca_path}", *node("step_up.mjs")])
    browser = Browser()
    try:
        asked = program.ask({"issuer": instance.issuer, "web": "web", "redirect": REDIRECT, "weak": PASSWORD,
                             "resource": f"{instance.gateway}/orders", "route": f"{instance.gateway}/orders/pay"})
        asked = program.ask({"url": browser.authorize(asked["open"], REDIRECT, "alice", password)})
        got = program.ask({"url": browser.authorize(asked["open"], REDIRECT, "alice", password)})
    finally:
        program.close()
    for number, secret in enumerate(got["secrets"]):
        instance.secret(f"token {number} of the step-up", secret)
    refused = got["refused"]
    assert (refused["status"], refused["error"]) == (401, "insufficient_user_authentication")
    assert (refused["acr_values"], refused["max_age"], refused["scope"]) == (RECENT, "600", "orders.read")
    assert refused["resource_metadata"] == f"{instance.gateway}/.well-known/oauth-protected-resource/orders"
    assert got["passed"]["status"] == 200
    assert got["acr"] == [PASSWORD, RECENT]
    assert got["supported"] == [RECENT, PASSWORD]


def test_the_resource_tells_who_gives_tokens_for_it(stepped):
    instance, _ = stepped
    status, fields, _ = answer(instance, "/orders/1")
    metadata = f"{instance.gateway}/.well-known/oauth-protected-resource/orders"
    assert status == 401 and f'resource_metadata="{metadata}"' in fields["www-authenticate"]
    status, fields, body = answer(instance, metadata.removeprefix(instance.gateway))
    assert status == 200 and fields["content-type"] == "application/json"
    assert json.loads(body) == {
        "resource": f"{instance.gateway}/orders", "resource_name": "Orders", "authorization_servers": [instance.issuer],
        "scopes_supported": ["orders.read"], "bearer_methods_supported": ["header"],
    }


def test_the_consent_page_says_the_scope_in_the_resources_words(stepped):
    instance, password = stepped
    browser = Browser()
    query = ("response_type=code&client_id=web&scope=openid+orders.read&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback"
             "&prompt=consent&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256")
    browser.open(f"{instance.issuer}/authorize?{query}", REDIRECT)
    browser.submit("sign-in", "login-submit", REDIRECT, username="alice", password=password)
    assert "See your orders" in browser.page.text
