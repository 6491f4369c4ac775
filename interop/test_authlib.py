"""PyPI Authlib: code + PKCE through the real pages, refresh, client credentials, introspection, revocation, private_key_jwt."""

import json
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey

from conftest import REDIRECT
from support.browser import Browser

VERIFIER = "a-code-verifier-of-more-than-forty-three-letters-0123456789"


@pytest.fixture(scope="module")
def metadata(house):
    return requests.get(f"{house.instance.issuer}/.well-known/oauth-authorization-server", timeout=30).json()


def web(house, **more):
    return OAuth2Session("web", scope="openid offline_access orders.read", redirect_uri=REDIRECT, code_challenge_method="S256",
                         token_endpoint_auth_method="none", **more)


def code_flow(house, metadata, browser=None):
    session = web(house)
    url, state = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=VERIFIER)
    back = (browser or Browser()).authorize(url, REDIRECT, "alice", house.password)
    # RFC 9207 §2.3
    assert parse_qs(urlsplit(back).query)["iss"] == [house.instance.issuer]
    token = session.fetch_token(metadata["token_endpoint"], authorization_response=back, state=state, code_verifier=VERIFIER)
    for name in ("access_token", "refresh_token", "id_token"):
        house.instance.secret(f"{name} of authlib", token[name])
    return session, token


def test_code_with_pkce_and_refresh(house, metadata):
    session, token = code_flow(house, metadata)
    assert token["token_type"].lower() == "bearer" and token["expires_in"] > 0
    answer = requests.get(f"{house.instance.gateway}/orders/7", headers={"authorization": f"Bearer {token['access_token']}"},
                          verify=str(house.instance.ca_path), timeout=30)
    assert answer.status_code == 200, answer.text
    second = session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
    house.instance.secret("second refresh token of authlib", second["refresh_token"])
    assert second["refresh_token"] != token["refresh_token"]
    assert second["access_token"] != token["access_token"]


def test_a_second_visit_asks_for_no_password(house, metadata):
    browser = Browser()
    code_flow(house, metadata, browser)
    url, _ = web(house).create_authorization_url(metadata["authorization_endpoint"], code_verifier=VERIFIER)
    back = browser.open(url, REDIRECT)
    if back is None:  # consent may be asked for again, the password may not
        assert not browser.has_form("sign-in")
        back = browser.submit("consent", "consent-allow", REDIRECT)
    assert "code" in parse_qs(urlsplit(back).query)


def test_denying_goes_back_with_access_denied(house, metadata):
    house.instance.add_client("asker", "--grant", "authorization_code", "--auth", "none", "--redirect-uri", REDIRECT, "--scopes", "openid")
    session = OAuth2Session("asker", scope="openid", redirect_uri=REDIRECT, code_challenge_method="S256", token_endpoint_auth_method="none")
    url, state = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=VERIFIER)
    browser = Browser()
    assert browser.open(url, REDIRECT) is None
    browser.submit("sign-in", "login-submit", REDIRECT, username="alice", password=house.password)
    back = parse_qs(urlsplit(browser.submit("consent", "consent-deny", REDIRECT)).query)
    assert back["error"] == ["access_denied"] and back["state"] == [state]


def test_a_wrong_password_says_so_and_asks_again(house, metadata):
    url, _ = web(house).create_authorization_url(metadata["authorization_endpoint"], code_verifier=VERIFIER)
    browser = Browser()
    browser.open(url, REDIRECT)
    assert browser.submit("sign-in", "login-submit", REDIRECT, username="alice", password="wrong") is None
    assert browser.has_form("sign-in") and 'id="problem"' in browser.page.text
    assert browser.submit("sign-in", "login-submit", REDIRECT, username="alice", password=house.password) or browser.has_form("consent")


@pytest.mark.parametrize("change, error", [
    ({"redirect_uri": "http://evil.example/callback"}, None),
    ({"client_id": "nobody"}, None),
    ({"code_challenge": "", "code_challenge_method": ""}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"scope": "openid everything"}, "invalid_scope"),
])
def test_bad_authorization_requests(house, metadata, change, error):
    """RFC 6749 §4.1.2.1: never a redirect to an address that was not checked; everything else goes back as an error."""
    asked = {"client_id": "web", "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid", "state": "s",
             "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"} | change
    answer = requests.get(metadata["authorization_endpoint"], params={k: v for k, v in asked.items() if v}, allow_redirects=False, timeout=30)
    if error is None:
        assert answer.status_code == 400 and "location" not in answer.headers
    else:
        back = urlsplit(answer.headers["location"])
        assert answer.headers["location"].startswith(REDIRECT + "?")
        assert parse_qs(back.query)["error"] == [error] and parse_qs(back.query)["state"] == ["s"]


def test_client_credentials_introspection_revocation(house, metadata):
    session = OAuth2Session("resource", house.resource_secret, token_endpoint_auth_method="client_secret_basic",
                            revocation_endpoint_auth_method="client_secret_basic")
    token = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
    house.instance.secret("access token of resource", token["access_token"])
    assert "refresh_token" not in token  # RFC 6749 §4.4.3
    live = session.introspect_token(metadata["introspection_endpoint"], token=token["access_token"]).json()
    assert live["active"] is True and live["client_id"] == "resource"
    assert session.revoke_token(metadata["revocation_endpoint"], token=token["access_token"]).status_code == 200
    assert session.introspect_token(metadata["introspection_endpoint"], token=token["access_token"]).json() == {"active": False}
    # RFC 7009 §2.2: an unknown token is as good as a revoked one.
    assert session.revoke_token(metadata["revocation_endpoint"], token="no such token").status_code == 200


def test_introspection_asks_who_asks(house, metadata):
    answer = requests.post(metadata["introspection_endpoint"], data={"token": "x"}, timeout=30)
    assert answer.status_code == 401 and answer.json()["error"] == "invalid_client"


def test_private_key_jwt(house, metadata, tmp_path):
    key, other = (ECKey.generate_key("P-256", {"kid": "one"}) for _ in range(2))
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps({"keys": [key.as_dict(private=False) | {"use": "sig", "alg": "ES256"}]}))
    house.instance.add_client("signer", "--grant", "client_credentials", "--auth", "private_key_jwt", "--jwks-file", jwks, "--scopes", "orders.read")
    endpoint = metadata["token_endpoint"]

    def fetch(signing_key):
        method = PrivateKeyJWT(endpoint, alg="ES256", headers={"kid": "one"})
        return OAuth2Session("signer", signing_key, token_endpoint_auth_method=method).fetch_token(endpoint, grant_type="client_credentials")

    assert fetch(key)["access_token"]
    with pytest.raises(OAuthError, match="invalid_client"):
        fetch(other)


def test_refresh_reuse_withdraws_the_family(house, metadata):
    session, token = code_flow(house, metadata)
    tokens = [token["refresh_token"]]
    for _ in range(2):
        tokens.append(session.refresh_token(metadata["token_endpoint"], refresh_token=tokens[-1])["refresh_token"])
    # The house forgives a lost answer for one second; after that somebody else must have used it.
    time.sleep(1.5)
    with pytest.raises(OAuthError, match="invalid_grant"):
        session.refresh_token(metadata["token_endpoint"], refresh_token=tokens[0])
    with pytest.raises(OAuthError, match="invalid_grant"):
        session.refresh_token(metadata["token_endpoint"], refresh_token=tokens[-1])


def test_duplicated_parameters_are_refused(house, metadata):
    # RFC 6749 §3.2
    body = f"grant_type=client_credentials&client_id=service&client_secret={house.service_secret}&scope=orders.read&scope=orders.read"
    answer = requests.post(metadata["token_endpoint"], data=body, headers={"content-type": "application/x-www-form-urlencoded"}, timeout=30)
    assert answer.status_code == 400 and answer.json()["error"] == "invalid_request"
    assert answer.headers["cache-control"] == "no-store"
