"""Our tokens, verified from our JWKS by people who never saw our code: PyPI PyJWT and npm jose."""

import json

import jwt as pyjwt
import pytest
import requests

from support import flip
from support.machine import node, run

ALGORITHMS = ["ES256", "RS256", "PS256", "ES384", "EdDSA"]


@pytest.fixture(scope="module", params=ALGORITHMS)
def signed(request, start):
    """An instance that signs with one algorithm, and a token of it."""

    def change(config):
        config["keys"] = {"algorithms": [request.param]}
        config["log"]["level"] = "info"

    instance = start(change)
    secret = instance.add_client("service", "--grant", "client_credentials", "--scopes", "orders.read", "--auth", "client_secret_post")
    return instance, request.param, instance.client_credentials("service", secret)["access_token"]


def test_pyjwt_verifies(signed):
    instance, algorithm, token = signed
    jwks = requests.get(f"{instance.issuer}/jwks", timeout=30)
    assert "max-age" in jwks.headers["cache-control"]
    header = pyjwt.get_unverified_header(token)
    assert (header["alg"], header["typ"]) == (algorithm, "at+jwt")
    key = pyjwt.PyJWKSet.from_dict(jwks.json())[header["kid"]]
    options = {"require": ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]}
    claims = pyjwt.decode(token, key, algorithms=[algorithm], issuer=instance.issuer, audience=instance.issuer, options=options)
    assert claims["client_id"] == claims["sub"] == "service"
    with pytest.raises(pyjwt.InvalidSignatureError):
        pyjwt.decode(flip.in_text(token), key, algorithms=[algorithm], issuer=instance.issuer, audience=instance.issuer)


def test_jose_verifies(signed):
    instance, algorithm, token = signed
    ask = json.dumps({"jwks": f"{instance.issuer}/jwks", "issuer": instance.issuer, "algorithm": algorithm,
                      "token": token, "flipped": flip.in_text(token)})
    done = run(*node("jose.mjs"), stdin=ask)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["claims"]["client_id"] == "service"
    assert answer["flipped"] == "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"


def test_jwks_holds_no_private_part(signed):
    instance, _, _ = signed
    keys = requests.get(f"{instance.issuer}/jwks", timeout=30).json()["keys"]
    for key in keys:
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key), key.keys()
        assert key["use"] in ("sig", "enc") and key["kid"] and key["alg"]
    assert [key["use"] for key in keys].count("sig") == 1


def test_the_identity_token_verifies_too(house):
    """What the service behind the gateway gets is a JWT of ours as well, for this service only."""
    answer = requests.get(f"{house.instance.gateway}/", auth=("robot", house.robot_password), verify=str(house.instance.ca_path), timeout=60)
    token = dict(answer.json()["headers"])["countersign-identity"]
    key = pyjwt.PyJWKSet.from_dict(requests.get(f"{house.instance.issuer}/jwks", timeout=30).json())[pyjwt.get_unverified_header(token)["kid"]]
    claims = pyjwt.decode(token, key, algorithms=["ES256"], issuer=house.instance.issuer, audience=house.upstream.url)
    assert pyjwt.get_unverified_header(token)["typ"] == "identity+jwt"
    assert claims["exp"] - claims["iat"] <= 60
    # It is no access token: whoever gets hold of it can't come back with it.
    back = requests.get(f"{house.instance.gateway}/", headers={"authorization": f"Bearer {token}"}, verify=str(house.instance.ca_path), timeout=30)
    assert back.status_code == 401


def test_command_line_mints_inspects_and_verifies(house):
    token = house.instance.json("token", "mint", "--client", "service", "--scopes", "orders.read")["access_token"]
    house.instance.secret("minted token", token)
    assert requests.get(f"{house.instance.gateway}/orders/1", headers={"authorization": f"Bearer {token}"},
                        verify=str(house.instance.ca_path), timeout=30).status_code == 200
    assert "service" in house.instance.command("token", "inspect", "-", stdin=token)
    assert house.instance.command("token", "verify", "-", stdin=token)
    done = house.instance.command("token", "verify", "-", stdin=flip.in_text(token), check=False)
    assert done.returncode != 0
