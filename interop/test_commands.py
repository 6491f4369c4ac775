"""The command line on day one: what it shows once, where it puts secrets, what it says to people, programs and shells."""

import json
import stat

import pytest

from support import flip
from support.instance import Instance, clean_environment
from support.machine import binary, need, run


@pytest.fixture(scope="module")
def house(tmp_path_factory, upstream):
    made = Instance(tmp_path_factory.mktemp("commands"), upstream.url).start()
    made.add_client("service", "--grant", "client_credentials", "--scopes", "orders.read orders.write")
    made.add_client("opaque", "--grant", "client_credentials", "--scopes", "orders.read", "--token-format", "reference")
    made.add_user("alice", "--scopes", "orders.read", password="correct horse battery staple")
    yield made
    made.stop()
    assert not made.leaked()


MAKES_A_SECRET = {
    "password": ("user", "add", "bob", "--generate"),
    "client_secret": ("client", "add", "billing", "--grant", "client_credentials"),
    "key": ("apikey", "create", "--name", "nightly", "--owner", "acme"),
    "access_token": ("token", "mint", "--client", "service"),
}


@pytest.mark.parametrize("member", MAKES_A_SECRET)
def test_a_secret_goes_to_a_file_that_only_its_owner_reads(house, tmp_path, member):
    path = tmp_path / "secret"
    done = house.command(*MAKES_A_SECRET[member], "--secret-file", path, "--json", check=False)
    assert done.returncode == 0, done.stderr
    secret = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and secret.endswith("\n") and len(secret) > 20
    document = json.loads(done.stdout)
    assert document[f"{member}_file"] == str(path) and not document.get(member)
    assert secret.strip() not in done.stdout + done.stderr and str(path) in done.stderr
    # What is there is somebody's: left alone, and nothing is made whose secret could not be kept.
    arguments = [word if word not in ("bob", "billing") else "again" for word in MAKES_A_SECRET[member]]
    again = house.command(*arguments, "--secret-file", path, check=False)
    assert again.returncode == 1 and "left as it is" in again.stderr and path.read_text() == secret
    listed = house.command("user", "list") + house.command("client", "list")
    assert "again" not in listed


def test_a_secret_is_shown_once(house):
    made = house.command("apikey", "create", "--name", "once", "--owner", "acme")
    assert "not shown again" in made
    key = house.secret("shown once", made.split("key: ")[1].split()[0])
    made = json.loads(house.command("apikey", "list", "--owner", "acme", "--json"))
    assert key not in json.dumps(made)


def test_a_password_that_was_given_needs_no_file(house, tmp_path):
    done = house.command("user", "password", "alice", "--password-file", "-", "--secret-file", tmp_path / "x", stdin="pw", check=False)
    assert done.returncode == 1 and "--generate" in done.stderr and not (tmp_path / "x").exists()


def test_a_certificate_does_not_overwrite_a_key(house, tmp_path):
    issue = ("cert", "issue", "--profile", "client", "--name", "uri:spiffe://localhost/billing", "--out", tmp_path / "certs")
    house.command(*issue)
    key = tmp_path / "certs" / "billing.key"
    first = key.read_text()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    done = house.command(*issue, check=False)
    assert done.returncode == 1 and "--replace" in done.stderr and key.read_text() == first
    house.command(*issue, "--replace")
    assert key.read_text() != first


def test_certificates_are_shown_and_revoked(house, tmp_path):
    made = house.json("cert", "issue", "--profile", "server", "--name", "api.example.com", "--name", "ip:10.0.0.1", "--out", tmp_path)
    shown = house.json("cert", "show", made["serial"])
    assert shown["names"] == ["api.example.com", "10.0.0.1"] and shown["status"] == "valid"
    done = run(need("openssl", "openssl"), "x509", "-in", made["certificate"], "-noout", "-ext", "subjectAltName")
    assert "DNS:api.example.com" in done.stdout and "IP Address:10.0.0.1" in done.stdout
    said = house.command("cert", "revoke", made["serial"], "--reason", "key_compromise")
    assert "revoked" in said and "keyCompromise" in said  # RFC 5280 §5.3.1
    crl = house.command("cert", "crl")
    listed = run(need("openssl", "openssl"), "crl", "-noout", "-text", stdin=crl).stdout
    assert made["serial"].upper() in listed.upper()


def test_tokens_are_verified_as_a_checker_would(house):
    for client in ("service", "opaque"):
        token = house.secret(f"minted for {client}", house.command("token", "mint", "--client", client, "--scopes", "orders.read").strip())
        verify = lambda *more, token=token: house.command("token", "verify", "-", "--json", *more, stdin=token, check=False)
        good = json.loads(verify().stdout)
        assert good["valid"] and good["claims"]["client_id"] == client and good["claims"]["scope"] == "orders.read"
        assert verify().returncode == 0
        spoiled = verify(token=flip.in_text(token))
        assert spoiled.returncode == 1 and not json.loads(spoiled.stdout)["valid"]
        assert verify("--audience", "https://elsewhere.example.com").returncode == 1
        house.command("client", "disable", client)
        try:
            refused = verify()
            assert refused.returncode == 1 and not json.loads(refused.stdout)["valid"], "its client is disabled"
        finally:
            house.command("client", "enable", client)
    assert "refused: " in house.command("token", "verify", "nothing-like-a-token", check=False).stdout


def test_what_is_shown_to_people_is_told_to_programs(house):
    for listing in (("user", "list"), ("client", "list"), ("apikey", "list"), ("cert", "list"), ("keys", "list")):
        rows = house.command(*listing).splitlines()
        assert rows[0].isupper() and len(rows) - 1 == len(house.json(*listing)) > 0, listing
    for showing in (("user", "show", "alice"), ("client", "show", "service")):
        assert showing[2] in house.command(*showing)
        assert showing[2] in house.json(*showing).values()


@pytest.mark.parametrize("wrong, said", [
    (("cert", "show", "deadbeef"), "`countersign cert list` shows them"),
    (("user", "show", "nobody"), "`countersign user list` shows them"),
    (("client", "show", "nobody"), "`countersign client list` shows them"),
    (("apikey", "revoke", "key_x"), "`countersign apikey list` shows their ids"),
    (("keys", "retire", "nothing"), "`countersign keys list` shows them"),
    (("user", "add", "alice", "--generate"), "there is already a user \"alice\""),
    (("user", "add", "a b", "--generate"), "a user name is"),
    (("client", "add", "x", "--grant", "authorization_code"), "--redirect-uri"),
    (("client", "add", "x", "--grant", "authorization_code", "--redirect-uri", "http://shop.example.com/"), "https"),
    (("client", "add", "x", "--grant", "authorization_code", "--redirect-uri", "shop.example.com"), "write it whole, such as https://"),
    (("client", "add", "x", "--grant", "client_credentials", "--scopes", "a", "--default-scopes", "b"), "not in --scopes"),
    (("client", "add", "x", "--grant", "client_credentials", "--profile", "strict"), "is not one of: oauth2.1, oidc,"),
    (("user", "add", "bob", "--generate", "--email", "bob"), "a name, @ and a host"),
    (("apikey", "create", "--name", "x", "--owner", "y", "--expires", "soon"), "is no length of time"),
    (("apikey", "create", "--name", "x", "--owner", "y", "--route", "nowhere"), "no such route; it has all, orders, open, url-key"),
    (("apikey", "create", "--name", "x", "--owner", "y", "--rate", "0"), "0 is not in 1.."),
    (("apikey", "create", "--name", "x", "--owner", "y", "--address", "300.0.0.0/8"), "such as 10.0.0.0/8"),
    (("cert", "issue", "--profile", "client", "--name", "uri:spiffe://elsewhere.example.com/x"), "the trust domain is localhost"),
    (("token", "mint", "--client", "service", "--scopes", "admin"), "may be given"),
    (("token", "inspect", "cst_at_something"), "says nothing by itself"),
    (("usr", "list"), "a similar subcommand exists: 'user'"),
])
def test_a_wrong_input_says_what_to_do(house, wrong, said):
    done = house.command(*wrong, check=False)
    assert done.returncode in (1, 2) and said in done.stderr and "panicked" not in done.stderr, done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "elvish", "powershell"])
def test_completions_know_every_command(shell):
    script = run(binary(), "completions", shell).stdout
    assert all(word in script for word in ("apikey", "rotate", "secret-file"))


def test_completions_are_read_by_their_shells(tmp_path):
    path = tmp_path / "completions"
    path.write_text(run(binary(), "completions", "bash").stdout)
    asked = f"source {path} && COMP_WORDS=(countersign ke) COMP_CWORD=1 && _countersign countersign ke countersign && echo ${{COMPREPLY[@]}}"
    assert run("bash", "-c", asked).stdout.split() == ["keys"]
    path.write_text(run(binary(), "completions", "zsh").stdout)
    done = run(need("zsh", "zsh"), "-n", path)
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_without_a_configuration_it_says_where_one_comes_from(tmp_path):
    done = run(binary(), "user", "list", cwd=tmp_path, env=clean_environment())
    assert done.returncode == 1 and "countersign config example" in done.stderr and "countersign dev" in done.stderr
    done = run(binary(), "try", cwd=tmp_path, env=clean_environment())
    assert done.returncode == 1 and "start `countersign dev` first" in done.stderr


def test_a_reader_that_goes_away_is_no_failure(house):
    done = run("bash", "-c", f"set -o pipefail; {binary()} config schema | head -1")
    assert done.returncode == 0 and done.stdout == "{\n" and not done.stderr
