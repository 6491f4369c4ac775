"""Rows at the gateway: each asks the same upstream through each proxy."""

from harness import material
from harness.row import ALIVE, Cell, Row

WRONG_BASIC = material.basic("robot", "a wrong password")


def plan(address: str, path: str = "/", headers=(), **more) -> dict:
    return {"address": address, "connections": ALIVE, "steps": [{"path": path, "headers": list(headers)}]} | more


def local(port: int) -> str:
    return f"127.0.0.1:{port}"


def fields(*these) -> dict:
    """The same request with these header fields instead of its own."""
    return {"headers": list(these)}


def bearer(token: str) -> tuple[str, str]:
    return "authorization", f"Bearer {token}"


def rows(cast) -> list[Row]:
    ours, stage = cast.ours, cast.stage
    gateway = ours.gateway
    nginx, haproxy, envoy, caddy = (cast.peers.get(name) for name in ("nginx", "HAProxy", "Envoy", "Caddy"))
    made = []

    def row(key, title, goal, cells, **more):
        made.append(Row(key, title, goal, [cell for cell in cells if cell], **more))

    def peer(one, port, headers=(), refused=None, path="/", **more):
        """A peer's cell, if the peer is here and can do this."""
        if one is None or port not in one.ports:
            return None
        own = {name: more.pop(name) for name in ("warm", "note", "fresh_lines", "beside") if name in more}
        return Cell(one.name, one.process, plan(local(one.ports[port]), path, headers, **more), refused or {}, **own)

    everyone = (nginx, haproxy, envoy, caddy)
    row("open", "no auth, all limits, time-outs and metrics on", "≤ 21 µs",
        [Cell("Countersign", ours.process, plan(gateway, "/open"))] + [peer(one, "open") for one in everyone])

    keys = str(stage.api_keys)
    stranger = material.stranger(stage.api_keys)
    wrong_key = {"no key": fields(), "malformed": fields(("x-api-key", "csk_live_wrong")), "well-formed, but nobody's": fields(("x-api-key", stranger))}
    key = [("x-api-key", "{line}")]
    # Once through all keys, so that everyone has seen them.
    warm = plan(gateway, "/key", key, lines=keys, seconds=60, most=len(stage.api_keys.read_text().split()))
    row("api-key", "API key, 100,000 keys", "≤ 1.1 × our no auth",
        [Cell("Countersign", ours.process, plan(gateway, "/key", key, lines=keys), wrong_key, warm=warm)]
        + [peer(one, "key", key, wrong_key, lines=keys) for one in everyone])

    for algorithm, goal in (("ES256", "≤ 85 µs"), ("EdDSA", "≤ 70 µs"), ("RS256", "≤ 45 µs")):
        signer = stage.signers[algorithm]
        refused = {"no token": fields()} | {name: fields(bearer(token)) for name, token in signer.wrong().items()}
        if algorithm == "ES256":
            token = [bearer(signer.token())]
            row("jwt-seen", "JWT seen before, ES256", "≤ 1.1 × our no auth",
                [Cell("Countersign", ours.process, plan(gateway, "/jwt", token), refused),
                 peer(haproxy, "ES256", token, refused, note="no cache"), peer(envoy, "cached", token, refused, note="its cache")])
        count = {"RS256": 9_000}.get(algorithm, 24_000) if stage.quick else {"RS256": 30_000}.get(algorithm, 100_000)
        lines = str(signer.tokens(count))
        token = [bearer("{line}")]
        once = plan(gateway, "/jwt", token, lines=lines, most=(count - 100) // cast.rounds)
        unsigned = plan(gateway, "/unsigned", token, lines=str(signer.tokens(count, "unsigned")), most=(count - 100) // cast.rounds)
        row(f"jwt-first-{algorithm}", f"JWT first sight, {algorithm}", goal,
            [Cell("Countersign", ours.process, once, refused, fresh_lines=True, note="and an identity token signed, ES256"),
             Cell("Countersign, unsigned", ours.process, unsigned, refused, fresh_lines=True, note="plain headers for the upstream"),
             peer(haproxy, algorithm, token, refused, lines=lines), peer(envoy, algorithm, token, refused, lines=lines)])

    good = [("authorization", material.basic(stage.user, stage.password))]
    wrong = {"no password": fields(), "a wrong one": fields(("authorization", WRONG_BASIC)),
             "nobody's": fields(("authorization", material.basic("nobody", stage.password)))}
    row("basic", "Basic, seen before", "≤ 1.15 × our no auth",
        [Cell("Countersign", ours.process, plan(gateway, "/basic", good), wrong, note="Argon2id"),
         peer(nginx, "basic5", good, wrong, note="bcrypt 5"), peer(caddy, "basic5", good, wrong, note="bcrypt 5, its cache")])
    if nginx:
        strong = peer(nginx, "basic10", good, wrong, note="bcrypt 10")
        strong.who = "nginx, bcrypt 10"
        made[-1].cells.append(strong)

    guess = [("authorization", "Basic {line}")]
    guesses = stage.directory / "guesses"
    guesses.write_text("\n".join(material.basic("robot", f"guess {number}").split()[1] for number in range(5000)) + "\n")
    flood = lambda address, path="/": plan(address, lines=str(guesses), connections=2,
                                               steps=[{"path": path, "headers": guess, "expect": [401, 429, 503]}])
    row("guessing", "open route while two clients guess passwords", "keeps ≥ 90 %",
        [Cell("Countersign", ours.process, plan(gateway, "/open"), beside=flood(gateway, "/basic")),
         peer(nginx, "open", beside=flood(local(nginx.ports["basic10"])) if nginx else None, note="bcrypt 10"),
         peer(haproxy, "open", beside=flood(local(haproxy.ports["basic10"])) if haproxy else None, note="bcrypt 10"),
         peer(caddy, "open", beside=flood(local(caddy.ports["basic10"])) if caddy else None, note="bcrypt 10")])

    token = [bearer(ours.reference_token())]
    refused = {"no token": fields(), "malformed": fields(bearer("cst_at_wrong")), "well-formed, but nobody's": fields(bearer(material.like(ours.reference_token())))}
    theirs = {"no token": fields(), "a wrong one": fields(bearer("the-wrong-one"))}
    row("reference", "reference token, cached", "≤ 1.15 × our no auth",
        [Cell("Countersign", ours.process, plan(gateway, "/reference", token), refused),
         peer(nginx, "reference", [bearer("the-right-one")], theirs, note="auth_request with cache")])

    secure = cast.ours_tls
    certificate, private = map(str, stage.client_certificate)
    tls = {"authority": str(stage.ca), "certificate": certificate, "key": private}
    refused = {"no certificate": {"certificate": None}, "another authority's": {"certificate": material.foreign_certificate(stage.directory)}}
    row("tls", "TLS kept alive, no auth", "", [Cell("Countersign", secure.process, plan(secure.gateway, "/open", tls={"authority": str(stage.ca)}))])
    row("mtls", "mTLS kept alive", "≤ 1.15 × our TLS",
        [Cell("Countersign", secure.process, plan(secure.gateway, "/mtls", tls=tls), refused)]
        + [peer(one, "mtls", refused=refused, tls=tls) for one in everyone])
    row("handshake", "full mTLS handshake and one request", "≤ 340 µs",
        [Cell("Countersign", secure.process, plan(secure.gateway, "/mtls", tls=tls, reconnect=True, connections=16), refused)]
        + [peer(one, "mtls", refused=refused, tls=tls, reconnect=True, connections=16) for one in everyone])
    return made
