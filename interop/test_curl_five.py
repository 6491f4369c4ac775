"""curl, all five methods, one identity; then one flipped byte in each credential, five proper refusals."""

import json

import pytest

from support import flip
from support.machine import need, run


def curl(house, *arguments, path="/orders/1"):
    """Runs curl against the gateway; status, header fields and body."""
    done = run(
        need("curl", "curl"), "--silent", "--show-error", "--max-time", "30", "--noproxy", "*",
        "--cacert", house.instance.ca_path, "--include", *arguments, house.instance.gateway + path,
    )
    if done.returncode:
        return None, {}, done.stderr
    head, _, body = done.stdout.replace("\r\n", "\n").partition("\n\n")
    status, *fields = head.split("\n")
    headers = {}
    for field in fields:
        name, _, value = field.partition(":")
        headers.setdefault(name.lower(), []).append(value.strip())
    return int(status.split()[1]), headers, body


def credentials(house):
    """The five, as curl's arguments: the right one, the flipped one, and the challenge a refusal must name."""
    jwt = house.instance.client_credentials("service", house.service_secret, "orders.read")["access_token"]
    reference = house.instance.client_credentials("reference", house.reference_secret, "orders.read")["access_token"]
    flipped = flip.in_certificate(house.certificate)
    bearer = lambda token: ["-H", f"Authorization: Bearer {token}"]
    certificate = lambda files: ["--cert", files[0], "--key", files[1]]
    return {
        "jwt": (bearer(jwt), bearer(flip.in_text(jwt)), "Bearer"),
        "oauth": (bearer(reference), bearer(flip.in_text(reference)), "Bearer"),
        "mtls": (certificate(house.certificate), certificate(flipped), None),
        "basic": (["--user", f"robot:{house.robot_password}"], ["--user", f"robot:{flip.in_text(house.robot_password)}"], "Basic"),
        "api_key": (["-H", f"X-API-Key: {house.api_key}"], ["-H", f"X-API-Key: {flip.in_text(house.api_key)}"], "ApiKey"),
    }


@pytest.fixture(scope="module")
def five(house):
    return credentials(house)


METHODS = ["jwt", "oauth", "mtls", "basic", "api_key"]


@pytest.mark.parametrize("method", METHODS)
def test_the_right_credential_gives_one_identity(house, five, method):
    # The route of certificates asks for no scope: a certificate carries none.
    status, _, body = curl(house, *five[method][0], path="/" if method == "mtls" else "/orders/1")
    assert status == 200, body
    seen = {name: value for name, value in json.loads(body)["headers"]}
    assert seen["countersign-method"] == method
    assert seen["countersign-subject"]
    assert seen["countersign-identity"].count(".") == 2
    assert "authorization" not in seen, "a credential went on to the service"
    assert "x-api-key" not in seen, "a credential went on to the service"


@pytest.mark.parametrize("method", METHODS)
def test_one_flipped_byte_is_refused(house, five, method):
    before = house.upstream.seen
    status, headers, body = curl(house, *five[method][1])
    assert house.upstream.seen == before, "a refused request reached the service"
    if method == "mtls" and status is None:
        # RFC 8446 §4.4.2.4: a certificate that does not verify ends the handshake with an alert.
        assert "alert" in body.lower(), body
        return
    assert status == 401, body
    challenges = headers["www-authenticate"]
    if five[method][2]:
        assert any(challenge.startswith(five[method][2]) for challenge in challenges), challenges
    if method in ("jwt", "oauth"):
        # RFC 6750 §3.1
        assert any('error="invalid_token"' in challenge for challenge in challenges), challenges
    problem = json.loads(body)
    assert headers["content-type"][0].startswith("application/problem+json")
    assert problem["status"] == 401


def test_no_credential_names_every_way_in(house):
    status, headers, _ = curl(house)
    assert status == 401
    schemes = {challenge.split()[0] for line in headers["www-authenticate"] for challenge in line.split(", ")}
    assert {"Bearer", "Basic", "ApiKey"} <= schemes, headers["www-authenticate"]
    # RFC 6750 §3.1: no error code where no credential was presented.
    assert not any("error=" in challenge for challenge in headers["www-authenticate"])


def test_too_few_scopes_is_forbidden(house):
    # The house's certificate has no scopes; /orders asks for one.
    status, _, body = curl(house, *("--cert", house.certificate[0], "--key", house.certificate[1]))
    assert status == 403, body


def test_two_credentials_are_refused(house, five):
    status, _, body = curl(house, *five["basic"][0], *five["api_key"][0])
    assert status in (400, 401), body


def test_two_api_keys_are_refused(house, five):
    status, _, body = curl(house, *five["api_key"][0], *five["api_key"][0])
    assert status in (400, 401), body


def test_a_key_in_the_url_is_taken_off(house):
    status, _, body = curl(house, path=f"/url-key?page=2&api_key={house.api_key}&size=3")
    assert status == 200, body
    assert json.loads(body)["target"] == "/url-key?page=2&size=3"


@pytest.mark.parametrize("name", ["Countersign-Subject", "countersign_subject", "COUNTERSIGN-Identity", "Countersign_Scopes"])
def test_a_spoofed_identity_header_does_not_arrive(house, five, name):
    status, _, body = curl(house, *five["basic"][0], "-H", f"{name}: mallory")
    assert status == 200, body
    assert "mallory" not in json.dumps(json.loads(body)["headers"])


def test_a_hop_by_hop_trick_does_not_remove_the_identity(house, five):
    """`Connection: countersign-subject` would have a careless proxy drop what it has just added."""
    status, _, body = curl(house, *five["basic"][0], "-H", "Connection: countersign-subject, countersign-identity")
    if status == 200:
        seen = {name: value for name, value in json.loads(body)["headers"]}
        assert seen["countersign-subject"] and seen["countersign-identity"]
    else:
        assert status == 400, body


@pytest.mark.parametrize("path", ["/open/../orders/1", "/open/%2e%2e/orders/1", "//orders/1", "/open/..%2forders/1", "/./orders/1"])
def test_a_path_cannot_be_talked_around(house, path):
    """`/open` lets everybody in, `/orders` does not: no spelling of the way there may get past."""
    status, _, body = curl(house, "--path-as-is", path=path)
    if status == 200:
        assert json.loads(body)["target"].startswith("/open/"), body
        assert ".." not in json.loads(body)["target"] and "%2e" not in json.loads(body)["target"].lower()
    else:
        assert status in (400, 401), body


def test_http2_works_like_http1(house, five):
    status, _, body = curl(house, "--http2", *five["api_key"][0])
    assert status == 200, body
    status, headers, _ = curl(house, "--http2", *five["api_key"][1])
    assert status == 401 and headers["www-authenticate"]
