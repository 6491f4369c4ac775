"""Clients that register themselves: by npm openid-client, by requests, and by schemathesis from the description."""

import json
import subprocess
import sys

import pytest
import requests

from conftest import REDIRECT
from support.browser import Browser
from support.lines import Lines
from support.machine import free_ports, node
from test_sender_constrained import jwks, self_signed

SEED = 20260101


@pytest.fixture(scope="module")
def opened(start):
    """An instance where everybody may register, for everything there is."""
    (port,) = free_ports(1)

    def change(config):
        config["server"]["mtls"] = {"listen": f"127.0.0.1:{port}", "url": f"https://localhost:{port}",
                                    "tls": {"built_in_ca": ["localhost"]}}
        config["gateway"]["client_certificates"] = "unvouched"
        config["registration"] = {
            "access": "open",
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "scopes": ["openid", "profile", "email", "offline_access", "orders.read"],
            "profiles": ["oauth2.1", "oidc", "fapi1-advanced", "fapi2-security", "fapi2-message-signing", "mcp"],
            "max_per_address_and_hour": 1_000_000,
        }

    instance = start(change)
    instance.add_user("alice", "--display-name", "Alice Example", password="correct horse 1 battery")
    return instance


def register(instance, token=None, **changes):
    document = {"client_name": "An application", "redirect_uris": [REDIRECT], "scope": "openid"} | changes
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.post(f"{instance.issuer}/register", json=document, headers=headers, timeout=30)


def test_openid_client_registers_and_goes_the_whole_way(opened):
    program = Lines(node("openid_client_registration.mjs"))
    try:
        asked = program.ask({"issuer": opened.issuer, "redirect": REDIRECT})
        back = Browser().authorize(asked["open"], REDIRECT, "alice", "correct horse 1 battery")
        got = program.ask({"url": back})
    finally:
        program.close()
    for number, secret in enumerate(got["secrets"]):
        opened.secret(f"what a registered client holds, {number}", secret)
    assert got["metadata"]["client_name"] == "Registered by openid-client"
    assert got["metadata"]["token_endpoint_auth_method"] == "client_secret_post"
    assert got["claims"]["aud"] in (got["metadata"]["client_id"], [got["metadata"]["client_id"]])
    assert got["userinfo"]["sub"] == got["claims"]["sub"] and got["userinfo"]["name"] == "Alice Example"
    assert got["refreshed"]


def test_management(opened):
    made = register(opened, token_endpoint_auth_method="client_secret_post")
    assert made.status_code == 201 and made.headers["cache-control"] == "no-store"
    made = made.json()
    opened.secret("the secret of a registered client", made["client_secret"])
    opened.secret("a registration access token", made["registration_access_token"])
    where = made["registration_client_uri"]
    assert where == f"{opened.issuer}/register/{made['client_id']}"

    def call(method, token, **more):
        return requests.request(method, where, headers={"Authorization": f"Bearer {token}"}, timeout=30, **more)

    read = call("GET", made["registration_access_token"])
    assert read.status_code == 200 and "client_secret" not in read.json()
    document = {"client_id": made["client_id"], "redirect_uris": [REDIRECT], "client_name": "Renamed",
                "client_secret": made["client_secret"], "token_endpoint_auth_method": "client_secret_post"}
    refused = call("PUT", made["registration_access_token"], json=document | {"scope": "admin"})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata")
    replaced = call("PUT", made["registration_access_token"], json=document)
    assert replaced.status_code == 200 and replaced.json()["client_name"] == "Renamed"
    opened.secret("the next registration access token", replaced.json()["registration_access_token"])
    old = call("GET", made["registration_access_token"])
    assert (old.status_code, old.json()["error"]) == (401, "invalid_token")
    assert old.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert call("DELETE", replaced.json()["registration_access_token"]).status_code == 204
    assert call("GET", replaced.json()["registration_access_token"]).status_code == 401


def test_a_client_with_a_certificate_of_its_own(opened):
    """It registers for RFC 8705, gets a token bound to its certificate, and calls the gateway with both."""
    own, other = (self_signed(opened.directory, name) for name in ("registered", "somebody"))
    made = register(opened, token_endpoint_auth_method="self_signed_tls_client_auth", jwks=jwks(own["cert"]),
                    grant_types=["client_credentials"], response_types=[], redirect_uris=[], scope="orders.read",
                    tls_client_certificate_bound_access_tokens=True)
    assert made.status_code == 201, made.text
    made = made.json()
    opened.secret("the registration access token of a client with a certificate", made["registration_access_token"])
    assert made["tls_client_certificate_bound_access_tokens"] is True and "client_secret" not in made
    metadata = requests.get(f"{opened.issuer}/.well-known/openid-configuration", timeout=30).json()

    def ask(certificate):
        form = {"grant_type": "client_credentials", "client_id": made["client_id"], "scope": "orders.read"}
        return requests.post(metadata["mtls_endpoint_aliases"]["token_endpoint"], data=form, timeout=30,
                             cert=(certificate["cert"], certificate["key"]), verify=str(opened.ca_path))

    assert ask(other).json()["error"] == "invalid_client"
    got = ask(own)
    assert got.status_code == 200, got.text
    token = opened.secret("a bound token", got.json()["access_token"])

    def call(**more):
        return requests.get(f"{opened.gateway}/orders/7", headers={"Authorization": f"Bearer {token}"}, timeout=30,
                            verify=str(opened.ca_path), **more).status_code

    assert call(cert=(own["cert"], own["key"])) == 200
    assert call() == 401 and call(cert=(other["cert"], other["key"])) == 401


def test_what_contradicts_itself_is_refused(opened):
    """Status and code of RFC 7591 §3.2.2, over HTTP."""
    for changes in (
        {"tls_client_certificate_bound_access_tokens": True, "dpop_bound_access_tokens": True},
        {"token_endpoint_auth_method": "tls_client_auth"},
        {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "a", "tls_client_auth_san_ip": "::1"},
        {"token_endpoint_auth_method": "self_signed_tls_client_auth"},
        {"require_signed_request_object": True},
        {"request_uris": ["https://app.example/request"]},
        {"countersign_profile": "fapi2-security"},
        {"authorization_details_types": ["payment"]},
    ):
        refused = register(opened, **changes)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata"), changes


def test_by_initial_access_token(start):
    """As docs/registration.md has it: a token for two clients, used, counted and withdrawn."""
    instance = start(lambda config: config.update(registration={"access": "initial_access_token"}))
    refused = register(instance)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    made = instance.json("registration", "token", "create", "--name", "partners", "--uses", "2", "--expires", "1h")
    instance.secret("an initial access token", made["token"])
    assert [register(instance, made["token"]).status_code for _ in range(3)] == [201, 201, 401]
    listed = instance.json("registration", "token", "list")
    assert [(token["name"], token["uses"], token["most_uses"]) for token in listed] == [("partners", 2, 2)]
    instance.json("registration", "token", "revoke", made["id"])
    assert instance.json("registration", "token", "list") == []


def test_off_by_default(house):
    assert register(house.instance).status_code == 404
    metadata = requests.get(f"{house.instance.issuer}/.well-known/openid-configuration", timeout=30).json()
    assert "registration_endpoint" not in metadata and metadata["client_id_metadata_document_supported"] is False


def test_schemathesis_finds_the_description_true(opened, tmp_path):
    """What a tool that knows only the description sends, and whether what comes back is what it says."""
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{opened.issuer}/openapi.json", "--seed", str(SEED),
        "--max-examples", "40", "--phases", "examples,coverage,fuzzing", "--generation-database", "none",
        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,"
        "response_headers_conformance,response_schema_conformance", "--no-color",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "POST /register" in done.stdout or "No issues found" in done.stdout, done.stdout[-3000:]


def test_what_the_operator_takes_away_on_the_command_line_stays_away(opened):
    made = register(opened, scope="openid profile email", grant_types=["authorization_code", "refresh_token"]).json()
    opened.secret("the secret of a narrowed client", made["client_secret"])
    token, where = made["registration_access_token"], made["registration_client_uri"]
    shown = opened.json("client", "update", made["client_id"], "--scopes", "openid email", "--grant", "authorization_code")
    assert set(shown["scope"].split()) == {"openid", "email"} and shown["grant_types"] == ["authorization_code"]
    document = {"client_id": made["client_id"], "client_secret": made["client_secret"], "redirect_uris": [REDIRECT],
                "grant_types": ["authorization_code"]}

    def put(token, **changes):
        opened.secret("a registration access token", token)
        return requests.put(where, json=document | changes, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    for changes, member in (({"scope": "openid profile"}, "scope"),
                            ({"grant_types": ["authorization_code", "refresh_token"]}, "grant_types")):
        refused = put(token, **changes)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata"), refused.text
        assert member in refused.json()["error_description"]
    # RFC 7591 §2: what is left to the server is what is left.
    told = put(token).json()
    assert set(told["scope"].split()) == {"openid", "email"}
    # The operator gives it back.
    opened.json("client", "update", made["client_id"], "--scopes", "openid profile")
    assert put(told["registration_access_token"], scope="openid profile").status_code == 200
