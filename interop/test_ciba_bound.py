"""What a person gives in the background (OpenID Connect CIBA) to clients with keys: tokens bound by DPoP (RFC 9449) and by
certificates (RFC 8705), by npm openid-client, and the gateway that holds them to it."""

import base64
import hashlib
import json
import ssl
from pathlib import Path

import pytest

from support.lines import Lines
from support.machine import free_ports, node
from test_ciba import PASSWORD, decide


@pytest.fixture(scope="module")
def bound(start):
    """An instance that asks for nonces and certificates, and a client of each kind."""
    (port,) = free_ports(1)

    def change(config):
        config["server"]["dpop_nonce"] = True
        config["server"]["mtls"] = {"listen": f"127.0.0.1:{port}", "url": f"https://localhost:{port}",
                                    "tls": {"built_in_ca": ["localhost"]}}
        config["gateway"]["client_certificates"] = "unvouched"

    instance = start(change)
    instance.add_user("alice", "--display-name", "Alice Example", password=PASSWORD)
    grant = ("--grant", "ciba", "--scopes", "openid orders.read")
    instance.dpop_secret = instance.add_client("bank", "--name", "First Bank", "--dpop-bound-access-tokens", *grant)
    instance.certificates = []
    for name in ("bank", "other"):
        cert, key = instance.issue_certificate(f"uri:spiffe://localhost/{name}")
        instance.certificates.append({"cert": str(cert), "key": str(key)})
    instance.add_client("mtls-bank", "--name", "Second Bank", "--auth", "tls_client_auth", "--tls-client-auth-san-uri",
                        "spiffe://localhost/bank", "--tls-client-certificate-bound-access-tokens", *grant)
    return instance


def ask_and_approve(instance, client, name, **more):
    """What the client began with, and what became of it after the person's yes."""
    parameters = {"scope": "openid orders.read", "login_hint": "alice", "binding_message": f"Bound: {client}"}
    program = Lines(node("openid_client_ciba_bound.mjs"))
    try:
        begun = program.ask({"issuer": instance.issuer, "client": client, "ca": str(instance.ca_path), "parameters": parameters,
                             "resource": f"{instance.gateway}/orders/7", **more})
        instance.secret(f"auth_req_id of {client}", begun["started"]["auth_req_id"])
        decide(instance, "approval-approve-1", name, f"Bound: {client}")
        got = program.ask({})
    finally:
        program.close()
    for kind in ("access_token", "id_token"):
        instance.secret(f"{kind} of {client}", got["tokens"][kind])
    return begun, got


def confirmation(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["cnf"]


def test_tokens_are_bound_to_a_key(bound):
    _, got = ask_and_approve(bound, "bank", "First Bank", secret=bound.dpop_secret, dpop=True)
    assert got["tokens"]["token_type"].lower() == "dpop"
    assert confirmation(got["tokens"]["access_token"]) == {"jkt": got["jkt"]}, "RFC 9449 §6.1"
    assert got["unbound"] == "invalid_request", "a client registered for DPoP gets nothing without a proof"
    # RFC 9449 §7.1, §7.2: no bearer token, and nobody else's.
    assert got["gateway"] == {"own": 200, "bare": 401, "thief": 401}


def test_tokens_are_bound_to_a_certificate(bound):
    own, other = bound.certificates
    begun, got = ask_and_approve(bound, "mtls-bank", "Second Bank", certificates={"certificate": own, "other": other})
    assert begun["refusedToBegin"] == got["unbound"] == "basic", "401, which names a scheme: nobody calls people without it"
    assert got["tokens"]["token_type"].lower() == "bearer"
    der = ssl.PEM_cert_to_DER_cert(Path(own["cert"]).read_text().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")
    digest = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    assert confirmation(got["tokens"]["access_token"]) == {"x5t#S256": digest}, "RFC 8705 §3.1"
    assert got["gateway"] == {"own": 200, "bare": 401, "thief": 401}
