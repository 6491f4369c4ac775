"""What clients publish at their own URLs, where anybody may have registered the client: as much as is needed is read, and
no more. PyJWT signs."""

import json
import secrets
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import REDIRECT
from support.browser import Browser
from test_ciba import certificate
from test_registration import register

MOST = 64 * 1024
OBJECT = "application/oauth-authz-req+jwt"


class Published:
    """An https host with documents, some of which never end."""

    def __init__(self, chain, key):
        self.documents, self.sent = {}, {}
        published = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body, content_type, endless = published.documents[self.path]
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                if not endless:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    for _ in range(400 if endless else 1):
                        self.wfile.write(body)
                        published.sent[self.path] = published.sent.get(self.path, 0) + len(body)
                except OSError:
                    pass  # It was hung up on, as it should be.

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(chain, key)
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, path, body, content_type="application/json", endless=False):
        self.documents[path] = body, content_type, endless
        return f"https://localhost:{self.server.server_address[1]}{path}"


@pytest.fixture(scope="module")
def world(start, tmp_path_factory):
    """An instance that may fetch from this machine, and a host of clients."""
    authority, chain, key = certificate(tmp_path_factory.mktemp("clients"))
    published = Published(chain, key)

    def change(config):
        config["network"] |= {"fetch_from": ["127.0.0.0/8"], "fetch_ca": str(authority)}
        config["registration"] = {"access": "open", "grant_types": ["authorization_code", "client_credentials"],
                                  "scopes": ["openid", "orders.read"]}

    yield start(change), published
    published.server.shutdown()
    published.server.server_close()


@pytest.fixture(scope="module")
def key():
    return ec.generate_private_key(ec.SECP256R1())


def jwks(key):
    public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {"keys": [public | {"kid": "one", "use": "sig", "alg": "ES256"}]}


def signed(key, issuer, client, **claims):
    now = int(time.time())
    claims = {"iss": client, "aud": issuer, "iat": now, "nbf": now, "exp": now + 60, "jti": secrets.token_hex(8)} | claims
    return jwt.encode(claims, key, "ES256", headers={"kid": "one"})


@pytest.mark.parametrize("name, length, endless, status", [
    ("small", None, False, 200),
    ("exact", MOST, False, 200),
    ("large", MOST + 1, False, 401),
    ("endless", 16 * 1024, True, 401),
])
def test_jwks_uri(world, key, name, length, endless, status):
    instance, published = world
    document = json.dumps(jwks(key)).encode()
    where = published.put(f"/{name}.json", document.ljust(length or 0), endless=endless)
    made = register(instance, token_endpoint_auth_method="private_key_jwt", grant_types=["client_credentials"], response_types=[],
                    redirect_uris=[], scope="orders.read", jwks_uri=where)
    assert made.status_code == 201, made.text
    client = made.json()["client_id"]
    form = {"grant_type": "client_credentials", "client_assertion": signed(key, instance.issuer, client, sub=client),
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
    answer = requests.post(f"{instance.issuer}/token", data=form, timeout=30)
    assert answer.status_code == status, answer.text
    if status == 401:
        assert answer.json()["error"] == "invalid_client"
    assert f"/{name}.json" in published.sent or endless, "it was asked for"
    assert published.sent.get(f"/{name}.json", 0) < 400 * 16 * 1024, "and hung up on"


def test_request_uri(world, key):
    instance, published = world
    small, large = (published.put(f"/{name}.jwt", b"", OBJECT) for name in ("small", "large"))
    made = register(instance, token_endpoint_auth_method="none", grant_types=["authorization_code"], scope="openid", jwks=jwks(key),
                    request_uris=[small, large], request_object_signing_alg="ES256")
    assert made.status_code == 201, made.text
    client = made.json()["client_id"]
    request = signed(key, instance.issuer, client, client_id=client, response_type="code", redirect_uri=REDIRECT, scope="openid",
                     code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method="S256").encode()
    published.put("/small.jwt", request, OBJECT)
    published.put("/large.jwt", request.ljust(MOST + 1), OBJECT)

    def ask(uri):
        browser = Browser()
        url = requests.Request("GET", f"{instance.issuer}/authorize", params={"client_id": client, "request_uri": uri}).prepare().url
        return browser.open(url, REDIRECT), browser

    back, browser = ask(small)
    assert back is None and browser.has_form("sign-in"), browser.page.text
    back, browser = ask(large)
    assert browser.page.status_code == 400 and "invalid_request_uri" in browser.page.text, (back, browser.page and browser.page.text)
