"""An application of a third party, whole: registered by a person on its pages, let in by another with less than it asks
for, used by PyPI Authlib at the gateway, and taken back."""

import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session

from conftest import REDIRECT
from support.browser import Browser

VERIFIER = "a-code-verifier-of-more-than-forty-three-letters-0123456789"
PASSWORD = "correct horse 1 battery"


@pytest.fixture(scope="module")
def opened(start):
    """An instance where people may register applications."""

    def change(config):
        config["registration"] = {"people": True, "max_per_person": 2,
                                  "scopes": ["openid", "profile", "email", "offline_access", "orders.read"]}

    instance = start(change)
    for name in ("ada", "bob"):
        instance.add_user(name, "--display-name", name.title(), "--email", f"{name}@example.com", password=PASSWORD)
    return instance


def signed_in(instance, name: str, to: str) -> Browser:
    browser = Browser()
    browser.open(f"{instance.issuer}{to}")
    browser.submit("sign-in", "login-submit", username=name, password=PASSWORD)
    return browser


def shown(browser: Browser, name: str) -> str:
    return re.search(f'<code id="{name}">([^<]+)</code>', browser.page.text).group(1)


def test_registered_let_in_used_and_taken_back(opened):
    ada = signed_in(opened, "ada", "/applications")
    ada.open(f"{opened.issuer}/applications/new")
    form = ada.form("application")
    assert form["fields"]["authentication"] == "client_secret_basic"
    ada.submit("application", "application-submit", ticking=("scope:orders.read", "scope:offline_access"), name="Ada\u2019s orders",
               redirect_uris="https://app.example/cb\r\nhttps://app.example/other")
    client, secret = shown(ada, "client-id"), shown(ada, "client-secret")
    opened.secret("secret of an application", secret)

    session = OAuth2Session(client, secret, scope="openid email offline_access orders.read",
                            redirect_uri="https://app.example/cb", code_challenge_method="S256")
    url, state = session.create_authorization_url(f"{opened.issuer}/authorize", code_verifier=VERIFIER)
    bob = Browser()
    bob.open(url)
    bob.submit("sign-in", "login-submit", username="bob", password=PASSWORD)
    assert "Registered by <strong>Ada (ada)</strong>" in bob.page.text
    back = bob.submit("consent", "consent-allow", "https://app.example/cb", without=("scope:email",))
    assert "code" in parse_qs(urlsplit(back).query), back
    token = session.fetch_token(f"{opened.issuer}/token", authorization_response=back, state=state, code_verifier=VERIFIER)
    for name in ("access_token", "refresh_token", "id_token"):
        opened.secret(f"{name} of an application", token[name])
    assert set(token["scope"].split()) == {"openid", "offline_access", "orders.read"}
    bearer = {"authorization": f"Bearer {token['access_token']}"}
    assert "email" not in requests.get(f"{opened.issuer}/userinfo", headers=bearer, timeout=30).json()

    def orders():
        return requests.get(f"{opened.gateway}/orders/7", headers=bearer, verify=str(opened.ca_path), timeout=30)

    assert orders().status_code == 200, orders().text
    # Not asked again, and not given more either.
    assert bob.open(url, "https://app.example/cb"), "asked again"

    bob.open(f"{opened.issuer}/account/authorizations")
    assert "Ada’s orders" in bob.page.text
    bob.open(f"{opened.issuer}/account/authorization?client_id={client}")
    bob.submit("withdraw", "withdraw-submit")
    assert 'id="authorizations-none"' in bob.page.text
    end = time.monotonic() + 30
    while orders().status_code != 401:
        assert time.monotonic() < end, "the gateway never heard of it"
        time.sleep(0.05)
    refused = requests.post(f"{opened.issuer}/token", auth=(client, secret), timeout=30,
                            data={"grant_type": "refresh_token", "refresh_token": token["refresh_token"]})
    assert refused.json()["error"] == "invalid_grant"

    # A new secret, the end of the old one, and of the application.
    ada.open(f"{opened.issuer}/applications/{client}/secret")
    ada.submit("secret", "secret-new")
    newer = shown(ada, "client-secret")
    opened.secret("newer secret of an application", newer)
    ada.open(f"{opened.issuer}/applications/{client}/secret")
    ada.submit("secret", "secret-end-old")
    for known, status in ((secret, 401), (newer, 200)):
        asked = requests.post(f"{opened.issuer}/introspect", auth=(client, known), data={"token": "x"}, timeout=30)
        assert asked.status_code == status
    ada.open(f"{opened.issuer}/applications/{client}/delete")
    ada.submit("delete", "delete-yes")
    assert 'id="applications-none"' in ada.page.text
    assert REDIRECT not in ada.page.text


def test_the_operator_decides_how_long_tokens_live(opened):
    long_jwt = ["client", "add", "wrong", "--grant", "authorization_code", "--redirect-uri", REDIRECT, "--access-token-life", "2d"]
    for arguments, words in (
        (long_jwt, "keys are not published longer"),
        ([*long_jwt[:-1], "until-withdrawn"], "only a reference token"),
        ([*long_jwt[:-1], "until-withdrawn", "--token-format", "reference", "--grant", "refresh_token"], "no refresh_token"),
    ):
        done = opened.command(*arguments, check=False)
        assert done.returncode != 0 and words in done.stderr, done
    opened.add_client("ci", "--grant", "authorization_code", "--redirect-uri", REDIRECT, "--scopes", "openid orders.read",
                      "--token-format", "reference", "--access-token-life", "until-withdrawn", "--every-scope-optional")
    shows = opened.command("client", "show", "ci")
    assert "until they are withdrawn" in shows and "every one but openid" in shows, shows
    shows = opened.command("client", "update", "ci", "--access-token-life", "400d", "--optional-scopes", "orders.read")
    assert "reference tokens, for 400d" in shows, shows
