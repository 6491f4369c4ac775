"""HTTP basic with files that Debian's htpasswd and OpenSSL made: bcrypt, apr1, SHA-crypt."""

import secrets

import pytest
import requests

from support import flip
from support.machine import need, run

SCHEMES = ["bcrypt", "apr1", "sha256", "sha512"]


@pytest.fixture(scope="module")
def passwords():
    return {scheme: secrets.token_urlsafe(12) for scheme in SCHEMES} | {"unicode": "pässwörd-€-" + secrets.token_urlsafe(6)}


@pytest.fixture(scope="module")
def instance(start, tmp_path_factory, passwords):
    path = tmp_path_factory.mktemp("htpasswd") / "users.htpasswd"
    path.touch(mode=0o600)
    htpasswd, openssl = need("htpasswd", "apache2-utils"), need("openssl", "openssl")
    for user, options in (("bcrypt", ["-B", "-C", "8"]), ("apr1", ["-m"]), ("unicode", ["-B", "-C", "5"])):
        done = run(htpasswd, "-i", *options, path, user, stdin=passwords[user])
        assert done.returncode == 0, done.stderr
    for user, option in (("sha256", "-5"), ("sha512", "-6")):
        done = run(openssl, "passwd", option, "-stdin", stdin=passwords[user] + "\n")
        with open(path, "a") as file:
            file.write(f"{user}:{done.stdout.strip()}\n")

    def change(config):
        config["basic"] = {"htpasswd": [str(path)], "htpasswd_scopes": ["orders.read"]}

    instance = start(change)
    instance.htpasswd = path
    for scheme, password in passwords.items():
        instance.secret(f"password of {scheme}", password)
    return instance


def ask(instance, user, password):
    pair = (user.encode(), password.encode())
    return requests.get(f"{instance.gateway}/orders/1", auth=pair, verify=str(instance.ca_path), timeout=60)


@pytest.mark.parametrize("scheme", [*SCHEMES, "unicode"])
def test_right_and_wrong(instance, passwords, scheme):
    for _ in range(2):  # the second time it is remembered
        answer = ask(instance, scheme, passwords[scheme])
        assert answer.status_code == 200, answer.text
        assert dict(answer.json()["headers"])["countersign-method"] == "basic"
    answer = ask(instance, scheme, flip.in_text(passwords[scheme], -2))
    assert answer.status_code == 401
    # RFC 7617 §2.1: we say that names and passwords are UTF-8.
    challenge = answer.headers["www-authenticate"]
    assert 'realm="' in challenge and 'charset="UTF-8"' in challenge


def test_nobody(instance):
    assert ask(instance, "nobody", "nothing").status_code == 401


def test_a_changed_file_counts_after_a_reload(instance, passwords):
    """B3: what was remembered is forgotten when the password changes."""
    assert ask(instance, "bcrypt", passwords["bcrypt"]).status_code == 200
    fresh = instance.secret("new password", secrets.token_urlsafe(12))
    assert run(need("htpasswd", "apache2-utils"), "-i", "-B", "-C", "8", instance.htpasswd, "bcrypt", stdin=fresh).returncode == 0
    before = len(instance.log())
    instance.reload()
    assert instance.wait_for_log("reload", "configuration", since=before)
    for _ in range(50):
        if ask(instance, "bcrypt", fresh).status_code == 200:
            break
    assert ask(instance, "bcrypt", fresh).status_code == 200
    assert ask(instance, "bcrypt", passwords["bcrypt"]).status_code == 401


def test_a_file_with_a_scheme_nobody_should_use_is_refused(start, tmp_path):
    path = tmp_path / "old.htpasswd"
    path.write_text("good:$apr1$salt$abcdefghijklmnopqrstu/\nold:{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=\n")

    def change(config):
        config["basic"] = {"htpasswd": [str(path)]}

    with pytest.raises(AssertionError) as refused:
        start(change)
    assert "old.htpasswd" in str(refused.value) and "2" in str(refused.value)
