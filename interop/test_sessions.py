"""What an operator withdraws on the command line, beside the running server: a session, a token, a key that waits."""

import base64
import json
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from conftest import REDIRECT
from support.browser import Browser

PASSWORD = "a password for alice of the sessions"
VERIFIER, CHALLENGE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture(scope="module")
def instance(start):
    made = start()
    made.add_user("alice", password=PASSWORD)
    made.add_client("web", "--grant", "authorization_code", "--grant", "refresh_token", "--auth", "none", "--redirect-uri", REDIRECT,
                    "--scopes", "openid offline_access orders.read")
    return made


def tokens(instance, browser, scope):
    query = urlencode({"client_id": "web", "redirect_uri": REDIRECT, "response_type": "code", "scope": scope, "code_challenge": CHALLENGE,
                       "code_challenge_method": "S256"})
    back = browser.authorize(f"{instance.issuer}/authorize?{query}", REDIRECT, "alice", PASSWORD)
    form = {"grant_type": "authorization_code", "client_id": "web", "redirect_uri": REDIRECT, "code_verifier": VERIFIER,
            "code": parse_qs(urlsplit(back).query)["code"][0]}
    answer = requests.post(f"{instance.issuer}/token", data=form, timeout=30)
    assert answer.status_code == 200, answer.text
    for name in ("access_token", "refresh_token"):
        instance.secret(f"{name} for {scope}", answer.json()[name])
    return answer.json()


def status(instance, token):
    return requests.get(f"{instance.gateway}/orders", verify=str(instance.ca_path), timeout=30, headers={"authorization": f"Bearer {token}"}).status_code


def soon_refused(instance, token) -> bool:
    for _ in range(200):
        if status(instance, token) == 401:
            return True
        time.sleep(0.05)
    return False


def test_a_session_is_listed_and_revoked(instance):
    browser = Browser()
    online, offline = (tokens(instance, browser, scope) for scope in ("openid orders.read", "openid offline_access orders.read"))
    assert [status(instance, one["access_token"]) for one in (online, offline)] == [200, 200]
    payload = online["access_token"].split(".")[1]
    sid = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sid"]
    (listed,) = instance.json("session", "list", "--user", "alice")
    assert (listed["id"], listed["username"], listed["amr"], listed["grants"]) == (sid, "alice", ["pwd"], 2)
    assert sid in instance.command("session", "list")
    said = instance.command("session", "revoke", sid)
    assert said == "1 session ended, 1 grant revoked with their tokens\nleft, because it was given with offline_access: 1 grant; --offline ends that too\n", said
    assert soon_refused(instance, online["access_token"])
    assert status(instance, offline["access_token"]) == 200
    assert instance.json("session", "list") == []
    # What outlasted it is found by it still, and everything of a person's by their name.
    assert instance.json("session", "revoke", "--user", "alice", "--offline") == {"sessions": 0, "grants": 1, "grants_left": 0}
    assert soon_refused(instance, offline["access_token"])
    form = {"grant_type": "refresh_token", "client_id": "web", "refresh_token": offline["refresh_token"]}
    assert requests.post(f"{instance.issuer}/token", data=form, timeout=30).json()["error"] == "invalid_grant"
    nothing = instance.command("session", "revoke", sid, check=False)
    assert nothing.returncode == 1 and "there is no session" in nothing.stderr


def test_a_token_is_revoked_whoever_has_it(instance):
    browser = Browser()
    one, two = (tokens(instance, browser, "openid orders.read") for _ in range(2))
    assert "revoked" in instance.command("token", "revoke", "-", stdin=one["access_token"])
    assert soon_refused(instance, one["access_token"])
    assert status(instance, two["access_token"]) == 200
    assert "with every token of it" in instance.command("token", "revoke", "-", stdin=two["refresh_token"])
    assert soon_refused(instance, two["access_token"])
    wrong = instance.command("token", "revoke", "-", stdin="eyJhbGciOiJub25lIn0.e30.", check=False)
    assert wrong.returncode == 1 and "no token of this server" in wrong.stderr


def test_a_key_that_waits_is_not_joined_by_another(instance):
    first = instance.command("keys", "rotate")
    assert "is published now and signs in 1h" in first, first
    kid = first.split()[1]
    again = instance.command("keys", "rotate")
    assert f"key {kid} is published already and signs in 1h" in again, again
    assert [key["state"] for key in instance.json("keys", "list")].count("published") == 1
