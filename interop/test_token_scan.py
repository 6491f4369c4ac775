"""What a running server issues, found by `countersign token scan` wherever it was left, and nothing else."""

import json
import os
import re
import secrets

import pytest
import requests

from support import flip
from support.instance import clean_environment
from support.machine import ROOT, binary, run

PATTERN = re.compile(r"`(cs\[kt\]_\S+)`")


def scan(*arguments, stdin=None):
    done = run(binary(), "token", "scan", *arguments, stdin=stdin, env=clean_environment())
    return done.returncode, done.stdout


def found(*arguments, stdin=None):
    code, text = scan("--json", *arguments, stdin=stdin)
    return code, [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def issued(start):
    """One of every kind, as the server and its command line give them out."""
    instance = start(lambda config: config.update(registration={"access": "initial_access_token", "grant_types": ["authorization_code"], "scopes": ["openid"]}))
    instance.add_user("robot", "--service", "--scopes", "orders.read", password=secrets.token_urlsafe(12))
    secret = instance.add_client("opaque", "--grant", "client_credentials", "--token-format", "reference",
                                 "--auth", "client_secret_post", "--scopes", "orders.read")
    initial = instance.json("registration", "token", "create", "--name", "shop")["token"]
    registered = requests.post(f"{instance.issuer}/register", headers={"authorization": f"Bearer {initial}"},
                               json={"redirect_uris": ["https://shop.example/cb"], "token_endpoint_auth_method": "client_secret_basic"},
                               timeout=30).json()
    one = {
        "api_key": instance.add_api_key("first", "robot", "--scopes", "orders.read")["key"],
        "client_secret": secret,
        "access_token": instance.client_credentials("opaque", secret)["access_token"],
        "initial_access_token": initial,
        "registration_access_token": registered["registration_access_token"],
        "password": instance.json("user", "add", "made", "--service", "--generate")["password"],
    }
    for name, value in one.items():
        instance.secret(name, value)
    return instance, one, registered["client_secret"]


def test_every_kind_is_found_where_it_is(issued, tmp_path):
    _, one, registered = issued
    for number, (kind, secret) in enumerate(one.items()):
        (tmp_path / f"{number}").write_text(f"# a file\n\n  {kind}: '{secret}'\n")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "x.json").write_text(json.dumps({"text": f"\n{registered}\n"}))
    code, findings = found(tmp_path)
    assert code == 1
    places = {(finding["kind"], os.path.basename(finding["file"]), finding["line"], finding["column"]) for finding in findings}
    expected = {(kind, str(number), 3, 3 + len(kind) + 3) for number, kind in enumerate(one)}
    assert places == expected | {("client_secret", "x.json", 1, len('{"text": "') + 3)}
    for finding in findings:
        assert not any(secret in finding["redacted"] for secret in [*one.values(), registered])
    shown = scan(tmp_path)[1]
    assert not any(secret in shown for secret in one.values()) and f"{tmp_path}/0:3:" in shown


def test_standard_input_and_pieces(issued):
    _, one, _ = issued
    # The 64 KiB that are read at once end everywhere in it.
    for before in range(65_536 - 70, 65_536 + 4, 3):
        code, findings = found("-", stdin="x" * before + one["access_token"])
        assert code == 1 and [finding["column"] for finding in findings] == [before + 1], before
    code, findings = found("-", stdin="\n".join(one.values()))
    assert [finding["kind"] for finding in findings] == list(one)


def test_one_flipped_character_and_it_is_nothing(issued, tmp_path):
    _, one, _ = issued
    (tmp_path / "flipped").write_text("\n".join(flip.in_text(secret) for secret in one.values()))
    assert scan(tmp_path) == (0, "")


def test_the_log_of_the_server_is_clean_and_its_configuration_too(issued):
    instance, _, _ = issued
    assert scan(instance.log_path, instance.config_path) == (0, "")


def test_links_pipes_and_what_can_not_be_read(issued, tmp_path):
    _, one, _ = issued
    outside = tmp_path / "outside"
    outside.write_text(one["api_key"])
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    (inside / "circle").symlink_to(inside)
    os.mkfifo(inside / "pipe")
    assert scan(inside) == (0, "")
    assert scan(inside / "link")[0] == 1
    assert scan(inside, tmp_path / "missing")[0] == 2
    (inside / "utf16").write_text(one["client_secret"], encoding="utf-16")
    (inside / "\x1b[31mred").write_bytes(b"\0\xff" * 40_000 + one["client_secret"].encode())
    code, text = scan(inside)
    assert code == 1 and text.count("client_secret") == 2 and "\x1b" not in text


def test_the_documented_patterns_fit_what_is_issued(issued):
    _, one, registered = issued
    patterns = PATTERN.findall((ROOT / "docs" / "leaked-tokens.md").read_text())
    assert patterns
    for kind, secret in [*one.items(), ("client_secret", registered)]:
        assert any(re.fullmatch(pattern, secret) for pattern in patterns), kind
