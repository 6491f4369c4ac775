"""npm openid-client in the profiles of FAPI, from the request to the gateway: with DPoP keys and with certificates."""

import json

import pytest

from conftest import REDIRECT
from support.browser import Browser
from support.lines import Lines
from support.machine import free_ports, node

PROFILES = ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"]
PASSWORD = "a long enough password for alice"
# FAPI 1.0 part 1 §7.5: no address of a program on somebody's machine.
HTTPS = "https://client.example/callback"


@pytest.fixture(scope="module")
def strict(start):
    (port,) = free_ports(1)

    def change(config):
        config["server"]["mtls"] = {"listen": f"127.0.0.1:{port}", "url": f"https://localhost:{port}",
                                    "tls": {"built_in_ca": ["localhost"]}}
        config["server"]["dpop_nonce"] = True
        config["gateway"]["client_certificates"] = "unvouched"

    instance = start(change)
    instance.add_user("alice", "--email", "alice@example.com", password=PASSWORD)
    return instance


def redirect(profile):
    return HTTPS if profile == "fapi1-advanced" else REDIRECT


def test_every_profile_goes_the_whole_way(strict, tmp_path):
    program = Lines(node("fapi.mjs"))
    browser, seen = Browser(), {}
    try:
        jwks = tmp_path / "jwks.json"
        jwks.write_text(json.dumps(program.hear()["jwks"]))
        cert, key = strict.issue_certificate("uri:spiffe://localhost/fapi")
        flows = []
        for profile in PROFILES:
            common = ("--profile", profile, "--grant", "authorization_code", "--grant", "refresh_token", "--jwks-file", str(jwks),
                      "--redirect-uri", redirect(profile), "--scopes", "openid offline_access orders.read")
            more = ("--response-type", "code", "--response-type", "code id_token") if profile == "fapi1-advanced" else ()
            strict.add_client(f"{profile}-dpop", "--auth", "private_key_jwt", "--dpop-bound-access-tokens", *common, *more)
            strict.add_client(f"{profile}-mtls", "--auth", "tls_client_auth", "--tls-client-auth-san-uri", "spiffe://localhost/fapi",
                              "--tls-client-certificate-bound-access-tokens", *common, *more)
            for binding in ("dpop", "mtls"):
                ways = ("fapi1-advanced", "hybrid") if profile == "fapi1-advanced" else (profile,)
                flows += [{"id": f"{profile}-{binding}", "way": way, "binding": binding, "redirect": redirect(profile)}
                          for way in ways]
        program.say({"issuer": strict.issuer, "ca": str(strict.ca_path), "flows": flows,
                     "resource": f"{strict.gateway}/orders/7", "identity": {"cert": str(cert), "key": str(key)}})
        for flow in flows:
            asked = program.hear()
            if "fapi2" in flow["way"]:
                # FAPI 2.0 Security Profile §5.3.3.2, point 6: nothing but these two in the browser.
                assert set(asked["open"].split("?", 1)[1].replace("=", "&").split("&")) >= {"client_id", "request_uri"}
                assert "scope" not in asked["open"] and "code_challenge" not in asked["open"]
            back = browser.authorize(asked["open"], flow["redirect"], "alice", PASSWORD)
            assert ("response=" in back) == (flow["way"] in ("fapi1-advanced", "fapi2-message-signing")), back
            assert ("id_token=" in back) == (flow["way"] == "hybrid")
            program.say({"url": back})
            got = program.hear()
            for number, secret in enumerate(got.pop("secrets")):
                strict.secret(f"token {number} of {flow['id']} by {flow['way']}", secret)
            seen[flow["id"], flow["way"]] = got
    finally:
        program.close()

    assert len(seen) == 8
    for (name, way), got in seen.items():
        by_key = name.endswith("dpop")
        assert got["type"] == ("dpop" if by_key else "bearer"), got
        assert list(got["claims"]) == (["jkt"] if by_key else ["x5t#S256"]), got
        assert (got["gateway"], got["refreshed"]) == (200, 200), (name, way, got)
        assert got["withoutKey"] == 401 and (not by_key or got["withAnother"] == 401), (name, way, got)
        # FAPI 2.0 Security Profile §5.3.2.1, point 9. FAPI 1.0 leaves it to RFC 9700 §4.14.2.
        assert got["rotated"] == name.startswith("fapi1"), (name, way, got)
        # Without the proof, or without the certificate that also says who it is (a challenge that names a scheme).
        assert got["unbound"] == ("invalid_request" if by_key else "basic"), (name, way, got)
