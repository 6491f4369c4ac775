"""Token exchange (RFC 8693) and JWT bearer grants (RFC 7523 §2.1) with npm openid-client, a partner made with npm
oauth2-mock-server, and the gateway that tells the upstream who acts for whom."""

import base64
import hashlib
import json
import secrets
import time

import pytest
import requests

from conftest import REDIRECT
from support.browser import Browser
from support.lines import Lines
from support.machine import node

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TYPE = "urn:ietf:params:oauth:token-type:"


@pytest.fixture(scope="module")
def partner():
    program = Lines(node("mock_issuer.mjs"))
    issuer = program.hear()["issuer"]
    yield program, issuer
    program.close()


@pytest.fixture(scope="module")
def world(start, partner):
    """A shop and two services behind it, and a partner whose people are known here by name."""
    def change(config):
        issuer = config["server"]["issuer"]
        config["network"] |= {"fetch_from": ["127.0.0.0/8"], "insecure_fetch_over_http": True}
        config["issuers"] = {"partner": {"issuer": partner[1], "jwks_uri": f"{partner[1]}/jwks", "algorithms": ["RS256"],
                                         "subjects": "username"}}
        config["grants"] = {
            "token_exchange": [
                {"client": "orders", "subject_clients": ["shop"], "audiences": [issuer], "scopes": ["orders.read"]},
                {"client": "billing", "subject_clients": ["orders"], "audiences": [issuer], "scopes": ["orders.read"]},
                {"client": "billing", "subject_issuers": ["partner"], "audiences": [issuer], "scopes": ["orders.read"],
                 "impersonation": True},
            ],
            "jwt_bearer": [{"issuer": "partner", "clients": ["partner-cli"], "scopes": ["orders.read"]}],
        }

    instance = start(change)
    password = secrets.token_urlsafe(18)
    instance.add_user("alice", password=password)
    instance.add_client("shop", "--grant", "authorization_code", "--auth", "none", "--redirect-uri", REDIRECT,
                        "--scopes", "openid orders.read orders.write")
    grants = {"orders": "token_exchange", "billing": "token_exchange", "partner-cli": "jwt_bearer"}
    clients = {name: instance.add_client(name, "--grant", grant, "--scopes", "orders.read orders.write")
               for name, grant in grants.items()}
    return instance, clients, password


@pytest.fixture(scope="module")
def shop_token(world):
    """What alice gave the shop, by way of the pages."""
    instance, _, password = world
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    query = {"client_id": "shop", "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid orders.read",
             "code_challenge": challenge, "code_challenge_method": "S256"}
    url = requests.Request("GET", f"{instance.issuer}/authorize", params=query).prepare().url
    back = Browser().authorize(url, REDIRECT, "alice", password)
    code = dict(part.split("=") for part in back.split("?")[1].split("&"))["code"]
    form = {"grant_type": "authorization_code", "client_id": "shop", "code": code, "redirect_uri": REDIRECT,
            "code_verifier": verifier}
    tokens = requests.post(f"{instance.issuer}/token", data=form, timeout=30).json()
    for name in ("access_token", "id_token"):
        instance.secret(f"{name} of the shop", tokens[name])
    return tokens


@pytest.fixture(scope="module")
def program():
    made = Lines(node("openid_client_exchange.mjs"))
    yield made
    made.close()


def ask(program, world, client, grant, **parameters):
    instance, clients, _ = world
    got = program.ask({"issuer": instance.issuer, "client": client, "secret": clients[client], "grant": grant,
                       "parameters": parameters})
    if "access_token" in got:
        instance.secret("exchanged token", got["access_token"])
    return got


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def identity_at(instance, token):
    """What the upstream is told of the caller."""
    answer = requests.get(f"{instance.gateway}/orders/7", verify=str(instance.ca_path), timeout=30,
                          headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    return claims(dict(answer.json()["headers"])["countersign-identity"])


def test_the_upstream_sees_the_whole_chain(program, world, shop_token):
    instance = world[0]
    first = ask(program, world, "orders", EXCHANGE, subject_token=shop_token["access_token"],
                subject_token_type=TYPE + "access_token")
    assert first["issued_token_type"] == TYPE + "access_token" and first["scope"] == "orders.read"
    assert claims(first["access_token"])["act"] == {"sub": "orders"}
    second = ask(program, world, "billing", EXCHANGE, subject_token=first["access_token"], subject_token_type=TYPE + "jwt",
                 audience=instance.issuer)
    seen = identity_at(instance, second["access_token"])
    assert seen["act"] == {"sub": "billing", "act": {"sub": "orders"}}
    assert seen["client_id"] == "billing" and seen["sub"] == claims(shop_token["access_token"])["sub"]


def test_an_id_token_says_who(program, world, shop_token):
    got = ask(program, world, "orders", EXCHANGE, subject_token=shop_token["id_token"], subject_token_type=TYPE + "id_token")
    assert claims(got["access_token"])["sub"] == claims(shop_token["id_token"])["sub"]


@pytest.mark.parametrize("changes, error", [
    ({"scope": "orders.write"}, "invalid_scope"),
    ({"audience": "https://elsewhere.example"}, "invalid_target"),
    ({"subject_token": "x"}, "invalid_request"),
    ({"subject_token_type": TYPE + "saml2"}, "invalid_request"),
    ({"requested_token_type": TYPE + "refresh_token"}, "invalid_request"),
    ({"actor_token_type": TYPE + "jwt"}, "invalid_request"),
])
def test_refusals(program, world, shop_token, changes, error):
    good = {"subject_token": shop_token["access_token"], "subject_token_type": TYPE + "access_token"}
    assert ask(program, world, "orders", EXCHANGE, **(good | changes)) == {"error": error}


def test_a_rule_speaks_of_one_client(program, world, shop_token):
    got = ask(program, world, "billing", EXCHANGE, subject_token=shop_token["access_token"], subject_token_type=TYPE + "jwt")
    assert got == {"error": "invalid_request"}


def partner_token(partner, world, **more):
    good = {"sub": "alice", "aud": world[0].issuer, "scope": "orders.read", "jti": secrets.token_hex(8)}
    return partner[0].ask({"token": good | more, "header": {}})["token"]


def test_a_partner_s_token_is_exchanged(program, world, partner):
    got = ask(program, world, "billing", EXCHANGE, subject_token=partner_token(partner, world), subject_token_type=TYPE + "jwt")
    seen = identity_at(world[0], got["access_token"])
    assert "act" not in seen and seen["sub"].startswith("usr_")


def test_a_partner_s_word_is_taken_once(program, world, partner):
    assertion = partner_token(partner, world, exp=int(time.time()) + 120)
    got = ask(program, world, "partner-cli", BEARER, assertion=assertion)
    assert identity_at(world[0], got["access_token"])["client_id"] == "partner-cli"
    assert ask(program, world, "partner-cli", BEARER, assertion=assertion) == {"error": "invalid_grant"}
    elsewhere = partner_token(partner, world, aud="https://elsewhere.example")
    assert ask(program, world, "partner-cli", BEARER, assertion=elsewhere) == {"error": "invalid_grant"}
    nobody = partner_token(partner, world, sub="nobody", exp=int(time.time()) + 120)
    assert ask(program, world, "partner-cli", BEARER, assertion=nobody) == {"error": "invalid_grant"}
