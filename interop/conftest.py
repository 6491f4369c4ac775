"""Fixtures of every suite."""

import secrets
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.instance import Instance
from support.upstream import Upstream

REDIRECT = "http://127.0.0.1/callback"


@dataclass
class House:
    """An instance with somebody of every kind in it."""

    instance: Instance
    upstream: Upstream
    password: str
    robot_password: str
    service_secret: str
    resource_secret: str
    reference_secret: str
    api_key: str
    certificate: tuple[Path, Path]


@pytest.fixture(scope="session")
def upstream():
    made = Upstream()
    yield made
    made.close()


@pytest.fixture(scope="session")
def start(tmp_path_factory, upstream):
    """Starts an instance whose configuration was changed first. All are ended with the run."""
    running = []

    def begin(change=None) -> Instance:
        directory = tmp_path_factory.mktemp("countersign")
        directory.chmod(0o700)
        instance = Instance(directory, upstream.url, change)
        running.append(instance)
        return instance.start()

    yield begin
    leaks = []
    for instance in running:
        instance.stop()
        leaks += [f"{name} in {instance.log_path}" for name in instance.leaked()]
    # Every secret that any suite used, looked for in every log, at debug level.
    assert not leaks, leaks


def furnish(instance: Instance, upstream: Upstream) -> House:
    """One person, one service account, clients of three kinds, an API key, a certificate."""
    password, robot_password = (secrets.token_urlsafe(18) for _ in range(2))
    instance.add_user("alice", "--display-name", "Alice Example", "--email", "alice@example.com", password=password)
    instance.add_user("robot", "--service", "--scopes", "orders.read", password=robot_password)
    instance.add_client("web", "--grant", "authorization_code", "--grant", "refresh_token", "--auth", "none",
                        "--redirect-uri", REDIRECT, "--scopes", "openid profile email offline_access orders.read")
    service_secret = instance.add_client("service", "--grant", "client_credentials", "--scopes", "orders.read orders.write",
                                         "--auth", "client_secret_post")
    resource_secret = instance.add_client("resource", "--grant", "client_credentials", "--introspect",
                                          "--auth", "client_secret_basic", "--scopes", "orders.read")
    reference_secret = instance.add_client("reference", "--grant", "client_credentials", "--token-format", "reference",
                                           "--auth", "client_secret_post", "--scopes", "orders.read")
    key = instance.add_api_key("first", "robot", "--scopes", "orders.read")
    certificate = instance.issue_certificate("uri:spiffe://localhost/billing")
    return House(instance, upstream, password, robot_password, service_secret, resource_secret, reference_secret,
                 key["key"], certificate)


@pytest.fixture(scope="session")
def house(start, upstream) -> House:
    """The instance that the gentle suites share. Who disturbs starts another."""
    return furnish(start(), upstream)
