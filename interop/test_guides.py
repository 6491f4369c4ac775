"""The guides of docs/guides, followed word for word: each block is pasted into a shell as it stands on the page, and what the
text says to do in a browser is done with the forms there."""

import re
import subprocess

import pytest
import requests

from support.guide import GUIDES, Reader, blocks, page
from support.instance import clean_environment
from test_start import Developer


@pytest.fixture
def reader(tmp_path):
    """A newcomer a moment after `make run`."""
    developer = Developer(tmp_path)
    developer.start(*developer.ask_for_ports)
    made = Reader(developer)
    yield made
    made.close()
    developer.stop()


def only(answers, words):
    """The answer with these words in it."""
    [found] = [answer for answer in answers if words in answer]
    return found


def test_every_guide_begins_alike():
    """One way of calling the program, told before it is first called; and a block is pasted as it stands."""
    for path in GUIDES.glob("*.md"):
        text = path.read_text()
        assert blocks(text)[0] == 'export PATH="$PWD/target/debug:$PATH"', path.name
        assert not re.search(r"target/debug/countersign|cargo run", text), path.name
        for block in blocks(text):
            assert "\u2026" not in block and not block.startswith("$ "), f"{path.name}: {block}"


def test_third_party_app(reader):
    asked = []

    def hearing(line):
        if re.match(r"http://localhost:\d+/(authorize|login/oauth/authorize)\?", line):
            asked.append((line, reader.allow(line)))
            assert ("Garden" if "client_id=garden" in line else "Octo") in reader.asked
            assert "Read what the demo service keeps for you" in reader.asked and "Use the permission" not in reader.asked

    def doing(block):
        if "refused.json" not in block:
            return
        reader.browser.open(f"{reader.base}/account/authorizations")
        [address] = re.findall(r'href="(/account/authorization\?client_id=garden)"', reader.browser.page.text)
        reader.browser.open(reader.base + address)
        reader.browser.submit("withdraw", "withdraw-submit")
        assert reader.browser.page.url.endswith("done=withdrawn") and "Garden" not in reader.browser.page.text

    answers = reader.follow("third-party-app.md", doing, hearing)
    assert '"scope":"demo.read demo.write openid"' in (tokens := only(answers, '"access_token"')) and "expires_in" not in tokens
    assert '"client": "garden"' in only(answers, '"identity"')
    scan = only(answers, "access_token cst_at_")
    assert "garden.json:1:18: access_token" in scan and "garden.secret:1:1: client_secret cst_cs_" in scan
    assert "401" in answers and answers[-1] == "alice", answers[-2:]
    for address, back in asked:
        assert re.search(r"[?&]state=([^&]+)", back)[1] == re.search(r"[?&]state=([^&]+)", address)[1] and "iss=" in back
    assert len(asked) == 2


def test_device(reader):
    codes = []

    def hearing(line):
        codes.extend(re.findall(r'"user_code":"([^"]+)"', line))

    def doing(block):
        if not block.startswith("poll |"):
            return
        reader.browser.open(f"{reader.base}/device")
        reader.sign_in()
        reader.browser.submit("device", "device-continue", **{"user-code": codes[0].lower()})
        assert "Read what the demo service keeps for you" in reader.browser.page.text
        reader.browser.submit("device-decision", "device-allow")
        # As the page has it: five seconds after the last poll.
        reader.shell.type("sleep 6")

    answers = reader.follow("device.md", doing, hearing)
    assert only(answers, "authorization_pending") and '"refresh_token":"cst_rt_' in only(answers, '"access_token"')
    hello = only(answers, '"identity"')
    assert '"client": "demo-device"' in hello and '"subject": "usr_' in hello


def test_mtls_client(reader):
    answers = reader.follow("mtls-client.md")
    assert sum('"access_token":"eyJ' in answer for answer in answers) == 2, "one by each kind of certificate"
    assert any("x5t#S256" in answer for answer in answers)
    [call] = [answer for answer in answers if "/hello" in answer or "HTTP/" in answer]
    assert '"client": "billing"' in call and " 401" in call and "invalid_token" in call


def test_step_up(reader):
    addresses = []

    def hearing(line):
        if "/authorize?" in line:
            addresses.append(line)
            reader.allow(line)

    answers = reader.follow("step-up.md", hearing=hearing)
    refused = only(answers, "www-authenticate")
    assert refused.startswith("HTTP/2 401")
    assert 'error="insufficient_user_authentication"' in refused and 'acr_values="urn:example:recent"' in refused
    inspected, hello = answers[-2:]
    assert '"acr": "urn:example:recent"' in inspected and '"path": "/payments"' in hello
    assert '"client": "demo-app"' in hello and '"subject": "usr_' in hello
    # "The server does not ask for the password."
    reader.browser.open(addresses[0])
    assert reader.browser.has_form("consent") and not reader.browser.has_form("sign-in")


def test_token_exchange(reader):
    def hearing(line):
        if line.startswith("or open "):
            reader.allow_device(line.removeprefix("or open "))

    answers = reader.follow("token-exchange.md", hearing=hearing)
    assert '"scope":"demo.read"' in only(answers, '"issued_token_type":"urn:ietf:params:oauth:token-type:access_token"')
    hello = only(answers, '"identity"')
    assert '"client": "demo-service"' in hello and re.search(r'"act": \{\s*"sub": "demo-service"\s*\}', hello)
    assert '"subject": "usr_' in hello and "demo.write" not in hello


def test_ciba(reader):
    def hearing(line):
        if line.startswith("or open "):
            reader.allow_device(line.removeprefix("or open "))

    def doing(block):
        if block != "fetch | tee tokens.json":
            return
        reader.browser.open(f"{reader.base}/account/approvals")
        reader.sign_in()
        for words in ("First Bank", "Pay 12.50 EUR: W4SCT", "Read what the demo service keeps for you"):
            assert words in reader.browser.page.text
        reader.browser.submit("approval-1", "approval-approve-1")
        reader.shell.type("sleep 6")

    answers = reader.follow("ciba.md", doing, hearing)
    assert '"interval":5' in only(answers, '"auth_req_id"') and only(answers, "authorization_pending")
    assert '"id_token":"eyJ' in only(answers, '"access_token"')
    hello = only(answers, '"identity"')
    assert '"client": "bank"' in hello and '"subject": "usr_' in hello
    assert '"binding_message":"Pay 99.00 EUR: K7QXM"' in only(answers, '"approvals"')
    assert only(answers, '"decision":"approve"')
    # What the program of the person's approved was fetched.
    _, tokens = reader.shell.type("cat tokens.json")
    assert '"access_token":"eyJ' in tokens and '"scope":"demo.read openid"' in tokens


def test_mcp(reader):
    heard = []

    def hearing(line):
        if line.startswith("open http"):
            callback = re.search(r"redirect_uri=([^&]+)", line)[1]
            back = reader.allow(line.removeprefix("open "), requests.utils.unquote(callback))
            assert requests.get(back, timeout=30).text == "You can close this window."
        heard.append(line)

    answers = reader.follow("mcp.md", hearing=hearing)
    assert "notes are served" in heard
    # The server beside it says so when it is ready, whatever else is typed by then.
    answers = [answer.replace("notes are served", "").strip() for answer in answers]
    text = page("mcp.md", reader.developer.ports)
    refused = only(answers, "www-authenticate")
    for line in re.search(r"^HTTP/2 401\n.*$", text, re.M)[0].splitlines():
        assert line in refused
    assert only(answers, '{"resource"') == re.search(r'^\{"resource".*', text, re.M)[0]
    said = [line.split(" ")[0] if line.startswith("open ") else line for line in answers[-1].splitlines() if line]
    assert said[0] == said[3] == "open" and said[1] == "allowed: notes.read", said
    assert re.fullmatch(r"milk \(for usr_\S+\)", said[2])
    assert said[4:] == ["allowed: notes.read notes.write", "2 notes"]


def test_the_demo_route_takes_tokens_as_clients_for_github_send_them(reader):
    gateway, ca = f"https://localhost:{reader.developer.ports['--gateway-port']}/hello", ".countersign/ca.pem"
    line = f'curl -s -o /dev/null -w "%{{http_code}}" --cacert {ca} {gateway} -H "Authorization: token $(cat .countersign/reference-token)"'
    done = subprocess.run(["/bin/sh", "-c", line], cwd=reader.developer.directory, env=clean_environment(), capture_output=True,
                          text=True, timeout=60)
    assert done.stdout == "200", done.stderr
