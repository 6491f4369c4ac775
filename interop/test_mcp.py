"""The official MCP TypeScript SDK: its client finds its way from a bare address to a tool of an MCP server behind the
gateway, registered or known by a metadata document, and asks for more where more is needed. Its server is that of docs/guides/mcp.md."""

import re
import secrets
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from support.browser import Browser
from support.instance import clean_environment
from support.lines import Lines
from support.machine import INTEROP, ROOT, free_ports, missing, need, node, run

GUIDE = ROOT / "docs" / "guides" / "mcp.md"
REDIRECT = "http://127.0.0.1:9/callback"


def server_of_the_guide(directory: Path) -> tuple[Path, int]:
    """The MCP server as the guide has it, in a directory where its packages are found, and its port."""
    text = re.search(r"^cat > notes/server.mjs <<'END'\n(.*?)^END", GUIDE.read_text(), re.S | re.M).group(1)
    if not (INTEROP / "node_modules").is_dir():
        missing("the Node clients are not installed: run `make setup-tests`")
    (directory / "node_modules").symlink_to(INTEROP / "node_modules")
    (port,) = free_ports(1)
    path = directory / "server.mjs"
    path.write_text(text.replace("listen(8405,", f"listen({port},"))
    return path, port


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    """The guide's MCP server; its address."""
    path, port = server_of_the_guide(tmp_path_factory.mktemp("notes"))
    server = subprocess.Popen([need("node", "nodejs"), path], stdout=subprocess.PIPE, text=True,
                              stdin=subprocess.DEVNULL, env=clean_environment())
    try:
        assert server.stdout.readline() == "notes are served\n"
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait(20)


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    """A host that has metadata documents of clients, over https with an authority of its own; its URL and authority."""
    directory = tmp_path_factory.mktemp("documents")
    cert, key = directory / "cert.pem", directory / "key.pem"
    made = run(need("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-days", "1", "-subj", "/CN=apps", "-addext", "subjectAltName=DNS:localhost", "-addext",
               "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", cert)
    assert made.returncode == 0, made.stderr
    server = Lines(node("documents.mjs"))
    yield server.ask({"cert": str(cert), "key": str(key), "redirect": REDIRECT})["url"], cert
    server.close()


@pytest.fixture(scope="module")
def world(start, notes, documents):
    """The configuration of the guide, on other ports."""

    def change(config):
        gateway = config["gateway"]
        resource = f"https://localhost:{gateway['listen'].rsplit(':', 1)[1]}/notes"
        route = {"upstream": notes, "accept": ["jwt"], "audience": resource}
        gateway["routes"] += [
            {"name": "notes", "path": "/notes", "scopes": ["notes.read"], **route},
            {"name": "notes-write", "path": "/notes/write", "scopes": ["notes.read", "notes.write"], **route},
        ]
        config["resources"] = [{"resource": resource, "name": "Notes",
                                "scopes": {"notes.read": "Read your notes", "notes.write": "Write notes in your name"}}]
        config["registration"] = {"access": "open", "profiles": ["mcp"], "client_documents": True,
                                  "scopes": ["notes.read", "notes.write", "offline_access"]}
        config["network"] |= {"fetch_from": ["127.0.0.0/8", "::1/128"], "fetch_ca": str(documents[1])}

    instance = start(change)
    return instance, instance.add_user("alice", password=secrets.token_urlsafe(18))


def go(world, sdk: int, grants: list[str], document: str | None = None) -> dict:
    """Lets the SDK do everything, and is its person: what it got, and what it asked the person's browser to open."""
    instance, password = world
    program = Lines(["env", f"NODE_EXTRA_CA_CERTS={instance.ca_path}", *node("mcp.mjs")])
    browser, opened = Browser(), []
    try:
        said = program.ask({"sdk": sdk, "redirect": REDIRECT, "grants": grants, "document": document,
                            "reading": f"{instance.gateway}/notes", "writing": f"{instance.gateway}/notes/write"})
        while "open" in said and len(opened) < 4:
            opened.append(dict(parse_qs(urlsplit(said["open"]).query)))
            said = program.ask({"url": browser.authorize(said["open"], REDIRECT, "alice", password)})
    finally:
        program.close()
    for name in ("access_token", "refresh_token"):
        instance.secret(f"{name} of an MCP client", said["tokens"].get(name, ""))
    return said | {"opened": opened, "page": browser.page}


@pytest.mark.parametrize("sdk, grants", [(1, ["authorization_code"]), (2, ["authorization_code", "refresh_token"])])
def test_a_client_that_registers_itself(world, sdk, grants):
    instance = world[0]
    got = go(world, sdk, grants)
    assert "milk" in got["first"] and "(for usr_" in got["first"] and got["second"] == got["first"]
    assert got["written"].endswith(" notes") and "tea" in got["again"]
    # The way that the specification describes, from the challenge to the token.
    way = [f"GET {instance.gateway}/.well-known/oauth-protected-resource/notes",
           f"GET {instance.issuer}/.well-known/oauth-authorization-server",
           f"POST {instance.issuer}/register", f"POST {instance.issuer}/token"]
    places = [got["asked"].index(step) for step in way]
    assert places == sorted(places) and got["asked"][0] == f"POST {instance.gateway}/notes"
    assert got["asked"].count(way[2]) == 1, "one registration for both scopes"
    first, second = got["opened"]
    assert first["resource"] == second["resource"] == [f"{instance.gateway}/notes"]
    assert first["code_challenge_method"] == ["S256"] and "notes.write" not in first["scope"][0]
    assert {"notes.read", "notes.write"} <= set(second["scope"][0].split())
    assert {"notes.read", "notes.write"} <= set(got["scopes"][-1].split()) and "notes.write" not in got["scopes"][0]


@pytest.mark.parametrize("sdk", [1, 2])
def test_a_client_with_a_metadata_document(world, documents, sdk):
    got = go(world, sdk, ["authorization_code"], documents[0])
    assert got["client"]["client_id"] == documents[0] and [one["client_id"] for one in got["opened"]] == [[documents[0]]] * 2
    assert not any("/register" in step for step in got["asked"])
    assert "(for usr_" in got["first"] and got["written"].endswith(" notes")


def test_the_token_is_for_this_server_alone(world):
    instance, _ = world
    token = go(world, 2, ["authorization_code"])["tokens"]["access_token"]

    def at(path):
        return requests.get(instance.gateway + path, headers={"Authorization": f"Bearer {token}"}, verify=str(instance.ca_path),
                            timeout=30)

    assert at("/notes").status_code != 401
    refused = at("/orders")
    assert refused.status_code == 401 and 'error="invalid_token"' in refused.headers["www-authenticate"]


def test_people_are_told_what_a_name_is_worth(world, documents):
    """Client ID Metadata Document Security: the host that speaks for it, and where the answer goes."""
    instance, password = world
    query = {"client_id": documents[0], "redirect_uri": REDIRECT, "response_type": "code", "code_challenge_method": "S256",
             "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "scope": "notes.read",
             "resource": f"{instance.gateway}/notes"}
    browser = Browser()
    browser.open(requests.Request("GET", f"{instance.issuer}/authorize", params=query).prepare().url, REDIRECT)
    browser.submit("sign-in", "login-submit", REDIRECT, username="alice", password=password)
    for words in ("consent-host", urlsplit(documents[0]).netloc, "consent-this-device", "http://127.0.0.1:9"):
        assert words in browser.page.text, words


def test_a_request_without_the_resource_is_refused(world, documents):
    instance, _ = world
    query = {"client_id": documents[0], "redirect_uri": REDIRECT, "response_type": "code", "code_challenge_method": "S256",
             "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "scope": "notes.read"}
    back = Browser().open(requests.Request("GET", f"{instance.issuer}/authorize", params=query).prepare().url, REDIRECT)
    assert "error=invalid_target" in back and "iss=" in back
