"""Countersign itself: one instance without TLS at the gateway, one with; one worker each, on core 0."""

import json
import sqlite3
import time
from pathlib import Path
from urllib.parse import urlencode

from harness import material
from harness.process import SERVER_CORE, Process
from harness.stage import Stage
from support.browser import Browser
from support.instance import Instance

REDIRECT = "https://app.example.com/callback"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


class Countersign:
    name = "Countersign"
    redirect, verifier = REDIRECT, VERIFIER

    def __init__(self, stage: Stage, algorithm: str = "ES256", tls: bool = False, label: str | None = None, change=None, core: str = SERVER_CORE):
        self.stage, self.algorithm, self.with_tls = stage, algorithm, tls
        self.label = label or f"countersign-{algorithm}{'-tls' if tls else ''}"

        def changes(config: dict):
            self._change(config)
            if change:
                change(config)

        self.instance = Instance(stage.directory / self.label, f"http://{stage.upstream}", changes)
        self.instance.prefix = ["taskset", "-c", core]
        self.instance.start()
        self.process = Process(self.label, [], stage.directory)
        self.process.popen = self.instance.process
        stage.processes.append(self.process)

    def _change(self, config: dict):
        jwks = self.stage.directory / "partner.jwks.json"
        jwks.write_text(json.dumps({"keys": [key for signer in self.stage.signers.values() for key in signer.jwks["keys"]]}))
        config["issuers"] = {"partner": {"issuer": material.ISSUER, "jwks_file": str(jwks), "algorithms": ["ES256", "RS256", "EdDSA"],
                                         "audience": material.AUDIENCE, "subjects": "username"}}
        config["grants"] = {
            "token_exchange": [{"client": "exchanger", "subject_clients": ["web"], "audiences": [config["server"]["issuer"]], "scopes": ["orders.read"]}],
            "jwt_bearer": [{"issuer": "partner", "clients": ["partner-cli"], "scopes": ["orders.read"], "max_lifetime": "1h"}],
        }
        upstream = f"http://{self.stage.upstream}"
        route = lambda name, **more: {"name": name, "path": f"/{name}", "upstream": upstream} | more
        config["gateway"]["routes"] = [
            route("open", anonymous=True),
            route("key", accept=["api_key"]),
            route("jwt", accept=["jwt"], issuers=["partner"]),
            # As its peers have it: nothing is signed for the upstream.
            route("unsigned", accept=["jwt"], issuers=["partner"], identity={"token": False}),
            route("reference", accept=["oauth"]),
            route("mtls", accept=["mtls"]),
            route("basic", accept=["basic"], insecure_allow_basic_over_http=not self.with_tls),
        ]
        if not self.with_tls:
            del config["gateway"]["tls"]
        config["keys"] = {"algorithms": [self.algorithm]}
        config["network"] = {"workers": 1}
        # One address asks as often as it can. Everything is counted all the same.
        most = 1_000_000
        config["limits"] = {"requests_per_client_and_second": most, "requests_per_address_and_second": most,
                            "authorization_requests_per_address_and_minute": 60 * most}
        # Nobody here writes a line for each request.
        config["log"] = {"format": "json", "level": "warn"}

    @property
    def gateway(self) -> str:
        return f"127.0.0.1:{self.instance.gateway_port}"

    @property
    def server(self) -> str:
        return f"127.0.0.1:{self.instance.server_port}"

    def certificates(self):
        """What every TLS server and client of this run uses."""
        self.stage.ca = self.instance.ca_path
        self.stage.server_certificate = self.instance.issue_certificate("localhost", "ip:127.0.0.1", profile="server")
        self.stage.client_certificate = self.instance.issue_certificate("uri:spiffe://localhost/bench")

    def people(self):
        """Somebody of every kind."""
        self.instance.add_user(self.stage.user, "--service", password=self.stage.password)
        self.user_password = material.password()
        self.instance.add_user("alice", password=self.user_password)
        self.secret = self.instance.add_client("service", "--grant", "client_credentials", "--auth", "client_secret_post", "--scopes", "orders.read",
                                               "--introspect")
        self.reference_secret = self.instance.add_client("reference", "--grant", "client_credentials", "--auth", "client_secret_post",
                                                         "--token-format", "reference", "--scopes", "orders.read")
        self.instance.add_client("web", "--grant", "authorization_code", "--grant", "refresh_token", "--auth", "none", "--first-party",
                                 "--redirect-uri", REDIRECT, "--scopes", "openid offline_access orders.read")

    def keys(self, count: int) -> Path:
        """So many API keys in the store: one made by the command, the rest written beside it."""
        one = self.instance.add_api_key("bench", self.stage.user)
        path = material.api_keys(self.stage.directory, count, one["key"])
        databases = [file for file in (self.instance.directory / "data").iterdir() if file.suffix in (".db", ".sqlite", ".sqlite3")]
        with sqlite3.connect(databases[0], timeout=60) as database:
            database.row_factory = sqlite3.Row
            row = dict(database.execute("SELECT * FROM api_keys LIMIT 1").fetchone())
            columns = list(row)
            statement = f"INSERT INTO api_keys ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
            identity = row["id"]
            rows = (
                tuple((row | {"id": f"{identity[:-7]}{number:07x}", "hash": material.sha256(key), "name": f"bench {number}"}).values())
                for number, key in enumerate(path.read_text().split())
            )
            database.executemany(statement, rows)
        database.close()
        return path

    def authorize_path(self) -> str:
        return "/authorize?" + urlencode({"client_id": "web", "redirect_uri": REDIRECT, "response_type": "code",
                                          "scope": "openid offline_access orders.read", "code_challenge": CHALLENGE,
                                          "code_challenge_method": "S256", "state": "s"})

    def session(self) -> str:
        """The Cookie field of a signed-in browser."""
        browser, _ = self.signed_in(self.authorize_path())
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.session.cookies)

    def signed_in(self, path: str) -> tuple[Browser, str]:
        """A browser in which alice has signed in, and where it was sent. On a busy machine she has to try again."""
        for _ in range(6):
            browser = Browser()
            try:
                return browser, browser.authorize(self.instance.issuer + path, REDIRECT, "alice", self.user_password)
            except AssertionError as turned_away:
                if "Try again in" not in str(turned_away):
                    raise
                time.sleep(5)
        raise RuntimeError("nobody can sign in: the machine is too busy")

    def reference_token(self) -> str:
        return self.instance.client_credentials("reference", self.reference_secret)["access_token"]

    def access_token(self) -> str:
        return self.instance.client_credentials("service", self.secret)["access_token"]
