"""Clients written for GitHub: Octokit's OAuth packages with their base URL changed and nothing else, and what others may send."""

import json
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from support.browser import Browser
from support.lines import Lines
from support.machine import node

REDIRECT = "http://127.0.0.1/github/callback"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def github(start):
    """An instance with GitHub's addresses, a person, an application and a device."""

    def change(config):
        config["compatibility"] = {"github": True}
        upstream = config["gateway"]["routes"][0]["upstream"]
        config["gateway"]["routes"].append({"name": "github", "path": "/github", "upstream": upstream, "accept": ["oauth"],
                                            "scopes": ["orders.read"], "token_scheme": True})

    instance = start(change)
    instance.add_user("octocat", "--display-name", "Mona Lisa", "--email", "mona@example.com", password=PASSWORD)
    instance.app_secret = instance.add_client(
        "octo-app", "--name", "Octo App", "--profile", "github", "--auth", "client_secret_post", "--grant", "authorization_code",
        "--redirect-uri", REDIRECT, "--scopes", "read:user user:email orders.read", "--token-format", "reference",
        "--access-token-life", "until-withdrawn")
    instance.add_client("octo-cli", "--name", "Octo CLI", "--profile", "github", "--auth", "none", "--grant", "device_code",
                        "--scopes", "read:user", "--token-format", "reference")
    instance.add_client("octo-page", "--profile", "github", "--auth", "none", "--grant", "authorization_code",
                        "--redirect-uri", REDIRECT, "--scopes", "read:user")
    return instance


def at_gateway(instance, path, authorization):
    return requests.get(f"{instance.gateway}{path}", headers={"authorization": authorization}, verify=str(instance.ca_path), timeout=30)


def code_of(url):
    return parse_qs(urlsplit(url).query)["code"][0]


def fetch_code(instance, **changes):
    query = {"client_id": "octo-app", "redirect_uri": REDIRECT, "scope": "read:user,orders.read", "state": "x", **changes}
    url = f"{instance.issuer}/login/oauth/authorize?{urlencode({k: v for k, v in query.items() if v})}"
    return code_of(Browser().authorize(url, REDIRECT, "octocat", PASSWORD))


def exchange(instance, code, as_json=False, accept=None, **changes):
    body = {"client_id": "octo-app", "client_secret": instance.app_secret, "code": code, **changes}
    sent = {"json": body} if as_json else {"data": body}
    headers = {"accept": accept} if accept else {}
    return requests.post(f"{instance.issuer}/login/oauth/access_token", headers=headers, timeout=30, **sent)


def test_octokit_web_flow(github):
    browser = Browser()
    program = Lines(node("octokit.mjs"))
    open_page = lambda url: {"url": browser.authorize(url, REDIRECT, "octocat", PASSWORD)}
    try:
        first = program.ask({"issuer": github.issuer, "client": "octo-app", "secret": github.app_secret, "redirect": REDIRECT})
        second = program.ask(open_page(first["open"]))
        got = program.ask(open_page(second["open"]))
        github.secret("Octokit's token", got["token"])
        github.secret("Octokit's new token", got["reset"]["token"])
        assert got["replay"]["status"] == 400 and "bad_verification_code" in got["replay"]["message"]
        assert got["ended"]["status"] == 404
        assert (got["user"]["login"], got["user"]["name"], got["user"]["type"]) == ("octocat", "Mona Lisa", "User")
        # user:email was not asked for, and nobody has proven the address.
        assert isinstance(got["user"]["id"], int) and got["user"]["email"] is None
        assert got["headers"] == {"scopes": "orders.read, read:user", "client": "octo-app"}
        assert got["checked"]["scopes"] == ["orders.read", "read:user"] and got["checked"]["user"]["id"] == got["user"]["id"]
        assert got["checked"]["app"] == {"client_id": "octo-app", "name": "Octo App"}
        assert got["checked"]["expires_at"] is None, "it lives until it is withdrawn"
        assert got["old"]["status"] == 401 and got["again"] == "octocat"
        assert got["reset"]["token"] != got["token"] and got["reset"]["token"].startswith("cst_at_")
        # At the gateway, under GitHub's scheme where the route says so, and under the standard's.
        assert at_gateway(github, "/github/1", f"token {got['reset']['token']}").status_code == 200
        assert at_gateway(github, "/orders/1", f"token {got['reset']['token']}").status_code == 401
        assert at_gateway(github, "/orders/1", f"Bearer {got['reset']['token']}").status_code == 200
        third = program.ask({})
        end = program.ask(open_page(third["open"]))
    finally:
        program.close()
    github.secret("Octokit's third token", end["third"])
    assert (end["deleted"], end["withdrawn"]) == (204, 204)
    assert end["gone"]["status"] == 401 and "Bad credentials" in end["gone"]["message"]
    assert end["unknown"]["status"] == 404
    # What the application gave back is asked for again.
    assert browser.open(third["open"], REDIRECT) is None and browser.has_form("consent")
    assert at_gateway(github, "/github/1", f"token {got['reset']['token']}").status_code == 401


@pytest.mark.parametrize("button", ["device-allow", "device-deny"])
def test_octokit_device_flow(github, button):
    program = Lines(node("octokit_device.mjs"))
    try:
        codes = program.ask({"issuer": github.issuer, "client": "octo-cli"})
        github.secret("device code", codes["device_code"])
        browser = Browser()
        browser.open(codes["verification_uri"])
        browser.submit("sign-in", "login-submit", username="octocat", password=PASSWORD)
        browser.submit("device", "device-continue", **{"user-code": codes["user_code"]})
        browser.submit("device-decision", button)
        got = program.hear()
    finally:
        program.close()
    if button == "device-deny":
        assert got == {"error": "access_denied"}
    else:
        github.secret("token of a device", got["token"])
        assert (got["user"]["login"], got["scopes"], got["tokenType"]) == ("octocat", ["read:user"], "oauth")


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("accept", [None, "application/json"])
def test_bodies_and_answers_are_forms_or_json(github, as_json, accept):
    answer = exchange(github, fetch_code(github), as_json, accept)
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    if accept:
        assert answer.headers["content-type"] == "application/json"
        members = answer.json()
    else:
        assert answer.headers["content-type"].startswith("application/x-www-form-urlencoded")
        members = {name: value[0] for name, value in parse_qs(answer.text, strict_parsing=True).items()}
    github.secret("token", members["access_token"])
    assert members["token_type"] == "bearer" and members["scope"] == "orders.read,read:user"
    assert "expires_in" not in members


@pytest.mark.parametrize("changes, error", [
    ({"code": "wrong"}, "bad_verification_code"),
    ({"client_secret": "wrong"}, "incorrect_client_credentials"),
    ({"client_id": "nobody"}, "incorrect_client_credentials"),
    ({"redirect_uri": "http://127.0.0.1/other"}, "redirect_uri_mismatch"),
    ({"grant_type": "password"}, "unsupported_grant_type"),
    ({"code_verifier": "x" * 43}, "bad_verification_code"),
])
def test_errors_come_with_status_200(github, changes, error):
    changes = dict(changes)
    answer = exchange(github, changes.pop("code", None) or fetch_code(github), True, "application/json", **changes)
    assert answer.status_code == 200
    members = answer.json()
    assert set(members) == {"error", "error_description", "error_uri"} and members["error"] == error
    assert members["error_uri"].startswith("https://www.rfc-editor.org/rfc/rfc")
    form = exchange(github, "wrong", **{k: v for k, v in changes.items()})
    assert form.status_code == 200 and parse_qs(form.text)["error"]


def test_pkce_counts_where_it_is_sent_and_is_needed_where_there_is_no_secret(github):
    verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    code = fetch_code(github, code_challenge=challenge, code_challenge_method="S256")
    refused = exchange(github, code, accept="application/json").json()
    assert refused["error"] == "bad_verification_code"
    code = fetch_code(github, code_challenge=challenge, code_challenge_method="S256")
    tokens = exchange(github, code, accept="application/json", code_verifier=verifier).json()
    github.secret("token with PKCE", tokens["access_token"])
    query = urlencode({"client_id": "octo-page", "redirect_uri": REDIRECT, "scope": "read:user"})
    back = Browser().open(f"{github.issuer}/login/oauth/authorize?{query}", REDIRECT)
    assert parse_qs(urlsplit(back).query)["error"] == ["invalid_request"]


def test_a_redirect_uri_that_is_not_registered_is_never_gone_to(github):
    browser = Browser()
    query = urlencode({"client_id": "octo-app", "redirect_uri": "https://evil.example/"})
    assert browser.open(f"{github.issuer}/login/oauth/authorize?{query}", "https://evil.example") is None
    assert browser.page.status_code == 400


def test_a_token_is_its_own_applications_business(github):
    other = github.add_client("other-app", "--profile", "github", "--auth", "client_secret_basic", "--grant", "client_credentials",
                              "--scopes", "orders.read")
    token = exchange(github, fetch_code(github), accept="application/json").json()["access_token"]
    github.secret("another token", token)
    ask = lambda method, client, secret, path="token", body=None: requests.request(
        method, f"{github.issuer}/applications/{client}/{path}", auth=(client, secret), json=body or {"access_token": token}, timeout=30)
    for method, path in [("POST", "token"), ("PATCH", "token"), ("DELETE", "token"), ("DELETE", "grant")]:
        assert ask(method, "other-app", other, path).status_code == 404, (method, path)
        assert ask(method, "octo-app", "wrong", path).status_code == 401, (method, path)
    stolen = requests.post(f"{github.issuer}/applications/octo-app/token", auth=("other-app", other), json={"access_token": token}, timeout=30)
    assert stolen.status_code == 401
    assert ask("POST", "octo-app", github.app_secret).status_code == 200
    assert ask("POST", "octo-app", github.app_secret, body={"other": "x"}).status_code == 422
    for text in ('{"access_token":"a","access_token":"b"}', '{"access_token":["a"]}', "[]", "{"):
        answer = requests.post(f"{github.issuer}/applications/octo-app/token", auth=("octo-app", github.app_secret), data=text,
                               headers={"content-type": "application/json"}, timeout=30)
        assert answer.status_code == 400, text


def test_who_is_asked_for_at_user(github):
    user = lambda authorization: requests.get(f"{github.issuer}/user", headers={"authorization": authorization} if authorization else {}, timeout=30)
    token = exchange(github, fetch_code(github, scope="orders.read"), accept="application/json").json()["access_token"]
    github.secret("a token without read:user", token)
    for scheme in ("token", "Token", "Bearer"):
        answer = user(f"{scheme} {token}")
        assert answer.status_code == 200 and answer.json()["login"] == "octocat" and answer.json()["name"] is None
    service = github.add_client("service", "--grant", "client_credentials", "--scopes", "orders.read", "--auth", "client_secret_post")
    jwt = github.client_credentials("service", service)["access_token"]
    assert user("token").status_code == 400
    for wrong in (None, f"token {token[:-1]}", f"token {jwt}"):
        answer = user(wrong)
        assert answer.status_code == 401 and answer.json()["message"], wrong
        assert answer.headers["www-authenticate"].startswith("Bearer")
    # A client of another profile asks for what tells who somebody is, or is not told.
    answer = user(f"Bearer {jwt}")
    assert answer.status_code == 403 and answer.json()["message"]


def test_the_addresses_are_there_only_where_they_are_wanted(house):
    assert requests.post(f"{house.instance.issuer}/login/oauth/access_token", data={}, timeout=30).status_code == 404
    assert requests.get(f"{house.instance.issuer}/user", timeout=30).status_code == 404
