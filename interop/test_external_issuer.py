"""Somebody else's tokens at the gateway: npm oauth2-mock-server with its key rotation, npm oidc-provider with introspection."""

import os
import secrets
import time

import pytest
import requests

from support import flip
from support.instance import clean_environment
from support.lines import Lines
from support.machine import node

AUDIENCE = "https://orders.example.com"
# An unknown key makes the gateway ask again, but not more often than every half minute.
REFETCH_SECONDS = 75


def gateway_for(start, issuer: str, **more):
    def change(config):
        config["issuers"] = {"partner": {"issuer": issuer, "audience": AUDIENCE, "algorithms": ["RS256", "ES256"]} | more}
        config["network"] |= {"fetch_from": ["127.0.0.0/8"], "insecure_fetch_over_http": True}
        for route in config["gateway"]["routes"]:
            route["issuers"] = ["own", "partner"]

    return start(change)


def ask(instance, token, path="/"):
    return requests.get(instance.gateway + path, headers={"authorization": f"Bearer {token}"}, verify=str(instance.ca_path), timeout=30)


@pytest.fixture(scope="module")
def partner():
    program = Lines(node("mock_issuer.mjs"))
    issuer = program.hear()["issuer"]
    yield program, issuer
    program.close()


@pytest.fixture(scope="module")
def instance(start, partner):
    return gateway_for(start, partner[1])


def token(partner, header=None, **claims):
    return partner[0].ask({"token": {"sub": "carol", "aud": AUDIENCE, "scope": "orders.read"} | claims, "header": header or {}})["token"]


def test_a_partner_s_token_is_one_identity(partner, instance):
    answer = ask(instance, token(partner), "/orders/1")
    assert answer.status_code == 200, answer.text
    seen = dict(answer.json()["headers"])
    assert seen["countersign-subject"] == "carol" and seen["countersign-issuer"] == partner[1]
    assert "authorization" not in seen


@pytest.mark.parametrize("wrong", [
    {"aud": "https://other.example.com"},
    {"iss": "http://127.0.0.1:1"},
    {"exp": 1_000_000_000},
    {"nbf": 9_000_000_000},
])
def test_wrong_claims_are_refused(partner, instance, wrong):
    answer = ask(instance, token(partner, **wrong))
    assert answer.status_code == 401 and 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_token_of_another_type_is_refused(partner, instance):
    # RFC 8725 §3.11: a security event is signed by the same key and is no access token.
    assert ask(instance, token(partner, {"typ": "secevent+jwt"})).status_code == 401


def test_a_flipped_token_is_refused(partner, instance):
    good = token(partner)
    assert ask(instance, good).status_code == 200
    assert ask(instance, flip.in_text(good)).status_code == 401


def accepted_in_time(partner, instance):
    """Asks until a token of the newest key is accepted. The first of a key may have to wait for the next fetch."""
    end = time.monotonic() + REFETCH_SECONDS
    while time.monotonic() < end:
        answer = ask(instance, token(partner))
        if answer.status_code == 200:
            return True
        # The key can't be known yet; nothing else may go wrong.
        assert answer.status_code in (401, 503), answer.text
        time.sleep(0.5)
    return False


def test_its_keys_rotate(partner, instance):
    old = token(partner)
    assert ask(instance, old).status_code == 200
    partner[0].ask({"rotate": "ES256"})
    assert accepted_in_time(partner, instance)
    assert ask(instance, old).status_code == 200, "the old key is published still"
    partner[0].ask({"rotate": "RS256"})
    partner[0].ask({"forget": True})
    assert accepted_in_time(partner, instance)


def test_unknown_keys_do_not_make_us_a_weapon(partner, instance):
    """Tokens that name keys nobody has must not become a fetch each."""
    before = partner[0].ask({"fetches": True})["fetches"]
    for number in range(30):
        assert ask(instance, token(partner, {"kid": f"nobody-{number}"})).status_code in (401, 503)
    assert partner[0].ask({"fetches": True})["fetches"] - before <= 3


@pytest.fixture(scope="module")
def provider():
    secret = secrets.token_urlsafe(24)
    os.environ["PROVIDER_SECRET"] = secret
    program = Lines(node("provider.mjs"))
    del os.environ["PROVIDER_SECRET"]
    issuer = program.hear()["issuer"]
    yield issuer, secret
    program.close()


def provided(provider, resource=None):
    form = {"grant_type": "client_credentials", "scope": "orders.read"} | ({"resource": resource} if resource else {})
    answer = requests.post(f"{provider[0]}/token", data=form, auth=("caller", provider[1]), timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def test_oidc_provider_by_discovery_and_introspection(start, provider, tmp_path):
    secret_file = tmp_path / "gateway.secret"
    secret_file.write_text(provider[1])
    secret_file.chmod(0o600)
    introspection = {"endpoint": f"{provider[0]}/token/introspection", "client_id": "gateway", "client_secret_file": str(secret_file)}
    instance = gateway_for(start, provider[0], introspection=introspection)
    instance.secret("secret at the provider", provider[1])
    signed = provided(provider, AUDIENCE)
    assert signed.count(".") == 2
    answer = ask(instance, signed, "/orders/1")
    assert answer.status_code == 200, answer.text
    assert dict(answer.json()["headers"])["countersign-issuer"] == provider[0]
    assert ask(instance, flip.in_text(signed)).status_code == 401
    opaque = instance.secret("opaque token", provided(provider, "https://opaque.example.com"))
    assert "." not in opaque
    # It was made for another service: introspection says so, and that is the end of it.
    assert ask(instance, opaque).status_code == 401
    assert clean_environment().get("PROVIDER_SECRET") is None


def test_opaque_tokens_for_us_pass_by_introspection(start, provider, tmp_path):
    audience = "https://opaque.example.com"
    secret_file = tmp_path / "gateway.secret"
    secret_file.write_text(provider[1])
    introspection = {"endpoint": f"{provider[0]}/token/introspection", "client_id": "gateway", "client_secret_file": str(secret_file)}
    instance = gateway_for(start, provider[0], introspection=introspection, audience=audience)
    opaque = instance.secret("opaque token", provided(provider, audience))
    answer = ask(instance, opaque, "/orders/1")
    assert answer.status_code == 200, answer.text
    seen = dict(answer.json()["headers"])
    assert seen["countersign-method"] == "oauth" and seen["countersign-client"] == "caller"
    assert ask(instance, flip.in_text(opaque)).status_code == 401
