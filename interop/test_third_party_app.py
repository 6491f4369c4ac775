"""Guides of docs/guides, followed word for word: their commands are read from the page and typed into a shell."""

import re
import subprocess
from urllib.parse import parse_qs, urlsplit

import pytest

from support.browser import Browser
from support.guide import Shell, blocks, commands, page
from support.instance import clean_environment
from support.machine import INTEROP, ROOT, missing
from test_start import Developer

GUIDE = ROOT / "docs" / "guides" / "third-party-app.md"
CALLBACK = "http://127.0.0.1/callback"


@pytest.fixture(scope="module")
def developer(tmp_path_factory):
    made = Developer(tmp_path_factory.mktemp("third-party"))
    made.start(*made.ask_for_ports)
    yield made
    made.stop()


def install(developer, text):
    """The page's program beside its packages. They are those of `make setup-tests`, without a registry."""
    packages = INTEROP / "node_modules"
    if not (packages / "@octokit").is_dir():
        missing("the Node clients are not installed: run `make setup-tests`")
    directory = developer.directory / "octo"
    directory.mkdir()
    (directory / "node_modules").symlink_to(packages)
    [program] = re.findall(r"^`octo/octo.mjs`.*?^```js\n(.*?)^```", text, re.S | re.M)
    (directory / "octo.mjs").write_text(program)


def take_it_back(browser, developer):
    """What the guide has alice do on her account page."""
    base = f"http://localhost:{developer.ports['--server-port']}"
    browser.open(f"{base}/account/authorizations")
    [address] = re.findall(r'href="(/account/authorization\?client_id=garden)"', browser.page.text)
    browser.open(base + address)
    browser.submit("withdraw", "withdraw-submit")
    assert browser.page.url.endswith("done=withdrawn") and "Garden" not in browser.page.text


def test_the_guide(developer):
    text, browser = page(GUIDE.name, developer), Browser()
    shell = Shell(developer)
    _, person, password = re.search(r"Sign-in page +(\S+) +(\S+) / (\S+)", developer.said).groups()
    said = []
    try:
        for command in commands(text):
            if command == "read -r code":
                shell.process.stdin.write(f"read -r code\n{code}\n")
                continue
            if command.startswith("npm install "):
                install(developer, text)
                continue
            if "refused.json" in command:
                take_it_back(browser, developer)
            status, answer = shell.type(command)
            expected = 1 if "token scan" in command else 0
            assert status == expected, f"{command}\n{answer}"
            said.append(answer)
            if answer.startswith("http://"):
                browser.open(answer)
                if browser.has_form("sign-in"):
                    browser.submit("sign-in", "login-submit", username=person, password=password)
                asked = browser.page.text
                assert ("Garden" if "client_id=garden" in answer else "Octo") in asked
                assert "Read what the demo service keeps for you" in asked and "Use the permission" not in asked
                back = browser.submit("consent", "consent-allow", CALLBACK)
                query = parse_qs(urlsplit(back).query)
                assert query["state"] == parse_qs(urlsplit(answer).query)["state"] and "iss" in query
                code = query["code"][0]
    finally:
        shell.close()
    [tokens] = [answer for answer in said if '"access_token"' in answer]
    assert '"scope":"demo.read demo.write openid"' in tokens and "expires_in" not in tokens
    [hello] = [answer for answer in said if '"identity"' in answer]
    assert '"garden"' in hello
    [scan] = [answer for answer in said if "access_token cst_at_" in answer]
    assert "garden.json:1:18: access_token" in scan and "garden.secret:1:1: client_secret cst_cs_" in scan
    assert "401" in said and said[-1] == "alice", said[-2:]


def test_the_guide_of_devices(developer):
    shell, said = Shell(developer), []
    base, person, password = re.search(r"Sign-in page +(\S+)/sign-in +(\S+) / (\S+)", developer.said).groups()
    try:
        for block in blocks(page("device.md", developer)):
            if block.startswith("poll |"):
                browser = Browser()
                browser.open(f"{base}/device")
                browser.submit("sign-in", "login-submit", username=person, password=password)
                code = re.search(r'"user_code":"([^"]+)"', said[1])[1]
                browser.submit("device", "device-continue", **{"user-code": code.lower()})
                assert "Read what the demo service keeps for you" in browser.page.text
                browser.submit("device-decision", "device-allow")
                shell.type("sleep 6")
            status, answer = shell.type(block)
            assert status == 0, f"{block}\n{answer}"
            said.append(answer)
    finally:
        shell.close()
    assert "authorization_pending" in said[2] and '"refresh_token":"cst_rt_' in said[3], said
    assert '"client": "demo-device"' in said[4] and '"subject": "usr_' in said[4]


def test_every_guide_begins_alike():
    """One way of calling the program, told before it is first called."""
    for path in GUIDE.parent.glob("*.md"):
        lines = [line.removeprefix("$ ") for block in re.findall(r"^```.*?\n(.*?)^```", path.read_text(), re.S | re.M) for line in block.splitlines()]
        assert lines[0] == 'export PATH="$PWD/target/debug:$PATH"', path.name
        assert not re.search(r"target/debug/countersign|cargo run", path.read_text()), path.name


def test_the_guide_of_certificates(developer):
    shell, said = Shell(developer), []
    try:
        for block in blocks(page("mtls-client.md", developer)):
            status, answer = shell.type(block)
            assert status == 0, f"{block}\n{answer}"
            said.append(answer)
    finally:
        shell.close()
    assert sum('"access_token":"eyJ' in answer for answer in said) == 2, "one by each kind of certificate"
    assert any("x5t#S256" in answer for answer in said)
    [call] = [answer for answer in said if "/hello" in answer or "HTTP/" in answer]
    assert '"client": "billing"' in call and " 401" in call and "invalid_token" in call


def test_the_demo_route_takes_tokens_as_clients_for_github_send_them(developer):
    gateway, ca = f"https://localhost:{developer.ports['--gateway-port']}/hello", ".countersign/ca.pem"
    line = f'curl -s -o /dev/null -w "%{{http_code}}" --cacert {ca} {gateway} -H "Authorization: token $(cat .countersign/reference-token)"'
    done = subprocess.run(["/bin/sh", "-c", line], cwd=developer.directory, env=clean_environment(), capture_output=True, text=True, timeout=60)
    assert done.stdout == "200", done.stderr
