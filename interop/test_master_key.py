"""The master key: missing, another one, in every form it may have; and private keys that nobody should have been given."""

import base64
import json
import secrets
import subprocess

import pytest
import requests
from joserfc.jwk import ECKey

from support.instance import clean_environment
from support.machine import binary


@pytest.fixture(scope="module")
def instance(start):
    made = start()
    made.add_client("service", "--grant", "client_credentials", "--auth", "client_secret_post")
    made.stop()
    return made


@pytest.fixture()
def master(instance):
    """The key's file, put right again after each test."""
    path = instance.directory / "data" / "master.key"
    good = path.read_bytes()
    yield path
    path.write_bytes(good)
    path.chmod(0o600)


def refused(instance, **environment):
    """What a start said that did not come to serving."""
    done = subprocess.run([binary(), "serve", "-c", instance.config_path], cwd=instance.directory, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, env=clean_environment() | environment)
    assert done.returncode != 0 and "panicked" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def published(instance):
    try:
        return requests.get(f"{instance.issuer}/jwks", timeout=30).json()["keys"]
    finally:
        instance.stop()


def test_a_missing_key_is_not_replaced(instance, master):
    good = master.read_bytes()
    master.unlink()
    said = refused(instance)
    assert str(master) in said and "backup" in said and "COUNTERSIGN_MASTER_KEY" in said, said
    assert not master.exists(), "a new key stands where the former belongs"
    # Commands that need it say the same, and the others work.
    done = instance.command("keys", "list", check=False)
    assert done.returncode != 0 and not master.exists(), done.stderr
    assert "service" in instance.command("client", "list")
    master.write_bytes(good)
    assert published(instance.start())


@pytest.mark.parametrize("content, said", [
    (base64.b64encode(secrets.token_bytes(32)), "was sealed under the master key with the id"),
    (b"too short", "a master key is 32 random bytes"),
    (b"", "a master key is 32 random bytes"),
])
def test_another_key_is_told_from_a_broken_one(instance, master, content, said):
    master.write_bytes(content)
    assert said in refused(instance)
    assert master.read_bytes() == content


def test_every_form_of_it_opens_the_same(instance, master):
    raw = base64.b64decode(master.read_bytes().strip())
    keys = published(instance.start())
    for form in (raw, raw.hex().encode(), base64.urlsafe_b64encode(raw).rstrip(b"=") + b"\n"):
        master.write_bytes(form)
        assert published(instance.start()) == keys, form


def test_the_variable_comes_first_and_an_empty_one_is_no_key(instance, master):
    good = master.read_text().strip()
    master.write_bytes(b"not a key at all")
    done = subprocess.run([binary(), "keys", "list", "--json", "-c", instance.config_path], cwd=instance.directory, capture_output=True,
                          text=True, timeout=60, env=clean_environment() | {"COUNTERSIGN_MASTER_KEY": good})
    assert done.returncode == 0 and json.loads(done.stdout), done.stderr
    assert "COUNTERSIGN_MASTER_KEY: a master key is 32 random bytes" in refused(instance, COUNTERSIGN_MASTER_KEY="")


def test_one_that_others_may_read_is_remarked(instance, master):
    master.chmod(0o644)
    done = instance.command("keys", "list", check=False)
    assert done.returncode == 0 and "others may read the master key" in done.stderr, done.stderr
    master.chmod(0o600)
    assert "others may read" not in instance.command("keys", "list", check=False).stderr


def test_no_private_key_rests_in_the_clear(instance, master):
    """Neither those of the server nor the master key: searched for in every form a reader would look for."""
    raw = base64.b64decode(master.read_bytes().strip())
    data = b"".join(path.read_bytes() for path in (instance.directory / "data").iterdir() if path != master)
    for form in (raw, raw.hex().encode(), base64.b64encode(raw), base64.urlsafe_b64encode(raw).rstrip(b"=")):
        assert form not in data
    assert b"PRIVATE KEY" not in data and b'"d":' not in data
    # The object identifier of an EC public key inside a PKCS #8 is that of a plain public key too; the version and
    # algorithm sequence before a private one is not.
    assert bytes.fromhex("020100301306072a8648ce3d0201") not in data
    for name, secret in instance.secrets.items():
        assert secret.encode() not in data, name


def test_a_client_s_private_keys_are_not_taken(instance, tmp_path):
    key = ECKey.generate_key("P-256", {"kid": "one"})
    for keys, said in [
        ({"keys": [key.as_dict(private=True)]}, "private keys"),
        ({"keys": [{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ1Njc4"}]}, "private keys or secrets"),
        ({"keys": []}, "no key that can be used"),
        ([], "JSON object"),
    ]:
        path = tmp_path / "keys.json"
        path.write_text(json.dumps(keys))
        done = instance.command("client", "add", "signer", "--grant", "client_credentials", "--auth", "private_key_jwt",
                                "--jwks-file", path, check=False)
        assert done.returncode != 0 and said in done.stderr, done.stderr
    data = b"".join(path.read_bytes() for path in (instance.directory / "data").iterdir())
    assert key.as_dict(private=True)["d"].encode() not in data


@pytest.mark.parametrize("uri, said", [
    ("http://app.example.com/callback", "RFC 9700"),
    ("javascript:alert(1)", "never leads back"),
    ("https://app.example.com/callback#x", "fragment"),
    ("https://*.example.com/callback", "wildcard"),
])
def test_redirect_uris_that_leak_are_not_taken(instance, uri, said):
    done = instance.command("client", "add", "app", "--grant", "authorization_code", "--auth", "none", "--redirect-uri", uri, check=False)
    assert done.returncode != 0 and said in done.stderr, done.stderr
    assert "app" not in [client["client_id"] for client in instance.json("client", "list")]
