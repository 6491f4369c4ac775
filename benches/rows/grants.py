"""The grants of the token endpoint that the other rows leave out: device code, CIBA, token exchange, JWT bearer."""

import base64
import http.client
import json
import secrets
import time
from urllib.parse import urlencode

import jwt

from harness import load, material
from harness.database import Sqlite
from harness.row import Cell, Row
from rows.issuer import flow, plan, post
from support.browser import Browser

URN = "urn:ietf:params:oauth:"
DEVICE, EXCHANGE, BEARER = (f"{URN}grant-type:{name}" for name in ("device_code", "token-exchange", "jwt-bearer"))
CIBA = "urn:openid:params:grant-type:ciba"
SCOPES = "openid offline_access orders.read"


def rows(cast, wants) -> list[Row]:
    made = {"device-code": device, "ciba": ciba, "token-exchange": exchange, "jwt-bearer": bearer}
    return [make(cast) for key, make in made.items() if wants(key)]


def device(cast) -> Row:
    """Each round fetches what a person allowed before: nothing of the pages is measured."""
    ours, form = cast.ours, {"client_id": "tv"}
    ours.instance.add_client("tv", "--grant", "device_code", "--grant", "refresh_token", "--auth", "none", "--scopes", SCOPES)
    asked = asked_for(ours, "/device_authorization", form | {"scope": SCOPES})
    browser = person(ours, asked["verification_uri"])
    browser.submit("device", "device-continue", **{"user-code": asked["user_code"]})
    browser.submit("device-decision", "device-allow")
    wrong = {"a wrong code": form | {"device_code": "wrong"}, "another client": {"client_id": "web"}}
    return decided_before(cast, "device-code", (DEVICE, "device_code"), lambda _: form, wrong)


def ciba(cast) -> Row:
    """The same of the backchannel: what a person approved is fetched by a client that has a secret."""
    ours = cast.ours
    secret = ours.instance.add_client("bank", "--grant", "ciba", "--grant", "refresh_token", "--auth", "client_secret_post", "--scopes", SCOPES)
    form = lambda server: {"client_id": "bank", "client_secret": secret if server is ours else server.secret}
    asked_for(ours, "/bc-authorize", form(ours) | {"scope": SCOPES, "login_hint": "alice"})
    person(ours, f"{ours.instance.issuer}/account/approvals").submit("approval-1", "approval-approve-1")
    wrong = {"a wrong secret": {"client_id": "bank", "client_secret": "wrong"}}
    return decided_before(cast, "ciba", (CIBA, "auth_req_id"), form, wrong)


def decided_before(cast, key, grant, form, wrong) -> Row:
    """Tokens for requests that a person decided elsewhere, each once. Ours are like the one that alice
    decided at our pages; the peer makes its own."""
    (grant_type, secret), ours, theirs = grant, cast.ours, cast.peers.get("oidc-provider")
    count = 20_000 if cast.stage.quick else 150_000
    body = lambda parameters: urlencode({"grant_type": grant_type} | parameters) + ("" if secret in parameters else f"&{secret}={{line}}")
    refused = {name: {"body": body(change)} for name, change in wrong.items()}
    refused_of = lambda server: refused | {f"a wrong {secret}": {"body": body(form(server) | {secret: "wrong"})}}
    kind = {"device-code": "device", "ciba": "backchannel"}[key]
    lines = cast.stage.directory / f"own.{key}"
    lines.write_text("\n".join(copies(ours, kind, count)) + "\n")
    cells = [Cell("Countersign", ours.process, plan(ours.server, post("/token", body(form(ours))), lines=str(lines)), refused_of(ours), fresh_lines=True)]
    if theirs:
        address = f"127.0.0.1:{theirs.ports['ES256']}"
        lines = cast.stage.directory / f"their.{key}"
        lines.write_text(fetched(address, f"/decided/{key}?count={count}"))
        step = post("/token", body(form(theirs)))
        cells.append(Cell("oidc-provider", theirs.process, plan(address, step, lines=str(lines)), refused_of(theirs), "in memory", fresh_lines=True))
    return Row(key, f"{key}: what was decided before is fetched", "", cells)


def asked_for(ours, path: str, form: dict) -> dict:
    status, text = load.once(plan(ours.server), post(path, urlencode(form)))
    if status != 200:
        raise RuntimeError(f"{path}: {status} {text}")
    return json.loads(text.split("\r\n\r\n", 1)[1])


def person(ours, address: str) -> Browser:
    """Alice, signed in at one of our pages."""
    browser = Browser()
    browser.open(address)
    browser.submit("sign-in", "login-submit", username="alice", password=ours.user_password)
    return browser


def copies(ours, kind: str, count: int) -> list[str]:
    """So many requests like the one that alice decided, each with its own secret, grant and hashes; the secrets."""
    database = Sqlite(ours.instance.directory / "data")
    request = database.one(f"SELECT * FROM decoupled_requests WHERE state = 'approved' AND kind = '{kind}'")
    old_grant = json.loads(request["approval"])["grant"]
    grant = database.one(f"SELECT * FROM grants WHERE id = '{old_grant}'")
    text_of = lambda digest: base64.urlsafe_b64encode(digest).decode().rstrip("=")
    made = [secrets.token_urlsafe(32) for _ in range(count)]
    later = int((time.time() + 3600) * 1e6)
    own = lambda number: f"grt_{kind}_{number:024x}"
    database.put("grants", list(grant), (tuple((grant | {"id": own(number), "expires_at": later}).values()) for number in range(count)))

    def requests():
        for number, secret in enumerate(made):
            digest, handle = material.sha256(secret), material.sha256(f"{kind} handle {number}")
            document = request["document"].replace(text_of(request["hash"]), text_of(digest)).replace(text_of(request["handle"]), text_of(handle))
            changed = {"hash": digest, "handle": handle, "document": document, "approval": request["approval"].replace(old_grant, own(number)),
                       "expires_at": later}
            yield tuple((request | changed).values())

    database.put("decoupled_requests", list(request), requests())
    return made


def fetched(address: str, path: str) -> str:
    connection = http.client.HTTPConnection(*address.split(":"), timeout=120)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status} {text[:300]}")
    return text


def exchange(cast) -> Row:
    """A service trades a person's token for one of its own audience."""
    ours = cast.ours
    secret = ours.instance.add_client("exchanger", "--grant", "token_exchange", "--auth", "client_secret_post", "--scopes", "orders.read")
    steps = flow(ours, ours.authorize_path(), "/token", ours.session())
    _, text = load.once(plan(ours.server), steps[0])
    _, text = load.once(plan(ours.server), steps[1], values={"code": text.split("code=", 1)[1].split("&")[0].split("\r")[0]})
    token = json.loads(text.split("\r\n\r\n", 1)[1])["access_token"]
    form = lambda subject, own: urlencode({"grant_type": EXCHANGE, "client_id": "exchanger", "client_secret": own, "subject_token": subject,
                                           "subject_token_type": f"{URN}token-type:access_token"})
    wrong = {"a wrong secret": {"body": form(token, "wrong")}, "a wrong token": {"body": form(token[:-8] + "AAAAAAAA", secret)}}
    cell = Cell("Countersign", ours.process, plan(ours.server, post("/token", form(token, secret), says='"issued_token_type"')), wrong)
    return Row("token-exchange", "token exchange (the peer has none)", "", [cell])


def bearer(cast) -> Row:
    """A partner's assertion, ES256, each once."""
    ours, signer = cast.ours, cast.stage.signers["ES256"]
    secret = ours.instance.add_client("partner-cli", "--grant", "jwt_bearer", "--auth", "client_secret_post", "--scopes", "orders.read")
    count, now = 10_000 if cast.stage.quick else 60_000, int(time.time())

    def assertion(number: int, key=signer.key) -> str:
        claims = {"iss": material.ISSUER, "sub": "alice", "aud": ours.instance.issuer, "iat": now, "exp": now + 3500, "jti": f"assertion-{number}"}
        return jwt.encode(claims, key, algorithm="ES256", headers={"kid": "es256"})

    lines = cast.stage.directory / "assertions"
    lines.write_text("\n".join(assertion(number) for number in range(count)) + "\n")
    form = lambda own: urlencode({"grant_type": BEARER, "client_id": "partner-cli", "client_secret": own}) + "&assertion={line}"
    other = cast.stage.directory / "other"
    other.mkdir()
    other = material.Signer(other, "ES256")
    forged = urlencode({"grant_type": BEARER, "client_id": "partner-cli", "client_secret": secret, "assertion": assertion(-1, other.key)})
    wrong = {"a wrong secret": {"body": form("wrong")}, "another's signature": {"body": forged}, "used before": {"body": form(secret)}}
    cell = Cell("Countersign", ours.process, plan(ours.server, post("/token", form(secret)), lines=str(lines)), wrong, fresh_lines=True)
    return Row("jwt-bearer", "JWT bearer, ES256 (the peer has none)", "", [cell])
