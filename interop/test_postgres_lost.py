"""The database goes away and comes back: what checkers know goes on, what they can't know is refused, and nothing is missed."""

import time

import pytest
import requests

from support.postgres import Line, Postgres

# Nobody waits for a database that hangs longer than the store's patience (10 s) and the request's own limit (30 s).
BOUND = 60


@pytest.fixture(scope="module")
def cluster():
    made = Postgres().start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def line(cluster):
    made = Line(cluster.port)
    yield made
    made.close()


@pytest.fixture(scope="module")
def nodes(start, cluster, line):
    """One that reaches the database by a line that can be cut, and one that sits beside it."""
    far = start(lambda config: config.update(store={"url": cluster.url.replace(f":{cluster.port}/", f":{line.port}/")}))

    def beside(config):
        config["store"] = {"url": cluster.url}
        config["server"]["issuer"] = far.issuer
        config["keys"] = {"master_key_file": str(far.directory / "data" / "master.key")}

    near = start(beside)
    near.add_user("alice", password="a password for alice")
    near.add_user("robot", "--service", password="a password for the robot")
    near.add_user("other", "--service", password="a password for the other")
    return far, near


@pytest.fixture(scope="module")
def secrets(nodes):
    near = nodes[1]
    return {name: near.add_client(name, "--grant", "client_credentials", "--auth", "client_secret_post", "--token-format", form)
            for name, form in (("service", "jwt"), ("opaque", "reference"))}


def ask(node, path="/", **more):
    return requests.get(f"{node.gateway}{path}", verify=str(node.ca_path), timeout=BOUND, **more)


def bearer(token):
    return {"headers": {"authorization": f"Bearer {token}"}}


def token(node, client, secret):
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    return requests.post(f"http://127.0.0.1:{node.server_port}/token", data=form, timeout=BOUND)


def until(what, wanted):
    """Asks until it is so."""
    end = time.monotonic() + BOUND
    while (found := what()) != wanted:
        assert time.monotonic() < end, f"{found} and never {wanted}"
        time.sleep(0.05)


def readiness(node):
    answer = requests.get(f"{node.management}/readyz", timeout=BOUND)
    return answer.status_code, answer.json()["parts"]["store"]


def test_what_is_known_goes_on_and_the_rest_waits(nodes, secrets, line):
    far, near = nodes
    seen, unseen = (token(far, "service", secrets["service"]).json()["access_token"] for _ in range(2))
    opaque, unknown = (token(far, "opaque", secrets["opaque"]).json()["access_token"] for _ in range(2))
    key, other = (near.add_api_key(name, "robot")["key"] for name in ("known", "unknown"))
    for more in (bearer(seen), bearer(opaque), {"headers": {"x-api-key": key}}, {"auth": ("robot", "a password for the robot")}):
        assert ask(far, **more).status_code == 200
    assert readiness(far) == (200, "ok")
    line.cut()
    try:
        assert readiness(far) == (503, "failing")
        assert requests.get(f"{far.management}/healthz", timeout=BOUND).status_code == 200
        # A signature needs no database; what was asked for a moment ago is known.
        for more in (bearer(seen), bearer(unseen), bearer(opaque), {"headers": {"x-api-key": key}}, {"auth": ("robot", "a password for the robot")}):
            assert ask(far, **more).status_code == 200, more
        # What can't be known is neither let in nor called wrong.
        for more in (bearer(unknown), {"headers": {"x-api-key": other}}, {"auth": ("other", "a password for the other")}):
            answer = ask(far, **more)
            assert answer.status_code == 503 and "www-authenticate" not in answer.headers, (more, answer.text)
        # And what is wrong by itself is refused as ever.
        assert ask(far, **bearer(seen[:-4] + "AAAA")).status_code == 401
        answer = token(far, "service", secrets["service"])
        assert answer.status_code == 503 and answer.json()["error"] == "temporarily_unavailable", answer.text
        assert answer.headers["retry-after"] == "5"
        assert "postgres" not in answer.text.lower() and str(line.port) not in answer.text
        for path in ("/jwks", "/.well-known/openid-configuration", "/sign-in"):
            assert requests.get(f"http://127.0.0.1:{far.server_port}{path}", timeout=BOUND).status_code == 200, path
        page = requests.get(f"http://127.0.0.1:{far.server_port}/authorize", params={"client_id": "service"}, timeout=BOUND, headers={"accept": "text/html"})
        assert page.status_code == 503 and page.headers["retry-after"] == "5" and "Not available just now" in page.text and "postgres" not in page.text.lower()
        assert readiness(near) == (200, "ok")
    finally:
        line.mend()
    until(lambda: readiness(far), (200, "ok"))
    assert token(far, "service", secrets["service"]).status_code == 200
    for more in (bearer(unknown), {"headers": {"x-api-key": other}}, {"auth": ("other", "a password for the other")}):
        assert ask(far, **more).status_code == 200, more


def test_a_server_that_takes_no_writes_is_not_ready(nodes, secrets, cluster):
    far, _ = nodes
    assert readiness(far) == (200, "ok")
    try:
        assert cluster.sql("ALTER SYSTEM SET default_transaction_read_only = on").returncode == 0
        assert cluster.sql("SELECT pg_reload_conf()").returncode == 0
        until(lambda: readiness(far), (503, "failing"))
        answer = token(far, "service", secrets["service"])
        assert answer.status_code == 503 and answer.json()["error"] == "temporarily_unavailable", answer.text
    finally:
        assert cluster.sql("ALTER SYSTEM RESET default_transaction_read_only").returncode == 0
        assert cluster.sql("SELECT pg_reload_conf()").returncode == 0
    until(lambda: readiness(far), (200, "ok"))
    assert token(far, "service", secrets["service"]).status_code == 200


def test_what_was_withdrawn_meanwhile_is_learnt(nodes, secrets, line):
    """Announcements that nobody could hear: LISTEN was cut, and so was the poll under it."""
    far, near = nodes
    jwt, opaque = (token(far, client, secrets[client]).json()["access_token"] for client in ("service", "opaque"))
    key = near.add_api_key("withdrawn", "robot")
    held = [bearer(jwt), bearer(opaque), {"headers": {"x-api-key": key["key"]}}, {"auth": ("other", "a password for the other")}]
    for more in held:
        assert ask(far, **more).status_code == 200
    line.cut()
    try:
        for client, text in (("service", jwt), ("opaque", opaque)):
            form = {"token": text, "client_id": client, "client_secret": secrets[client]}
            assert requests.post(f"http://127.0.0.1:{near.server_port}/revoke", data=form, timeout=BOUND).status_code == 200
        near.command("apikey", "revoke", key["id"])
        near.command("user", "disable", "other")
        near.command("keys", "rotate", "--now")
        for more in held:
            assert ask(near, **more).status_code == 401
        newest = token(near, "service", secrets["service"]).json()["access_token"]
        assert ask(far, **bearer(jwt)).status_code == 200, "it can't know yet"
        assert ask(far, **bearer(newest)).status_code == 401, "of a key that it can't know"
    finally:
        line.mend()
    for more in held:
        until(lambda: ask(far, **more).status_code, 401)
    until(lambda: ask(far, **bearer(newest)).status_code, 200)
    near.command("user", "enable", "other")


def test_the_server_crashes_and_comes_back(nodes, secrets, cluster):
    kept = [token(nodes[0], "opaque", secrets["opaque"]).json()["access_token"] for _ in range(5)]
    cluster.crash()
    for node in nodes:
        assert readiness(node) == (503, "failing")
    cluster.start()
    for node in nodes:
        until(lambda: readiness(node), (200, "ok"))
        until(lambda: token(node, "service", secrets["service"]).status_code, 200)
        for text in kept:
            assert ask(node, **bearer(text)).status_code == 200
    # The listeners are back too: word of a change goes both ways.
    for one, other in (nodes, nodes[::-1]):
        made = one.add_api_key(f"from {one.server_port}", "robot")
        assert ask(other, headers={"x-api-key": made["key"]}).status_code == 200
        one.command("apikey", "revoke", made["id"])
        until(lambda: ask(other, headers={"x-api-key": made["key"]}).status_code, 401)
    assert all(node.process.poll() is None for node in nodes)
