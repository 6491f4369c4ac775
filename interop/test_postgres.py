"""Two nodes on one PostgreSQL: what one issues the other accepts, what one revokes the other refuses."""

import pytest
import requests

from support import flip
from support.postgres import Postgres


@pytest.fixture(scope="module")
def database():
    cluster = Postgres().start()
    yield cluster.url
    cluster.close()


@pytest.fixture(scope="module")
def nodes(start, database):
    first = start(lambda config: config.update(store={"url": database}))

    def beside(config):
        config["store"] = {"url": database}
        config["server"]["issuer"] = first.issuer
        config["keys"] = {"master_key_file": str(first.directory / "data" / "master.key")}

    return first, start(beside)


def ask(node, **more):
    return requests.get(f"{node.gateway}/", verify=str(node.ca_path), timeout=60, **more)


def test_what_one_issues_the_other_accepts(nodes):
    first, second = nodes
    first.add_user("robot", "--service", password="a password for the robot")
    secret = first.add_client("service", "--grant", "client_credentials", "--auth", "client_secret_post")
    token = first.client_credentials("service", secret)["access_token"]
    key = first.add_api_key("shared", "robot")["key"]
    certificate = first.issue_certificate("billing.example.com")
    for node in nodes:
        assert ask(node, headers={"authorization": f"Bearer {token}"}).status_code == 200
        assert ask(node, headers={"authorization": f"Bearer {flip.in_text(token)}"}).status_code == 401
        assert ask(node, headers={"x-api-key": key}).status_code == 200
        assert ask(node, auth=("robot", "a password for the robot")).status_code == 200
        assert ask(node, cert=tuple(map(str, certificate))).status_code == 200


def test_what_one_revokes_the_other_refuses(nodes):
    first, second = nodes
    first.add_user("keeper", "--service", password="a password for the keeper")
    made = first.add_api_key("short", "keeper")
    for node in nodes:
        assert ask(node, headers={"x-api-key": made["key"]}).status_code == 200
    first.command("apikey", "revoke", made["id"])
    for node in nodes:
        for _ in range(200):
            if ask(node, headers={"x-api-key": made["key"]}).status_code == 401:
                break
        assert ask(node, headers={"x-api-key": made["key"]}).status_code == 401


def test_keys_rotate_on_both(nodes):
    first, second = nodes
    first.command("keys", "rotate", "--now")
    both = lambda: [{key["kid"] for key in requests.get(f"http://127.0.0.1:{node.server_port}/jwks", timeout=30).json()["keys"]} for node in nodes]
    for _ in range(200):
        published = both()
        if published[0] == published[1] and len(published[0]) > 1:
            break
    assert published[0] == published[1] and len(published[0]) > 1
