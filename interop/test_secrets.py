"""No secret in any log, whatever the caller does wrong. The run's end checks every instance; here they are provoked."""

import base64

import requests

from conftest import REDIRECT, furnish
from support.browser import Browser
from support.machine import need, run


def test_nothing_secret_is_logged(house):
    instance, ca = house.instance, str(house.instance.ca_path)
    token = instance.client_credentials("service", house.service_secret)["access_token"]
    before = len(instance.log())
    ask = lambda path="/", **more: requests.get(instance.gateway + path, verify=ca, timeout=60, **more)
    bearer = {"authorization": f"Bearer {token}"}
    assert ask(headers=bearer).status_code == 200
    assert ask(auth=("robot", house.robot_password)).status_code == 200
    assert ask(headers={"x-api-key": house.api_key}).status_code == 200
    assert ask(f"/url-key?api_key={house.api_key}").status_code == 200
    # In the wrong place, in the wrong scheme, twice, broken.
    ask(f"/?access_token={token}")
    ask(f"/orders?api_key={house.api_key}")
    ask(headers={"authorization": f"Basic {house.api_key}"})
    ask(headers={"authorization": f"ApiKey {token}"})
    ask(headers={"authorization": house.robot_password})
    ask(headers=bearer | {"x-api-key": house.api_key})
    ask(headers={"cookie": f"session={token}", "authorization": f"Bearer {house.api_key}"})
    form = {"grant_type": "password", "client_id": "service", "client_secret": house.service_secret, "username": "alice", "password": house.password}
    assert requests.post(f"{instance.issuer}/token", data=form, timeout=30).status_code == 400
    requests.get(f"{instance.issuer}/authorize", params=form, allow_redirects=False, timeout=30)
    requests.get(f"{instance.issuer}/token?client_secret={house.service_secret}", timeout=30)
    requests.post(f"{instance.issuer}/sign-in", data={"username": "alice", "password": house.password}, timeout=30)
    assert len(instance.log()) > before
    assert instance.leaked() == []


def test_metrics_count_by_method_and_outcome(house):
    text = requests.get(f"{house.instance.management}/metrics", timeout=30).text
    assert "countersign_requests_total{" in text
    for label in ('method="', 'route="', 'outcome="'):
        assert label in text
    assert not any(secret in text for secret in house.instance.secrets.values())


def test_nothing_secret_is_logged_even_at_trace(start, upstream):
    """A whole authorization, cookies and Basic pairs included, over HTTP/1.1 and HTTP/2, with every library speaking."""
    instance = start(lambda config: config["log"].update(level="trace"))
    house = furnish(instance, upstream)
    verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    asked = requests.Request("GET", f"{instance.issuer}/authorize", params={
        "client_id": "web", "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid offline_access", "state": "s",
        "code_challenge": challenge, "code_challenge_method": "S256"}).prepare().url
    browser = Browser()
    code = browser.authorize(asked, REDIRECT, "alice", house.password).split("code=")[1].split("&")[0]
    form = {"grant_type": "authorization_code", "client_id": "web", "code": code, "redirect_uri": REDIRECT, "code_verifier": verifier}
    tokens = requests.post(f"{instance.issuer}/token", data=form, timeout=30).json()
    held = {"code": code, "verifier": verifier} | {name: tokens[name] for name in ("access_token", "refresh_token", "id_token")}
    held |= {f"cookie {cookie.name}": cookie.value for cookie in browser.session.cookies}
    basics = {"robot": house.robot_password, "resource": house.resource_secret}
    held |= {f"Basic of {name}": base64.b64encode(f"{name}:{secret}".encode()).decode() for name, secret in basics.items()}
    for name, value in held.items():
        instance.secret(name, value)
    for target in ("introspect", "revoke"):
        requests.post(f"{instance.issuer}/{target}", data={"token": tokens["refresh_token"]}, auth=("resource", house.resource_secret), timeout=30)
    curl = need("curl", "curl")
    for version in ("--http1.1", "--http2"):
        for credential in (["-H", f"authorization: Bearer {tokens['access_token']}"], ["-H", f"x-api-key: {house.api_key}"], ["-u", f"robot:{house.robot_password}"]):
            done = run(curl, "-s", version, "--cacert", instance.ca_path, *credential, f"{instance.gateway}/")
            assert '"method"' in done.stdout, done.stdout
    requests.post(f"{instance.issuer}/token", data=form, timeout=30)
    assert '"level":"TRACE"' in instance.log(), "nothing spoke at that level"
    assert instance.leaked() == []
