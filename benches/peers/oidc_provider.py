"""npm oidc-provider, in memory, one process for each signing algorithm."""

import http.client
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

from harness import material
from harness.load import ROOT
from harness.process import Process
from harness.stage import Stage

REDIRECT = "https://app.example.com/callback"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


class OidcProvider:
    name = "oidc-provider"
    redirect, verifier = REDIRECT, VERIFIER

    def __init__(self, stage: Stage):
        program = stage.tool("node")
        modules = ROOT / "interop" / "node_modules"
        if not program or not modules.is_dir():
            raise LookupError("oidc-provider is not installed: run `make setup-tests`")
        # Modules are found from where the script lies.
        script = stage.directory / "oidc_provider.mjs"
        script.write_text((ROOT / "benches/peers/oidc_provider.mjs").read_text())
        (stage.directory / "node_modules").symlink_to(modules)
        self.secret = material.password()
        self.processes, self.ports = {}, {}
        for algorithm in ("ES256", "RS256"):
            port = stage.ports(1)[0]
            process = Process(f"oidc-provider-{algorithm}", [program, script, port, algorithm, self.secret, REDIRECT], stage.directory,
                              env={"NODE_ENV": "production"})
            stage.start(process, port)
            self.processes[algorithm], self.ports[algorithm] = process, port
        self.process = self.processes["ES256"]
        self.command = self.process.command

    def authorize_path(self) -> str:
        return "/auth?" + urlencode({"client_id": "web", "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid orders.read",
                                     "code_challenge": CHALLENGE, "code_challenge_method": "S256", "state": "s"})

    def session(self) -> str:
        """Signs in by following redirects; the Cookie field of a live session."""
        jar, path = {}, self.authorize_path()
        for _ in range(8):
            connection = http.client.HTTPConnection("127.0.0.1", self.ports["ES256"], timeout=30)
            connection.request("GET", path, headers={"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())})
            answer = connection.getresponse()
            answer.read()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    for cookie in SimpleCookie(value).values():
                        jar.pop(cookie.key, None)
                        if cookie.value:
                            jar[cookie.key] = cookie.value
            location = answer.getheader("location")
            connection.close()
            if location is None:
                raise RuntimeError(f"oidc-provider: {answer.status} at {path}")
            if location.startswith(REDIRECT):
                if "code=" not in location:
                    raise RuntimeError(f"oidc-provider: {location}")
                return "; ".join(f"{name}={value}" for name, value in jar.items() if name.startswith("_session"))
            parts = urlsplit(location)
            path = parts.path + ("?" + parts.query if parts.query else "")
        raise RuntimeError("oidc-provider: no end of redirects")
