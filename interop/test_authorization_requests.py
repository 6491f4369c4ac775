"""npm openid-client: pushed, signed and encrypted requests (RFC 9126, RFC 9101), JARM, form_post, hybrid."""

import json

from conftest import REDIRECT
from support.browser import Browser
from support.lines import Lines
from support.machine import node


def test_every_way_of_asking_and_answering(house, tmp_path):
    program = Lines(node("openid_client_requests.mjs"))
    browser = Browser()
    seen = {}
    try:
        jwks = tmp_path / "jwks.json"
        jwks.write_text(json.dumps(program.hear()["jwks"]))
        house.instance.command(
            "client", "add", "oidc-signer", "--profile", "oidc", "--grant", "authorization_code", "--auth", "private_key_jwt",
            "--jwks-file", str(jwks), "--redirect-uri", REDIRECT, "--scopes", "openid orders.read",
            "--response-type", "code", "--response-type", "code id_token")
        house.instance.add_client("oidc-robot", "--grant", "client_credentials", "--auth", "private_key_jwt",
                                  "--jwks-file", str(jwks), "--scopes", "orders.read")
        program.say({"issuer": house.instance.issuer, "client": "oidc-signer", "robot": "oidc-robot", "redirect": REDIRECT})
        for _ in range(6):
            asked = program.hear()
            flow = asked["flow"]
            if flow == "form_post":
                assert browser.open(asked["open"], REDIRECT) is None, "a page, not a redirect"
                form = browser.form("form-post")
                assert form["action"] == REDIRECT and "form-post-continue" in form["buttons"]
                program.say({"form": form["fields"]})
            else:
                back = browser.authorize(asked["open"], REDIRECT, "alice", house.password)
                assert ("#" in back) == (flow == "hybrid"), back
                assert ("response=" in back) == (flow == "jarm")
                if flow in ("par", "jarm"):
                    assert "request_uri=urn" in asked["open"] and "scope" not in asked["open"]
                    spent = Browser()
                    assert spent.open(asked["open"], REDIRECT) is None and spent.page.status_code == 400
                program.say({"url": back})
            seen[flow] = program.hear()
            house.instance.secret(f"token of {flow}", seen[flow]["token"])
        own = program.hear()
        house.instance.secret("token of a robot with a key", own["token"])
        assert own["scope"] == "orders.read"
    finally:
        program.close()
    assert set(seen) == {"par", "jar", "jwe", "jarm", "form_post", "hybrid"}
    assert len({got["sub"] for got in seen.values()}) == 1
    assert all(set(got["scope"].split()) == {"openid", "orders.read"} for got in seen.values())


def test_a_profile_refuses_what_contradicts_it(house):
    done = house.instance.command(
        "client", "add", "weak", "--profile", "fapi2-security", "--grant", "authorization_code",
        "--redirect-uri", "https://app.example/cb", check=False)
    assert done.returncode != 0 and "private_key_jwt or mutual TLS" in done.stderr
