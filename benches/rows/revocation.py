"""How long a revocation takes to bite: from its answer until the gateway refuses, asked over and over on one connection."""

import base64
import http.client
import json
import statistics
import time
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from harness.database import postgresql
from harness.process import LOAD_CORE
from peers.countersign import CHALLENGE, REDIRECT, VERIFIER, Countersign
from support.browser import Browser

# Until we give up on one.
SECONDS = 15


class World:
    """Where things are revoked, and the gateway that must come to know of it."""

    def __init__(self, home: Countersign, gate: Countersign):
        self.home, self.gate = home, gate
        self._server = http.client.HTTPConnection(*home.server.split(":"), timeout=30)
        self._gateway = http.client.HTTPConnection(*gate.gateway.split(":"), timeout=30)

    def post(self, path: str, **form) -> dict:
        # One that stood idle while a person signed in may have been ended.
        self._server.close()
        self._server.request("POST", path, urlencode(form), {"content-type": "application/x-www-form-urlencoded"})
        answer = self._server.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]}")
        return json.loads(body) if body else {}

    def status(self, token: str) -> int:
        self._gateway.request("GET", "/own", headers={"authorization": f"Bearer {token}", "host": "localhost"})
        answer = self._gateway.getresponse()
        answer.read()
        return answer.status

    def passes(self, token: str):
        """Waits until the gateway lets the token in; a node that just learnt of a client may need a moment."""
        self._gateway.close()
        end = time.perf_counter() + SECONDS
        while (status := self.status(token)) != 200:
            if time.perf_counter() > end:
                raise RuntimeError(f"the gateway answers {status} to a good token")
            time.sleep(0.02)

    def delay(self, token: str) -> float:
        """Seconds until the answer that first refuses it."""
        self._gateway.close()
        began = time.perf_counter()
        while (took := time.perf_counter() - began) < SECONDS:
            if self.status(token) == 401:
                return time.perf_counter() - began
        raise RuntimeError(f"not refused within {took:.0f} s")

    def service_token(self) -> str:
        """As the client itself, once it may: it was enabled by another process."""
        form = {"grant_type": "client_credentials", "client_id": "service", "client_secret": self.home.secret}
        end = time.perf_counter() + SECONDS
        while True:
            try:
                return self.post("/token", **form)["access_token"]
            except RuntimeError:
                if time.perf_counter() > end:
                    raise
                time.sleep(0.05)

    def person(self) -> tuple[Browser, dict]:
        """Alice in a browser of her own, and tokens she gave there."""
        path = "/authorize?" + urlencode({"client_id": "web", "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid orders.read",
                                          "code_challenge": CHALLENGE, "code_challenge_method": "S256"})
        browser, back = self.home.signed_in(path)
        code = parse_qs(urlsplit(back).query)["code"][0]
        return browser, self.post("/token", grant_type="authorization_code", client_id="web", redirect_uri=REDIRECT, code_verifier=VERIFIER, code=code)


def sid(token: str) -> str:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sid"]


def by_token(world: World) -> float:
    token = world.service_token()
    world.passes(token)
    world.post("/revoke", token=token, client_id="service", client_secret=world.home.secret)
    return world.delay(token)


def by_refresh_token(world: World) -> float:
    _, tokens = world.person()
    world.passes(tokens["access_token"])
    world.post("/revoke", token=tokens["refresh_token"], client_id="web")
    return world.delay(tokens["access_token"])


def by_sign_out(world: World) -> float:
    browser, tokens = world.person()
    world.passes(tokens["access_token"])
    issuer = world.home.instance.issuer
    browser.open(f"{issuer}/sign-out")
    form = browser.form("sign-out")
    answer = browser.session.post(f"{issuer}/sign-out", data=form["fields"] | {"decision": "yes"}, allow_redirects=False, timeout=30,
                                  headers={"Origin": issuer})
    if answer.status_code != 303:
        raise RuntimeError(f"sign-out: {answer.status_code}")
    return world.delay(tokens["access_token"])


def by_session(world: World) -> float:
    _, tokens = world.person()
    world.passes(tokens["access_token"])
    world.home.instance.command("session", "revoke", sid(tokens["access_token"]))
    return world.delay(tokens["access_token"])


def by_client(world: World) -> float:
    token = world.service_token()
    world.passes(token)
    world.home.instance.command("client", "disable", "service")
    try:
        return world.delay(token)
    finally:
        world.home.instance.command("client", "enable", "service")


def by_person(world: World) -> float:
    _, tokens = world.person()
    world.passes(tokens["access_token"])
    world.home.instance.command("user", "disable", "alice")
    try:
        return world.delay(tokens["access_token"])
    finally:
        world.home.instance.command("user", "enable", "alice")


WAYS = {
    "an access token, at /revoke": by_token,
    "a refresh token with its grant, at /revoke": by_refresh_token,
    "a session, at the sign-out page": by_sign_out,
    "a session, on the command line": by_session,
    "a client, on the command line": by_client,
    "a person, on the command line": by_person,
}


def measured(stage, say, closing: list) -> list[dict]:
    """One process, and two nodes on one PostgreSQL of which one revokes and the other refuses."""
    def change(config):
        config["tokens"] |= {"sign_out_revokes": True}
        config["gateway"]["routes"].append({"name": "own", "path": "/own", "upstream": f"http://{stage.upstream}", "accept": ["jwt", "oauth"]})

    alone = Countersign(stage, label="revocation", change=change)
    alone.people()
    found = distribution(World(alone, alone), "one process", "< 1 s", stage.quick, say)
    cluster = postgresql(say, closing)
    if cluster is None:
        return found

    def first(config):
        change(config)
        config["store"] = {"url": cluster.url}

    one = Countersign(stage, label="revocation-first", change=first)
    one.people()

    def second(config):
        first(config)
        config["server"]["issuer"] = one.instance.issuer
        config["keys"] |= {"master_key_file": str(Path(one.instance.directory) / "data" / "master.key")}

    # On the other core, beside us: as another machine would be.
    other = Countersign(stage, label="revocation-second", change=second, core=LOAD_CORE)
    return found + distribution(World(one, other), "two nodes on PostgreSQL", "< 2 s", stage.quick, say)


def distribution(world: World, where: str, goal: str, quick: bool, say) -> list[dict]:
    found = []
    for what, way in WAYS.items():
        times = 5 if quick else 50 if "command line" in what else 200
        delays = sorted(way(world) * 1e3 for _ in range(times))
        at = lambda part: delays[min(int(len(delays) * part), len(delays) - 1)]
        one = {"where": where, "what": what, "times": times, "p50_ms": round(statistics.median(delays), 1), "p99_ms": round(at(0.99), 1),
               "worst_ms": round(delays[-1], 1), "goal": goal}
        say(f"revocation  p50 {one['p50_ms']:7.1f} ms  p99 {one['p99_ms']:7.1f} ms  {where}: {what}")
        found.append(one)
    return found
