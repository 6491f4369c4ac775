"""What a million live refresh tokens cost the token endpoint: the same instance twice, on SQLite and on PostgreSQL, one
with no family of tokens in it and one with a million."""

import base64
import os
from collections.abc import Iterator

from harness import load, material
from harness.database import Postgresql, Sqlite, postgresql
from harness.process import SERVER_CORE, Process, cpu
from harness.row import Cell, Row
from peers.countersign import Countersign
from rows.issuer import flow, plan, refreshing

GOAL = "≤ 1.1 × with none"


class WithDatabase(Process):
    """A server and the database it works with: the time of both counts."""

    def __init__(self, server: Process, postmaster: int):
        self._server, self._postmaster = server, postmaster

    def cpu(self) -> float:
        return self._server.cpu() + cpu(self._postmaster)


def rows(stage, say, closing: list) -> list[Row]:
    """Both databases. What must be ended afterwards is added to `closing`."""
    count = 50_000 if stage.quick else 1_000_000
    made = two(stage, "SQLite", count, say, lambda _: None, lambda one: Sqlite(one.instance.directory / "data"), lambda one: one.process)
    cluster = postgresql(say, closing)
    if cluster is None:
        return made
    postmaster = cluster._server.pid
    os.sched_setaffinity(postmaster, {int(SERVER_CORE)})
    urls = {name: cluster.url.rsplit("/", 1)[0] + f"/{name}" for name in ("none", "many")}
    for name in urls:
        assert cluster.sql(f"CREATE DATABASE {name}").returncode == 0
    return made + two(stage, "PostgreSQL", count, say, urls.get, lambda one: Postgresql(cluster._programs / "psql", one.instance.config["store"]["url"]),
                      lambda one: WithDatabase(one.process, postmaster))


def two(stage, name: str, count: int, say, url, database, process) -> list[Row]:
    """The rows of one database."""
    cells = {"refresh": [], "code": []}
    for kind, who in (("none", "Countersign"), ("many", f"Countersign, {count:,} live")):
        store = url(kind)
        ours = Countersign(stage, label=f"million-{name}-{kind}", change=lambda config: config.update({"store": {"url": store}} if store else {}))
        ours.people()
        steps = flow(ours, ours.authorize_path(), "/token", ours.session())
        if kind == "many":
            redeem_once(ours, steps)
            ours.process.stop()
            fill(database(ours), count, say)
            ours.instance.start()
            ours.process.popen = ours.instance.process
        note = "server and database together" if store else ""
        refresh = refreshing(ours.server, steps, stage.directory / f"million-{name}-{kind}.refresh")
        wrong = {"a wrong token": {"body": "grant_type=refresh_token&client_id=web&refresh_token=" + material.like(refresh["proof"]["refresh"])}}
        cells["refresh"].append(Cell(who, process(ours), refresh, wrong, note))
        wrong = {"a wrong code": {"step": 1, "body": steps[1]["body"].replace("{code}", "wrong")}}
        cells["code"].append(Cell(who, process(ours), plan(ours.server, *steps), wrong, note))
    return [
        Row("million", f"refresh with none and with {count:,} live refresh tokens, {name}", GOAL, cells["refresh"]),
        Row("million", f"code + PKCE with none and with {count:,} live refresh tokens, {name}", GOAL, cells["code"], unit="flow"),
    ]


def redeem_once(ours: Countersign, steps: list[dict]):
    """One family, after which the others are made."""
    _, text = load.once(plan(ours.server), steps[0])
    code = text.split("code=", 1)[1].split("&")[0].split("\r")[0]
    status, text = load.once(plan(ours.server), steps[1], values={"code": code})
    if status != 200:
        raise RuntimeError(f"million: {status} {text}")


def fill(database, count: int, say):
    """So many families: a grant, its redeemed code and its refresh token, each like the one that is there, made one after
    the other in the month before it."""
    token = database.one("SELECT * FROM refresh_tokens")
    grant = database.one(f"SELECT * FROM grants WHERE id = '{token['grant_id']}'")
    code = database.one(f"SELECT * FROM authorization_codes WHERE grant_id = '{token['grant_id']}'")
    say(f"  putting {count:,} families in")
    names = [f"grt_{number:032x}" for number in range(count)]
    # Each of somebody else, in a session of their own.
    own = lambda name: {"id": name, "user_id": "usr" + name[3:], "session_id": "ses" + name[3:]}
    database.put("grants", list(grant), (tuple((grant | own(name)).values()) for name in names))
    for table, row, word in (("authorization_codes", code, "code"), ("refresh_tokens", token, "refresh token")):
        database.put(table, list(row), copies(row, grant["id"], names, word))
    database.settle()


DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MONTH = 30 * 86_400_000


def copies(row: dict, grant: str, names: list[str], word: str) -> Iterator[tuple]:
    """The row once for each grant, under the hash of a token of that grant's: when it was made, and then the digest."""
    text = lambda digest: base64.urlsafe_b64encode(digest).decode().rstrip("=")
    old = row["hash"] if isinstance(row["hash"], bytes) else bytes.fromhex(row["hash"].removeprefix("\\x"))
    if text(old) not in row["document"] or grant not in row["document"]:
        raise RuntimeError("a document does not hold its hash and its grant as it did")
    made = 0
    for letter in old[:8].decode():
        made = made * 62 + DIGITS.index(letter)
    for number, name in enumerate(names):
        moment = made - MONTH + number * MONTH // len(names)
        letters = "".join(DIGITS[moment // 62**place % 62] for place in reversed(range(8)))
        digest = letters.encode() + material.sha256(f"{word} of {name}")[8:]
        document = row["document"].replace(text(old), text(digest)).replace(grant, name)
        yield tuple((row | {"hash": digest, "grant_id": name, "document": document}).values())
