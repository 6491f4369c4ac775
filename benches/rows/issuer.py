"""Rows at the authorization server, beside npm oidc-provider."""

import json
from urllib.parse import urlencode

from harness import load
from harness.row import ALIVE, Cell, Row

FORM = ("content-type", "application/x-www-form-urlencoded")


def post(path: str, form: str, **more) -> dict:
    return {"method": "POST", "path": path, "headers": [FORM], "body": form} | more


def plan(address: str, *steps: dict, **more) -> dict:
    return {"address": address, "connections": ALIVE, "steps": list(steps)} | more


def rows(cast) -> list[Row]:
    ours, theirs, stage = cast.ours, cast.peers.get("oidc-provider"), cast.stage
    made = []

    def row(key, title, goal, own, other, refused=None, unit="request", share=1.0):
        """The same steps for both: functions of the server, its address and its paths."""
        cells = [Cell("Countersign", ours.process, own, refused or {})]
        if theirs and other:
            cells.append(Cell("oidc-provider", theirs.process, other, refused or {}, note="in memory"))
        made.append(Row(key, title, goal, cells, unit, share))

    address = f"127.0.0.1:{theirs.ports['ES256']}" if theirs else None
    credentials = lambda secret: urlencode({"grant_type": "client_credentials", "client_id": "service", "client_secret": secret, "scope": "orders.read"})
    wrong = {"a wrong secret": {"body": credentials("wrong")}, "no secret": {"body": "grant_type=client_credentials&client_id=service"},
             "nobody": {"body": "grant_type=client_credentials"}}
    row("client-credentials", "client_credentials, ES256", "≤ 90 µs with the record on disk", plan(ours.server, post("/token", credentials(ours.secret))),
        theirs and plan(address, post("/token", credentials(theirs.secret))), wrong)
    rsa = cast.ours_rsa
    cells = [Cell("Countersign", rsa.process, plan(rsa.server, post("/token", credentials(rsa.secret))), wrong)]
    if theirs:
        other = plan(f"127.0.0.1:{theirs.ports['RS256']}", post("/token", credentials(theirs.secret)))
        cells.append(Cell("oidc-provider", theirs.processes["RS256"], other, wrong, note="in memory"))
    made.append(Row("client-credentials-rsa", "client_credentials, RS256", "≤ 330 µs", cells))

    # A reference token at both: what introspection is for.
    asks = lambda token, secret: urlencode({"token": token, "client_id": "service", "client_secret": secret})
    token = ours.reference_token()
    wrong = {"a wrong secret": {"body": asks(token, "wrong")}, "nobody": {"body": f"token={token}"}}
    own = plan(ours.server, post("/introspect", asks(token, ours.secret), says='"active":true'))
    row("introspection", "introspection", "≤ 40 µs", own, theirs and introspected(theirs, address, asks), wrong)
    row("jwks", "JWKS", "≤ 12 µs", plan(ours.server, {"path": "/jwks", "says": '"keys":['}), theirs and plan(address, {"path": "/jwks", "says": '"keys":['}))
    discovery = {"path": "/.well-known/openid-configuration", "says": '"token_endpoint"'}
    row("discovery", "discovery", "≤ 12 µs", plan(ours.server, discovery), theirs and plan(address, discovery))

    own_session, other_session = ours.session(), theirs and theirs.session()
    own_flow = flow(ours, ours.authorize_path(), "/token", own_session)
    other_flow = theirs and flow(theirs, theirs.authorize_path(), "/token", other_session)
    row("refresh", "refresh", "≤ 120 µs", refreshing(ours.server, own_flow, stage.directory / "own.refresh"),
        theirs and refreshing(address, other_flow, stage.directory / "their.refresh"), 
        {"no token": {"body": "grant_type=refresh_token&client_id=web"}, "a wrong one": {"body": "grant_type=refresh_token&client_id=web&refresh_token=wrong"}})
    redeem = own_flow[1]["body"]
    wrong = {"no session": {"headers": []}, "a wrong session": {"headers": [("cookie", own_session.split("=")[0] + "=wrong")]},
             "a wrong verifier": {"step": 1, "body": redeem.replace(ours.verifier, ours.verifier[::-1])},
             "a wrong code": {"step": 1, "body": redeem.replace("{code}", "wrong")}}
    row("code", "code + PKCE with a live session", "≥ 4,000 flows a second", plan(ours.server, *own_flow), theirs and plan(address, *other_flow), wrong,
        unit="flow")
    return made


def introspected(theirs, address: str, asks) -> dict:
    status, text = load.once(plan(address), post("/token", urlencode(
        {"grant_type": "client_credentials", "client_id": "service", "client_secret": theirs.secret, "scope": "orders.read", "resource": "https://opaque.example.com"})))
    if status != 200:
        raise RuntimeError(f"oidc-provider: {status} {text}")
    token = json.loads(text.split("\r\n\r\n", 1)[1])["access_token"]
    return plan(address, post("/token/introspection", asks(token, theirs.secret), says='"active":true'))


def flow(server, path: str, token_path: str, cookie: str) -> list[dict]:
    """The authorization request of a browser that is signed in, and the code's redemption."""
    form = urlencode({"grant_type": "authorization_code", "client_id": "web", "redirect_uri": server.redirect, "code_verifier": server.verifier})
    return [
        {"path": path, "headers": [("cookie", cookie)], "expect": [302, 303], "keep": [{"name": "code", "after": "code=", "until": "&\r\n\""}]},
        post(token_path, form + "&code={code}", keep=[{"name": "refresh", "after": '"refresh_token":"', "until": '"'}]),
    ]


def refreshing(address: str, steps: list[dict], path) -> dict:
    """Each connection turns its own refresh token over and over."""
    tokens = []
    for _ in range(ALIVE + 1):
        status, text = load.once(plan(address), steps[0])
        code = text.split("code=", 1)[1].split("&")[0].split("\r")[0]
        status, text = load.once(plan(address), steps[1], values={"code": code})
        if status != 200:
            raise RuntimeError(f"refresh: {status} {text}")
        tokens.append(json.loads(text.split("\r\n\r\n", 1)[1])["refresh_token"])
    # The last is for the proof.
    path.write_text("\n".join(tokens[:-1]) + "\n")
    step = post("/token", "grant_type=refresh_token&client_id=web&refresh_token={refresh}",
                keep=[{"name": "refresh", "after": '"refresh_token":"', "until": '"'}])
    return plan(address, step, seeds=[["refresh", str(path)]]) | {"proof": {"refresh": tokens[-1]}}
