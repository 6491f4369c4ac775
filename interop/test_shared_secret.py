"""Tokens signed with a shared secret (HS256), verified by PyPI PyJWT and npm jose as the resource server would, and at the gateway."""

import base64
import hashlib
import hmac
import json
import secrets

import jwt as pyjwt
import pytest
import requests

from support import flip
from support.instance import clean_environment
from support.machine import binary, node, run

ORDERS = "https://orders.example.com"
BILLING = "https://billing.example.com"


@pytest.fixture(scope="module")
def shop(start, tmp_path_factory):
    """An instance with a resource that shares a secret and one that does not, the secret, and a token."""
    secret = secrets.token_urlsafe(48)
    file = tmp_path_factory.mktemp("secret") / "orders.secret"
    file.write_text(secret + "\n")
    file.chmod(0o600)

    def change(config):
        config["resources"] = [{"resource": ORDERS, "signing_algorithm": "HS256", "hs256_secret_file": str(file)},
                               {"resource": BILLING}]
        upstream = config["gateway"]["routes"][0]["upstream"]
        config["gateway"]["routes"] += [
            {"name": "shared", "path": "/shared", "upstream": upstream, "accept": ["jwt"], "audience": ORDERS},
            {"name": "billing", "path": "/billing", "upstream": upstream, "accept": ["jwt", "oauth"], "audience": BILLING},
        ]

    instance = start(change)
    instance.secret("shared secret", secret)
    instance.client_secret = instance.add_client("service", "--grant", "client_credentials", "--scopes", "orders.read",
                                                 "--auth", "client_secret_post", "--introspect")
    return instance, secret, token(instance, ORDERS)


def token(instance, resource):
    form = {"grant_type": "client_credentials", "client_id": "service", "client_secret": instance.client_secret, "resource": resource}
    answer = requests.post(f"{instance.issuer}/token", data=form, timeout=30)
    assert answer.status_code == 200, answer.text
    return instance.secret(f"token for {resource}", answer.json()["access_token"])


def sign(claims, key, header):
    """By hand: PyJWT won't take a public key for a secret, which is what an attacker does."""
    encode = lambda part: base64.urlsafe_b64encode(part).decode().rstrip("=")
    signed = f"{encode(json.dumps(header).encode())}.{encode(json.dumps(claims).encode())}"
    return f"{signed}.{encode(hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest())}"


def introspect(instance, text):
    form = {"token": text, "client_id": "service", "client_secret": instance.client_secret}
    return requests.post(f"{instance.issuer}/introspect", data=form, timeout=30).json()


def at_gateway(instance, path, text):
    return requests.get(f"{instance.gateway}{path}", headers={"authorization": f"Bearer {text}"}, verify=str(instance.ca_path), timeout=30)


def test_pyjwt_verifies_with_the_secret(shop):
    instance, secret, text = shop
    assert pyjwt.get_unverified_header(text)["typ"] == "at+jwt"
    claims = pyjwt.decode(text, secret, algorithms=["HS256"], issuer=instance.issuer, audience=ORDERS,
                          options={"require": ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]})
    assert claims["aud"] == ORDERS and claims["client_id"] == "service"
    with pytest.raises(pyjwt.InvalidSignatureError):
        pyjwt.decode(flip.in_text(text), secret, algorithms=["HS256"], issuer=instance.issuer, audience=ORDERS)
    with pytest.raises(pyjwt.InvalidAudienceError):
        pyjwt.decode(text, secret, algorithms=["HS256"], issuer=instance.issuer, audience=BILLING)


def test_jose_verifies_with_the_secret_and_not_by_what_is_published(shop):
    instance, secret, text = shop
    ask = json.dumps({"secret": secret, "issuer": instance.issuer, "audience": ORDERS, "jwks": f"{instance.issuer}/jwks",
                      "token": text, "flipped": flip.in_text(text)})
    done = run(*node("jose_secret.mjs"), stdin=ask)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["claims"]["client_id"] == "service"
    assert answer["flipped"] == "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"
    assert answer["elsewhere"] == "ERR_JWT_CLAIM_VALIDATION_FAILED"
    assert answer["published"] != "accepted"


def test_the_secret_is_published_nowhere(shop):
    instance, secret, _ = shop
    for path in ("/jwks", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"):
        document = requests.get(f"{instance.issuer}{path}", timeout=30).text
        assert secret not in document and '"oct"' not in document
        assert base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=") not in document


def test_gateway_and_introspection_take_what_was_issued_and_nothing_made_elsewhere(shop):
    instance, secret, text = shop
    assert at_gateway(instance, "/shared/1", text).status_code == 200
    assert at_gateway(instance, "/billing/1", text).status_code == 401
    assert introspect(instance, text)["active"] is True
    claims = pyjwt.decode(text, options={"verify_signature": False})
    headers = pyjwt.get_unverified_header(text)
    public = requests.get(f"{instance.issuer}/jwks", timeout=30).json()["keys"][0]
    for changes, key, kid in [({"scope": "orders.read admin"}, secret, headers["kid"]), ({"sub": "somebody"}, secret, headers["kid"]),
                              ({"aud": BILLING}, secret, headers["kid"]), ({"aud": [ORDERS, BILLING]}, secret, public["kid"]),
                              ({"aud": BILLING}, json.dumps(public), public["kid"]), ({"aud": instance.issuer}, secret, public["kid"])]:
        forged = sign({**claims, **changes}, key, {"alg": "HS256", "typ": "at+jwt", "kid": kid})
        for path in ("/shared/1", "/billing/1", "/"):
            assert at_gateway(instance, path, forged).status_code == 401, (changes, path)
        assert introspect(instance, forged) == {"active": False}, changes
        assert requests.get(f"{instance.issuer}/userinfo", headers={"authorization": f"Bearer {forged}"}, timeout=30).status_code == 401
    assert at_gateway(instance, "/shared/1", flip.in_text(text)).status_code == 401


def test_the_command_line_says_what_such_a_token_is(shop):
    instance, _, text = shop
    shown = instance.command("token", "inspect", "-", stdin=text)
    assert "HS256" in shown and "shared secret" in shown
    assert instance.command("token", "verify", "-", stdin=text).startswith("valid")
    refused = instance.command("token", "verify", "-", check=False, stdin=flip.in_text(text))
    assert refused.returncode == 1 and "refused" in refused.stdout


def test_a_revoked_token_is_refused_by_all_who_ask(shop):
    instance, _, _ = shop
    text = token(instance, ORDERS)
    assert at_gateway(instance, "/shared/1", text).status_code == 200
    form = {"token": text, "client_id": "service", "client_secret": instance.client_secret}
    assert requests.post(f"{instance.issuer}/revoke", data=form, timeout=30).status_code == 200
    assert introspect(instance, text) == {"active": False}
    assert at_gateway(instance, "/shared/1", text).status_code == 401


@pytest.mark.parametrize("content, says", [("short", "32 bytes"), ("", "empty"), (None, "can't be read")])
def test_a_secret_that_can_not_be_one_is_refused_at_the_start(tmp_path, content, says):
    file = tmp_path / "orders.secret"
    if content is not None:
        file.write_text(content)
        file.chmod(0o600)
    (tmp_path / "countersign.toml").write_text(f"""
data_dir = "data"
server = {{ listen = "127.0.0.1:0", issuer = "http://localhost:1" }}
[[resources]]
resource = "{ORDERS}"
signing_algorithm = "HS256"
hs256_secret_file = "{file}"
""")
    done = run(binary(), "config", "check", "-c", tmp_path / "countersign.toml", env=clean_environment())
    assert done.returncode != 0 and says in done.stdout + done.stderr, done.stdout + done.stderr
