"""The device flow (RFC 8628) with npm openid-client as the device, and the steps of docs/guides/device.md."""

import json
import subprocess

import pytest
import requests

from support.browser import Browser
from support.instance import clean_environment
from support.lines import Lines
from support.machine import binary, node

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(scope="module")
def device(house):
    house.instance.add_client("tv", "--name", "Living room TV", "--grant", "device_code", "--grant", "refresh_token",
                              "--auth", "none", "--scopes", "openid email offline_access orders.read")
    return "tv"


def decide(house, codes: dict, button: str, address: str = "verification_uri") -> Browser:
    """What the person does with a code, in a browser of their own."""
    browser = Browser()
    browser.open(codes[address])
    browser.submit("sign-in", "login-submit", username="alice", password=house.password)
    typed = {} if address == "verification_uri_complete" else {"user-code": codes["user_code"].lower()}
    browser.submit("device", "device-continue", **typed)
    assert "Living room TV" in browser.page.text and codes["user_code"] in browser.page.text
    browser.submit("device-decision", button)
    return browser


def test_openid_client(house, device):
    program = Lines(node("openid_client_device.mjs"))
    try:
        codes = program.ask({"issuer": house.instance.issuer, "client": device, "scope": "openid email orders.read"})
        assert codes["verification_uri"] == f"{house.instance.issuer}/device"
        house.instance.secret("device code", codes["device_code"])
        decide(house, codes, "device-allow")
        got = program.hear()
    finally:
        program.close()
    assert got["claims"]["iss"] == house.instance.issuer and got["claims"]["aud"] in (device, [device])
    tokens = got["tokens"]
    for name in ("access_token", "refresh_token", "id_token"):
        house.instance.secret(f"{name} of a device", tokens[name])
    answer = requests.get(f"{house.instance.gateway}/orders/7", verify=house.instance.ca_path, timeout=30,
                          headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert answer.status_code == 200


def test_openid_client_hears_a_no(house, device):
    program = Lines(node("openid_client_device.mjs"))
    try:
        codes = program.ask({"issuer": house.instance.issuer, "client": device, "scope": "openid"})
        decide(house, codes, "device-deny", "verification_uri_complete")
        got = program.hear()
    finally:
        program.close()
    assert got == {"error": "access_denied"}


def test_what_a_device_is_told(house, device):
    token = f"{house.instance.issuer}/token"
    codes = requests.post(f"{house.instance.issuer}/device_authorization", data={"client_id": device}, timeout=30).json()
    form = {"grant_type": GRANT, "client_id": device, "device_code": codes["device_code"]}
    told = [requests.post(token, data=form, timeout=30) for _ in range(2)]
    assert [answer.status_code for answer in told] == [400, 400]
    assert [answer.json()["error"] for answer in told] == ["authorization_pending", "slow_down"]
    picture = requests.get(f"{house.instance.issuer}/device/qr", params={"user_code": codes["user_code"]}, timeout=30)
    assert picture.headers["content-type"] == "image/svg+xml"


def test_the_command(house, device):
    program = subprocess.Popen(
        [binary(), "device", "--client", device, "--scopes", "openid orders.read", "--json", "-c", house.instance.config_path],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment())
    try:
        said = program.stderr.readline() + program.stderr.readline()
        codes = {"user_code": said.split(" type ")[1].split()[0], "verification_uri": f"{house.instance.issuer}/device"}
        assert f"Open {codes['verification_uri']} and type" in said
        decide(house, codes, "device-allow")
        out, _ = program.communicate(timeout=60)
    finally:
        program.kill()
    assert program.returncode == 0
    answer = json.loads(out)
    house.instance.secret("access token of the command", answer["access_token"])
    assert set(answer["scope"].split()) == {"openid", "orders.read"}
